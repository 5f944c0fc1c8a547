//! What must hold for any bytes at all: the relations that the fuzz targets and `tests/relations.rs`
//! assert. Each panics where it does not hold.

#![allow(dead_code, clippy::panic, reason = "each target asserts a part of them, by panics")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use guichet::config::{Config, Diagnostics, Source};
use guichet::decode::{self, Declared, RawHolder, RawRecord, Scalar, Shape, Split, SplitOptions};
use guichet::harvest::{RetryAfter, retry_after};
use guichet::record::Day;
use guichet::reference::Region;
use guichet::refine::{Context, Outcome, read_all};

/// Small limits, so that short inputs reach them.
pub fn options(max_record: usize) -> SplitOptions {
    SplitOptions { max_record, max_bytes: 4 << 20, max_ratio: 1000, ..SplitOptions::default() }
}

/// Bytes, offset, place, further places, shape.
type Piece = (Vec<u8>, u64, u32, Vec<u32>, Shape);

fn pieces(input: impl Read, options: &SplitOptions) -> Result<(Vec<Piece>, Split), &'static str> {
    let mut out = Vec::new();
    let split = decode::split(input, options, &mut |s| {
        let _ = decode::parse(&s);
        out.push((s.bytes.to_vec(), s.offset, s.position, s.also.to_vec(), s.shape));
        ControlFlow::Continue(())
    });
    split.map(|split| (out, split)).map_err(|e| e.code())
}

/// Gives a few bytes at a time.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.1.min(out.len()).min(self.0.len());
        let (now, later) = self.0.split_at(n);
        out[..n].copy_from_slice(now);
        self.0 = later;
        Ok(n)
    }
}

/// Where the network cuts changes nothing.
pub fn chunking_does_not_matter(bytes: &[u8], max_record: usize, step: usize) {
    let options = options(max_record);
    let at_once = pieces(bytes, &options);
    assert_eq!(pieces(Dribble(bytes, step.max(1)), &options), at_once);
}

/// Every place is taken once, no record is longer than the limit, and a record stands where it says.
pub fn counts_balance(bytes: &[u8], max_record: usize) {
    let Ok((pieces, split)) = pieces(bytes, &options(max_record)) else { return };
    let mut places: Vec<u32> = pieces.iter().flat_map(|p| std::iter::once(p.2).chain(p.3.iter().copied())).collect();
    places.sort_unstable();
    assert!(places.iter().copied().eq(0..split.records), "{places:?} of {}", split.records);
    let plain = split.encoding == "UTF-8" && !matches!(bytes, [0x1F, ..] | [0x28, ..] | [b'P', b'K', ..]);
    let whole = plain && split.notes.iter().all(|n| n.code != "html-page");
    for (text, offset, _, also, _) in &pieces {
        assert!(text.len() <= max_record.max(64), "{} bytes", text.len());
        if whole && also.is_empty() {
            let from = usize::try_from(*offset).unwrap_or(usize::MAX);
            assert_eq!(bytes.get(from..from + text.len()), Some(&**text));
        }
    }
}

/// What is read is an observation or has a reason, and the reading says how many there were.
pub fn every_record_has_an_outcome(bytes: &[u8]) {
    let region = Region::everywhere();
    let Some(seen) = Day::from_ymd(2026, 11, 24) else { return };
    let cx = Context { region: &region, register: None, seen };
    let mut told = 0;
    let split = read_all(bytes, &options(4096), &cx, &mut |item| {
        if let Outcome::Quarantine { reason, .. } = &item.outcome {
            assert!(guichet::refine::REASONS.iter().any(|(code, ..)| code == reason), "{reason}");
        }
        told += item.places();
        ControlFlow::Continue(())
    });
    if let Ok(split) = split {
        assert_eq!(told, u64::from(split.records));
    }
}

/// A document and the same one packed, or in UTF-16, hold the same records at the same places of their text.
pub fn packing_changes_nothing(bytes: &[u8]) {
    let options = options(1024);
    let plain = pieces(bytes, &options);
    let gzip = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).and_then(|()| out.finish()).unwrap_or_default()
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap_or_default();
    let packings =
        [("gzip", gzip(bytes)), ("zstd", zstd(bytes)), ("gzip in zstd", zstd(&gzip(bytes))), ("zip", zip(bytes))];
    for (how, packed) in packings {
        match (&plain, pieces(&packed[..], &options)) {
            (Ok(plain), Ok(packed)) => assert_eq!(*plain, packed, "{how}"),
            // A packing that is damaged inside is another fault than one that is not there.
            (Err(_), Err(_)) => {}
            (_, packed) if is_packed(bytes) => drop(packed),
            (plain, packed) => panic!("{how}: {packed:?} instead of {plain:?}"),
        }
    }
    let text = std::str::from_utf8(bytes).ok().filter(|t| !is_packed(bytes) && !t.starts_with('\u{feff}'));
    if let (Some(text), Ok((plain, split))) = (text, &plain)
        && split.encoding == "UTF-8"
        && split.notes.iter().all(|n| n.code != "html-page")
    {
        let wide: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let (wide, other) = pieces(&wide[..], &options).unwrap_or_else(|e| panic!("{e} for {text:?} in UTF-16"));
        assert_eq!(other.encoding, "UTF-16LE");
        let records = |all: &[Piece]| all.iter().map(|p| (p.0.clone(), p.2, p.4)).collect::<Vec<_>>();
        assert_eq!(records(&wide), records(plain));
        assert_eq!((other.records, &other.ending), (split.records, &split.ending));
    }
}

fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x1f\x8b") || bytes.starts_with(b"\x28\xb5\x2f\xfd") || bytes.starts_with(b"PK")
}

/// An archive of one stored member.
fn zip(body: &[u8]) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(body);
    let size = u32::try_from(body.len()).unwrap_or_default().to_le_bytes();
    let fields = |out: &mut Vec<u8>| {
        out.extend([0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.extend(sum.sum().to_le_bytes());
        out.extend(size);
        out.extend(size);
        out.extend([6, 0, 0, 0]);
    };
    let mut out = b"PK\x03\x04".to_vec();
    fields(&mut out);
    out.extend(b"a.json");
    out.extend(body);
    let directory = u32::try_from(out.len()).unwrap_or_default();
    out.extend(b"PK\x01\x02\x0a\0");
    fields(&mut out);
    out.extend([0; 14]);
    out.extend(b"a.json");
    let length = u32::try_from(out.len()).unwrap_or_default() - directory;
    out.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    out.extend(length.to_le_bytes());
    out.extend(directory.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// What is decoded, written again as it should be, is decoded to the same.
pub fn decoded_re_encodes_to_the_same(bytes: &[u8]) {
    let mut records = Vec::new();
    let _ = decode::split(bytes, &options(4096), &mut |s| {
        records.extend(decode::parse(&s).ok());
        if records.len() < 8 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    for record in &records {
        let wanted = told(record, str::to_owned);
        if wanted.is_empty() {
            continue;
        }
        let json = json(record);
        assert_eq!(told(&only(&json), str::to_owned), wanted, "{json}");
        // XML and tables do not keep the space around a text.
        let trimmed = |text: &str| text.trim().to_owned();
        let wanted = told(record, trimmed);
        let xml = xml(record);
        assert_eq!(told(&only(&xml), trimmed), wanted, "{xml}");
        if record.id.is_some() && record.acheteur.is_some() {
            let table = table(record);
            let read = told(&only(&table), trimmed);
            for field in TABLE {
                assert_eq!(read.get(*field), wanted.get(*field), "{field} of {table}");
            }
        }
    }
}

/// The one record of a document that is as it should be.
fn only(document: &str) -> RawRecord {
    let mut records = Vec::new();
    let split = decode::split(document.as_bytes(), &SplitOptions::default(), &mut |s| {
        records.push(decode::parse(&s));
        ControlFlow::Continue(())
    });
    match (records.pop(), records.is_empty()) {
        (Some(Ok(record)), true) => record,
        (other, _) => panic!("{other:?} and {split:?} of {document}"),
    }
}

type Scalars<'a> = Vec<(&'static str, &'a Declared)>;

fn scalars(r: &RawRecord) -> Scalars<'_> {
    vec![
        ("id", &r.id),
        ("nature", &r.nature),
        ("objet", &r.objet),
        ("codeCPV", &r.cpv),
        ("procedure", &r.procedure),
        ("dureeMois", &r.duree_mois),
        ("dateNotification", &r.date_notification),
        ("datePublicationDonnees", &r.date_publication),
        ("montant", &r.montant),
        ("formePrix", &r.forme_prix),
        ("ccag", &r.ccag),
        ("offresRecues", &r.offres_recues),
        ("tauxAvance", &r.taux_avance),
        ("marcheInnovant", &r.marche_innovant),
        ("attributionAvance", &r.attribution_avance),
        ("sousTraitanceDeclaree", &r.sous_traitance_declaree),
        ("typeGroupementOperateurs", &r.groupement),
        ("idAccordCadre", &r.id_accord_cadre),
        ("origineUE", &r.origine_ue),
        ("origineFrance", &r.origine_france),
    ]
}

/// Of those, what a table is written with.
const TABLE: &[&str] = &[
    "id",
    "nature",
    "objet",
    "codeCPV",
    "procedure",
    "dureeMois",
    "dateNotification",
    "datePublicationDonnees",
    "montant",
];

fn lists(r: &RawRecord) -> [(&'static str, &'static str, &Vec<Scalar>); 5] {
    [
        ("techniques", "technique", &r.techniques),
        ("modalitesExecution", "modaliteExecution", &r.modalites),
        ("typesPrix", "typePrix", &r.types_prix),
        ("considerationsSociales", "considerationSociale", &r.considerations_sociales),
        ("considerationsEnvironnementales", "considerationEnvironnementale", &r.considerations_environnementales),
    ]
}

fn parts(h: &RawHolder) -> Scalars<'_> {
    vec![("typeIdentifiant", &h.id_type), ("id", &h.id), ("denominationSociale", &h.name)]
}

fn says_something(h: &&RawHolder) -> bool {
    parts(h).iter().any(|(_, v)| v.is_some())
}

/// What a record tells, by path, as text: a number in quotes tells the same as one without.
fn told(r: &RawRecord, text: impl Fn(&str) -> String) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let mut put = |path: String, value: &Declared| {
        if let Some(value) = value {
            out.insert(path, text(value.as_str()));
        }
    };
    for (name, value) in scalars(r) {
        put(name.to_owned(), value);
    }
    put("acheteur".into(), &r.acheteur);
    put("lieu.code".into(), &r.lieu_code);
    put("lieu.type".into(), &r.lieu_type);
    put("lieu.nom".into(), &r.lieu_nom);
    for (name, _, list) in lists(r) {
        for (i, item) in list.iter().enumerate() {
            put(format!("{name}[{i}]"), &Some(item.clone()));
        }
    }
    for (i, h) in r.titulaires.iter().filter(says_something).enumerate() {
        for (name, value) in parts(h) {
            put(format!("titulaires[{i}].{name}"), value);
        }
    }
    out
}

/// A value to be written as JSON or as XML; the items of a list have a name.
enum Value<'a> {
    Scalar(&'a Scalar),
    Map(Vec<(&'static str, Value<'a>)>),
    List(&'static str, Vec<Value<'a>>),
}

fn there(fields: Scalars<'_>) -> Vec<(&'static str, Value<'_>)> {
    fields.into_iter().filter_map(|(name, v)| v.as_ref().map(|v| (name, Value::Scalar(v)))).collect()
}

fn fields(r: &RawRecord) -> Vec<(&'static str, Value<'_>)> {
    let mut fields = there(scalars(r));
    fields.push(("acheteur", Value::Map(there(vec![("id", &r.acheteur)]))));
    let place = vec![("code", &r.lieu_code), ("typeCode", &r.lieu_type), ("nom", &r.lieu_nom)];
    fields.push(("lieuExecution", Value::Map(there(place))));
    for (name, item, list) in lists(r) {
        fields.push((name, Value::List(item, list.iter().map(Value::Scalar).collect())));
    }
    let holders = r.titulaires.iter().filter(says_something).map(|h| Value::Map(there(parts(h))));
    fields.push(("titulaires", Value::List("titulaire", holders.collect())));
    fields
}

fn json(r: &RawRecord) -> String {
    fn value(v: &Value<'_>) -> serde_json::Value {
        match v {
            Value::Scalar(Scalar::Bool(b)) => (*b).into(),
            Value::Scalar(s) => s.as_str().into(),
            Value::Map(fields) => fields.iter().map(|(name, v)| ((*name).to_owned(), value(v))).collect(),
            Value::List(item, all) if all.iter().all(|v| matches!(v, Value::Scalar(_))) => {
                serde_json::json!({ *item: all.iter().map(value).collect::<Vec<_>>() })
            }
            Value::List(item, all) => all.iter().map(|v| serde_json::json!({ *item: value(v) })).collect(),
        }
    }
    serde_json::json!({"marches": {"marche": [value(&Value::Map(fields(r)))]}}).to_string()
}

fn xml(r: &RawRecord) -> String {
    fn write(out: &mut String, name: &str, value: &Value<'_>) {
        let _ = write!(out, "<{name}>");
        match value {
            Value::Scalar(s) => {
                for c in s.as_str().trim().chars() {
                    match c {
                        ' ' | '!'..='%' | '\''..=';' | '=' | '?'..='~' => out.push(c),
                        c if c.is_alphanumeric() => out.push(c),
                        c => {
                            let _ = write!(out, "&#{};", u32::from(c));
                        }
                    }
                }
            }
            Value::Map(fields) => fields.iter().for_each(|(name, value)| write(out, name, value)),
            Value::List(item, items) => items.iter().for_each(|value| write(out, item, value)),
        }
        let _ = write!(out, "</{name}>");
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><marches>");
    write(&mut out, "marche", &Value::Map(fields(r)));
    out + "</marches>"
}

/// A table of one row.
fn table(r: &RawRecord) -> String {
    let cell = |value: &Declared| {
        let text = value.as_ref().map(Scalar::as_str).unwrap_or_default();
        format!("\"{}\"", text.trim().replace('"', "\"\""))
    };
    let cells = scalars(r).into_iter().filter(|(name, _)| TABLE.contains(name)).map(|(_, value)| cell(value));
    let cells: Vec<String> = std::iter::once(cell(&r.acheteur)).chain(cells).collect();
    format!("acheteur.id;{}\n{}\n", TABLE.join(";"), cells.join(";"))
}

/// What a configuration is understood to say, written again, is understood the same; a remark changes nothing;
/// a source twice is an error; and an error says something.
pub fn a_configuration_re_encodes_to_the_same(dir: &Path, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let sources = match load(dir, &text) {
        Err(errors) => {
            assert!(!errors.render(false).trim().is_empty());
            return;
        }
        Ok(sources) => sources,
    };
    assert_eq!(load(dir, &format!("{text}\n# fin\n")).ok().as_ref(), Some(&sources));
    if !sources.is_empty() {
        assert!(load(dir, &format!("{text}\n{text}")).is_err(), "a source twice");
    }
    let again: String = sources.iter().map(|s| format!("[[source]]\n{}", stanza(s))).collect();
    let read = load(dir, &again).unwrap_or_else(|errors| panic!("{}\n{again}", errors.render(false)));
    let stanzas = |all: &[Source]| all.iter().map(stanza).collect::<Vec<_>>();
    assert_eq!(stanzas(&read), stanzas(&sources));
}

fn load(dir: &Path, sources: &str) -> Result<Vec<Source>, Diagnostics> {
    let none = BTreeMap::<String, String>::new();
    let put = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    };
    put("sources.toml", sources);
    let guichet = put("guichet.toml", "sources = \"sources.toml\"\n");
    Config::load(Some(&guichet), None, &none).map(|l| l.config.sources.iter().map(|s| Source::clone(s)).collect())
}

fn stanza(s: &Source) -> String {
    let text = |t: &str| toml::Value::from(t).to_string();
    let mut out = String::new();
    let mut put = |key: &str, value: String| {
        let _ = writeln!(out, "{key} = {value}");
    };
    put("id", text(&s.id));
    put("name", text(&s.name));
    put("url", text(s.url.as_str()));
    put("catalog", text(s.catalog.word()));
    put("format", text(s.format.word()));
    put("licence", text(s.licence.id()));
    put("authority", text(s.authority.word()));
    put("buyers", format!("[{}]", s.buyers.iter().map(|b| text(b.as_str())).collect::<Vec<_>>().join(", ")));
    put("schedule", text(&s.schedule.line));
    put("timezone", text(&s.schedule.timezone));
    put("enabled", s.enabled.to_string());
    put("max_bytes", s.max_bytes.to_string());
    if let Some(reason) = &s.disabled_reason {
        put("disabled_reason", text(reason));
    }
    if let Some(encoding) = &s.encoding {
        put("encoding", text(encoding));
    }
    if let Some(query) = &s.query {
        put("query", text(query));
    }
    for (key, map) in [("columns", &s.columns), ("map", &s.map)].into_iter().filter(|(_, map)| !map.is_empty()) {
        let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{} = {}", text(k), text(v))).collect();
        put(key, format!("{{ {} }}", pairs.join(", ")));
    }
    out
}

/// A pause is never longer than allowed, is read the same with space around, and what it asks for, asked for in
/// seconds and as a date, is the same again.
pub fn a_retry_after_is_bounded(header: &str, now: jiff::Timestamp, max: Duration) {
    let read = retry_after(header, now, max);
    assert!(read.pause().is_none_or(|pause| pause <= max), "{header:?}: {read:?}");
    assert_eq!(retry_after(&format!(" {header}\t"), now, max), read, "{header:?}");
    if let RetryAfter::Capped { asked, .. } = read {
        assert!(asked > max, "{header:?}: {read:?}");
    }
    if let (Some(pause), Ok(since)) = (read.pause(), u64::try_from(now.as_second()).map(Duration::from_secs)) {
        let seconds = Duration::from_secs(pause.as_secs());
        assert_eq!(retry_after(&seconds.as_secs().to_string(), now, max).pause(), Some(seconds));
        let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + since + seconds);
        let left = retry_after(&date, now, max).pause();
        let near = left.is_some_and(|left| left.abs_diff(seconds) <= Duration::from_secs(1));
        assert!(near, "{date}: {left:?} for {seconds:?}");
    }
}
