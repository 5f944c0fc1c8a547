//! From the files of an extract to the table, and when that is to be done again.
//!
//! Rows may come in any order and more than once. Of several rows of a unit one is taken whole, by
//! its content and not by its place: that of an active unit before that of one that has ended, then
//! the greatest by its bytes. A name is told only when every row of the unit allows it. The seat is
//! the establishment whose NIC the unit names, else the greatest.

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::columns::{Cells, Col, Columns};
use super::extract;
use super::sort::Sorter;
use super::table::{Made, SourceFile, Table, Writer};
use super::unit::{MAX_NAME, Size, Unit, commune_number};
use super::{Making, RegisterError};

/// Name of the table in the data directory.
pub const TABLE_FILE: &str = "register.table";

/// How much memory making a table may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that are sorted at once; about a third more is taken beside.
    pub run_bytes: usize,
}

/// 24 MiB: all of France is about sixty runs of it, and a small machine has it to spare.
impl Default for Memory {
    fn default() -> Self {
        Self { run_bytes: 24 << 20 }
    }
}

/// The table of these files, made now where it must be.
pub(super) fn current(
    files: &[PathBuf],
    data_dir: &Path,
    memory: Memory,
    mut told: impl FnMut(Making<'_>),
) -> Result<Table, RegisterError> {
    let path = data_dir.join(TABLE_FILE);
    let files = files.iter().map(|file| as_it_is(file)).collect::<Result<Vec<_>, _>>()?;
    // A damaged table is made again like an old one.
    if let Ok(Some(table)) = Table::open(&path)
        && table.made().files == files
    {
        return Ok(table);
    }
    let damaged = |why: &str| RegisterError::Damaged { path: path.clone(), why: why.to_owned() };
    told(Making::Begun(&files));
    make(files, &path, memory)?;
    let table = Table::open(&path)?.ok_or_else(|| damaged("it cannot be read back"))?;
    told(Making::Ended(table.made()));
    Ok(table)
}

fn as_it_is(path: &Path) -> Result<SourceFile, RegisterError> {
    let data = std::fs::metadata(path).map_err(RegisterError::io("open", path))?;
    let changed = data.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_nanos());
    Ok(SourceFile { path: path.to_owned(), bytes: data.len(), changed })
}

fn make(files: Vec<SourceFile>, path: &Path, memory: Memory) -> Result<(), RegisterError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let ours = |e| RegisterError::io("write", path)(e);
    std::fs::create_dir_all(dir).map_err(RegisterError::io("make", dir))?;
    let mut sorter = Sorter::new(dir, memory.run_bytes);
    let mut made = Made::default();
    for file in &files {
        let mut entry = Entry::default();
        let (mut row, mut sorting) = (0, None);
        let columns = extract::read(
            &file.path,
            Some(&mut |columns, cells| {
                row += 1;
                if entry.read(columns, cells, &mut sorter).inspect_err(|e| sorting = Some(e.kind()))? {
                    return Ok(());
                }
                made.faulty += 1;
                made.first_faulty.get_or_insert_with(|| (file.path.clone(), row));
                Ok(())
            }),
        );
        // What fails while rows are sorted fails in our folder, not in the file.
        if let Some(kind) = sorting {
            return Err(ours(kind.into()));
        }
        columns?;
        made.rows += row;
    }
    if made.rows == made.faulty {
        let why = format!("none of its {} rows has a SIREN that can be read: fetch it again", made.rows);
        let path = files.into_iter().next().map(|f| f.path).unwrap_or_default();
        return Err(RegisterError::Extract { path, why });
    }
    made.files = files;
    let fresh = tempfile::NamedTempFile::new_in(dir).map_err(ours)?;
    let mut writer = Writer::new(fresh.as_file().try_clone().map_err(ours)?);
    units(sorter, &mut writer, &mut made).map_err(ours)?;
    writer.finish(made).map_err(ours)?;
    fresh.persist(path).map_err(|e| ours(e.error))?;
    std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(ours)
}

/// A row as it is sorted. First byte: what it is.
#[derive(Default)]
struct Entry {
    bytes: Vec<u8>,
}

const SEAT: u8 = 0;
const UNIT: u8 = 1;
/// Kind, active, status, category, size, NIC of the seat.
const UNIT_HEAD: usize = 10;

impl Entry {
    /// Sorts a row in; false where it has no identifier.
    fn read(&mut self, columns: &Columns, cells: &Cells, sorter: &mut Sorter) -> io::Result<bool> {
        let siret = digits(cells.get(Col::Siret), 14);
        let siren = digits(cells.get(Col::Siren), 9).or_else(|| siret.map(|siret| siret / 100_000));
        let Some(siren) = siren.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0) else {
            return Ok(false);
        };
        if columns.roles.units {
            self.unit(cells);
            sorter.push(siren, &self.bytes)?;
        }
        if columns.roles.seats && (!columns.says_seat || is_true(cells.get(Col::Siege))) {
            let named = digits(cells.get(Col::NicSiege), 5);
            let nic = siret.map(|siret| siret % 100_000).or(named).and_then(|nic| u32::try_from(nic).ok());
            self.seat(nic.unwrap_or(0), cells);
            sorter.push(siren, &self.bytes)?;
        }
        Ok(true)
    }

    fn unit(&mut self, cells: &Cells) {
        let out = &mut self.bytes;
        out.clear();
        out.push(UNIT);
        out.push(u8::from(!cells.get(Col::Etat).eq_ignore_ascii_case("C")));
        // Whatever is no clear `O`, the `N` of before 2023 too, is not told in full.
        out.push(u8::from(!cells.get(Col::Statut).eq_ignore_ascii_case("O")));
        let category = digits(cells.get(Col::CategorieJuridique), 4).and_then(|c| u16::try_from(c).ok());
        out.extend_from_slice(&category.unwrap_or(0).to_be_bytes());
        out.push(Size::parse(cells.get(Col::CategorieEntreprise)).map_or(0, |size| size as u8 + 1));
        let nic = digits(cells.get(Col::NicSiege), 5).and_then(|nic| u32::try_from(nic).ok()).unwrap_or(0);
        out.extend_from_slice(&nic.to_be_bytes());
        let first = [Col::PrenomUsuel, Col::Prenom1].map(|c| cells.get(c));
        let last = [Col::NomUsage, Col::Nom].map(|c| cells.get(c));
        let one = |of: [&'_ str; 2]| of.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned();
        let whole = match cells.get(Col::Denomination) {
            "" => format!("{} {}", one(first), one(last)),
            name => name.to_owned(),
        };
        for (i, word) in
            whole.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).enumerate()
        {
            if out.len() + word.len() > UNIT_HEAD + MAX_NAME {
                break;
            }
            if i > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(word.as_bytes());
        }
    }

    fn seat(&mut self, nic: u32, cells: &Cells) {
        self.bytes.clear();
        self.bytes.push(SEAT);
        self.bytes.extend_from_slice(&nic.to_be_bytes());
        let status = cells.get(Col::StatutEtablissement);
        self.bytes.push(u8::from(!status.is_empty() && !status.eq_ignore_ascii_case("O")));
        self.bytes.extend_from_slice(cells.get(Col::Commune).as_bytes());
    }
}

/// Digits, fewer than there should be where leading zeros were lost.
fn digits(text: &str, most: usize) -> Option<u64> {
    let right = !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    right.then(|| text.parse().ok()).flatten()
}

fn is_true(text: &str) -> bool {
    ["true", "1", "vrai", "oui", "o", "t"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Gathers the sorted rows of each unit and writes it.
fn units(sorter: Sorter, writer: &mut Writer, made: &mut Made) -> io::Result<()> {
    let mut gathered = Gathered::default();
    for entry in sorter.finish()? {
        let (siren, bytes) = entry?;
        if gathered.siren.is_some_and(|before| before != siren) {
            std::mem::take(&mut gathered).write(writer, made)?;
        }
        gathered.siren = Some(siren);
        gathered.add(bytes);
    }
    gathered.write(writer, made)
}

/// The rows of one unit.
#[derive(Default)]
struct Gathered {
    siren: Option<u32>,
    /// The row that is taken, and whether all rows were the same.
    unit: Option<Vec<u8>>,
    contradictory: bool,
    partial: bool,
    /// NIC and commune of each establishment that is called the seat.
    seats: Vec<(u32, String)>,
    seat_partial: bool,
}

/// Seats of one unit that are looked at: a file that calls every establishment one is not held whole.
const MOST_SEATS: usize = 1024;

impl Gathered {
    /// Rows come sorted: the last one of a unit is the greatest.
    fn add(&mut self, bytes: Vec<u8>) {
        match bytes.split_first() {
            Some((&UNIT, rest)) => {
                self.partial |= rest.get(1) == Some(&1);
                self.contradictory |= self.unit.as_ref().is_some_and(|before| *before != bytes);
                self.unit = Some(bytes);
            }
            Some((_, rest)) => {
                let nic = rest.get(..4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
                self.seat_partial |= rest.get(4) == Some(&1);
                let commune = std::str::from_utf8(rest.get(5..).unwrap_or_default()).unwrap_or_default();
                if commune_number(commune).is_some() && self.seats.len() < MOST_SEATS {
                    self.seats.push((nic, commune.to_ascii_uppercase()));
                }
            }
            None => {}
        }
    }

    fn write(mut self, writer: &mut Writer, made: &mut Made) -> io::Result<()> {
        let Some(siren) = self.siren else { return Ok(()) };
        let head = self.unit.as_deref().unwrap_or_default();
        let category = head.get(3..5).and_then(|b| b.try_into().ok()).map_or(0, u16::from_be_bytes);
        let size = [None, Some(Size::Pme), Some(Size::Eti), Some(Size::Ge)];
        let nic = head.get(6..UNIT_HEAD).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
        let name = std::str::from_utf8(head.get(UNIT_HEAD..).unwrap_or_default()).unwrap_or_default();
        let place = self.seats.iter().position(|(of, _)| *of == nic && nic > 0);
        let place = place.or_else(|| self.seats.len().checked_sub(1));
        let unit = Unit {
            name: (!name.is_empty()).then(|| name.to_owned()),
            legal_category: (category > 0).then_some(category),
            size: head.get(5).and_then(|s| size.get(usize::from(*s)).copied()).flatten(),
            // Without a row of the unit itself its seat is all that says whether it may be told.
            partial: if self.unit.is_some() { self.partial } else { self.seat_partial },
            commune: place.map(|at| self.seats.swap_remove(at).1),
        };
        made.units += 1;
        made.seated += u64::from(unit.commune.is_some());
        made.masked += u64::from(unit.is_masked());
        made.contradictory += u64::from(self.contradictory);
        writer.push(siren, &unit)
    }
}
