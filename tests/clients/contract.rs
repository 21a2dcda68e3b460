//! The contract against the released ones: nothing that a client holds in hand breaks, what may surprise it is
//! announced. `graphql/released/` holds the schema of each release.

use crate::support::{node, root, run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The released schemas, oldest first.
fn released() -> Vec<PathBuf> {
    let mut files: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(root().join("graphql/released"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let version = path.file_stem().unwrap().to_str().unwrap();
            let version = version.split('.').map(|it| it.parse().unwrap()).collect();
            (version, path)
        })
        .collect();
    files.sort();
    files.into_iter().map(|(_, path)| path).collect()
}

fn changes(schemas: &[PathBuf], today: Option<&str>) -> Value {
    let mut command = node("clients/typescript", "../breaking.cjs");
    command.args(schemas);
    if let Some(today) = today {
        command.env("FANGPIN_TEST_TODAY", today);
    }
    serde_json::from_str(&run(&mut command)).unwrap()
}

/// The part of the announcements that stands above the last release.
fn unreleased(changelog: &str, last: &str) -> String {
    changelog
        .lines()
        .take_while(|line| *line != format!("## {last}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What may surprise a client and is not named in backticks.
fn unannounced(found: &Value, announced: &str) -> Vec<String> {
    let named: Vec<&str> = announced.split('`').skip(1).step_by(2).collect();
    let is_named = |subject: &str| {
        named.iter().any(|it| {
            it.split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| subject.rsplit('.').next() == Some(word))
        })
    };
    found["dangerous"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| !is_named(it["subject"].as_str().unwrap()))
        .map(|it| it["what"].to_string())
        .collect()
}

#[test]
fn no_released_contract_is_broken() {
    let mut schemas = released();
    let last = schemas.last().expect("a released schema").clone();
    schemas.push(root().join("graphql/schema.graphql"));
    let found = changes(&schemas, None);
    assert_eq!(found["breaking"], serde_json::json!([]));
    let changelog = fs::read_to_string(root().join("graphql/CHANGELOG.md")).unwrap();
    let last = last.file_stem().unwrap().to_str().unwrap();
    assert!(
        changelog.lines().any(|line| line == format!("## {last}")),
        "graphql/CHANGELOG.md has no section {last}"
    );
    let silent = unannounced(&found, &unreleased(&changelog, last));
    assert!(
        silent.is_empty(),
        "not named in graphql/CHANGELOG.md: {silent:#?}"
    );
}

const OLD: &str = r#"
type Query { claims: Int, claim(id: ID!): Claim, old: Int @deprecated(reason: "use claim; removed on or after 2027-12-01") }
type Claim { id: ID!, status: Status!, amountFen: String! }
enum Status { DRAFT, PAID }
input Filter { status: Status }
"#;

fn compared(folder: &Path, new: &str, today: &str) -> Value {
    let (before, after) = (folder.join("old.graphql"), folder.join("new.graphql"));
    fs::write(&before, OLD).unwrap();
    fs::write(&after, new).unwrap();
    changes(&[before, after], Some(today))
}

/// The check itself can fail: each way of breaking a client is seen, and what breaks nobody is not.
#[test]
fn a_breaking_change_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let see = |from: &str, to: &str, today: &str| {
        assert!(OLD.contains(from), "{from}");
        compared(folder.path(), &OLD.replace(from, to), today)
    };
    let today = "2026-12-01";
    for (from, to, kind) in [
        (", amountFen: String!", "", "FIELD_REMOVED"),
        (
            "amountFen: String!",
            "amountFen: Int!",
            "FIELD_CHANGED_KIND",
        ),
        (
            "amountFen: String!",
            "amountFen: String",
            "FIELD_CHANGED_KIND",
        ),
        (
            "claim(id: ID!)",
            "claim(id: ID!, county: ID!)",
            "REQUIRED_ARG_ADDED",
        ),
        (
            "input Filter { ",
            "input Filter { county: ID!, ",
            "REQUIRED_INPUT_FIELD_ADDED",
        ),
        ("DRAFT, PAID", "DRAFT", "VALUE_REMOVED_FROM_ENUM"),
        (
            "old: Int @deprecated(reason: \"use claim; removed on or after 2027-12-01\")",
            "",
            "FIELD_REMOVED",
        ),
    ] {
        let found = see(from, to, today);
        let first = found["breaking"][0].as_str().unwrap_or_default();
        assert!(first.starts_with(kind), "{from} -> {to}: {found}");
    }
    // Its day has come.
    let deprecated = "old: Int @deprecated(reason: \"use claim; removed on or after 2027-12-01\")";
    let found = see(deprecated, "", "2027-12-01");
    assert_eq!(found["breaking"], serde_json::json!([]), "{found}");
    // More than before breaks nobody.
    let found = see("id: ID!, status", "id: ID!, version: Int!, status", today);
    assert_eq!(found["breaking"], serde_json::json!([]), "{found}");
    assert_eq!(found["dangerous"], serde_json::json!([]), "{found}");
    // A new value may surprise: it must be announced.
    let found = see("DRAFT, PAID", "DRAFT, PAID, CLOSED", today);
    assert_eq!(found["breaking"], serde_json::json!([]), "{found}");
    assert_eq!(
        unannounced(&found, "- `Status` is richer").len(),
        1,
        "{found}"
    );
    assert_eq!(
        unannounced(&found, "- new: `Status.CLOSED`").len(),
        0,
        "{found}"
    );
    let found = see("input Filter { ", "input Filter { county: ID, ", today);
    assert_eq!(unannounced(&found, "- nothing").len(), 1, "{found}");
    assert_eq!(unannounced(&found, "- `Filter.county`").len(), 0, "{found}");
}

/// Announcements of older releases do not count for this one.
#[test]
fn only_the_unreleased_part_announces() {
    let changelog = "# Changes\n## Unreleased\n- `A`\n## 0.1.0\n- `B`\n";
    let part = unreleased(changelog, "0.1.0");
    assert!(part.contains("`A`") && !part.contains("`B`"));
}
