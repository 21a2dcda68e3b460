//! `migrations/sql/0007_*` is generated from `lifecycle::TABLE`; this holds that it is fresh.
//! Regenerate with `UPDATE_GOLDEN=1 cargo test -p store lawful`.

use lifecycle::TABLE;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

/// The step's text: every pair of statuses that some command may lead from and to.
fn lawful_transition_sql(text_type: &str, strict: &str) -> String {
    let pairs: BTreeSet<(&str, &str)> = TABLE
        .iter()
        .filter_map(|row| Some((row.from?.code(), row.to.code())))
        .collect();
    let mut sql = format!(
        "-- Generated from lifecycle::TABLE by crates/store/tests/sql/lawful.rs; do not edit.\n\
         -- The lawful transitions of a claim's status, those that keep it included.\n\n\
         CREATE TABLE lawful_transition (\n    from_status {text_type} NOT NULL,\n    to_status {text_type} NOT NULL,\n    \
         PRIMARY KEY (from_status, to_status)\n){strict};\n\n\
         INSERT INTO lawful_transition (from_status, to_status) VALUES\n"
    );
    let last = pairs.len() - 1;
    for (index, (from, to)) in pairs.iter().enumerate() {
        let end = if index == last { ";" } else { "," };
        writeln!(sql, "    ('{from}', '{to}'){end}").expect("writing to a string");
    }
    sql
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE_GOLDEN=1 rewrites generated files"
)]
fn the_generated_step_is_fresh() {
    let update = std::env::var("UPDATE_GOLDEN").is_ok_and(|it| it == "1");
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sql");
    for (dialect, text_type, strict) in [("sqlite", "TEXT", " STRICT"), ("postgres", "text", "")] {
        let file = folder.join(format!("0007_lawful_transition.{dialect}.up.sql"));
        let expected = lawful_transition_sql(text_type, strict);
        if update {
            std::fs::write(&file, &expected).expect("writing");
        }
        let found = std::fs::read_to_string(&file).expect("reading");
        assert!(
            found == expected,
            "{} is stale: UPDATE_GOLDEN=1 cargo test -p store lawful",
            file.display()
        );
    }
}
