//! The SIREN register extract of `[register] sirene`: public stock files made a compact table.
//!
//! ```text
//! StockUniteLegale, StockEtablissement (CSV or Parquet) → extract → sort → table → Register
//! ```
//!
//! In: the files, as Insee publishes them. Out: a table in the data directory, made again only when
//! a file has another size or date, and [`Register`], which answers who a SIREN is. All legal units
//! are in it, not only those that the store knows: a buyer or a holder that a harvest brings tomorrow
//! must be found without reading tens of millions of rows again. Of establishments only the seats
//! are. The name of a unit that must not be told is never written down.
//!
//! Memory: building sorts on disk, in [`Memory`]; looking up reads one block of 4 KiB, and holds 4
//! bytes a block (about 1 MB for all of France). Knows no SQL, no source, no contract.

mod build;
mod category;
mod columns;
mod csv_rows;
mod extract;
mod parquet_rows;
mod sort;
mod table;
#[cfg(test)]
mod tests;
mod unit;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use build::{Memory, TABLE_FILE};
pub use columns::{Role, Roles};
pub use extract::{Extract, inspect};
pub use table::{Made, SourceFile};
pub use unit::{Size, Unit};

use crate::record::Siren;
use table::Table;

/// What is written in the place of a name that the diffusion status forbids to tell. The national
/// dataset writes the same words.
pub const MASK: &str = "[Données personnelles non-diffusibles]";

/// Why a register cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// A file of the extract, or of ours, cannot be read or written.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// The operation, as a verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The file is no extract that can be read.
    #[error("{}: {why}", .path.display())]
    Extract {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The table is damaged: it is made again when it is removed.
    #[error("the register's table {} is damaged ({why}); remove it, and it is made again", .path.display())]
    Damaged {
        /// The table.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
}

impl RegisterError {
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

/// How far the making of a table is.
#[derive(Debug, Clone, Copy)]
pub enum Making<'a> {
    /// Its files are read now.
    Begun(&'a [SourceFile]),
    /// It stands.
    Ended(&'a Made),
}

/// A register that can be asked. Many threads may ask at once.
#[derive(Debug)]
pub struct Register {
    table: Table,
    /// The first fault that a caller without errors of its own ran into.
    fault: OnceLock<String>,
}

impl Register {
    /// Opens the table of these files in `data_dir`, made now when there is none, or when one of the
    /// files has changed. `told` is called when that begins, which may take minutes, and when it has
    /// ended. The caller holds the lock of the data directory.
    ///
    /// # Errors
    /// See [`RegisterError`]; a table of before then stays.
    pub fn current(
        files: &[PathBuf],
        data_dir: &Path,
        memory: Memory,
        told: impl FnMut(Making<'_>),
    ) -> Result<Self, RegisterError> {
        let table = build::current(files, data_dir, memory, told)?;
        Ok(Self { table, fault: OnceLock::new() })
    }

    /// What the register says of a legal unit; `None` when it does not have it.
    ///
    /// # Errors
    /// A disk fault, a damaged table.
    pub fn unit(&self, siren: &Siren) -> Result<Option<Unit>, RegisterError> {
        self.table.unit(siren)
    }

    /// As [`Register::unit`], for rules that have no errors: a fault counts as "not known", and
    /// whoever asks must look at [`Register::check`] before the answers are kept.
    pub fn unit_or_fault(&self, siren: &Siren) -> Option<Unit> {
        self.unit(siren).unwrap_or_else(|e| {
            let _ = self.fault.set(e.to_string());
            None
        })
    }

    /// Whether every answer so far was one.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self) -> Result<(), RegisterError> {
        match self.fault.get() {
            None => Ok(()),
            Some(why) => Err(RegisterError::Damaged { path: self.table.path().to_owned(), why: why.clone() }),
        }
    }

    /// A stable name for all that the table says: the same content gives the same one, wherever and
    /// whenever its files were fetched.
    pub fn digest(&self) -> &str {
        &self.table.made().digest
    }

    /// What was counted when the table was made.
    pub fn made(&self) -> &Made {
        self.table.made()
    }
}
