//! observations.csv and aliases.csv: two tables of journal.sqlite as RFC 4180, like decp.csv.

use std::path::Path;

use rusqlite::Connection;

use super::decp_csv::quoted;
use super::error::PublishError;
use super::journal::JOURNAL_DB;
use super::manifest::FileEntry;
use super::output::Output;

/// When each resource showed each contract.
pub(super) const OBSERVATIONS: &str = "observations.csv";
/// Which uid became which.
pub(super) const ALIASES: &str = "aliases.csv";

/// Columns of observations.csv: `last_seen` is the day of the publication while `current`.
pub(super) const OBSERVATION_COLUMNS: [&str; 6] = ["uid", "source", "resource", "first_seen", "last_seen", "current"];
/// Columns of aliases.csv.
pub(super) const ALIAS_COLUMNS: [&str; 3] = ["former_uid", "uid", "since"];

/// What a buffer may hold before it goes to the file.
const FLUSH: usize = 128 << 10;

/// Writes both. `day`: that of the publication.
pub(super) fn write(
    connection: &Connection,
    dir: &Path,
    day: &str,
    compress: bool,
) -> Result<Vec<FileEntry>, PublishError> {
    let seen =
        "SELECT uid, source, resource, first_seen, coalesce(last_seen, ?1), iif(last_seen IS NULL, 'true', 'false')
                FROM observations ORDER BY uid, source, resource";
    let mut files = table(connection, dir, (OBSERVATIONS, &OBSERVATION_COLUMNS, seen), Some(day), compress)?;
    let names = "SELECT ancien, uid, depuis FROM alias ORDER BY ancien, uid";
    files.extend(table(connection, dir, (ALIASES, &ALIAS_COLUMNS, names), None, compress)?);
    Ok(files)
}

fn table(
    connection: &Connection,
    dir: &Path,
    (name, columns, sql): (&str, &[&str], &str),
    bound: Option<&str>,
    compress: bool,
) -> Result<Vec<FileEntry>, PublishError> {
    let path = dir.join(JOURNAL_DB);
    let read = PublishError::database(&path);
    let mut output = Output::create(dir, name, compress)?;
    let mut buffer = Vec::with_capacity(FLUSH + (4 << 10));
    buffer.extend_from_slice(columns.join(",").as_bytes());
    buffer.extend_from_slice(b"\r\n");
    let mut statement = connection.prepare(sql).map_err(&read)?;
    let mut rows = statement.query(rusqlite::params_from_iter(bound)).map_err(&read)?;
    let mut written = 0;
    while let Some(row) = rows.next().map_err(&read)? {
        for i in 0..columns.len() {
            if i > 0 {
                buffer.push(b',');
            }
            let cell = row.get_ref(i).map_err(&read)?;
            quoted(&mut buffer, cell.as_str().map_err(rusqlite::Error::from).map_err(&read)?);
        }
        buffer.extend_from_slice(b"\r\n");
        written += 1;
        if buffer.len() >= FLUSH {
            output.write_all(&buffer)?;
            buffer.clear();
        }
    }
    output.write_all(&buffer)?;
    output.finish(Some(written))
}
