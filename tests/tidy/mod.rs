//! Text scans: what a compiler does not see.

use crate::support::root;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The direct dependencies each crate may have. The arrows of the architecture are here: `store`,
/// `gateway` and `console` never import each other; the pure crates know nothing that runs.
const ALLOWED: &[(&str, &[&str])] = &[
    ("crates/benefits", &["serde"]),
    (
        "crates/lifecycle",
        &["benefits", "chrono", "uuid", "serde", "sha2"],
    ),
    (
        "crates/engine",
        &[
            "benefits",
            "lifecycle",
            "chrono",
            "uuid",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "tokio",
            "async-trait",
            "futures-util",
            "tracing",
            "argon2",
            "getrandom",
            "totp-rs",
            "toml",
            "schemars",
            "base64",
            "ed25519-dalek",
            "hmac",
            "ipnet",
        ],
    ),
    (
        "crates/store",
        &[
            "benefits",
            "lifecycle",
            "engine",
            "migrations",
            "sea-orm",
            "sea-orm-migration",
            "sqlx",
            "chrono",
            "uuid",
            "serde",
            "serde_json",
            "sha2",
            "tokio",
            "async-trait",
            "tracing",
            "base64",
            "getrandom",
            "chacha20poly1305",
            "hkdf",
            "hmac",
            "secrecy",
            "toml",
        ],
    ),
    (
        "crates/gateway",
        &[
            "benefits",
            "lifecycle",
            "engine",
            "bank",
            "sheet",
            "async-graphql",
            "async-graphql-axum",
            "async-graphql-value",
            "futures-util",
            "axum",
            "tower-http",
            "base64",
            "chrono",
            "csv",
            "futures-util",
            "rust_xlsxwriter",
            "uuid",
            "serde",
            "serde_json",
            "tokio",
            "async-trait",
            "tracing",
            "sha2",
            "maud",
            "reqwest",
            "rustls",
        ],
    ),
    (
        "crates/sheet",
        &[
            "benefits",
            "engine",
            "calamine",
            "csv",
            "encoding_rs",
            "rust_xlsxwriter",
            "zip",
            "chrono",
            "thiserror",
        ],
    ),
    (
        "crates/bank",
        &[
            "benefits",
            "engine",
            "lifecycle",
            "sheet",
            "chrono",
            "csv",
            "mt940",
            "quick-xml",
            "serde",
            "thiserror",
        ],
    ),
    (
        "crates/console",
        &[
            "benefits",
            "lifecycle",
            "engine",
            "bank",
            "sheet",
            "axum",
            "maud",
            "chrono",
            "uuid",
            "serde",
            "openidconnect",
            "qrcode",
            "reqwest",
            "rustls",
            "tracing",
            "tokio",
            "thiserror",
            "strsim",
        ],
    ),
    (
        "crates/server",
        &[
            "benefits",
            "lifecycle",
            "engine",
            "store",
            "gateway",
            "console",
            "sheet",
            "axum",
            "tokio",
            "tower-http",
            "tracing",
            "tracing-subscriber",
            "clap",
            "clap_complete",
            "figment",
            "toml",
            "directories",
            "comfy-table",
            "serde",
            "serde_json",
            "chrono",
            "uuid",
            "rustix",
            "rust_xlsxwriter",
            "calamine",
            "secrecy",
            "reqwest",
            "rustls",
            "tar",
            "flate2",
            "sha2",
            "base64",
        ],
    ),
    ("migrations", &["sea-orm-migration", "async-trait"]),
];

fn manifest(folder: &str) -> toml::Table {
    let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    text.parse().unwrap()
}

#[test]
fn tidy_direction_of_dependencies() {
    let mut wrong = Vec::new();
    for (folder, allowed) in ALLOWED {
        let manifest = manifest(folder);
        for name in manifest["dependencies"].as_table().unwrap().keys() {
            if !allowed.contains(&name.as_str()) {
                wrong.push(format!("{folder} depends on {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tidy_every_crate_is_in_the_allow_list() {
    let workspace = manifest(".");
    let members: BTreeSet<&str> = workspace["workspace"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it.as_str())
        .collect();
    let listed: BTreeSet<&str> = ALLOWED
        .iter()
        .map(|(folder, _)| *folder)
        .chain(["tests"])
        .collect();
    assert_eq!(members, listed);
}

#[test]
fn tidy_every_dependency_says_what_it_is_for() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let dependencies = text.split("[workspace.dependencies]").nth(1).unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    let silent: Vec<&str> = dependencies
        .lines()
        .filter(|line| line.contains('=') && !line.starts_with('#') && !line.contains("path ="))
        .filter(|line| !line.contains(" # "))
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn tidy_guards_are_whole_outside_their_own_tests() {
    for (folder, _) in ALLOWED.iter().chain(&[("tests", &[][..])]) {
        let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let enables = text
            .lines()
            .any(|line| line.contains("broken-guards") && line.contains("features"));
        assert!(!enables, "{folder} switches guards off");
    }
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs") {
            into.push(path);
        }
    }
}

fn product_sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    sources(&root().join("migrations"), &mut files);
    files.retain(|it| !it.components().any(|part| part.as_os_str() == "tests"));
    files
}

#[test]
fn tidy_no_floats() {
    // Spreadsheet cells hold floats; they are turned into text or fen, and back, in one file.
    let mut wrong = Vec::new();
    for file in product_sources() {
        if file.ends_with("sheet/src/cell.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (index, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if ["f32", "f64"].iter().any(|it| {
                code.split(|c: char| !c.is_alphanumeric())
                    .any(|word| word == *it)
            }) {
                wrong.push(format!("{}:{}", file.display(), index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tidy_no_catch_all_arm_in_the_state_machine() {
    let mut wrong = Vec::new();
    let mut files = Vec::new();
    sources(&root().join("crates/lifecycle/src"), &mut files);
    for file in files {
        for (index, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            if line.trim_start().starts_with("_ =>") {
                wrong.push(format!("{}:{}", file.display(), index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tidy_each_crate_says_what_it_owns() {
    for (folder, _) in ALLOWED
        .iter()
        .filter(|(folder, _)| folder.starts_with("crates/"))
    {
        let folder = root().join(folder).join("src");
        let file = ["lib.rs", "main.rs"]
            .iter()
            .map(|it| folder.join(it))
            .find(|it| it.exists())
            .unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let head: String = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        for word in ["**Owns", "**Never", "**Start here"] {
            assert!(head.contains(word), "{} lacks {word}", file.display());
        }
    }
}

#[test]
fn tidy_top_level_is_as_prescribed() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE",
        "README.md",
        "crates",
        "migrations",
        "graphql",
        "tests",
        "target",
    ];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name.starts_with('.') || allowed.contains(&name.as_str()),
            "{name}"
        );
    }
}

/// One stem, several spellings: `OpenPublicNotice`, `openPublicNotice`, `OPEN_PUBLIC_NOTICE`.
#[test]
fn tidy_every_command_has_its_mutation_and_its_document() {
    let schema = fs::read_to_string(root().join("graphql/schema.graphql")).unwrap();
    let mut documents = String::new();
    let mut folders = vec![root().join("graphql/operations")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                documents.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut missing = Vec::new();
    for command in lifecycle::CommandKind::ALL {
        let mut stem = String::new();
        for (index, word) in command.code().split('_').enumerate() {
            let lower = word.to_lowercase();
            if index == 0 {
                stem.push_str(&lower);
            } else {
                stem.push_str(&word[..1]);
                stem.push_str(&lower[1..]);
            }
        }
        if !schema.contains(&format!("  {stem}(")) {
            missing.push(format!("schema: {stem}"));
        }
        if !documents.contains(&format!("{stem}(")) {
            missing.push(format!("operations: {stem}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn tidy_state_diagram_in_readme_is_fresh() {
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme
        .split_once("<!-- state diagram: generated -->\n")
        .unwrap();
    let (shown, after) = rest.split_once("<!-- end of state diagram -->").unwrap();
    let fresh = format!("```mermaid\n{}\n```\n", lifecycle::diagram().trim_end());
    if shown != fresh && crate::support::updating_golden() {
        fs::write(
            &path,
            format!("{before}<!-- state diagram: generated -->\n{fresh}<!-- end of state diagram -->{after}"),
        )
        .unwrap();
        return;
    }
    assert_eq!(
        shown, fresh,
        "stale: UPDATE_GOLDEN=1 cargo test -p tests tidy_state_diagram"
    );
}
