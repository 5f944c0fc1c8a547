//! The environment as configuration: `GUICHET_<TABLE>__<KEY>`.
//!
//! A trait, so that tests (and the demo) bring their own. Absent and invalid are kept apart: an
//! invalid value is reported under the variable's name.

use std::collections::BTreeMap;

/// Where environment variables are read.
pub trait Env {
    /// The value; `None` when it is not set or not UTF-8.
    fn get(&self, name: &str) -> Option<String>;
    /// Every name that is set and UTF-8.
    fn names(&self) -> Vec<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

/// A fixed environment.
impl Env for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// Variables of guichet that are not configuration: the clock, the tests' data, the log filter.
const OTHERS: [&str; 3] = ["GUICHET_NOW", "GUICHET_REAL_DATA", "GUICHET_LOG"];

/// `GUICHET_HARVEST__PER_HOST` for `per_host` of `[harvest]`; the table is empty at the top.
pub(super) fn variable(table: &str, key: &str) -> String {
    let mut name = String::from("GUICHET_");
    for part in table.split('.').filter(|part| !part.is_empty()) {
        name.push_str(&part.to_ascii_uppercase());
        name.push_str("__");
    }
    name.push_str(&key.to_ascii_uppercase());
    name
}

/// Whether a name claims to be a key of guichet.toml: it has the two underscores. A name without
/// them may be the operator's own (the variable of a credential).
pub(super) fn claims_a_key(name: &str) -> bool {
    name.strip_prefix("GUICHET_").is_some_and(|rest| rest.contains("__")) && !OTHERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_named_after_its_table_and_key() {
        assert_eq!(variable("", "data_dir"), "GUICHET_DATA_DIR");
        assert_eq!(variable("harvest", "per_host"), "GUICHET_HARVEST__PER_HOST");
        assert_eq!(variable("publish.upload", "bucket"), "GUICHET_PUBLISH__UPLOAD__BUCKET");
        assert!(claims_a_key("GUICHET_HARVEST__X") && !claims_a_key("GUICHET_NOW"));
    }
}
