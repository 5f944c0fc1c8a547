//! The archive of decp.xlsx (ECMA-376): sheets whose rows wait deflated in spools, and the small parts
//! around them. Nothing in it but the rows and the day of the publication: no clock, no name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, DataDescriptorOutput, ZipArchiveWriter};

use super::error::PublishError;
use super::tabular::{COLUMNS, Kind};
use super::xlsx_texts::Texts;
use crate::record::Day;

/// As the `.gz` of the text files: a fast level.
const LEVEL: u32 = 2;

/// What stands before the rows of a sheet: the header frozen, columns wide enough to be read.
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
    <worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetViews>\
    <sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>\
    </sheetView></sheetViews><sheetFormatPr defaultRowHeight=\"15\"/>";

/// The deflated rows of a sheet that is being written, head and header included.
pub(super) struct Spool {
    deflate: DeflateEncoder<File>,
    crc: flate2::Crc,
    dir: PathBuf,
}

impl Spool {
    /// A spool in `dir`, with all that stands before the first row.
    pub(super) fn create(dir: &Path) -> Result<Self, PublishError> {
        let file = tempfile::tempfile_in(dir).map_err(PublishError::io("make a spool in", dir))?;
        let deflate = DeflateEncoder::new(file, Compression::new(LEVEL));
        let mut spool = Self { deflate, crc: flate2::Crc::new(), dir: dir.to_owned() };
        spool.write(head().as_bytes())?;
        Ok(spool)
    }
    /// Appends XML.
    pub(super) fn write(&mut self, xml: &[u8]) -> Result<(), PublishError> {
        self.crc.update(xml);
        self.deflate.write_all(xml).map_err(PublishError::io("write a spool in", &self.dir))
    }
    /// The deflated bytes from their start, the sum and the size of what they hold.
    fn end(self) -> Result<(File, u32, u64), PublishError> {
        let size = self.deflate.total_in();
        let done = self.deflate.finish().and_then(|mut file| file.rewind().map(|()| file));
        Ok((done.map_err(PublishError::io("write a spool in", &self.dir))?, self.crc.sum(), size))
    }
}

/// A sheet whose rows have been written.
pub(super) struct Sheet {
    pub(super) name: String,
    /// The header not counted.
    pub(super) rows: u64,
    pub(super) spool: Spool,
}

/// The letters of a column, from 0: A … Z, AA…
pub(super) fn letters(mut column: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        out.insert(0, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[column % 26]);
        if column < 26 {
            return out;
        }
        column = column / 26 - 1;
    }
}

/// The number of a day in a spreadsheet. Before March 1900 programs disagree: it has none.
pub(super) fn serial(day: Day) -> Option<i64> {
    let number = i64::from(day.number()) + 25_569;
    (number >= 61).then_some(number)
}

/// Years that have a sheet of their own, if one sheet is not enough: the last ones.
const YEARS: i16 = 21;

/// Rows whose year is not known, or is to come (a slip of whoever declared it).
const ODD: u8 = u8::MAX;

/// The year of a row as a byte: 0 for all that is early, then 1, 2…
pub(super) fn bucket(year: Option<i16>, today: Day) -> u8 {
    let age = year.map_or(-1, |year| today.year().saturating_sub(year));
    if age < 0 { ODD } else { u8::try_from(YEARS - age.min(YEARS)).unwrap_or(0) }
}

/// The name of a year's sheet; `part` counts those that one sheet cannot hold.
fn sheet_name(bucket: u8, part: u64, today: Day) -> String {
    let first = today.year() - YEARS + 1;
    let name = match bucket {
        0 => format!("avant {first}"),
        ODD => "sans année".to_owned(),
        n => (first + i16::from(n) - 1).to_string(),
    };
    if part == 0 { name } else { format!("{name} ({})", part + 1) }
}

/// Deals the rows of one sheet out to a sheet per year, of at most `most` rows each.
pub(super) fn by_year(
    dir: &Path,
    whole: Spool,
    years: &[u8],
    today: Day,
    most: u64,
) -> Result<Vec<Sheet>, PublishError> {
    let read = |e| PublishError::io("read a spool in", dir)(e);
    let (file, ..) = whole.end()?;
    let mut rows = BufReader::with_capacity(256 << 10, DeflateDecoder::new(BufReader::new(file)));
    io::copy(&mut (&mut rows).take(head().len() as u64), &mut io::sink()).map_err(read)?;
    let mut open: Vec<(u8, u64, Sheet)> = Vec::new();
    let mut done: Vec<(u8, u64, Sheet)> = Vec::new();
    let (mut row, mut renumbered) = (Vec::new(), Vec::new());
    for year in years {
        read_row(&mut rows, &mut row).map_err(read)?;
        let at = match open.iter().position(|(of, ..)| of == year) {
            Some(at) => at,
            None => {
                let part = done.iter().filter(|(of, ..)| of == year).count() as u64;
                let name = sheet_name(*year, part, today);
                open.push((*year, part, Sheet { name, rows: 0, spool: Spool::create(dir)? }));
                open.len() - 1
            }
        };
        if let Some((.., sheet)) = open.get_mut(at) {
            sheet.rows += 1;
            renumber(&row, sheet.rows + 1, &mut renumbered);
            sheet.spool.write(&renumbered)?;
            if sheet.rows >= most {
                done.push(open.swap_remove(at));
            }
        }
    }
    done.append(&mut open);
    done.sort_by_key(|(year, part, _)| (*year, *part));
    Ok(done.into_iter().map(|(.., sheet)| sheet).collect())
}

/// Reads up to the end of a row. A text holds no `>`.
fn read_row(rows: &mut impl BufRead, row: &mut Vec<u8>) -> io::Result<()> {
    row.clear();
    while !row.ends_with(b"</row>") {
        if rows.read_until(b'>', row)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a spool ended before its rows"));
        }
    }
    Ok(())
}

/// The same row under another number. A text holds no `"`, so that only places begin with ` r="`.
fn renumber(row: &[u8], number: u64, out: &mut Vec<u8>) {
    out.clear();
    let digits = number.to_string();
    let mut from = 0;
    for at in memchr::memmem::find_iter(row, b" r=\"") {
        let place = row.get(at + 4..).unwrap_or_default();
        let letters = place.iter().take_while(|b| b.is_ascii_uppercase()).count();
        let old = place.iter().skip(letters).take_while(|b| b.is_ascii_digit()).count();
        out.extend_from_slice(row.get(from..at + 4 + letters).unwrap_or_default());
        out.extend_from_slice(digits.as_bytes());
        from = at + 4 + letters + old;
    }
    out.extend_from_slice(row.get(from..).unwrap_or_default());
}

/// All before the first row: the head, the widths, the header.
fn head() -> String {
    let mut out = format!("{HEAD}<cols>");
    for (i, (name, kind)) in COLUMNS.iter().enumerate() {
        let width = match (*name, kind) {
            ("objet", _) => 60,
            ("acheteur_nom" | "titulaire_nom" | "sourceFile", _) => 32,
            ("uid", _) => 30,
            (_, Kind::Text) => 18,
            _ => 14,
        };
        out.push_str(&format!("<col min=\"{0}\" max=\"{0}\" width=\"{width}\" customWidth=\"1\"/>", i + 1));
    }
    out.push_str("</cols><sheetData><row r=\"1\">");
    for (i, (name, _)) in COLUMNS.iter().enumerate() {
        let place = String::from_utf8_lossy(&letters(i)).into_owned();
        out.push_str(&format!("<c r=\"{place}1\" t=\"inlineStr\" s=\"2\"><is><t>{name}</t></is></c>"));
    }
    out.push_str("</row>");
    out
}

/// The table with its header, as a spreadsheet names it.
fn area(rows: u64, dollar: &str) -> String {
    let last = String::from_utf8_lossy(&letters(COLUMNS.len() - 1)).into_owned();
    format!("{dollar}A{dollar}1:{dollar}{last}{dollar}{}", rows + 1)
}

/// Writes the archive.
pub(super) fn archive<W: Write>(
    out: W,
    path: &Path,
    day: Day,
    sheets: Vec<Sheet>,
    texts: &Texts,
) -> Result<W, PublishError> {
    let failed = |e: rawzip::Error| PublishError::io("write", path)(io::Error::other(e));
    let mut zip = ZipArchiveWriter::new(out);
    let small = small_parts(day, &sheets).into_iter().map(|(name, text)| (name, text.into_bytes()));
    for (name, text) in small.chain([("xl/sharedStrings.xml", texts.part())]) {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::new(LEVEL));
        let done = deflate.write_all(&text).and_then(|()| deflate.finish());
        let deflated = done.map_err(PublishError::io("write", path))?;
        let mut crc = flate2::Crc::new();
        crc.update(&text);
        put(&mut zip, name, &mut deflated.as_slice(), (crc.sum(), text.len() as u64)).map_err(failed)?;
    }
    for (i, mut sheet) in sheets.into_iter().enumerate() {
        let end = format!("</sheetData><autoFilter ref=\"{}\"/></worksheet>", area(sheet.rows, ""));
        sheet.spool.write(end.as_bytes())?;
        let (mut file, crc, size) = sheet.spool.end()?;
        put(&mut zip, &format!("xl/worksheets/sheet{}.xml", i + 1), &mut file, (crc, size)).map_err(failed)?;
    }
    zip.finish().map_err(failed)
}

/// Adds deflated bytes, with the sum and the size of what they hold.
fn put<W: Write>(
    zip: &mut ZipArchiveWriter<W>,
    name: &str,
    deflated: &mut dyn Read,
    (crc, size): (u32, u64),
) -> Result<(), rawzip::Error> {
    let (mut entry, _) = zip.new_file(name).compression_method(CompressionMethod::DEFLATE).start()?;
    io::copy(deflated, &mut entry)?;
    entry.finish(DataDescriptorOutput::new(crc, size))?;
    Ok(())
}

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// Style 1 is a day, style 2 the header.
const STYLES: &str = "<numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\"/></numFmts>\
    <fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font>\
    <font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>\
    <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills>\
    <borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
    <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
    <cellXfs count=\"3\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>\
    <xf numFmtId=\"164\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>\
    <xf numFmtId=\"0\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyFont=\"1\"/></cellXfs>\
    <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles>";

/// All parts but the sheets and the texts.
fn small_parts(day: Day, sheets: &[Sheet]) -> Vec<(&'static str, String)> {
    let relation = |id: usize, kind: &str, target: &str| {
        format!("<Relationship Id=\"rId{id}\" Type=\"{kind}\" Target=\"{target}\"/>")
    };
    let relations =
        |inner: &str| format!("{XML}<Relationships xmlns=\"{PACKAGE}/relationships\">{inner}</Relationships>");
    let (mut types, mut listed, mut related, mut names) = (String::new(), String::new(), String::new(), String::new());
    for (i, sheet) in sheets.iter().enumerate() {
        let n = i + 1;
        types += &format!("<Override PartName=\"/xl/worksheets/sheet{n}.xml\" ContentType=\"{TYPE}.worksheet+xml\"/>");
        listed += &format!("<sheet name=\"{}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>", sheet.name);
        related += &relation(n, &format!("{OFFICE}/worksheet"), &format!("worksheets/sheet{n}.xml"));
        names += &format!(
            "<definedName name=\"_xlnm._FilterDatabase\" localSheetId=\"{i}\" hidden=\"1\">'{}'!{}</definedName>",
            sheet.name,
            area(sheet.rows, "$")
        );
    }
    let styles = relation(sheets.len() + 1, &format!("{OFFICE}/styles"), "styles.xml");
    let strings = relation(sheets.len() + 2, &format!("{OFFICE}/sharedStrings"), "sharedStrings.xml");
    vec![
        (
            "[Content_Types].xml",
            format!(
                "{XML}<Types xmlns=\"{PACKAGE}/content-types\">\
                 <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
                 <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
                 <Override PartName=\"/xl/workbook.xml\" ContentType=\"{TYPE}.sheet.main+xml\"/>{types}\
                 <Override PartName=\"/xl/styles.xml\" ContentType=\"{TYPE}.styles+xml\"/>\
                 <Override PartName=\"/xl/sharedStrings.xml\" ContentType=\"{TYPE}.sharedStrings+xml\"/>\
                 <Override PartName=\"/docProps/core.xml\" ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/>\
                 </Types>"
            ),
        ),
        (
            "_rels/.rels",
            relations(
                &(relation(1, &format!("{OFFICE}/officeDocument"), "xl/workbook.xml")
                    + &relation(2, &format!("{PACKAGE}/relationships/metadata/core-properties"), "docProps/core.xml")),
            ),
        ),
        (
            "docProps/core.xml",
            format!(
                "{XML}<cp:coreProperties xmlns:cp=\"{PACKAGE}/metadata/core-properties\" \
                 xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
                 xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>Marchés publics et concessions</dc:title>\
                 <dc:creator>guichet</dc:creator><dcterms:created xsi:type=\"dcterms:W3CDTF\">{day}T00:00:00Z</dcterms:created>\
                 </cp:coreProperties>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "{XML}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>{listed}</sheets>\
                 <definedNames>{names}</definedNames></workbook>"
            ),
        ),
        ("xl/_rels/workbook.xml.rels", relations(&(related + &styles + &strings))),
        ("xl/styles.xml", format!("{XML}<styleSheet xmlns=\"{MAIN}\">{STYLES}</styleSheet>")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_days_have_the_names_of_a_spreadsheet() {
        let names = [0, 25, 26, 57, 701, 702].map(|i| String::from_utf8(letters(i)).unwrap());
        assert_eq!(names, ["A", "Z", "AA", "BF", "ZZ", "AAA"]);
        let day = |text: &str| serial(text.parse().unwrap());
        assert_eq!((day("1900-03-01"), day("2026-11-24"), day("1900-02-28")), (Some(61), Some(46_350), None));
    }

    #[test]
    fn a_year_has_its_sheet_and_an_odd_one_has_none() {
        let today: Day = "2026-11-24".parse().unwrap();
        let name = |year| sheet_name(bucket(year, today), 0, today);
        assert_eq!(name(Some(2026)), "2026");
        assert_eq!(name(Some(2006)), "2006");
        for early in [2005, 1990, -9000] {
            assert_eq!(name(Some(early)), "avant 2006");
        }
        for odd in [None, Some(2027), Some(9999)] {
            assert_eq!(name(odd), "sans année");
        }
        assert_eq!(sheet_name(21, 1, today), "2026 (2)");
    }

    #[test]
    fn a_row_takes_another_number_and_keeps_its_texts() {
        let row = b"<row r=\"12\"><c r=\"A12\" t=\"s\"><v>12</v></c><c r=\"BF12\"><v>12</v></c></row>";
        let mut out = Vec::new();
        renumber(row, 7, &mut out);
        let expected = "<row r=\"7\"><c r=\"A7\" t=\"s\"><v>12</v></c><c r=\"BF7\"><v>12</v></c></row>";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
