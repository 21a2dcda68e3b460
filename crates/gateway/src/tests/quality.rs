//! What the API promises beyond the single answer: previews write nothing, blockers are the guards' own
//! words, a stale screen learns what changed, a key acts once however often it is sent, nodes are found
//! by their ids.

use super::Wire;
use crate::node_id::{self, Kind};
use axum::body::Body;
use axum::http::Request;
use engine::access::{Access, KeyOrder};
use engine::identity::{Rules, SecondFactorRule};
use engine::testkit::world::{Role, TestDesk, yuan};
use engine::{Clock, Grant, ids};
use lifecycle::Claim;
use serde_json::{Value, json};
use std::sync::Arc;

fn id_of(claim: &Claim) -> String {
    node_id::encode(Kind::Claim, claim.id.0).to_string()
}

fn input(claim: &Claim, fields: &Value) -> Value {
    let mut input = json!({
        "claimId": id_of(claim), "expectedVersion": claim.version, "idempotencyKey": ids::fresh(),
    });
    for (name, value) in fields.as_object().unwrap() {
        input[name] = value.clone();
    }
    json!({ "input": input })
}

/// A preview tells what the mutation then does, leaves no trace, and does not use the key up.
#[tokio::test]
async fn a_preview_writes_nothing_and_tells_the_truth() {
    let wire = Wire::open().await;
    let draft = wire.desk.draft(wire.desk.world.household("石门寨")).await;
    let before = wire.desk.log().await;
    let mut variables = input(&draft, &json!({ "preview": true }));
    let file = "office/ReferCase.graphql";
    let seen = wire
        .document(Role::Shimenzhai, file, variables.clone())
        .await;
    let payload = &seen.body["data"]["referCase"];
    assert_eq!(payload["claim"]["status"], "REFERRED", "{}", seen.body);
    assert_eq!(payload["claim"]["version"], 2);
    assert_eq!(payload["event"], Value::Null);
    assert_eq!(wire.desk.log().await, before, "nothing was written");
    assert_eq!(wire.desk.claim(draft.id).await.version, 1);
    variables["input"]["preview"] = json!(false);
    let done = wire
        .document(Role::Shimenzhai, file, variables.clone())
        .await;
    assert_eq!(done.body["data"]["referCase"]["claim"], payload["claim"]);
    assert_eq!(done.body["data"]["referCase"]["event"]["seq"], 2);
    assert_eq!(done.body["extensions"]["idempotentReplay"], Value::Null);
    // A refusal in a preview is the refusal of the mutation.
    let claim = wire.desk.claim(draft.id).await;
    let wrong = input(
        &claim,
        &json!({ "preview": true, "amountFen": "1", "instructionNo": "x", "bankRef": "y" }),
    );
    let refused = wire
        .document(Role::Finance, "insurer/ConfirmPayout.graphql", wrong)
        .await;
    let errors = &refused.body["data"]["confirmPayout"]["userErrors"];
    assert_eq!(errors[0]["code"], "INVALID_STATE", "{}", refused.body);
    // Out of scope is out of scope.
    let foreign = input(&claim, &json!({ "preview": true }));
    let foreign = wire.document(Role::Zhucaoying, file, foreign).await;
    assert_eq!(foreign.code(), "NOT_FOUND");
    // A draft may be previewed too; it begins with the same id as the one that is then drafted.
    assert_eq!(wire.desk.log().await.len(), before.len() + 1);
}

/// What stands in the way is told in the caller's language, for each of the actions it has.
#[tokio::test]
async fn blockers_are_told_with_their_messages() {
    let wire = Wire::open().await;
    let story = wire.desk.refer(wire.desk.world.household("石门寨"));
    let open = story
        .through_verification(yuan(41_200))
        .preview()
        .open_notice()
        .await;
    let query = format!(
        "{{ claim(id: \"{}\") {{ availableActions blockers {{ action code message params {{ name value }} }} }} }}",
        id_of(&open)
    );
    let seen = wire.ask(Role::Supervisor, &query).await;
    let claim = &seen.body["data"]["claim"];
    let blockers = claim["blockers"].as_array().unwrap();
    let close = blockers.iter().find(|it| it["action"] == "CLOSE_NOTICE");
    let close = close.unwrap_or_else(|| panic!("{}", seen.body));
    assert_eq!(close["code"], "PERIOD_INCOMPLETE");
    assert!(close["message"].as_str().unwrap().starts_with("公示期未满"));
    assert_eq!(close["params"][0]["name"], "closesAt");
    let actions = claim["availableActions"].as_array().unwrap();
    assert!(blockers.iter().all(|it| actions.contains(&it["action"])));
}

/// Failure 7: whoever decides on a stale screen is told what happened meanwhile, and by which side.
#[tokio::test]
async fn a_stale_screen_learns_what_changed() {
    let wire = Wire::open().await;
    let referred = wire.desk.refer(wire.desk.world.household("石门寨")).await;
    wire.desk.on(&referred).accept().assign().await;
    let file = "insurer/ReturnReferral.graphql";
    let variables = input(&referred, &json!({ "reasons": ["材料不清"] }));
    let reply = wire.document(Role::Handler, file, variables).await;
    let payload = &reply.body["data"]["returnReferral"];
    assert_eq!(
        payload["userErrors"][0]["code"], "STALE_VERSION",
        "{}",
        reply.body
    );
    let params = &payload["userErrors"][0]["params"];
    assert_eq!(params[0], json!({ "name": "currentVersion", "value": "4" }));
    let since = payload["changedSince"].as_array().unwrap();
    let kinds: Vec<_> = since
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["REFERRAL_ACCEPTED", "SURVEY_ASSIGNED"]);
    for event in since {
        assert!(
            event["by"].is_string() && event["organisation"].is_string(),
            "{event}"
        );
    }
    assert_eq!(payload["claim"], Value::Null);
}

/// Failure 11: the same call fifty times at once is one claim and one answer, to the byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_times_at_once_is_once() {
    let wire = Wire::open().await;
    let household = wire.desk.world.household("石门寨").clone();
    let query = std::fs::read_to_string(
        super::contract_file("operations").join("office/DraftReferral.graphql"),
    );
    let part = |kind, own| node_id::encode_part(kind, household.id.0, own);
    let body = json!({ "query": query.unwrap(), "variables": { "input": {
        "idempotencyKey": ids::fresh(),
        "schemeId": node_id::encode(Kind::Scheme, wire.desk.world.scheme.id.0),
        "householdId": node_id::encode(Kind::Household, household.id.0),
        "insuredMemberId": part(Kind::Member, household.members[0].id.0),
        "peril": "ILLNESS", "eventOn": "2020-05-20", "submittedFen": "4120000",
        "payeeId": part(Kind::Payee, household.payees[0].id.0),
    } } });
    let calls = (0..50).map(|_| wire.post(Some(Role::Shimenzhai), &body));
    let replies = futures_util::future::join_all(calls).await;
    let first = replies[0].data();
    assert!(first.contains("\"status\":\"DRAFT\""), "{first}");
    assert!(replies.iter().all(|reply| reply.data() == first));
    let again = replies
        .iter()
        .filter(|it| it.body["extensions"]["idempotentReplay"] == true);
    assert_eq!(again.count(), 49);
    assert_eq!(wire.desk.log().await.len(), 1);
}

/// Every id that an answer shows is found again by `node`, as the same thing, by whoever may see it,
/// and by nobody else (failure 14).
#[tokio::test]
async fn every_node_is_found_by_its_id() {
    let wire = Wire::open().await;
    let story = wire.desk.refer(wire.desk.world.household("石门寨"));
    let story = story
        .through_verification(yuan(41_200))
        .preview()
        .open_notice();
    let claim = story
        .prove()
        .object()
        .dismiss()
        .pass_days(6)
        .close_notice()
        .approve()
        .instruct()
        .await;
    let query = format!(
        "{{ claim(id: \"{}\") {{ id scheme {{ id }} household {{ id members {{ id }} payees(first: 9) {{ nodes {{ id }} }} }} \
         notice {{ id }} payout {{ id }} objections(first: 9) {{ nodes {{ id }} }} timeline(first: 1) {{ nodes {{ id }} }} }} \
         colleagues(duty: FINANCE, first: 1) {{ nodes {{ id }} }} }}",
        id_of(&claim)
    );
    let seen = wire.ask(Role::Finance, &query).await;
    assert_eq!(seen.body.get("errors"), None, "{}", seen.body);
    let seen = &seen.body["data"];
    let (of, home) = (&seen["claim"], &seen["claim"]["household"]);
    let nodes = [
        ("Claim", &of["id"]),
        ("Scheme", &of["scheme"]["id"]),
        ("Household", &home["id"]),
        ("Member", &home["members"][0]["id"]),
        ("Payee", &home["payees"]["nodes"][0]["id"]),
        ("Notice", &of["notice"]["id"]),
        ("Payout", &of["payout"]["id"]),
        ("Objection", &of["objections"]["nodes"][0]["id"]),
        ("ClaimEvent", &of["timeline"]["nodes"][0]["id"]),
        ("Colleague", &seen["colleagues"]["nodes"][0]["id"]),
    ];
    for (name, id) in nodes {
        let query = format!("{{ node(id: {id}) {{ __typename id }} }}");
        let found = wire.ask(Role::Finance, &query).await;
        assert_eq!(
            found.body["data"]["node"],
            json!({ "__typename": name, "id": id })
        );
        let stranger = wire.ask(Role::RivalHandler, &query).await;
        assert_eq!(stranger.code(), "NOT_FOUND", "{name} {}", stranger.body);
        assert_eq!(stranger.body["data"]["node"], Value::Null);
    }
}

/// Quality values decide the language; what is not offered falls back to Chinese.
#[tokio::test]
async fn messages_follow_accept_language() {
    let wire = Wire::open().await;
    let draft = wire
        .desk
        .draft(wire.desk.world.household("石门寨"))
        .without_basis()
        .await;
    let query = std::fs::read_to_string(
        super::contract_file("operations").join("office/ReferCase.graphql"),
    );
    let body =
        json!({ "query": query.unwrap(), "variables": input(&draft, &json!({ "preview": true })) });
    for (accept, english) in [
        ("en", true),
        ("en-GB,en;q=0.8", true),
        ("zh-CN,zh;q=0.9,en;q=0.8", false),
        ("fr, en;q=0.5, zh;q=0.4", true),
        ("en;q=0.3, zh-Hans;q=0.31", false),
        ("en;q=0", false),
        ("fr", false),
        ("*", false),
        ("", false),
    ] {
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept-language", accept)
            .header(
                "authorization",
                format!("Bearer {}", Role::Shimenzhai.token()),
            );
        let request = request.body(Body::from(body.to_string())).unwrap();
        let reply = wire.send(request).await;
        let error = &reply.body["data"]["referCase"]["userErrors"][0];
        assert_eq!(error["code"], "MISSING_BASIS", "{}", reply.body);
        let message = error["message"].as_str().unwrap();
        assert_eq!(message.is_ascii(), english, "{accept}: {message}");
    }
}

/// What the door would refuse is no action, or is told as blocked: a key that only reads, a second factor not shown.
#[tokio::test]
async fn actions_are_those_the_door_lets_through() {
    let desk = TestDesk::in_memory().await;
    let household = desk.world.household("石门寨").clone();
    let claim = desk
        .refer(&household)
        .through_verification(yuan(41_200))
        .through_notice()
        .await;
    let rules = Rules {
        second_factor: SecondFactorRule::Money,
        ..Rules::default()
    };
    let clock = Arc::clone(&desk.clock) as Arc<dyn Clock>;
    let access = Access::new(Arc::clone(desk.store()), clock).with_rules(rules);
    let mut office = desk.office();
    office.access = Arc::new(access);
    let order = KeyOrder {
        grants: vec![Grant::Read],
        ..KeyOrder::whole(Role::Approver.login(), "报表", 1)
    };
    let (reading, _) = office.access.open_key(&order).await.unwrap().unwrap();
    let query = format!(
        "{{ claim(id: \"{}\") {{ availableActions blockers {{ action code }} }} }}",
        id_of(&claim)
    );
    let router = crate::router(office, crate::Settings::default());
    let wire = Wire { desk, router };
    let reply = wire.ask(Role::Approver, &query).await;
    let told = &reply.body["data"]["claim"];
    let actions = told["availableActions"].as_array().unwrap();
    assert!(actions.contains(&json!("APPROVE_CLAIM")), "{told}");
    let blocked = json!({ "action": "APPROVE_CLAIM", "code": "SECOND_FACTOR_REQUIRED" });
    let blockers = told["blockers"].as_array().unwrap();
    assert!(blockers.contains(&blocked), "{told}");
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {reading}"))
        .body(Body::from(json!({ "query": query }).to_string()))
        .unwrap();
    let reply = wire.send(request).await;
    let nothing = json!({ "availableActions": [], "blockers": [] });
    assert_eq!(reply.body["data"]["claim"], nothing, "{}", reply.body);
}
