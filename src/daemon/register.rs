//! The register of `[register] sirene`: opened, and made when its files have changed.

use std::sync::Arc;

use tracing::{info, warn};

use super::pipeline::RunError;
use crate::config::Config;
use crate::reference::Register;
use crate::reference::register::{Made, Making, Memory};

/// The register of a configuration; `None` where none is configured. The caller holds the lock of the
/// data directory: the table is made in it, which takes minutes for all of France.
///
/// # Errors
/// A file that cannot be read or is no extract, a disk fault.
pub fn open(config: &Config) -> Result<Option<Arc<Register>>, RunError> {
    if config.register.is_empty() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Register::current(&config.register, &config.data_dir, Memory::default(), told)?)))
}

fn told(making: Making<'_>) {
    match making {
        Making::Begun(files) => {
            let files: Vec<_> = files.iter().map(|f| f.path.display().to_string()).collect();
            info!("reading the register from {}: minutes, for all of France", files.join(", "));
        }
        Making::Ended(made) => counts(made),
    }
}

fn counts(made: &Made) {
    info!(
        units = made.units,
        seats = made.seated,
        masked = made.masked,
        "register read: {} legal units, {} with their seat, {} natural persons whose name is not published",
        made.units,
        made.seated,
        made.masked
    );
    if let Some((path, row)) = &made.first_faulty {
        warn!(
            rows = made.faulty,
            "{} rows of the register have no SIREN that can be read and are left out, the first is row {row} of {}",
            made.faulty,
            path.display()
        );
    }
    if made.contradictory > 0 {
        warn!(
            units = made.contradictory,
            "{} legal units stand in the register more than once and differently: the active one was taken",
            made.contradictory
        );
    }
}

/// What the store remembers of a register; empty without one.
pub(super) fn digest(register: Option<&Register>) -> &str {
    register.map_or("", Register::digest)
}
