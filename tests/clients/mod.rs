//! What an integrator does: clients made by ordinary tools from the contract alone take a claim from draft to paid,
//! over HTTP, against the real server. One first day, and one a week later, when the notice has run its term.

mod contract;

use crate::support::{Place, Server, both, node_modules, python, root};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const FIRST_DAY: &str = "2020-06-24T09:00:00+08:00";
const AFTER_NOTICE: &str = "2020-06-30T09:00:00+08:00";

/// Runs a step of a client, shows what it said, and gives it back.
fn step(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}");
    assert!(output.status.success(), "{}", both(&output));
    said
}

/// Both stages of a client's `lifecycle` program: `client(URL, rest of the arguments)`.
fn lifecycle(client: impl Fn(&str, &[&str]) -> Command) {
    let place = Place::sqlite();
    let server = Server::start(&place, &["demo", "--now", FIRST_DAY]);
    let said = step(&mut client(&server.url("/graphql"), &["first-day"]));
    let claim = said
        .lines()
        .find_map(|line| line.strip_prefix("claim "))
        .unwrap_or_else(|| panic!("no claim in {said}"));
    drop(server);
    let server = Server::start(&place, &["demo", "--now", AFTER_NOTICE]);
    let said = step(&mut client(
        &server.url("/graphql"),
        &["after-notice", claim],
    ));
    assert!(said.contains(" is PAID, 2534000 fen"), "{said}");
    drop(server);
    let verified = place.fangpin(&["audit", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", both(&verified));
}

/// The TypeScript client as an integrator has it: its folder, the packages beside it, the contract elsewhere.
fn typescript_folder(folder: &Path) {
    let from = root().join("tests/clients/typescript");
    fs::create_dir(folder.join("src")).unwrap();
    for file in [
        "package.json",
        "codegen.yml",
        "tsconfig.json",
        "src/client.ts",
        "src/lifecycle.ts",
    ] {
        fs::copy(from.join(file), folder.join(file)).unwrap();
    }
    symlink(
        node_modules("clients/typescript"),
        folder.join("node_modules"),
    )
    .unwrap();
}

fn tool(folder: &Path, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("node");
    command
        .current_dir(folder)
        .env("FANGPIN_CONTRACT", root().join("graphql"))
        .arg(folder.join("node_modules/.bin").join(name))
        .args(arguments);
    command
}

#[test]
fn typescript_client_generated_from_the_sdl_finishes_a_lifecycle() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    typescript_folder(folder);
    step(&mut tool(
        folder,
        "graphql-codegen",
        &["--config", "codegen.yml"],
    ));
    step(&mut tool(folder, "tsc", &[]));

    // The types hold: a field that is not there and an input that is not whole do not compile.
    let path = folder.join("src/lifecycle.ts");
    let program = fs::read_to_string(&path).unwrap();
    for (right, wrong) in [
        ("paid.amountFen", "paid.amountYuan"),
        ("    submittedFen: \"4120000\",\n", ""),
        ("submittedFen: \"4120000\"", "submittedFen: 4120000"),
    ] {
        assert!(program.contains(right), "{right}");
        fs::write(&path, program.replace(right, wrong)).unwrap();
        let refused = tool(folder, "tsc", &["--noEmit"]).output().unwrap();
        assert!(!refused.status.success(), "{wrong:?} compiles");
    }
    lifecycle(|url, arguments| {
        let mut command = Command::new("node");
        command
            .arg(folder.join("dist/lifecycle.js"))
            .arg(url)
            .args(arguments);
        command
    });
}

#[test]
fn python_client_checked_against_the_sdl_finishes_a_lifecycle() {
    lifecycle(|url, arguments| {
        let mut command = python();
        command
            // No byte code beside the sources.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(root().join("tests/clients/python/lifecycle.py"))
            .arg(url)
            .arg(root().join("graphql"))
            .args(arguments);
        command
    });
}
