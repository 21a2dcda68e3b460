//! The scheme files of the repository.

use engine::calendar_file::parse_calendar;
use engine::scheme_file::check_scheme;
use lifecycle::{Calendar, Scheme};
use std::fs;
use std::path::{Path, PathBuf};

/// The schemes of counties, by file name.
pub const COUNTIES: &str = "crates/server/schemes";
/// The orders of steps.
pub const ORDERS: &str = "crates/server/schemes/orders";
/// Schemes that were invented to show a shape of the rule language.
pub const SHAPES: &str = "tests/cases/shapes";

/// The top of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// The scheme files of a folder, by path from the top, in order.
pub fn scheme_files(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder));
    let entries = entries.unwrap_or_else(|fault| panic!("{folder}: {fault}"));
    let mut files: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.strip_suffix(".toml").is_some())
        .map(|name| format!("{folder}/{name}"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} holds no scheme");
    files
}

/// Every scheme file.
pub fn all() -> Vec<String> {
    [COUNTIES, ORDERS, SHAPES]
        .into_iter()
        .flat_map(scheme_files)
        .collect()
}

pub fn calendar() -> Calendar {
    parse_calendar(&read("crates/server/calendar/cn.toml")).expect("the shipped calendar is sound")
}

/// The scheme of a file, which must be sound.
pub fn scheme(path: &str) -> Scheme {
    let report = check_scheme(&read(path), Some(&calendar()));
    let faults: Vec<String> = report
        .faults
        .iter()
        .map(|fault| format!("{path}:{fault}"))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    report.scheme.expect("a scheme without faults")
}
