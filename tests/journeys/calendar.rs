//! How days are counted, on the real binary: the end of a term and why, a county's own calendar, a year that is missing,
//! and Asia/Shanghai days wherever the server stands.

use super::by_hand::{Case, paper};
use crate::support::{Client, Place, Server, both, fangpin, run};
use serde_json::{Value, json};

/// A server in Greenwich, one behind it, one ahead.
const ZONES: [&str; 3] = ["UTC", "America/New_York", "Asia/Tokyo"];

/// A calendar of 2020 alone, as far as the demo's June needs it.
const YEAR_2020: &str = r#"
[[year]]
year = 2020
source = "县级日历(测试)"
holidays = ["2020-06-25", "2020-06-26", "2020-06-27"]
workdays = ["2020-06-28"]
"#;

fn close(arguments: &[&str]) -> Value {
    let mut command = fangpin();
    command
        .args(["calendar", "close", "--json"])
        .args(arguments);
    serde_json::from_str(&run(&mut command)).unwrap()
}

/// The sentence of the issue, with the days counted by hand: 29 and 30 September are the first two days, then the
/// holiday to 7 October; Saturday 10 October is worked.
#[test]
fn the_last_day_of_a_term_and_why() {
    for (arguments, last_day, rolling, closes_at) in [
        (
            &["--days", "5"][..],
            "2026-10-03",
            "NOT_ASKED",
            "2026-10-03T16:00:00Z",
        ),
        (
            &["--days", "5", "--roll"],
            "2026-10-08",
            "ROLLED",
            "2026-10-08T16:00:00Z",
        ),
        (
            &["--working-days", "5"],
            "2026-10-10",
            "NOT_ASKED",
            "2026-10-10T16:00:00Z",
        ),
        (
            &["--working-days", "5", "--roll"],
            "2026-10-10",
            "NOT_NEEDED",
            "2026-10-10T16:00:00Z",
        ),
    ] {
        let told = close(&[&["2026-09-28"], arguments].concat());
        assert_eq!(told["lastDay"], last_day, "{told}");
        assert_eq!(told["rolling"], rolling, "{told}");
        assert_eq!(told["closesAt"], closes_at, "{told}");
        let days = told["days"].as_array().unwrap();
        assert_eq!(days[0]["count"], "POSTING_DAY", "{told}");
        assert_eq!(days.last().unwrap()["day"], last_day, "{told}");
        let holiday = days.iter().find(|it| it["day"] == "2026-10-01").unwrap();
        assert_eq!(holiday["kind"], "HOLIDAY");
        assert_eq!(holiday["notice"], "国办发明电〔2025〕7号");
    }
    let told = run(fangpin().args(["calendar", "close", "2026-09-28", "--days", "5", "--roll"]));
    for words in [
        "期限最后一日 2026-10-08",
        "last day 2026-10-08; may close from 2026-10-09T00:00:00+08:00",
        "第 5 日 2026-10-03 是休息日",
        "张贴日,不计入",
        "国办发明电〔2025〕7号",
    ] {
        assert!(told.contains(words), "{words} in:\n{told}");
    }
    // 2027 has no notice yet; and a term has one length.
    let missing = fangpin()
        .args(["calendar", "close", "2026-12-30", "--days", "5"])
        .output();
    let missing = missing.unwrap();
    assert!(!missing.status.success() && both(&missing).contains("2027"));
    for lengths in [
        &[][..],
        &["--days", "5", "--working-days", "5"],
        &["--days", "0"],
    ] {
        let mut command = fangpin();
        let output = command
            .args(["calendar", "close", "2026-09-28"])
            .args(lengths);
        assert!(!output.output().unwrap().status.success(), "{lengths:?}");
    }
}

#[test]
fn the_years_held_and_what_is_lacking() {
    let years = |on: &str| -> Value {
        let text = run(fangpin().args(["calendar", "years", "--json", "--on", on]));
        serde_json::from_str(&text).unwrap()
    };
    let autumn = years("2026-10-01");
    let held: Vec<i64> = autumn["years"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["year"].as_i64().unwrap())
        .collect();
    assert_eq!(held, (2018..=2026).collect::<Vec<_>>());
    assert_eq!(
        autumn["years"][8]["notices"],
        json!(["国办发明电〔2025〕7号"])
    );
    assert_eq!(autumn["warnings"][0]["code"], "NEXT_YEAR_MISSING");
    assert_eq!(autumn["warnings"][0]["year"], 2027);
    assert_eq!(years("2026-09-30")["warnings"], json!([]));
    assert_eq!(years("2027-01-01")["warnings"][0]["code"], "YEAR_MISSING");
    let told = run(fangpin().args(["calendar", "years", "--on", "2026-10-01"]));
    assert!(
        told.contains("国办发明电〔2019〕3号") && told.contains("警告"),
        "{told}"
    );
}

/// A county's calendar takes the place of the one built in; what is wrong in it is told with file and line.
#[test]
fn a_county_brings_its_own_calendar() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calendar.toml");
    std::fs::write(&file, YEAR_2020).unwrap();
    let own = |arguments: &[&str]| {
        let mut command = fangpin();
        command
            .arg("calendar")
            .args(arguments)
            .env("FANGPIN_CALENDAR", &file);
        command.output().unwrap()
    };
    // 1 October is no holiday in this file, 25 June is.
    let told = both(&own(&["close", "2020-09-28", "--working-days", "3"]));
    assert!(told.contains("last day 2020-10-01"), "{told}");
    let told = both(&own(&["close", "2020-06-24", "--working-days", "1"]));
    assert!(
        told.contains("last day 2020-06-28") && told.contains("县级日历"),
        "{told}"
    );
    let beyond = own(&["close", "2020-12-30", "--days", "5"]);
    assert!(!beyond.status.success(), "2021 is not held");

    let settings = folder.path().join("fangpin.toml");
    std::fs::write(
        &settings,
        format!("calendar = {:?}\n", file.to_str().unwrap()),
    )
    .unwrap();
    let told = run(fangpin()
        .args(["calendar", "years", "--on", "2020-12-01", "--config"])
        .arg(&settings));
    assert!(
        told.contains("县级日历") && told.contains("2021") && !told.contains("2018"),
        "{told}"
    );

    let faulty = YEAR_2020
        .replace("\"2020-06-25\"", "\"2021-06-25\"")
        .replace("\"2020-06-28\"", "\"2020-06-27\", \"2020-06-29\"");
    std::fs::write(&file, faulty).unwrap();
    let output = own(&["years"]);
    let told = both(&output);
    assert!(!output.status.success());
    for fault in [
        "calendar.toml: line 5: 2021-06-25 does not lie in 2020",
        "calendar.toml: line 6: 2020-06-27 is a holiday and a working day",
        "calendar.toml: line 6: 2020-06-29 is a Monday",
    ] {
        assert!(told.contains(fault), "{fault} in:\n{told}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(both(&own(&["years"])).contains("cannot be read"));
}

/// Failure 18: the server says so when it starts, and whoever asks whether it is ready is told.
#[tokio::test]
async fn a_missing_year_is_told_early() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calendar.toml");
    std::fs::write(&file, YEAR_2020).unwrap();
    let place = Place::sqlite();
    for (now, told) in [
        ("2020-09-30T23:00:00+08:00", false),
        ("2020-10-01T00:00:00+08:00", true),
    ] {
        let calendar = file.to_str().unwrap();
        let environment = [("FANGPIN_CALENDAR", calendar)];
        let server = Server::start_with(&place, &["demo", "--now", now], &environment);
        let answer = reqwest::get(server.url("/readyz")).await.unwrap();
        assert!(answer.status().is_success(), "a warning is no failure");
        let body = answer.text().await.unwrap();
        assert!(body.starts_with("ready\n"), "{body}");
        assert_eq!(
            body.contains("warning: the calendar lacks 2021"),
            told,
            "{now}: {body}"
        );
        // What was logged at the start comes before what is logged for a stop.
        let log = server.stop().join("\n");
        assert_eq!(
            log.contains("WARN") && log.contains("lacks 2021"),
            told,
            "{now}: {log}"
        );
    }
}

/// Failure 16: half past midnight in the village is the day before in UTC and in New York. Wherever the server stands,
/// the notice is posted on the village's day, and ends five of its days later.
#[tokio::test]
async fn days_are_the_villages_wherever_the_server_stands() {
    for zone in ZONES {
        let zoned = [("TZ", zone)];
        let mut command = fangpin();
        command.args([
            "calendar",
            "close",
            "2026-09-28",
            "--days",
            "5",
            "--roll",
            "--json",
        ]);
        let told: Value = serde_json::from_str(&run(command.envs(zoned))).unwrap();
        assert_eq!(told["closesAt"], "2026-10-08T16:00:00Z", "{zone}");

        let place = Place::sqlite();
        let night = ["demo", "--now", "2020-07-01T00:30:00+08:00"];
        let server = Server::start_with(&place, &night, &zoned);
        let notice = post_a_notice(&server).await;
        assert_eq!(
            notice,
            json!({
                "postedOn": "2020-07-01", "lastDay": "2020-07-06", "closesAt": "2020-07-06T16:00:00Z",
            }),
            "{zone}"
        );
    }
}

/// One claim from referral to its notice; returns the notice.
async fn post_a_notice(server: &Server) -> Value {
    let township = Client::sign_in(server, "smz.wang").await;
    let county = Client::sign_in(server, "office.zhao").await;
    let handler = Client::sign_in(server, "ins.chu").await;
    let surveyor = Client::sign_in(server, "ins.zhou").await;
    let found = township
        .query(
            "{ claims(first: 1) { edges { node { scheme { id } household { id members { id } payees(first: 10) { nodes { id } } } } } } }",
            json!({}),
        )
        .await;
    let node = &found["data"]["claims"]["edges"][0]["node"];
    let staff = handler
        .query(
            "{ colleagues(duty: SURVEYOR, first: 10) { nodes { id } } }",
            json!({}),
        )
        .await;
    let surveyor_id = &staff["data"]["colleagues"]["nodes"][0]["id"];
    let draft = json!({
        "idempotencyKey": "00000000-0000-7000-8000-00000000abcd", "schemeId": node["scheme"]["id"],
        "householdId": node["household"]["id"], "insuredMemberId": node["household"]["members"][0]["id"],
        "peril": "ILLNESS", "eventOn": "2020-06-20", "submittedFen": "4120000",
        "payeeId": node["household"]["payees"]["nodes"][0]["id"],
        "basis": { "decidedOn": "2020-06-21", "document": "村评〔2020〕99号" },
    });
    let first = township
        .ask("office/DraftReferral", json!({ "input": draft }))
        .await;
    let mut case = Case::of(&first["data"]["draftReferral"]["claim"]);
    case.give(&township, "office/ReferCase", json!({})).await;
    case.give(&handler, "insurer/AcceptReferral", json!({}))
        .await;
    let survey = json!({ "surveyorId": surveyor_id });
    case.give(&handler, "insurer/AssignSurvey", survey).await;
    let visit = json!({
        "check": "FIELD_VISIT", "on": "2020-06-30", "passed": true, "evidence": [paper("入户照片")],
    });
    case.give(&surveyor, "insurer/RecordFinding", visit).await;
    let evaluation = json!({
        "check": "VILLAGE_EVALUATION", "on": "2020-06-30", "passed": true, "evidence": [],
        "votes": { "present": 15, "agree": 14, "against": 1 },
    });
    case.give(&township, "office/RecordFinding", evaluation)
        .await;
    let facts = json!({
        "bills": [{ "issuer": "示例医院", "number": "T-1", "amountFen": "9120000" }],
        "layers": [{ "name": "基本医保", "paidFen": "5000000" }], "otherCompensationFen": "0",
        "evidence": [paper("医疗费用结算单"), paper("诊断证明")],
    });
    case.give(&surveyor, "insurer/RecordVerification", facts)
        .await;
    let id = json!({ "id": case.id });
    let preview = "query($id: ID!) { claim(id: $id) { noticePreview { contentHash } } }";
    let preview = township.query(preview, id.clone()).await;
    let hash = preview["data"]["claim"]["noticePreview"]["contentHash"].clone();
    let seen = json!({ "contentHash": hash });
    case.give(&township, "office/PreviewNotice", seen).await;
    case.give(&county, "office/OpenPublicNotice", json!({}))
        .await;
    let notice = "query($id: ID!) { claim(id: $id) { notice { postedOn lastDay closesAt } } }";
    let posted = county.query(notice, id).await;
    posted["data"]["claim"]["notice"].clone()
}
