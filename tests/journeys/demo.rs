//! The main job: `fangpin demo`, on `SQLite` and `PostgreSQL`, twice, and after kills.

use crate::support::{Place, both, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

fn claims(place: &Place) -> Vec<Value> {
    let text = run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let json: Value =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("one JSON object, got: {text}"));
    json["claims"].as_array().unwrap().clone()
}

fn is_sound(place: &Place) {
    let output = place.fangpin(&["audit", "verify"]).output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
}

/// The statement of the sample county's year balances to zero, and is not empty.
fn balances(place: &Place) {
    let statement = [
        "pool",
        "statement",
        "--scheme",
        "haigang-2020",
        "--year",
        "2020",
    ];
    let text = run(&mut place.fangpin(&[&statement[..], &["--json"]].concat()));
    let json: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("JSON, got: {text}"));
    let of = |key: &str| json[0][key].as_i64().unwrap();
    assert_eq!(of("differenceFen"), 0, "{text}");
    assert_eq!(of("cameInFen"), of("wentOutFen") + of("heldFen"), "{text}");
    assert!(of("wentOutFen") > 0 && of("heldFen") > 0, "{text}");
    let table = run(&mut place.fangpin(&statement));
    let last = table.lines().find(|line| line.contains("差额"));
    let mut cells = last.unwrap_or_default().split(['│', '┆']).map(str::trim);
    assert!(cells.any(|cell| cell == "0.00"), "{table}");
}

#[test]
fn seventeen_households_on_both_databases_twice() {
    let mut tables = Vec::new();
    for place in Place::both() {
        let first = claims(&place);
        assert_eq!(first.len(), 17);
        let paid: Vec<&Value> = first.iter().filter(|it| it["status"] == "PAID").collect();
        assert_eq!(paid.len(), 2, "{first:#?}");
        assert!(
            paid.iter()
                .all(|it| it["town"] == "石门寨镇" && it["amountFen"].as_i64() > Some(0))
        );
        let mut stages: BTreeMap<&str, usize> = BTreeMap::new();
        for claim in &first {
            *stages.entry(claim["status"].as_str().unwrap()).or_default() += 1;
        }
        for status in [
            "INELIGIBLE",
            "RETURNED",
            "WITHDRAWN",
            "NOTICE_OPEN",
            "APPROVED",
            "VERIFYING",
        ] {
            assert!(
                stages.contains_key(status),
                "nobody stands at {status}: {stages:?}"
            );
        }
        assert_eq!(claims(&place), first, "a second run repeats nothing");
        is_sound(&place);
        balances(&place);
        tables.push(first);
    }
    assert_eq!(tables[0], tables[1], "SQLite and PostgreSQL tell the same");
}

/// Killed at any moment, the file serves, the books are sound, and the job can be finished. The
/// moments are spread over the time the whole job takes here.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "spreads the kills; decides nothing about a claim"
)]
fn killed_at_any_moment() {
    const MOMENTS: u32 = 16;
    let began = std::time::Instant::now();
    let whole = claims(&Place::sqlite());
    let takes = began.elapsed();
    let mut in_the_middle = 0;
    for moment in 0..MOMENTS {
        let place = Place::sqlite();
        let mut child = place
            .fangpin(&["demo", "--no-serve", "--json"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(takes * moment / MOMENTS + Duration::from_millis(2));
        let _ = child.kill();
        let _ = child.wait();
        let output = place.fangpin(&["audit", "verify", "--json"]).output();
        let output = output.unwrap();
        if output.status.success() {
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            let claims = report["claims"].as_u64().unwrap();
            in_the_middle += u32::from((1..17).contains(&claims));
            in_the_middle += u32::from(claims == 17 && report["payments"].as_u64() < Some(3));
        } else {
            // Killed before there were books: then verification says what is missing.
            let told = both(&output);
            let early = ["there is no database", "no schema of", "no county is"];
            assert!(early.iter().any(|it| told.contains(it)), "{told}");
        }
        if moment % 4 == 3 {
            // On a copy: a server at work has today's clock, and closes notices whose term has run by it.
            let copy = Place::sqlite();
            for file in std::fs::read_dir(place.folder.path()).unwrap() {
                let file = file.unwrap();
                if file.file_type().unwrap().is_file() {
                    let to = copy.folder.path().join(file.file_name());
                    std::fs::copy(file.path(), to).unwrap();
                }
            }
            crate::support::Server::start(&copy, &["serve"]).kill();
        }
        assert_eq!(claims(&place), whole, "killed at moment {moment}");
        is_sound(&place);
    }
    assert!(
        in_the_middle >= 3,
        "only {in_the_middle} kills hit the job itself"
    );
}
