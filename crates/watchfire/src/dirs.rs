//! Where things are by default.

use crate::exit::{Exit, unable};
use directories::BaseDirs;
use std::path::PathBuf;

/// The data directory: as given, or `watchfire` in the platform's data directory.
pub fn data(given: Option<&PathBuf>) -> Result<PathBuf, Exit> {
    platform(given, "watchfire", "--data")
}

/// The agent's spool: as given, or `watchfire-agent` in the platform's data directory.
pub fn spool(given: Option<&PathBuf>) -> Result<PathBuf, Exit> {
    platform(given, "watchfire-agent", "--spool")
}

fn platform(given: Option<&PathBuf>, name: &str, option: &str) -> Result<PathBuf, Exit> {
    if let Some(dir) = given {
        return Ok(dir.clone());
    }
    match BaseDirs::new() {
        Some(base) => Ok(base.data_dir().join(name)),
        None => {
            Err(unable(format!("there is no home directory to keep data in: name a directory with {option}")))
        }
    }
}

/// The directory of configuration files, if there is one.
pub fn config() -> Option<PathBuf> {
    BaseDirs::new().map(|base| base.config_dir().join("watchfire"))
}
