//! DECP in a table: the rows of one contract → one record.
//!
//! In: rows and the table that they stand in. Out: a [`RawRecord`]: fields from the first row of the
//! first state, holders from all rows of a state, a modification for each further state (what differs
//! from the state before) and for each row that tells of one. A field that another row of the same
//! state contradicts keeps its first value, with a note. Cells have no type.

use std::borrow::Cow;

use crate::record::{Format, Kind, fold};

use super::csv_columns::{Part, Target};
use super::csv_rows::{Cell, cells, row};
use super::csv_table::Table;
use super::decp::{Carrier, Fields, Mapper};
use super::note::{self, Note};
use super::text::utf8;
use super::tree::Tree;
use super::{Declared, RawHolder, RawModification, RawRecord, Reject, Scalar, Slice, decp_json, region_bretagne};

/// Reads the rows of one contract.
pub(super) fn parse(slice: &Slice<'_>) -> Result<RawRecord, Reject> {
    let Some(table) = slice.table else { return Err(refuse(slice)) };
    let (text, damage) = utf8(slice.bytes);
    let mut notes = Vec::new();
    decp_json::damage_note(damage, &mut notes);
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut rest = &*text;
    while !rest.is_empty() {
        let length = row(rest.as_bytes(), table.delimiter, true).map_or(rest.len(), |r| r.length);
        let (this, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rows.push(Row::read(this, table, &mut notes));
        rest = after;
    }
    if rows.iter().all(|r| r.cells.iter().all(|c| c.text.trim().is_empty())) {
        return Err(Reject::new("empty", "a row without any value"));
    }
    if table.bretagne {
        let fields = rows.pop().map(|r| r.fields(table)).unwrap_or_default();
        let mut r = region_bretagne::record(fields, notes, false);
        r.decimal_comma = table.comma;
        return Ok(r);
    }
    rows.sort_by_key(|r| r.state);
    Ok(record(&rows, table, notes))
}

/// Why a row that does not fit its header is no record.
pub(super) fn refuse(slice: &Slice<'_>) -> Reject {
    let Some(table) = slice.table else { return Reject::new("unreadable", "a row without its table") };
    let text = String::from_utf8_lossy(slice.bytes);
    let found = cells(&text, table.delimiter, true).len();
    Reject::new(
        "unreadable",
        format!(
            "a row of {found} cells, or with a quote that is not closed, under a header of {}",
            table.columns.len()
        ),
    )
}

struct Row<'a> {
    cells: Vec<Cell<'a>>,
    /// 0: as first declared.
    state: u32,
}

impl<'a> Row<'a> {
    fn read(text: &'a str, table: &Table, notes: &mut Vec<Note>) -> Self {
        let cells = cells(text, table.delimiter, false);
        if cells.len() < table.columns.len() {
            notes.push(Note::new(note::ROW_SHORT, "", format!("{} / {}", cells.len(), table.columns.len())));
        }
        for (column, cell) in table.columns.iter().zip(&cells).filter(|(_, c)| c.bare) {
            notes.push(Note::new(note::BARE_QUOTE, path(column.target).unwrap_or_default(), &*cell.text));
        }
        let state = table.index(Target::State).and_then(|i| cells.get(i)).and_then(|c| c.text.trim().parse().ok());
        Self { cells, state: state.unwrap_or(0) }
    }

    /// The cell of a column; `None` where it is empty.
    fn cell(&self, index: Option<usize>) -> Declared {
        let text = &self.cells.get(index?)?.text;
        (!text.trim().is_empty()).then(|| Scalar::Plain(text.to_string()))
    }

    fn get(&self, table: &Table, target: Target) -> Declared {
        self.cell(table.index(target))
    }

    /// Header and cell, for a decoder that knows its columns by name.
    fn fields(self, table: &Table) -> Fields<'a> {
        let name = |t: Target, header: &str| match t {
            Target::Field(name) => Cow::Borrowed(name),
            _ => Cow::Owned(header.to_owned()),
        };
        let columns = table.columns.iter().zip(self.cells);
        columns.map(|(c, cell)| (name(c.target, &c.header), Tree::Plain(cell.text))).collect()
    }

    /// The holders that the row names.
    fn holders(&self, table: &Table) -> Vec<RawHolder> {
        let mut out = Vec::new();
        for n in table.holder_numbers() {
            let part = |p| self.cell(table.holder(p, n));
            out.extend(split_holder(part(Part::Id), part(Part::Type), part(Part::Name)));
        }
        out
    }

    /// The modification that the row tells of in columns of its own.
    fn modification(&self, table: &Table) -> Option<RawModification> {
        let get = |name| self.get(table, Target::Modification(name));
        let part = |p| self.get(table, Target::NewHolder(p));
        let m = RawModification {
            id: None,
            objet: get("objet"),
            date: get("date"),
            date_publication: get("publication"),
            duree_mois: get("duree"),
            montant: get("montant"),
            titulaires: split_holder(part(Part::Id), part(Part::Type), part(Part::Name)),
        };
        (m != RawModification::default()).then_some(m)
    }
}

/// One holder, or several in one cell.
fn split_holder(id: Declared, id_type: Declared, name: Declared) -> Vec<RawHolder> {
    if id.is_none() && name.is_none() {
        return Vec::new();
    }
    let ids = listed(&id);
    if ids.len() < 2 {
        return vec![RawHolder { id_type, id, name }];
    }
    let (types, names) = (listed(&id_type), listed(&name));
    let nth = |list: &[&str], whole: &Declared, i: usize| match list.len() {
        n if n == ids.len() => list.get(i).map(|t| Scalar::Plain((*t).to_owned())),
        1 => whole.clone(),
        _ => None,
    };
    let holder = |(i, id): (usize, &&str)| RawHolder {
        id_type: nth(&types, &id_type, i),
        id: Some(Scalar::Plain((*id).to_owned())),
        name: if names.len() == ids.len() { nth(&names, &name, i) } else { None },
    };
    ids.iter().enumerate().map(holder).collect()
}

fn listed(cell: &Declared) -> Vec<&str> {
    cell.as_ref().map_or(Vec::new(), |cell| several(cell.as_str()))
}

/// What a cell lists, between `|`, `;`, `,` or line breaks.
fn several(cell: &str) -> Vec<&str> {
    let separator = ['|', ';', '\n', ','].into_iter().find(|c| cell.contains(*c));
    match separator {
        Some(c) => cell.split(c).map(str::trim).filter(|t| !t.is_empty()).collect(),
        None => vec![cell],
    }
}

/// Adds holders, each once.
fn unite(into: &mut Vec<RawHolder>, more: Vec<RawHolder>) {
    for holder in more {
        if !into.contains(&holder) {
            into.push(holder);
        }
    }
}

/// The field that a column fills, as findings name it.
fn path(target: Target) -> Option<Cow<'static, str>> {
    Some(match target {
        Target::Field(name) | Target::List(name) => name.into(),
        Target::Inside(outer, inner) => format!("{outer}.{inner}").into(),
        Target::Holder(..) => "titulaires".into(),
        Target::Modification(_) | Target::NewHolder(_) | Target::State => "modifications".into(),
        Target::Beside | Target::Unknown => return None,
    })
}

fn record(rows: &[Row<'_>], table: &Table, notes: Vec<Note>) -> RawRecord {
    let mut m = Mapper::new(notes);
    let base = rows.first().map_or(0, |r| r.state);
    let (first, further): (Vec<_>, Vec<_>) = rows.iter().partition(|r| r.state == base);
    if let Some(row) = first.first() {
        for (column, cell) in table.columns.iter().zip(&row.cells) {
            field(&mut m, column.target, &column.header, cell.text.trim());
        }
        contradictions(&mut m, row, &first, table);
    }
    let mut holders = Vec::new();
    for row in &first {
        unite(&mut holders, row.holders(table));
    }
    let mut modifications: Vec<RawModification> = Vec::new();
    let (mut montant, mut duree) = (
        first.first().and_then(|r| amount(r, table)),
        first.first().and_then(|r| r.get(table, Target::Field("dureeMois"))),
    );
    let mut current = holders.clone();
    for state in further.chunk_by(|a, b| a.state == b.state) {
        let Some(row) = state.first() else { continue };
        let mut new = Vec::new();
        for row in state {
            unite(&mut new, row.holders(table));
        }
        let date = row
            .get(table, Target::Field("dateNotification"))
            .or_else(|| row.get(table, Target::Field("dateSignature")));
        let now = (amount(row, table), row.get(table, Target::Field("dureeMois")));
        modifications.push(RawModification {
            id: Some(Scalar::Plain(row.state.to_string())),
            objet: None,
            date,
            date_publication: row.get(table, Target::Field("datePublicationDonnees")),
            montant: now.0.clone().filter(|n| Some(n) != montant.as_ref()),
            duree_mois: now.1.clone().filter(|n| Some(n) != duree.as_ref()),
            titulaires: if same(&new, &current) { Vec::new() } else { new.clone() },
        });
        (montant, duree) = (now.0.or(montant), now.1.or(duree));
        current = new;
    }
    for told in rows.iter().filter_map(|r| r.modification(table)) {
        let alike = |m: &&mut RawModification| {
            (&m.objet, &m.date, &m.date_publication, &m.duree_mois, &m.montant)
                == (&told.objet, &told.date, &told.date_publication, &told.duree_mois, &told.montant)
        };
        match modifications.iter_mut().find(alike) {
            Some(m) => unite(&mut m.titulaires, told.titulaires),
            None => modifications.push(told),
        }
    }
    let word = |d: &Declared| d.as_ref().map(|s| fold(s.as_str())).unwrap_or_default();
    let nature = word(&m.r.nature);
    let concession = nature.contains("concession") || nature.contains("delegation de service");
    let mut r = m.finish(Some(if concession { Kind::Concession } else { Kind::Marche }), Carrier::Xml);
    r.format = Format::Table;
    r.decimal_comma = table.comma;
    r.titulaires = holders;
    r.modifications = modifications;
    r
}

/// Whether two lists name the same holders, in any order.
fn same(a: &[RawHolder], b: &[RawHolder]) -> bool {
    a.len() == b.len() && a.iter().all(|h| b.contains(h))
}

fn amount(row: &Row<'_>, table: &Table) -> Declared {
    row.get(table, Target::Field("montant")).or_else(|| row.get(table, Target::Field("valeurGlobale")))
}

fn field(m: &mut Mapper, target: Target, header: &str, cell: &str) {
    if cell.is_empty() {
        return;
    }
    let value = Tree::Plain(Cow::Owned(cell.to_owned()));
    match target {
        Target::Field(name) => m.field(name, value),
        Target::Inside(outer, inner) => m.field(outer, Tree::Map(vec![(inner.into(), value)])),
        Target::List(name) => {
            let items = cell.split([',', ';', '|']).map(str::trim).filter(|t| !t.is_empty());
            let items: Vec<Tree<'_>> = items.map(|t| Tree::Plain(Cow::Owned(t.to_owned()))).collect();
            m.list_of_cells(name, items);
        }
        Target::Beside => m.other(header, &value),
        Target::Unknown => {
            m.note(note::UNKNOWN_FIELD, header, cell);
            m.other(header, &value);
        }
        Target::Holder(..) | Target::Modification(_) | Target::NewHolder(_) | Target::State => {}
    }
}

/// What another row of the same state says otherwise.
fn contradictions(m: &mut Mapper, first: &Row<'_>, rows: &[&Row<'_>], table: &Table) {
    for (i, column) in table.columns.iter().enumerate() {
        let Some(path) = path(column.target)
            .filter(|_| matches!(column.target, Target::Field(_) | Target::List(_) | Target::Inside(..)))
        else {
            continue;
        };
        for row in rows {
            if let Some(other) = row.cell(Some(i)).filter(|c| first.cell(Some(i)).as_ref() != Some(c)) {
                let note = Note::new(note::DUPLICATE_FIELD, path.clone(), other.as_str());
                if !m.r.notes.contains(&note) {
                    m.r.notes.push(note);
                }
            }
        }
    }
}
