//! The register from files to answers: generated extracts in every form, and faulty ones.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use tempfile::TempDir;

use super::*;

const UNITS: &str = "siren,statutDiffusionUniteLegale,prenom1UniteLegale,prenomUsuelUniteLegale,categorieEntreprise,\
etatAdministratifUniteLegale,nomUniteLegale,nomUsageUniteLegale,denominationUniteLegale,categorieJuridiqueUniteLegale,\
nicSiegeUniteLegale\n";
const SEATS: &str = "siren,nic,siret,statutDiffusionEtablissement,etablissementSiege,codeCommuneEtablissement\n";

const COMMUNE: &str = "213105554,O,,,ETI,A,,,COMMUNE DE TOULOUSE,7210,00017\n";
const COMPANY: &str = "552045999,O,,,GE,A,,,\"EXEMPLE, CIE\",5710,00869\n";
const SOLE: &str = "300000007,O,JEANNE,JEANNE,PME,A,MARTIN,DURAND,,1000,00012\n";
const HIDDEN: &str = "300000015,P,PAUL,PAUL,PME,A,CACHE,,,1000,00019\n";

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
    fn data(&self) -> PathBuf {
        self.dir.path().join("var")
    }
    fn build(&self, files: &[&Path]) -> Result<(Register, bool), RegisterError> {
        let files: Vec<PathBuf> = files.iter().map(|f| f.to_path_buf()).collect();
        let mut made = false;
        // A kibibyte at once: even small extracts are sorted on disk.
        let register = Register::current(&files, &self.data(), Memory { run_bytes: 1 << 10 }, |_| made = true)?;
        Ok((register, made))
    }
    fn register(&self, files: &[&Path]) -> Register {
        self.build(files).unwrap().0
    }
    fn refused(&self, files: &[&Path]) -> String {
        self.build(files).unwrap_err().to_string()
    }
}

fn unit(register: &Register, siren: &str) -> Unit {
    register.unit(&Siren::parse(siren).unwrap()).unwrap().unwrap_or_else(|| panic!("no unit {siren}"))
}

fn packed(place: &Place, text: &str) -> Vec<(&'static str, PathBuf)> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let mut zip = rawzip::ZipArchiveWriter::new(Vec::new());
    for (name, content) in [("lisez.txt", "court"), ("StockUniteLegale_utf8.csv", text)] {
        let (mut entry, config) =
            zip.new_file(name).compression_method(rawzip::CompressionMethod::DEFLATE).start().unwrap();
        let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast());
        let mut writer = config.wrap(encoder);
        writer.write_all(content.as_bytes()).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    vec![
        ("plain", place.file("u.csv", text)),
        ("with a BOM, CRLF", place.file("u.bom", format!("\u{feff}{}", text.replace('\n', "\r\n")))),
        (
            "semicolons",
            place.file("u.semi", text.replace("\"EXEMPLE, CIE\"", "EXEMPLE_ CIE").replace(',', ";").replace('_', ",")),
        ),
        ("Latin-1", place.file("u.latin", latin)),
        ("gzip", place.file("u.gz", gz.finish().unwrap())),
        ("zstd", place.file("u.zst", zstd::encode_all(text.as_bytes(), 1).unwrap())),
        ("zip", place.file("u.zip", zip.finish().unwrap())),
    ]
}

#[test]
fn names_categories_sizes_and_seats_are_read_and_a_natural_person_is_told_only_when_allowed() {
    let place = Place::new();
    let units = place.file("units.csv", format!("{UNITS}{COMPANY}{HIDDEN}{COMMUNE}{SOLE}"));
    let seats = place.file(
        "seats.csv",
        format!(
            "{SEATS}552045999,00869,55204599900869,O,true,92050\n552045999,00100,55204599900100,O,false,31555\n\
             213105554,00017,21310555400017,O,true,31555\n300000015,00019,30000001500019,P,true,2A004\n\
             400000004,00019,40000000400019,P,true,34172\n"
        ),
    );
    let register = place.register(&[&units, &seats]);
    let commune = unit(&register, "213105554");
    assert_eq!((commune.name.as_deref(), commune.commune.as_deref()), (Some("COMMUNE DE TOULOUSE"), Some("31555")));
    assert_eq!((commune.buyer_category(), commune.is_masked()), (Some("Commune"), false));
    let company = unit(&register, "552045999");
    assert_eq!((company.name.as_deref(), company.size), (Some("EXEMPLE, CIE"), Some(Size::Ge)));
    assert_eq!(company.commune.as_deref(), Some("92050"), "the seat, not another establishment");
    let sole = unit(&register, "300000007");
    assert_eq!((sole.name.as_deref(), sole.is_natural_person()), (Some("JEANNE DURAND"), true));
    let hidden = unit(&register, "300000015");
    assert_eq!((hidden.name.clone(), hidden.is_masked(), hidden.commune.as_deref()), (None, true, Some("2A004")));
    assert!(unit(&register, "400000004").is_masked(), "nothing but a seat in partial diffusion");
    assert_eq!(register.unit(&Siren::parse("100000009").unwrap()).unwrap(), None);
    let made = register.made();
    assert_eq!((made.units, made.seated, made.masked, made.rows), (5, 4, 2, 9));
    let table = fs::read(place.data().join(TABLE_FILE)).unwrap();
    assert!(!table.windows(5).any(|w| w == b"CACHE"), "the name that must not be told is nowhere");
}

#[test]
fn a_file_is_recognised_by_its_content_whatever_it_is_packed_in() {
    let text = format!("{UNITS}{COMPANY}{COMMUNE}{}", SOLE.replace("JEANNE", "HÉLÈNE"));
    let place = Place::new();
    let mut digests = Vec::new();
    for (how, path) in packed(&place, &text) {
        assert_eq!(inspect(&path).unwrap().roles, Roles { units: true, seats: false }, "{how}");
        let register = place.register(&[&path]);
        assert_eq!(unit(&register, "300000007").name.as_deref(), Some("HÉLÈNE DURAND"), "{how}");
        digests.push(register.digest().to_owned());
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same content has the same name");
}

/// A Parquet file as exports write it: SIREN and SIRET as integers, the seat as a boolean.
fn parquet(path: &Path, compression: Compression, rows: usize) {
    let field = |name: &str, physical| {
        Arc::new(Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL).build().unwrap())
    };
    let fields = vec![
        field("siren", Physical::INT64),
        field("statutDiffusionUniteLegale", Physical::BYTE_ARRAY),
        field("denominationUniteLegale", Physical::BYTE_ARRAY),
        field("nomUniteLegale", Physical::BYTE_ARRAY),
        field("categorieJuridiqueUniteLegale", Physical::INT64),
        field("categorieEntreprise", Physical::BYTE_ARRAY),
        field("codeCommuneEtablissement", Physical::INT64),
        field("etablissementSiege", Physical::BOOLEAN),
    ];
    let schema = Arc::new(Type::group_type_builder("units").with_fields(fields).build().unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
    // Two row groups, the second one first.
    for half in [rows / 2..rows, 0..rows / 2] {
        let n = half.len();
        let all = vec![1; n];
        let text = |of: &dyn Fn(usize) -> String| {
            half.clone().map(|i| ByteArray::from(of(i).into_bytes())).collect::<Vec<_>>()
        };
        let mut group = writer.next_row_group().unwrap();
        let put_text = |group: &mut parquet::file::writer::SerializedRowGroupWriter<'_, File>,
                        of: &dyn Fn(usize) -> String| {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&text(of), Some(&all), None).unwrap();
            column.close().unwrap();
        };
        let put_number = |group: &mut parquet::file::writer::SerializedRowGroupWriter<'_, File>,
                          of: &dyn Fn(usize) -> i64| {
            let mut column = group.next_column().unwrap().unwrap();
            let values: Vec<i64> = half.clone().map(of).collect();
            column.typed::<Int64Type>().write_batch(&values, Some(&all), None).unwrap();
            column.close().unwrap();
        };
        put_number(&mut group, &|i| 5_580_000 + i as i64);
        put_text(&mut group, &|_| "O".to_owned());
        put_text(&mut group, &|i| format!("SOCIETE {i}"));
        // No value in any row.
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&[], Some(&vec![0; n]), None).unwrap();
        column.close().unwrap();
        put_number(&mut group, &|_| 5710);
        put_text(&mut group, &|_| "PME".to_owned());
        put_number(&mut group, &|_| 1004);
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<BoolType>().write_batch(&vec![true; n], Some(&all), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn parquet_is_read_with_the_zeros_that_integers_lost() {
    let place = Place::new();
    for (name, compression) in [
        ("snappy.parquet", Compression::SNAPPY),
        ("zstd.parquet", Compression::ZSTD(parquet::basic::ZstdLevel::default())),
        ("plain.parquet", Compression::UNCOMPRESSED),
    ] {
        let path = place.dir.path().join(name);
        parquet(&path, compression, 5000);
        assert_eq!(inspect(&path).unwrap().roles, Roles { units: true, seats: true }, "{name}");
        let register = place.register(&[&path]);
        for i in [0, 2499, 2500, 4999] {
            let unit = unit(&register, &format!("{:09}", 5_580_000 + i));
            assert_eq!((unit.name, unit.commune), (Some(format!("SOCIETE {i}")), Some("01004".to_owned())), "{name}");
            assert_eq!((unit.size, unit.legal_category), (Some(Size::Pme), Some(5710)));
        }
        assert_eq!(register.made().units, 5000);
    }
    let whole = fs::read(place.dir.path().join("zstd.parquet")).unwrap();
    let cut = place.file("cut.parquet", &whole[..whole.len() / 2]);
    assert!(place.refused(&[&cut]).contains("no Parquet file that can be read"), "{}", place.refused(&[&cut]));
}

#[test]
fn rows_in_any_order_and_twice_give_the_same_table() {
    let rows = [COMPANY, COMMUNE, SOLE, HIDDEN];
    let digest = |order: &[usize]| {
        let place = Place::new();
        let text: String = order.iter().map(|i| rows[*i]).collect();
        let units = place.file("units.csv", format!("{UNITS}{text}"));
        let register = place.register(&[&units]);
        assert_eq!((register.made().units, register.made().contradictory), (4, 0));
        register.digest().to_owned()
    };
    let sorted = digest(&[0, 1, 2, 3]);
    assert_eq!(digest(&[3, 1, 0, 2]), sorted);
    assert_eq!(digest(&[2, 3, 2, 0, 1, 0]), sorted);
}

#[test]
fn of_two_rows_of_a_unit_the_active_one_is_taken_and_the_stricter_status_holds() {
    let ended = COMPANY.replace(",A,", ",C,").replace("EXEMPLE, CIE", "ZZZ ANCIEN NOM");
    let (open, closed) = (SOLE, SOLE.replace(",O,", ",P,"));
    for order in [[&*ended, COMPANY, open, &closed], [COMPANY, &ended, &closed, open]] {
        let place = Place::new();
        let units = place.file("units.csv", format!("{UNITS}{}", order.concat()));
        let register = place.register(&[&units]);
        assert_eq!(unit(&register, "552045999").name.as_deref(), Some("EXEMPLE, CIE"));
        let sole = unit(&register, "300000007");
        assert!(sole.is_masked() && sole.name.is_none());
        assert_eq!(register.made().contradictory, 2);
    }
}

#[test]
fn a_faulty_row_costs_that_row_and_is_counted_and_a_file_of_nothing_else_is_refused() {
    let place = Place::new();
    let faulty = "x,O,,,PME,A,,,SANS SIREN,5710,1\n,O\n1234567890,O,,,PME,A,,,DIX CHIFFRES,5710,1\n";
    let units = place.file("units.csv", format!("{UNITS}{COMMUNE}{faulty}5580001,O,,,[ND],A,,,[ND],[ND],\n"));
    let register = place.register(&[&units]);
    let made = register.made();
    assert_eq!((made.units, made.faulty, made.first_faulty.clone()), (2, 3, Some((units.clone(), 2))));
    assert_eq!(unit(&register, "005580001"), Unit::default(), "a lost zero is given back, [ND] is no value");
    let bad = place.file("bad.csv", format!("{UNITS}{faulty}"));
    assert!(place.refused(&[&bad]).contains("none of its 3 rows has a SIREN"));
}

#[test]
fn a_file_that_is_no_extract_is_refused_with_what_to_do() {
    let place = Place::new();
    for (name, content, told) in [
        ("empty", "", "it is empty"),
        ("other.csv", "a;b;c\n1;2;3\n", "neither a StockUniteLegale nor a StockEtablissement"),
        ("html", "<!doctype html><html>\n", "neither"),
        (
            "lacking.csv",
            &UNITS.replace("statutDiffusionUniteLegale", "statutUniteLegale"),
            "`statutDiffusionUniteLegale`",
        ),
        ("cut.zip", "PK\u{3}\u{4}nothing", "no whole zip archive"),
        ("bad.gz", "PAR1", "no Parquet file"),
    ] {
        let path = place.file(name, content);
        let (seen, refused) = (inspect(&path).unwrap_err().to_string(), place.refused(&[&path]));
        assert!(seen.contains(told) && seen.contains(name), "{name}: {seen}");
        assert!(refused.contains(told), "{name}: {refused}");
    }
    let nowhere = place.dir.path().join("nowhere.csv");
    assert!(inspect(&nowhere).unwrap_err().to_string().contains("nowhere.csv"));
    assert!(inspect(place.dir.path()).unwrap_err().to_string().contains("it is a folder"));
    let gz = zstd::encode_all(&zstd::encode_all(UNITS.as_bytes(), 1).unwrap()[..], 1).unwrap();
    let twice = place.file("twice.zst", gz);
    assert!(inspect(&twice).unwrap_err().to_string().contains("packed twice"));
}

#[test]
fn the_table_is_made_again_only_when_a_file_has_changed() {
    let place = Place::new();
    let units = place.file("units.csv", format!("{UNITS}{COMMUNE}"));
    let (first, made) = place.build(&[&units]).unwrap();
    assert!(made);
    let (again, made) = place.build(&[&units]).unwrap();
    assert!(!made && again.digest() == first.digest());
    place.file("units.csv", format!("{UNITS}{COMMUNE}{COMPANY}"));
    let (changed, made) = place.build(&[&units]).unwrap();
    assert!(made && changed.digest() != first.digest());
    // The old one is still open, and still whole.
    assert_eq!(unit(&first, "213105554").name.as_deref(), Some("COMMUNE DE TOULOUSE"));
    fs::remove_file(&units).unwrap();
    assert!(place.refused(&[&units]).contains("units.csv"));
    assert!(place.data().join(TABLE_FILE).exists(), "the last good table stays");
}

#[test]
fn a_damaged_table_is_made_again_and_a_damaged_block_is_never_an_answer() {
    let place = Place::new();
    let units = place.file("units.csv", format!("{UNITS}{COMMUNE}{COMPANY}"));
    let register = place.register(&[&units]);
    let path = place.data().join(TABLE_FILE);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 30;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(place.build(&[&units]).unwrap().1, "the index did not fit its checksum");
    bytes[last] ^= 1;
    bytes[100] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (damaged, made) = place.build(&[&units]).unwrap();
    assert!(!made);
    let siren = Siren::parse("213105554").unwrap();
    assert!(damaged.unit(&siren).unwrap_err().to_string().contains("remove it"));
    assert!(damaged.check().is_ok());
    assert_eq!(damaged.unit_or_fault(&siren), None);
    assert!(damaged.check().is_err(), "who could not fail must ask");
    drop(register);
}

#[test]
fn every_unit_of_many_blocks_is_found_and_no_other() {
    let place = Place::new();
    let mut text = UNITS.to_owned();
    for n in (0..30_000_u32).rev() {
        text.push_str(&format!("{:09},O,,,PME,A,,,SOCIETE NUMERO {n},5710,00011\n", 100_000_000 + n * 3));
    }
    let units = place.file("units.csv", &text);
    let register = place.register(&[&units]);
    for n in 0..30_000_u32 {
        let siren = |n: u32| Siren::parse(&format!("{n:09}")).unwrap();
        let at = 100_000_000 + n * 3;
        assert_eq!(register.unit(&siren(at)).unwrap().unwrap().name, Some(format!("SOCIETE NUMERO {n}")));
        assert_eq!(register.unit(&siren(at + 1)).unwrap(), None);
    }
    assert_eq!(register.unit(&Siren::parse("000000001").unwrap()).unwrap(), None);
}
