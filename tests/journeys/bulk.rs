//! Ten thousand referrals in calls of a few hundred lines, then all of them exported: in bounded memory
//! (failures 23 and 24).

use crate::support::{Client, Place, Server};
use serde_json::{Value, json};
use std::time::Instant;

/// Lines of the list, and of one call.
const LINES: usize = 10_000;
const A_CALL: usize = 500;
/// By how much the server may grow, in KiB.
const GROWTH_KIB_MAX: u64 = 96 * 1024;

/// A valid number of an invented person.
pub fn id_number(sequence: usize) -> String {
    let (year, rest) = (1950 + sequence / 9_000, sequence % 9_000);
    let (month, rest) = (rest / 750 + 1, rest % 750);
    let body = format!("130302{year}{month:02}{:02}{:03}", rest / 30 + 1, rest % 30);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = body.bytes().map(|byte| usize::from(byte - b'0'));
    let sum: usize = digits
        .zip(weights)
        .map(|(digit, weight)| digit * weight)
        .sum();
    format!("{body}{}", char::from(b"10X98765432"[sum % 11]))
}

fn line(line_no: usize, village: &str) -> Value {
    let (number, name) = (id_number(line_no), format!("测{line_no}"));
    json!({
        "lineNo": line_no, "villageCode": village, "headName": name, "headIdNumber": number, "kind": "脱贫不稳定户",
        "persons": 3, "insuredName": name, "insuredIdNumber": number, "relation": "户主", "peril": "ILLNESS",
        "eventOn": "2020-05-20", "submittedFen": "4120000", "decidedOn": "2020-05-28", "document": "决议",
        "payeeName": name, "bank": "某银行", "account": format!("62284800000{line_no:08}"),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::disallowed_methods,
    reason = "tells how long it took; decides nothing"
)]
async fn ten_thousand_lines_in_bounded_memory() {
    let place = Place::sqlite();
    let server = Server::start(&place, &["demo", "--now", "2020-06-24T09:00:00+08:00"]);
    let client = Client::sign_in(&server, "office.zhao").await;
    let schemes = client.ask("office/Schemes", json!({})).await;
    let scheme = schemes["data"]["schemes"]["nodes"][0]["id"].clone();
    let regions = client.ask("office/Regions", json!({})).await;
    let regions = regions["data"]["regions"]["nodes"].as_array().unwrap();
    let codes = regions
        .iter()
        .map(|region| region["code"].as_str().unwrap());
    let village = codes
        .into_iter()
        .find(|code| code.len() == 12)
        .unwrap()
        .to_owned();
    let key = uuid::Uuid::from_u128(7);
    let before = server.resident_kib();
    let began = Instant::now();
    let (mut added, mut bytes) = (0, 0);
    for first in (1..=LINES).step_by(A_CALL) {
        let lines: Vec<Value> = (first..first + A_CALL)
            .map(|number| line(number, &village))
            .collect();
        bytes = bytes.max(json!(lines).to_string().len());
        let input = json!({ "batchKey": key, "schemeId": scheme, "lines": lines });
        let input = json!({ "input": input });
        // As README says: what was not done in time is sent again, and what was done is told so.
        let mut answer = client.ask("office/ReferBatch", input.clone()).await;
        let mut status = vec!["ADDED"];
        while answer["errors"][0]["extensions"]["code"] == "OUTCOME_UNKNOWN" {
            status = vec!["ADDED", "ALREADY_THERE"];
            answer = client.ask("office/ReferBatch", input.clone()).await;
        }
        let results = answer["data"]["referBatch"]["lines"].as_array();
        let results = results.unwrap_or_else(|| panic!("{answer}"));
        assert_eq!(results.len(), A_CALL);
        for (offset, result) in results.iter().enumerate() {
            assert_eq!(result["lineNo"], first + offset);
            let told = result["status"].as_str();
            assert!(told.is_some_and(|it| status.contains(&it)), "{result}");
            added += 1;
        }
    }
    let seconds = began.elapsed().as_secs().max(1);
    assert_eq!(added, LINES);
    let progress = client
        .ask("office/ReferralBatch", json!({ "batchKey": key }))
        .await;
    let progress = &progress["data"]["referralBatch"];
    assert_eq!(
        (&progress["received"], &progress["done"]),
        (&json!(LINES), &json!(LINES))
    );
    let after = server.resident_kib();
    let input = json!({
        "idempotencyKey": uuid::Uuid::from_u128(8), "kind": "CLAIMS", "format": "CSV", "purpose": "核对",
    });
    let answer = client
        .ask("office/StartExport", json!({ "input": input }))
        .await;
    let url = answer["data"]["startExport"]["operation"]["url"].as_str();
    let url = url.unwrap_or_else(|| panic!("{answer}")).to_owned();
    let began = Instant::now();
    let text = String::from_utf8(client.take_away(&server, &url).await).unwrap();
    let rows = text.lines().count() - 1;
    assert!(rows >= LINES, "{rows}");
    let exported = server.resident_kib();
    println!(
        "{LINES} lines in {seconds} s ({} a second), {} KiB a call of {A_CALL}; memory {before} KiB before, {after} after, \
         {exported} after an export of {rows} rows in {} ms",
        LINES / usize::try_from(seconds).unwrap(),
        bytes / 1024,
        began.elapsed().as_millis(),
    );
    assert!(
        after.max(exported) - before.min(after) < GROWTH_KIB_MAX,
        "{before} {after} {exported}"
    );
}
