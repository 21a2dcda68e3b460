//! Bulk over the wire: batches of referrals, exports.

use super::Wire;
use crate::node_id::{self, Kind};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use engine::household::Household;
use engine::identity::Change;
use engine::ids;
use engine::limits::CALLER_CACHE_MS;
use engine::testkit::world::{PASSWORD, Role, county, day, id_number, yuan};
use futures_util::StreamExt;
use lifecycle::Duty;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt;

fn line(wire: &Wire, line_no: u16, place: &str) -> Value {
    let number = id_number(day(1970, 1, 1), line_no);
    json!({
        "lineNo": line_no, "villageCode": wire.desk.world.household(place).village.to_string(),
        "headName": format!("批量{line_no}"), "headIdNumber": number.reveal(), "kind": "脱贫不稳定户", "persons": 3,
        "insuredName": format!("批量{line_no}"), "insuredIdNumber": number.reveal(), "relation": "户主",
        "peril": "ILLNESS", "eventOn": "2020-05-20", "submittedFen": "4120000",
        "decidedOn": "2020-05-28", "document": "村代会决议", "payeeName": format!("批量{line_no}"),
        "bank": "某银行", "account": format!("62284800000{line_no:08}"),
    })
}

async fn send(wire: &Wire, role: Role, key: uuid::Uuid, lines: &[Value]) -> Value {
    let input = json!({
        "batchKey": key, "lines": lines,
        "schemeId": node_id::encode(Kind::Scheme, wire.desk.world.scheme.id.0),
    });
    let reply = wire
        .document(role, "office/ReferBatch.graphql", json!({ "input": input }))
        .await;
    assert_eq!(reply.body.get("errors"), None, "{}", reply.body);
    reply.body["data"]["referBatch"].clone()
}

fn statuses(payload: &Value) -> Vec<&str> {
    let lines = payload["lines"].as_array().unwrap();
    lines
        .iter()
        .map(|line| line["status"].as_str().unwrap())
        .collect()
}

/// Failure 23: good lines go on, bad ones come back with field and reason; all of them are accounted for;
/// sending again does nothing; other contents under a number that is done are refused.
#[tokio::test]
async fn good_lines_go_on_and_bad_ones_come_back() {
    let wire = Wire::open().await;
    let key = ids::fresh();
    let mut lines: Vec<Value> = (1..=6)
        .map(|number| line(&wire, number, "石门寨"))
        .collect();
    lines[1]["headIdNumber"] = json!("130302197001010000");
    lines[2]["villageCode"] = json!(wire.desk.world.household("驻操营").village.to_string());
    lines[3]["payeeName"] = json!("路人");
    lines[4]["lineNo"] = json!(1);
    let payload = send(&wire, Role::Shimenzhai, key, &lines).await;
    let expected = ["ADDED", "REFUSED", "REFUSED", "REFUSED", "REFUSED", "ADDED"];
    assert_eq!(statuses(&payload), expected, "{payload}");
    let told: Vec<_> = (1..5)
        .map(|index| {
            let error = &payload["lines"][index]["userErrors"][0];
            (
                error["code"].clone(),
                error["field"].clone(),
                error["params"][1]["value"].clone(),
            )
        })
        .collect();
    let error = |index: &str, field: &str, reason: &str| {
        (
            json!("VALIDATION"),
            json!(["lines", index, field]),
            json!(reason),
        )
    };
    assert_eq!(
        told,
        [
            error("1", "headIdNumber", "NOT_AN_ID_NUMBER"),
            error("2", "villageCode", "UNKNOWN"),
            error("3", "payeeName", "NOT_OF_HOUSEHOLD"),
            error("4", "lineNo", "TWICE"),
        ]
    );
    assert_eq!(payload["lines"][0]["claim"]["status"], "REFERRED");
    let (received, done, refused) = (5, 2, 3);
    let batch = json!({ "batchKey": key, "received": received, "done": done, "refused": refused, "lastLineNo": 6 });
    assert_eq!(payload["batch"], batch);
    // What came back says nothing private.
    assert!(!payload.to_string().contains("19700101"));

    let events = wire.desk.log().await.len();
    let again = send(&wire, Role::Shimenzhai, key, &lines[..1]).await;
    assert_eq!(statuses(&again), ["ALREADY_THERE"]);
    assert_eq!(again["lines"][0]["claim"], payload["lines"][0]["claim"]);
    for (field, value) in [
        ("submittedFen", json!("1")),
        ("account", json!("6228480000000099999")),
    ] {
        let mut other = lines[0].clone();
        other[field] = value;
        let other = send(&wire, Role::Shimenzhai, key, &[other]).await;
        assert_eq!(
            other["lines"][0]["userErrors"][0]["code"], "KEY_REUSED",
            "{other}"
        );
        assert_eq!(other["batch"]["done"], 2);
    }
    assert_eq!(
        wire.desk.log().await.len(),
        events,
        "nothing was done twice"
    );
    let mended: Vec<Value> = (2..=5)
        .map(|number| line(&wire, number, "石门寨"))
        .collect();
    let payload = send(&wire, Role::Shimenzhai, key, &mended).await;
    assert_eq!(statuses(&payload), ["ADDED"; 4]);
    assert_eq!(payload["batch"]["refused"], 0);
    let progress = wire
        .document(
            Role::Shimenzhai,
            "office/ReferralBatch.graphql",
            json!({ "batchKey": key }),
        )
        .await;
    assert_eq!(
        progress.body["data"]["referralBatch"]["done"], 6,
        "{}",
        progress.body
    );
    let other = wire
        .document(
            Role::CountyCaseworker,
            "office/ReferralBatch.graphql",
            json!({ "batchKey": key }),
        )
        .await;
    assert_eq!(other.code(), "NOT_FOUND", "another account's batch");
    wire.desk.expect_sound().await;
}

#[tokio::test]
async fn a_batch_has_one_to_five_hundred_lines() {
    let wire = Wire::open().await;
    let one = line(&wire, 1, "石门寨");
    let many = vec![one; 501];
    for (lines, reason) in [(&many[..0], "EMPTY"), (&many[..], "TOO_MANY")] {
        let payload = send(&wire, Role::Shimenzhai, ids::fresh(), lines).await;
        assert_eq!(
            payload["userErrors"][0]["params"][1]["value"], reason,
            "{payload}"
        );
        assert_eq!(payload["lines"], json!([]));
    }
}

async fn asked(wire: &Wire, role: Role, kind: &str, format: &str) -> Value {
    let input = json!({ "idempotencyKey": ids::fresh(), "kind": kind, "format": format, "purpose": "年度核对" });
    let reply = wire
        .document(
            role,
            "reports/StartExport.graphql",
            json!({ "input": input }),
        )
        .await;
    assert_eq!(reply.body.get("errors"), None, "{}", reply.body);
    reply.body["data"]["startExport"]["operation"].clone()
}

async fn taken(wire: &Wire, role: Option<Role>, url: &str) -> super::Reply {
    let mut request = Request::get(url);
    if let Some(role) = role {
        request = request.header("authorization", format!("Bearer {}", role.token()));
    }
    wire.send(request.body(Body::empty()).unwrap()).await
}

/// An export holds what the caller may see, masked, in each form; only its requester takes it away; each
/// time is on record; after a day it is gone.
#[tokio::test]
async fn an_export_is_its_requesters() {
    let wire = Wire::open().await;
    let near = wire
        .desk
        .refer(wire.desk.world.household("石门寨"))
        .through_verification(yuan(41_200))
        .await;
    let far = wire.desk.refer(wire.desk.world.household("驻操营")).await;
    for format in ["CSV", "JSONL"] {
        for (kind, rows) in [("CLAIMS", 1), ("EVENTS", near.version), ("HOUSEHOLDS", 1)] {
            let operation = asked(&wire, Role::Shimenzhai, kind, format).await;
            assert_eq!(operation["state"], "READY");
            let url = operation["url"].as_str().unwrap();
            let reply = taken(&wire, Some(Role::Shimenzhai), url).await;
            assert_eq!(reply.status, StatusCode::OK);
            assert_eq!(reply.headers["cache-control"], "no-store");
            let lines = reply.text.lines().count() - usize::from(format == "CSV");
            if kind == "HOUSEHOLDS" {
                assert!(lines >= rows as usize);
            } else {
                assert_eq!(lines, rows as usize, "{kind} {}", reply.text);
                assert!(reply.text.contains(&near.number) && !reply.text.contains(&far.number));
            }
            for household in &wire.desk.world.households {
                for member in &household.members {
                    assert!(!reply.text.contains(member.id_number.reveal()));
                }
                for payee in &household.payees {
                    assert!(!reply.text.contains(payee.account.reveal()));
                }
            }
            for stranger in [Role::CountyCaseworker, Role::Handler] {
                let reply = taken(&wire, Some(stranger), url).await;
                assert_eq!(reply.status, StatusCode::NOT_FOUND);
                assert_eq!(reply.headers["cache-control"], "no-store");
            }
            assert_eq!(
                taken(&wire, None, url).await.status,
                StatusCode::UNAUTHORIZED
            );
            let query = format!(
                "{{ bulkOperation(id: {}) {{ state rows downloads }} }}",
                operation["id"]
            );
            let seen = wire.ask(Role::Shimenzhai, &query).await;
            let expected = json!({ "state": "COMPLETED", "rows": lines, "downloads": 1 });
            assert_eq!(
                seen.body["data"]["bulkOperation"], expected,
                "{}",
                seen.body
            );
        }
    }
    let operation = asked(&wire, Role::Shimenzhai, "CLAIMS", "XLSX").await;
    let url = operation["url"].as_str().unwrap().to_owned();
    let reply = taken(&wire, Some(Role::Shimenzhai), &url).await;
    assert!(reply.status == StatusCode::OK && reply.text.starts_with("PK"));
    wire.desk.pass_days(1);
    assert_eq!(
        taken(&wire, Some(Role::Shimenzhai), &url).await.status,
        StatusCode::NOT_FOUND
    );
}

/// Without a purpose, or for whoever only serves machines, there is no export.
#[tokio::test]
async fn an_export_wants_purpose_and_duty() {
    let wire = Wire::open().await;
    let input = json!({ "idempotencyKey": ids::fresh(), "kind": "CLAIMS", "format": "CSV", "purpose": " " });
    let file = "reports/StartExport.graphql";
    let reply = wire
        .document(Role::Auditor, file, json!({ "input": input }))
        .await;
    let errors = &reply.body["data"]["startExport"]["userErrors"];
    assert_eq!(errors[0]["field"], json!(["purpose"]), "{}", reply.body);
    let mut input = input;
    input["purpose"] = json!("对账");
    let reply = wire
        .document(Role::Connector, file, json!({ "input": input }))
        .await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.body);
}

/// Who takes an export away is asked again before every page, and stands on record before the first row
/// leaves.
#[tokio::test]
async fn an_export_ends_with_its_credential() {
    let wire = Wire::open().await;
    wire.desk.refer(wire.desk.world.household("石门寨")).await;
    let role = Role::Shimenzhai;
    let elsewhere = wire.desk.office().access;
    let session = elsewhere.log_in(role.login(), PASSWORD).await.unwrap();
    let token = session.unwrap().token;
    let operation = asked(&wire, role, "CLAIMS", "CSV").await;
    let url = operation["url"].as_str().unwrap();
    let request = Request::get(url).header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::empty()).unwrap();
    let response = wire.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut pieces = response.into_body().into_data_stream();
    assert!(
        pieces.next().await.unwrap().is_ok(),
        "the head of the table"
    );
    let query = format!(
        "{{ bulkOperation(id: {}) {{ downloads }} }}",
        operation["id"]
    );
    let seen = wire.ask(role, &query).await;
    assert_eq!(seen.body["data"]["bulkOperation"]["downloads"], 1);
    elsewhere.log_out(&token).await.unwrap();
    // A caller is remembered for a moment.
    let moment = Duration::from_millis(CALLER_CACHE_MS + 200);
    tokio::time::sleep(moment).await;
    assert!(pieces.next().await.unwrap().is_err(), "broken off");
    assert!(pieces.next().await.is_none());

    let change = Change::SetDuties {
        person: role.person_id(),
        duties: vec![Duty::Administrator],
        region: role.person().region,
    };
    let store = wire.desk.store();
    store.change(county(), &[change], None).await.unwrap();
    tokio::time::sleep(moment).await;
    let refused = taken(&wire, Some(role), url).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

/// A household that has moved out of the region is not shown through its claim, here or in an export.
#[tokio::test]
async fn who_has_moved_away_is_not_shown() {
    let wire = Wire::open().await;
    let home = wire.desk.world.household("石门寨").clone();
    let claim = wire.desk.refer(&home).await;
    let away = Household {
        village: wire.desk.world.household("驻操营").village.clone(),
        ..home.clone()
    };
    wire.desk.store().put_household(&away).await.unwrap();
    let query = format!(
        "{{ claim(number: \"{}\") {{ household {{ headName }} insured {{ name }} payee {{ holderName }} }} }}",
        claim.number
    );
    for (role, shown) in [(Role::Shimenzhai, false), (Role::CountyCaseworker, true)] {
        let seen = wire.ask(role, &query).await;
        assert_eq!(seen.body.get("errors"), None, "{}", seen.body);
        assert_eq!(seen.text.contains(home.head_name()), shown, "{}", seen.body);
        let operation = asked(&wire, role, "CLAIMS", "CSV").await;
        let text = taken(&wire, Some(role), operation["url"].as_str().unwrap())
            .await
            .text;
        assert!(text.contains(&claim.number), "{text}");
        assert_eq!(text.contains(home.head_name()), shown, "{text}");
    }
}
