//! A draft is run over what the demo recorded, on both databases, and nothing is written.

use crate::support::{Place, both, root, run};
use engine::registry::{Region, Registry};
use lifecycle::{CountyCode, RegionCode};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const ORDER: [&str; 2] = ["scheme", "rehearse"];

fn sample() -> String {
    let path = root().join("crates/server/sample/scheme.toml");
    std::fs::read_to_string(path).unwrap()
}

/// A draft in a file of its own.
fn draft(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("draft.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn rehearse(place: &Place, text: &str) -> Value {
    let file = draft(place.folder.path(), text);
    let mut command = place.fangpin(&ORDER);
    let told = run(command.arg(file).args(["--against", "recorded", "--json"]));
    serde_json::from_str(&told).unwrap_or_else(|_| panic!("one JSON object, got: {told}"))
}

/// The database as it lies on the disk: the file, and what is not yet folded into it.
fn on_disk(place: &Place) -> [Vec<u8>; 2] {
    ["fangpin.sqlite", "fangpin.sqlite-wal"]
        .map(|name| std::fs::read(place.folder.path().join(name)).unwrap_or_default())
}

#[test]
fn a_draft_over_the_demos_record() {
    for place in Place::both() {
        run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
        let before = on_disk(&place);
        let same = rehearse(&place, &sample());
        let claims = same["claims"].as_array().unwrap();
        assert_eq!(claims.len(), 8, "{same:#}");
        for claim in claims {
            assert_eq!(claim["differenceFen"], 0, "{claim:#}");
            assert_eq!(claim["stuck"], Value::Null, "{claim:#}");
        }
        let sums = &same["approved"];
        assert_eq!(
            (&sums["claims"], &sums["differenceFen"]),
            (&5.into(), &0.into())
        );
        assert_eq!(same["households"]["same"], 8);
        assert_eq!(same["pool"]["old"], same["pool"]["new"]);

        let less = sample().replace("rate = \"70%\"", "rate = \"60%\"");
        assert_ne!(less, sample(), "the sample pays 70 %");
        let worse = rehearse(&place, &less);
        // By hand, from the referral list: 41,200.50, 58,300, 19,460 and 47,300 yuan less 5,000 at
        // 60 % and 70 %; school fees of 9,800 above 6,000 as before.
        let differences: Vec<i64> = worse["claims"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|claim| claim["differenceFen"].as_i64())
            .filter(|it| *it != 0)
            .collect();
        assert_eq!(differences.len(), 4, "{worse:#}");
        assert_eq!(
            worse["approved"],
            json!({ "claims": 5, "oldFen": 10_618_235, "newFen": 9_155_630,
                    "differenceFen": -1_462_605 })
        );
        assert_eq!(
            worse["computed"],
            json!({ "claims": 3, "oldFen": 1_615_000, "newFen": 1_615_000, "differenceFen": 0 })
        );
        // 40,000 persons at 50 yuan; 15 % of 91,556.30 is 13,733.445.
        assert_eq!(
            worse["pool"]["new"],
            json!({ "premiumFen": 200_000_000, "paidFen": 9_155_630, "feeFen": 1_373_345,
                    "balanceFen": 189_471_025 })
        );
        assert_eq!(
            worse["households"],
            json!({ "better": { "households": 0, "differenceFen": 0 },
                    "worse": { "households": 4, "differenceFen": -1_462_605 },
                    "same": 4, "open": { "households": 0, "oldFen": 0 } })
        );
        let village = worse["villages"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["name"] == "槐树店村")
            .unwrap();
        let (lost, same) = (
            &village["households"]["worse"],
            &village["households"]["same"],
        );
        assert_eq!(
            (&lost["differenceFen"], same),
            (&json!(-533_000), &json!(1))
        );

        // As people read it: no name of anybody.
        let mut command = place.fangpin(&ORDER);
        command.arg(draft(place.folder.path(), &less));
        let told = run(command.args(["--against", "recorded", "--claims"]));
        for words in [
            "试算(只读",
            "reads only",
            "-14,626.05",
            "1,894,710.25",
            "结转下年",
        ] {
            assert!(told.contains(words), "{words} in:\n{told}");
        }
        for name in ["高永顺", "王桂芝", "赵连生"] {
            assert!(!told.contains(name), "{told}");
        }
        assert_eq!(on_disk(&place), before, "it wrote");
        assert!(run(&mut place.fangpin(&["audit", "verify"])).contains("sound"));
    }
}

/// A next year's draft, with rules that nobody has met yet.
#[test]
fn a_next_years_draft_moves_its_periods() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let next = sample()
        .replace("year = 2020\n", "year = 2021\n")
        .replace("2019-01-01", "2020-01-01")
        .replace("2020-12-31", "2021-12-31")
        .replace("from = 2020-01-01\nto", "from = 2021-01-01\nto")
        .replace(
            "kind = \"诊断证明\", supplier = \"HOUSEHOLD\", due = \"VERIFICATION\"",
            "kind = \"低保证\", supplier = \"VILLAGE\", due = \"REFERRAL\"",
        );
    let told = rehearse(&place, &next);
    assert_eq!(
        (&told["year"], &told["movedYears"]),
        (&2020.into(), &(-1).into())
    );
    assert_eq!(
        told["stuck"],
        json!([{ "code": "DOCUMENTS_MISSING", "claims": 4 }])
    );
    assert_eq!(
        told["open"]["oldFen"],
        2_534_035 + 3_731_000 + 1_012_200 + 2_961_000
    );
    let mut command = place.fangpin(&ORDER);
    command.arg(draft(place.folder.path(), &next));
    let table = run(command.args(["--against", "recorded"]));
    for words in ["平移-1年", "低保证×1(村)", "材料不齐"] {
        assert!(table.contains(words), "{words} in:\n{table}");
    }
}

/// There is nothing to rehearse without claims; no database is made.
#[test]
fn nothing_on_record() {
    let place = Place::sqlite();
    let refused = |place: &Place, year: &[&str]| {
        let mut command = place.fangpin(&ORDER);
        command.arg(draft(place.folder.path(), &sample()));
        let output = command.args(["--against", "recorded"]).args(year).output();
        let output = output.unwrap();
        assert!(!output.status.success());
        both(&output)
    };
    refused(&place, &[]);
    assert!(!place.folder.path().join("fangpin.sqlite").exists());
    run(&mut place.fangpin(&["migrate", "up"]));
    assert!(refused(&place, &[]).contains("no claims of county 130302"));
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let told = refused(&place, &["--year", "2019"]);
    assert!(
        told.contains("no claims of 2019; there are: 2020"),
        "{told}"
    );
}

/// What the rehearsal opens refuses every write.
#[tokio::test]
async fn the_file_is_opened_for_reading() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let url = place.url().replace("mode=rwc", "mode=ro");
    let store = store::connect_snapshot(&url, std::sync::Arc::new(store::Keyring::none()))
        .await
        .unwrap();
    let county = CountyCode::new(130_302).unwrap();
    let recorded = engine::rehearse::recorded_year(&store, county, None).await;
    assert_eq!(recorded.unwrap().unwrap().claims.len(), 17);
    let region = Region {
        code: RegionCode::new("130302999").unwrap(),
        name: "某镇(测试)".into(),
    };
    assert!(store.put_region(county, &region).await.is_err());
}
