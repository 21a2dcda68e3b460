//! One whole claim over the wire, with the committed documents of each role; and what must not be
//! seen, repeated or overwritten on the way.

use super::Wire;
use axum::http::StatusCode;
use engine::ids;
use engine::testkit::world::Role;
use serde_json::{Value, json};

const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// The claim as the story goes on.
struct Story {
    wire: Wire,
    id: String,
    version: i64,
    keys: u32,
    /// What was sent, and the bytes that came back.
    sent: Vec<(Role, Value, String)>,
}

/// A committed document that asks for whatever else a claim tells of its own history.
fn curious(file: &str) -> String {
    let query = std::fs::read_to_string(super::contract_file("operations").join(file)).unwrap();
    let more = "claim { openedAt dueOn amountFen availableActions \
        payments(first: 9) { nodes { id status bankRef } } payout { id status } notice { id } \
        notices(last: 9) { nodes { id lastDay proofs(first: 9) { nodes { sha256 } } } } \
        objections(first: 9) { nodes { id status findings } } documents(first: 9) { nodes { kind } } \
        timeline(last: 100) { nodes { id seq type by } pageInfo { endCursor } }";
    query.replacen("claim {", more, 1)
}

impl Story {
    fn key(&mut self) -> String {
        self.keys += 1;
        ids::named("test-key", &self.keys.to_string()).to_string()
    }

    async fn does(&mut self, role: Role, file: &str, fields: Value) -> Value {
        let mut input = json!({ "claimId": self.id, "expectedVersion": self.version, "idempotencyKey": self.key() });
        for (name, value) in fields.as_object().unwrap() {
            input[name] = value.clone();
        }
        let body = json!({ "query": curious(file), "variables": { "input": input } });
        let reply = self.wire.post(Some(role), &body).await;
        assert_eq!(reply.body.get("errors"), None, "{file} {}", reply.body);
        self.sent.push((role, body, reply.data().to_owned()));
        let name = file
            .split('/')
            .next_back()
            .unwrap()
            .trim_end_matches(".graphql");
        let field = name[..1].to_ascii_lowercase() + &name[1..];
        let payload = reply.body["data"][&field].clone();
        assert_eq!(payload["userErrors"], json!([]), "{file}");
        self.version = payload["claim"]["version"].as_i64().unwrap();
        assert_eq!(payload["event"]["seq"], self.version);
        payload
    }

    async fn claim(&self, role: Role) -> Value {
        let reply = self
            .wire
            .document(role, "insurer/Claim.graphql", json!({ "id": self.id }))
            .await;
        assert_eq!(reply.body.get("errors"), None, "{}", reply.body);
        reply.body["data"]["claim"].clone()
    }
}

async fn drafted() -> (Story, Value) {
    let wire = Wire::open().await;
    let household = wire.desk.world.household("石门寨").clone();
    let household_id = crate::node_id::encode(crate::node_id::Kind::Household, household.id.0);
    let reply = wire
        .document(
            Role::Shimenzhai,
            "office/Household.graphql",
            json!({ "id": household_id }),
        )
        .await;
    let seen = reply.body["data"]["household"].clone();
    let schemes = wire
        .document(Role::Shimenzhai, "office/Schemes.graphql", json!({}))
        .await;
    let scheme = schemes.body["data"]["schemes"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|scheme| scheme["code"] == "test-2020")
        .unwrap()["id"]
        .clone();
    let input = json!({
        "idempotencyKey": ids::named("test-key", "draft"),
        "schemeId": scheme, "householdId": household_id,
        "insuredMemberId": seen["members"][0]["id"], "peril": "ILLNESS", "eventOn": "2020-05-20",
        "submittedFen": "4120000", "payeeId": seen["payees"]["nodes"][0]["id"],
        "basis": { "decidedOn": "2020-05-28", "document": "村代会决议2020-07" },
    });
    let file = "office/DraftReferral.graphql";
    let reply = wire
        .document(Role::Shimenzhai, file, json!({ "input": input }))
        .await;
    let payload = &reply.body["data"]["draftReferral"];
    assert_eq!(payload["userErrors"], json!([]), "{}", reply.body);
    assert_eq!(payload["claim"]["status"], "DRAFT");
    let id = payload["claim"]["id"].as_str().unwrap().to_owned();
    let story = Story {
        wire,
        id,
        version: 1,
        keys: 0,
        sent: Vec::new(),
    };
    (story, input)
}

#[tokio::test]
async fn from_draft_to_archive() {
    let (mut story, _) = drafted().await;
    story
        .does(Role::Shimenzhai, "office/ReferCase.graphql", json!({}))
        .await;
    story
        .does(Role::Handler, "insurer/AcceptReferral.graphql", json!({}))
        .await;
    let surveyors = story
        .wire
        .document(Role::Handler, "insurer/Surveyors.graphql", json!({}))
        .await;
    let surveyor = surveyors.body["data"]["colleagues"]["nodes"][0]["id"].clone();
    story
        .does(
            Role::Handler,
            "insurer/AssignSurvey.graphql",
            json!({ "surveyorId": surveyor }),
        )
        .await;
    assert_eq!(
        story.claim(Role::Surveyor).await["nextCheck"],
        "FIELD_VISIT"
    );
    story
        .does(
            Role::Surveyor,
            "insurer/RecordFinding.graphql",
            json!({
                "check": "FIELD_VISIT", "on": "2020-06-01", "passed": true,
                "evidence": [{ "kind": "入户照片", "sha256": HASH }],
            }),
        )
        .await;
    story
        .does(
            Role::Shimenzhai,
            "office/RecordFinding.graphql",
            json!({
                "check": "VILLAGE_EVALUATION", "on": "2020-06-01", "passed": true, "evidence": [],
                "votes": { "present": 30, "agree": 28, "against": 1 },
            }),
        )
        .await;
    story
        .does(Role::Surveyor, "insurer/RecordVerification.graphql", json!({
            "bills": [{ "issuer": "某医院(测试)", "number": "00012345", "amountFen": "4120000" }],
            "layers": [{ "name": "基本医保", "paidFen": "1000000" }], "otherCompensationFen": "0",
            "evidence": [{ "kind": "医疗费用结算单", "sha256": HASH }, { "kind": "诊断证明", "sha256": HASH }],
        }))
        .await;
    let claim = story.claim(Role::Supervisor).await;
    // (41,200 - 10,000 - 5,000) x 70 %
    assert_eq!(claim["assessment"]["benefitFen"], "1834000");
    assert!(claim["assessment"]["steps"].as_array().unwrap().len() > 4);
    let hash = claim["noticePreview"]["contentHash"].clone();
    story
        .does(
            Role::Supervisor,
            "office/PreviewNotice.graphql",
            json!({ "contentHash": hash }),
        )
        .await;
    story
        .does(
            Role::CountyCaseworker,
            "office/OpenPublicNotice.graphql",
            json!({}),
        )
        .await;
    story
        .does(
            Role::Shimenzhai,
            "office/RecordPublicationProof.graphql",
            json!({
                "contentHash": hash, "evidence": { "kind": "张贴照片", "sha256": HASH },
            }),
        )
        .await;
    story
        .does(
            Role::Shimenzhai,
            "office/RaiseObjection.graphql",
            json!({ "grounds": "有车" }),
        )
        .await;
    let objection = story.claim(Role::Supervisor).await["objections"]["nodes"][0]["id"].clone();
    story
        .does(
            Role::Supervisor,
            "office/ResolveObjection.graphql",
            json!({
                "objectionId": objection, "upheld": false, "findings": "查无此车",
            }),
        )
        .await;
    story.wire.desk.pass_days(6);
    story
        .does(Role::Supervisor, "office/CloseNotice.graphql", json!({}))
        .await;
    let seen = story.claim(Role::Approver).await;
    story
        .does(
            Role::Approver,
            "insurer/ApproveClaim.graphql",
            json!({
                "benefitFen": "1834000", "payeeId": seen["payee"]["id"], "dossierHash": seen["dossierHash"],
            }),
        )
        .await;
    let claim = story.claim(Role::Finance).await;
    let payee = claim["payee"]["id"].clone();
    story
        .does(
            Role::Finance,
            "insurer/InstructPayout.graphql",
            json!({
                "approvedAmountFen": claim["approvedFen"], "payeeId": payee,
            }),
        )
        .await;
    let payout = story.claim(Role::Finance).await["payout"].clone();
    assert_eq!(payout["status"], "INSTRUCTED");
    let arrived = json!({ "instructionNo": payout["instructionNo"], "amountFen": "1834000", "bankRef": "B1" });
    story
        .does(
            Role::SecondFinance,
            "insurer/ConfirmPayout.graphql",
            arrived.clone(),
        )
        .await;
    let mut returned = arrived;
    returned["bankRef"] = json!("R1");
    story
        .does(
            Role::SecondFinance,
            "insurer/ReportPayoutReturned.graphql",
            returned,
        )
        .await;
    let again = story.claim(Role::Finance).await["payout"].clone();
    assert_eq!(again["status"], "RETURNED");
    assert_eq!(again["instructionNo"], payout["instructionNo"]);
    story
        .does(
            Role::Finance,
            "insurer/ReinstatePayout.graphql",
            json!({ "payeeId": payee }),
        )
        .await;
    story
        .does(
            Role::Finance,
            "insurer/InstructPayout.graphql",
            json!({
                "approvedAmountFen": "1834000", "payeeId": payee,
            }),
        )
        .await;
    let payout = story.claim(Role::Finance).await["payout"].clone();
    story
        .does(
            Role::SecondFinance,
            "insurer/ConfirmPayout.graphql",
            json!({
                "instructionNo": payout["instructionNo"], "amountFen": "1834000", "bankRef": "B2",
            }),
        )
        .await;
    story
        .does(
            Role::CountyCaseworker,
            "office/CloseClaim.graphql",
            json!({ "archiveNo": "A-1" }),
        )
        .await;
    let claim = story.claim(Role::Auditor).await;
    assert_eq!(claim["status"], "CLOSED");
    let timeline = claim["timeline"]["nodes"].as_array().unwrap();
    assert_eq!(i64::try_from(timeline.len()).unwrap(), story.version);
    assert_eq!(timeline[0]["by"], "王经办");
    assert_eq!(claim["openedAt"], timeline[0]["recordedAt"]);
    // Failure 12: each repeated call answers what it answered, whatever happened since.
    assert!(story.sent.len() > 18);
    let events = story.wire.desk.log().await.len();
    for (role, body, answered) in &story.sent {
        let again = story.wire.post(Some(*role), body).await;
        assert_eq!(again.data(), answered);
        assert_eq!(again.body["extensions"]["idempotentReplay"], true);
    }
    assert_eq!(story.wire.desk.log().await.len(), events);
    // Masked whatever is asked for.
    let text = claim.to_string();
    let household = story.wire.desk.world.household("石门寨");
    for member in &household.members {
        assert!(!text.contains(member.id_number.reveal()));
    }
    for payee in &household.payees {
        assert!(!text.contains(payee.account.reveal()));
    }
    let summary = story
        .wire
        .document(
            Role::Auditor,
            "reports/ClaimStatusSummary.graphql",
            json!({}),
        )
        .await;
    let rows = summary.body["data"]["claimStatusSummary"]
        .as_array()
        .unwrap()
        .clone();
    let row = rows.iter().find(|row| row["status"] == "CLOSED").unwrap();
    assert_eq!(
        (&row["claims"], &row["amountFen"]),
        (&json!(1), &json!("1834000"))
    );
    story.wire.desk.expect_sound().await;
}

/// Failures 7, 11, 12 and 14: repeated, reused, stale, foreign.
#[tokio::test]
async fn a_key_acts_once_and_a_stale_screen_decides_nothing() {
    let (mut story, draft) = drafted().await;
    let file = "office/DraftReferral.graphql";
    let replay = story
        .wire
        .document(Role::Shimenzhai, file, json!({ "input": draft }))
        .await;
    assert_eq!(
        replay.body["data"]["draftReferral"]["claim"]["id"],
        story.id
    );
    assert_eq!(replay.body["extensions"]["idempotentReplay"], true);
    let mut other = draft.clone();
    other["submittedFen"] = json!("1");
    let reused = story
        .wire
        .document(Role::Shimenzhai, file, json!({ "input": other }))
        .await;
    assert_eq!(reused.code(), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(reused.body["data"], Value::Null);
    story
        .does(Role::Shimenzhai, "office/ReferCase.graphql", json!({}))
        .await;
    let input = |version: i64, key: &str| json!({ "input": { "claimId": story.id, "expectedVersion": version, "idempotencyKey": ids::named("test-key", key) } });
    let stale = story
        .wire
        .document(
            Role::Handler,
            "insurer/AcceptReferral.graphql",
            input(1, "a"),
        )
        .await;
    let payload = &stale.body["data"]["acceptReferral"];
    assert_eq!(payload["claim"], Value::Null);
    assert_eq!(payload["userErrors"][0]["code"], "STALE_VERSION");
    assert_eq!(
        payload["userErrors"][0]["params"],
        json!([{ "name": "currentVersion", "value": "2" }])
    );
    let blocked = story
        .wire
        .document(Role::Shimenzhai, "office/ReferCase.graphql", input(2, "b"))
        .await;
    let payload = &blocked.body["data"]["referCase"];
    assert_eq!(payload["claim"]["version"], 2);
    assert_eq!(payload["event"], Value::Null);
    assert_eq!(
        payload["userErrors"][0]["message"],
        "案件当前状态为“已推送”,不能推送"
    );
    let foreign = story
        .wire
        .document(
            Role::RivalHandler,
            "insurer/AcceptReferral.graphql",
            input(2, "c"),
        )
        .await;
    assert_eq!(foreign.status, StatusCode::OK);
    assert_eq!(foreign.code(), "NOT_FOUND");
}

/// Invariant 8: unknown and forbidden are the same answer, by every path.
#[tokio::test]
async fn what_is_not_yours_does_not_exist() {
    let (story, _) = drafted().await;
    let unknown = crate::node_id::encode(crate::node_id::Kind::Claim, ids::named("claim", "none"));
    let claim = story.claim(Role::Shimenzhai).await;
    for role in [Role::RivalHandler, Role::Zhucaoying] {
        for field in ["node", "claim"] {
            let ask = async |id: &str| {
                let reply = story
                    .wire
                    .ask(role, &format!("{{ {field}(id: \"{id}\") {{ id }} }}"))
                    .await;
                let mut body = reply.body;
                body["errors"][0]["extensions"]["requestId"] = Value::Null;
                body["extensions"]["requestId"] = Value::Null;
                body
            };
            let foreign = ask(&story.id).await;
            assert_eq!(foreign["data"], json!({ field: null }));
            assert_eq!(foreign, ask(&unknown).await);
        }
        let number = claim["number"].as_str().unwrap();
        let queries = [
            format!("{{ claim(number: \"{number}\") {{ id }} }}"),
            format!("{{ household(id: {}) {{ id }} }}", claim["household"]["id"]),
        ];
        for query in queries {
            assert_eq!(
                story.wire.ask(role, &query).await.code(),
                "NOT_FOUND",
                "{query}"
            );
        }
        let lists = "{ claims(first: 9) { nodes { id } } workQueue(first: 9) { nodes { id } } }";
        let reply = story.wire.ask(role, lists).await;
        assert_eq!(reply.body["data"]["claims"]["nodes"], json!([]));
        assert_eq!(reply.body["data"]["workQueue"]["nodes"], json!([]));
    }
}

/// Failure 15: pages follow the claim number; a cursor belongs to its list.
#[tokio::test]
async fn lists_are_paged_by_cursor() {
    let wire = Wire::open().await;
    let mut households = wire.desk.world.households.clone();
    households.retain(|household| household.listed_on.is_some());
    for household in &households {
        wire.desk.refer(household).await;
    }
    let page = async |arguments: &str| {
        let query = format!(
            "{{ claims({arguments}) {{ edges {{ cursor node {{ number }} }} pageInfo {{ hasNextPage hasPreviousPage endCursor }} }} }}"
        );
        wire.ask(Role::Handler, &query).await
    };
    let first = page("first: 4").await.body["data"]["claims"].clone();
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let end = first["pageInfo"]["endCursor"].as_str().unwrap();
    let rest = page(&format!("first: 4, after: \"{end}\"")).await.body["data"]["claims"].clone();
    assert_eq!(
        rest["edges"].as_array().unwrap().len(),
        households.len() - 4
    );
    assert_eq!(rest["pageInfo"]["hasNextPage"], false);
    let last = page("last: 2").await.body["data"]["claims"].clone();
    assert_eq!(last["edges"][1], rest["edges"][1]);
    for wrong in [
        "first: 1, last: 1".to_owned(),
        String::from("after: \"x\""),
        "first: 0".to_owned(),
        "first: 101".to_owned(),
        format!("first: 4, after: \"{end}\", filter: {{perils: [ILLNESS]}}"),
    ] {
        assert_eq!(page(&wrong).await.code(), "INVALID_ARGUMENT", "{wrong}");
    }
    let none = page("first: 5, filter: {statuses: [PAID], phases: [REFERRAL]}").await;
    assert_eq!(none.body["data"]["claims"]["edges"], json!([]));
    let queue = "{ workQueue(first: 4) { nodes { number availableActions } pageInfo { hasNextPage endCursor } } }";
    let queue = wire.ask(Role::Handler, queue).await.body["data"]["workQueue"].clone();
    assert_eq!(queue["nodes"].as_array().unwrap().len(), 4);
    assert_eq!(
        queue["nodes"][0]["availableActions"],
        json!(["RETURN_REFERRAL", "ACCEPT_REFERRAL", "ATTACH_DOCUMENT"])
    );
    assert_eq!(queue["pageInfo"]["hasNextPage"], true);
    let queue = wire
        .ask(
            Role::Finance,
            "{ workQueue(first: 4) { nodes { number } } }",
        )
        .await;
    assert_eq!(queue.body["data"]["workQueue"]["nodes"], json!([]));
}

/// Whoever confirms the dossier of an earlier version is told what changed since, and nothing is written; a hash of no
/// version, or another payee, is a mismatch.
#[tokio::test]
async fn an_approval_is_of_the_dossier_that_was_seen() {
    let wire = Wire::open().await;
    let household = wire.desk.world.household("石门寨").clone();
    let closed = wire.desk.refer(&household);
    let closed = closed
        .through_verification(engine::testkit::yuan(41_200))
        .through_notice()
        .await;
    let mut story = Story {
        wire,
        id: crate::node_id::encode(crate::node_id::Kind::Claim, closed.id.0).to_string(),
        version: i64::from(closed.version),
        keys: 0,
        sent: Vec::new(),
    };
    let seen = story.claim(Role::Approver).await;
    assert_eq!(seen["dossierHash"].as_str().map(str::len), Some(64));
    let paper = json!({ "evidence": { "kind": "补充材料", "sha256": HASH } });
    let town = Role::Shimenzhai;
    story
        .does(town, "office/AttachDocument.graphql", paper)
        .await;
    let now = story.claim(Role::Approver).await;
    assert_ne!(now["dossierHash"], seen["dossierHash"]);
    let other = crate::node_id::encode_part(
        crate::node_id::Kind::Payee,
        household.id.0,
        household.payees[1].id.0,
    );
    let logged = story.wire.desk.log().await.len();
    let tried = async |story: &mut Story, payee: &Value, dossier: &Value| {
        let input = json!({
            "claimId": story.id, "expectedVersion": story.version, "idempotencyKey": story.key(),
            "benefitFen": "2534000", "payeeId": payee, "dossierHash": dossier,
        });
        let file = "insurer/ApproveClaim.graphql";
        let sent = json!({ "input": input });
        let reply = story.wire.document(Role::Approver, file, sent).await;
        reply.body["data"]["approveClaim"].clone()
    };
    let stale = tried(&mut story, &seen["payee"]["id"], &seen["dossierHash"]).await;
    assert_eq!(stale["userErrors"][0]["code"], "STALE_VERSION", "{stale}");
    assert_eq!(stale["claim"], Value::Null);
    let changed = stale["changedSince"].as_array().unwrap();
    assert_eq!(changed.len(), 1, "{stale}");
    assert_eq!(changed[0]["type"], "DOCUMENT_ATTACHED");
    assert_eq!(changed[0]["seq"], story.version);
    for (payee, dossier, field) in [
        (&seen["payee"]["id"], &json!("0".repeat(64)), "dossierHash"),
        (&json!(other), &now["dossierHash"], "payeeId"),
    ] {
        let refused = tried(&mut story, payee, dossier).await;
        let error = &refused["userErrors"][0];
        assert_eq!(error["code"], "MISMATCH", "{refused}");
        assert_eq!(error["params"][0]["value"], field, "{refused}");
        assert_eq!(refused["changedSince"], json!([]));
    }
    assert_eq!(story.wire.desk.log().await.len(), logged);
    let done = tried(&mut story, &now["payee"]["id"], &now["dossierHash"]).await;
    assert_eq!(done["userErrors"], json!([]));
    assert_eq!(done["claim"]["status"], "APPROVED");
}

/// A payee is entered with a relation, the program compares the names; another person records what the bank said; an
/// heir comes with papers.
#[tokio::test]
async fn payees_are_checked_by_somebody_else() {
    let wire = Wire::open().await;
    let household = wire.desk.world.household("石门寨").clone();
    let kind = crate::node_id::Kind::Household;
    let id = crate::node_id::encode(kind, household.id.0);
    let member = crate::node_id::encode_part(
        crate::node_id::Kind::Member,
        household.id.0,
        household.members[1].id.0,
    );
    let entry = |key: &str| {
        json!({
            "idempotencyKey": ids::named("test-key", key), "householdId": id, "memberId": member,
            "holderName": household.members[1].name, "bank": "测试银行", "account": "62284800009999",
        })
    };
    let register = async |input: Value| {
        let sent = json!({ "input": input });
        let file = "office/RegisterPayee.graphql";
        let reply = wire.document(Role::Shimenzhai, file, sent).await;
        reply.body["data"]["registerPayee"].clone()
    };
    let payee = register(entry("plain")).await["payee"].clone();
    assert_eq!(payee["relation"], "FAMILY");
    let compared = json!({ "means": "NAMES_COMPARED", "passed": true });
    assert_eq!(payee["nameCheck"], compared);
    let check = async |role: Role, means: &str| {
        let input = json!({
            "idempotencyKey": ids::named("test-key", &format!("check {}", role.login())), "householdId": id, "payeeId": payee["id"],
            "means": means, "passed": true, "sha256": HASH,
        });
        let sent = json!({ "input": input });
        let file = "office/RecordPayeeCheck.graphql";
        let reply = wire.document(role, file, sent).await;
        reply.body["data"]["recordPayeeCheck"].clone()
    };
    let own = check(Role::Shimenzhai, "BANK_REPLY").await;
    assert_eq!(
        own["userErrors"][0]["code"], "SECOND_PERSON_REQUIRED",
        "{own}"
    );
    let wrong = check(Role::CountyCaseworker, "NAMES_COMPARED").await;
    assert_eq!(wrong["userErrors"][0]["code"], "VALIDATION", "{wrong}");
    for _ in 0..2 {
        let done = check(Role::CountyCaseworker, "BANK_REPLY").await;
        assert_eq!(done["userErrors"], json!([]));
        let seen = &done["payee"]["nameCheck"];
        assert_eq!(seen["means"], "BANK_REPLY");
        assert_eq!(seen["by"], Role::CountyCaseworker.person().name);
        assert_eq!(seen["sha256"], HASH);
    }
    let mut heir = entry("heir");
    heir["relation"] = json!("HEIR");
    let error = &register(heir.clone()).await["userErrors"][0];
    assert_eq!(error["code"], "VALIDATION", "{error}");
    assert_eq!(error["params"][0]["value"], "heirPapers");
    heir["heirPapers"] =
        json!({ "deathCertificate": HASH, "relationProof": HASH, "heirsAgreement": "seen" });
    let error = &register(heir.clone()).await["userErrors"][0];
    assert_eq!(error["params"][0]["value"], "heirsAgreement", "{error}");
    heir["heirPapers"]["heirsAgreement"] = json!(HASH);
    let done = register(heir).await;
    assert_eq!(done["userErrors"], json!([]));
    assert_eq!(done["payee"]["relation"], "HEIR");
}

#[tokio::test]
async fn payees_and_liveness_checks_are_registered() {
    let wire = Wire::open().await;
    let household = wire.desk.world.household("石门寨").clone();
    let id = crate::node_id::encode(crate::node_id::Kind::Household, household.id.0);
    let member = crate::node_id::encode_part(
        crate::node_id::Kind::Member,
        household.id.0,
        household.members[1].id.0,
    );
    let input = json!({ "input": {
        "idempotencyKey": ids::named("test-key", "payee"), "householdId": id, "memberId": member,
        "holderName": household.members[1].name, "bank": "某农信社(测试)", "account": "6228 4800 0000 9999",
    } });
    let file = "office/RegisterPayee.graphql";
    let done = wire.document(Role::Shimenzhai, file, input.clone()).await;
    let payload = &done.body["data"]["registerPayee"];
    assert_eq!(payload["userErrors"], json!([]), "{}", done.body);
    assert_eq!(payload["payee"]["accountMasked"], "****9999");
    let replay = wire.document(Role::Shimenzhai, file, input.clone()).await;
    assert_eq!(replay.body["extensions"]["idempotentReplay"], true);
    assert_eq!(
        replay.body["data"]["registerPayee"]["payee"],
        payload["payee"]
    );
    let mut other = input.clone();
    other["input"]["account"] = json!("6228480000008888");
    let reused = wire.document(Role::Shimenzhai, file, other.clone()).await;
    assert_eq!(reused.code(), "IDEMPOTENCY_KEY_REUSED");
    other["input"]["account"] = json!("12");
    other["input"]["idempotencyKey"] = json!(ids::named("test-key", "payee-2"));
    let wrong = wire.document(Role::Shimenzhai, file, other.clone()).await;
    let error = &wrong.body["data"]["registerPayee"]["userErrors"][0];
    assert_eq!(
        (&error["code"], &error["field"]),
        (&json!("VALIDATION"), &json!(["account"]))
    );
    let finance = wire
        .document(
            Role::CountyCaseworker,
            "office/RecordLivenessCheck.graphql",
            json!({ "input": {
        "idempotencyKey": ids::named("test-key", "life"), "householdId": id, "memberId": member,
        "checkedOn": "2020-06-01",
    } }),
        )
        .await;
    let payload = &finance.body["data"]["recordLivenessCheck"];
    assert_eq!(
        payload["member"]["checkedOn"], "2020-06-01",
        "{}",
        finance.body
    );
    let duty = wire.document(Role::Zhucaoying, file, input.clone()).await;
    assert_eq!(duty.code(), "NOT_FOUND");
    let duty = wire.document(Role::Supervisor, file, other).await;
    assert_eq!(duty.code(), "FORBIDDEN");
}

#[tokio::test]
async fn a_household_is_found_by_identity_number_within_the_scope() {
    let wire = Wire::open().await;
    let household = wire.desk.world.household("石门寨").clone();
    let number = household.members[1].id_number.reveal().to_owned();
    let file = "office/HouseholdOf.graphql";
    let found = wire
        .document(Role::Shimenzhai, file, json!({ "idNumber": number }))
        .await;
    assert_eq!(
        found.body["data"]["householdOf"]["headName"],
        household.head_name()
    );
    assert!(!found.body.to_string().contains(&number));
    for role in [Role::Zhucaoying, Role::Handler] {
        let hidden = wire
            .document(role, file, json!({ "idNumber": number }))
            .await;
        assert_eq!(hidden.code(), "NOT_FOUND");
    }
    let wrong = wire
        .document(Role::Shimenzhai, file, json!({ "idNumber": "1303" }))
        .await;
    assert_eq!(wrong.code(), "INVALID_ARGUMENT");
}
