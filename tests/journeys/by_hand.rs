//! One claim driven by hand, as curl would: sign in, then the committed documents of each role, from referral to
//! payment by six accounts (each does only what its duties allow); an account of another township sees none of it.

use crate::support::{Client, Place, Server};
use serde_json::{Value, json};

/// A claim as its last answer showed it.
pub(super) struct Case {
    pub(super) id: Value,
    version: Value,
    next_key: u32,
}

impl Case {
    /// The claim of an answer.
    pub(super) fn of(claim: &Value) -> Self {
        Self {
            id: claim["id"].clone(),
            version: claim["version"].clone(),
            next_key: 0,
        }
    }

    /// The same, with keys of its own beside other claims of the same accounts.
    pub(super) fn keyed_from(self, next_key: u32) -> Self {
        Self { next_key, ..self }
    }

    /// What somebody else did to it meanwhile.
    pub(super) fn see(&mut self, claim: &Value) {
        self.version = claim["version"].clone();
    }

    pub(super) fn input(&mut self, more: &Value) -> Value {
        self.next_key += 1;
        let mut input = json!({
            "claimId": self.id, "expectedVersion": self.version,
            "idempotencyKey": format!("00000000-0000-7000-8000-{:012}", self.next_key),
        });
        for (key, value) in more.as_object().unwrap() {
            input[key] = value.clone();
        }
        input
    }

    /// Gives a command with a committed document; returns the answer's payload.
    pub(super) async fn give(&mut self, who: &Client, document: &str, more: Value) -> Value {
        let input = self.input(&more);
        let answer = who.ask(document, json!({ "input": input })).await;
        let (_, payload) = answer["data"]
            .as_object()
            .and_then(|data| data.iter().next())
            .unwrap_or_else(|| panic!("{document}: {answer}"));
        assert_eq!(payload["userErrors"], json!([]), "{document}: {answer}");
        self.id = payload["claim"]["id"].clone();
        self.version = payload["claim"]["version"].clone();
        payload.clone()
    }
}

pub(super) fn paper(kind: &str) -> Value {
    json!({ "kind": kind, "sha256": "a".repeat(64) })
}

#[tokio::test]
async fn from_referral_to_payment_by_hand() {
    for place in Place::both() {
        from_referral_to_payment(&place).await;
    }
}

async fn from_referral_to_payment(place: &Place) {
    let server = Server::start(place, &["demo", "--now", "2020-06-24T09:00:00+08:00"]);
    let township = Client::sign_in(&server, "smz.wang").await;
    let other_township = Client::sign_in(&server, "zcy.li").await;
    let county = Client::sign_in(&server, "office.zhao").await;
    let handler = Client::sign_in(&server, "ins.chu").await;
    let surveyor = Client::sign_in(&server, "ins.zhou").await;

    // A household of the list, and who may be sent.
    let found = township
        .query(
            "{ claims(first: 1) { edges { node { scheme { id } household { id members { id } payees(first: 10) { nodes { id } } } } } } }",
            json!({}),
        )
        .await;
    let node = &found["data"]["claims"]["edges"][0]["node"];
    let household = &node["household"];
    let staff = handler
        .query(
            "{ colleagues(duty: SURVEYOR, first: 10) { nodes { id } } }",
            json!({}),
        )
        .await;
    let surveyor_id = staff["data"]["colleagues"]["nodes"][0]["id"].clone();

    let mut case = Case {
        id: Value::Null,
        version: Value::Null,
        next_key: 0,
    };
    let draft = json!({
        "idempotencyKey": "00000000-0000-7000-8000-00000000abcd", "schemeId": node["scheme"]["id"],
        "householdId": household["id"], "insuredMemberId": household["members"][0]["id"],
        "peril": "ILLNESS", "eventOn": "2020-06-20", "submittedFen": "4120000",
        "payeeId": household["payees"]["nodes"][0]["id"],
        "basis": { "decidedOn": "2020-06-21", "document": "村评〔2020〕99号" },
    });
    // The same key sent twice acts once and answers the same.
    let first = township
        .ask("office/DraftReferral", json!({ "input": draft }))
        .await;
    let second = township
        .ask("office/DraftReferral", json!({ "input": draft }))
        .await;
    assert_eq!(first["data"], second["data"]);
    let payload = &first["data"]["draftReferral"];
    assert_eq!(payload["userErrors"], json!([]), "{first}");
    case.id = payload["claim"]["id"].clone();
    case.version = payload["claim"]["version"].clone();
    let mut other_payload = draft.clone();
    other_payload["submittedFen"] = json!("4120001");
    let reused = township
        .ask("office/DraftReferral", json!({ "input": other_payload }))
        .await;
    assert_eq!(
        reused["errors"][0]["extensions"]["code"], "IDEMPOTENCY_KEY_REUSED",
        "{reused}"
    );

    case.give(&township, "office/ReferCase", json!({})).await;

    // Another township: none of it, by any way.
    let unseen = other_township
        .query(
            "query($id: ID!) { claim(id: $id) { number } node(id: $id) { id } }",
            json!({ "id": case.id }),
        )
        .await;
    assert_eq!(unseen["data"]["claim"], Value::Null, "{unseen}");
    assert_eq!(unseen["data"]["node"], Value::Null);
    let list = other_township
        .query(
            "{ claims(first: 100) { edges { node { township { name } } } } }",
            json!({}),
        )
        .await;
    assert!(!list.to_string().contains("石门寨"), "{list}");
    let meddling = other_township
        .ask(
            "office/WithdrawClaim",
            json!({ "input": case.input(&json!({ "reason": "不是我的" })) }),
        )
        .await;
    assert_eq!(
        meddling["errors"][0]["extensions"]["code"], "NOT_FOUND",
        "{meddling}"
    );

    case.give(&handler, "insurer/AcceptReferral", json!({}))
        .await;
    case.give(
        &handler,
        "insurer/AssignSurvey",
        json!({ "surveyorId": surveyor_id }),
    )
    .await;
    let visit = json!({
        "check": "FIELD_VISIT", "on": "2020-06-24", "passed": true, "evidence": [paper("入户照片")],
    });
    case.give(&surveyor, "insurer/RecordFinding", visit).await;
    let evaluation = json!({
        "check": "VILLAGE_EVALUATION", "on": "2020-06-24", "passed": true, "evidence": [],
        "votes": { "present": 15, "agree": 14, "against": 1 },
    });
    case.give(&township, "office/RecordFinding", evaluation)
        .await;
    let facts = json!({
        "bills": [{ "issuer": "示例医院", "number": "T-1", "amountFen": "9120000" }],
        "layers": [{ "name": "基本医保", "paidFen": "5000000" }],
        "otherCompensationFen": "0",
        "evidence": [paper("医疗费用结算单"), paper("诊断证明")],
    });
    case.give(&surveyor, "insurer/RecordVerification", facts)
        .await;

    // 91,200.00 less 50,000.00 leaves 41,200.00; 70 % of what lies above 5,000.00 is 25,340.00.
    let claim = township
        .query(
            "query($id: ID!) { claim(id: $id) { assessment { benefitFen } noticePreview { contentHash text } } }",
            json!({ "id": case.id }),
        )
        .await;
    let claim = &claim["data"]["claim"];
    assert_eq!(claim["assessment"]["benefitFen"], "2534000", "{claim}");
    let hash = claim["noticePreview"]["contentHash"].clone();

    // The one who posts cannot be the one who looked.
    case.give(
        &township,
        "office/PreviewNotice",
        json!({ "contentHash": hash }),
    )
    .await;
    case.give(&county, "office/OpenPublicNotice", json!({}))
        .await;
    let proof = json!({ "contentHash": hash, "evidence": paper("公示照片") });
    case.give(&township, "office/RecordPublicationProof", proof)
        .await;

    // Four days on, the notice still hangs.
    drop(server);
    let server = Server::start(place, &["demo", "--now", "2020-06-28T09:00:00+08:00"]);
    let supervisor = Client::sign_in(&server, "office.qian").await;
    let early = supervisor
        .ask(
            "office/CloseNotice",
            json!({ "input": case.input(&json!({})) }),
        )
        .await;
    assert_eq!(
        early["data"]["closeNotice"]["userErrors"][0]["code"], "PERIOD_INCOMPLETE",
        "{early}"
    );

    // Six days on, the term has run; the timer closes it, or the supervisor does.
    drop(server);
    let server = Server::start(place, &["demo", "--now", "2020-06-30T09:00:00+08:00"]);
    let supervisor = Client::sign_in(&server, "office.qian").await;
    let stands = "query($id: ID!) { claim(id: $id) { status version } }";
    let now = supervisor.query(stands, json!({ "id": case.id })).await;
    if now["data"]["claim"]["status"] == "NOTICE_OPEN" {
        let input = case.input(&json!({}));
        supervisor
            .ask("office/CloseNotice", json!({ "input": input }))
            .await;
    }
    let now = supervisor.query(stands, json!({ "id": case.id })).await;
    assert_eq!(now["data"]["claim"]["status"], "NOTICE_CLOSED", "{now}");
    case.version = now["data"]["claim"]["version"].clone();

    // The surveyor cannot approve.
    let surveyor = Client::sign_in(&server, "ins.zhou").await;
    let dossier = "query($id: ID!) { claim(id: $id) { dossierHash payee { id } } }";
    let dossier = supervisor.query(dossier, json!({ "id": case.id })).await;
    let dossier = &dossier["data"]["claim"];
    let seen = |benefit: &str| {
        json!({
            "benefitFen": benefit, "payeeId": dossier["payee"]["id"], "dossierHash": dossier["dossierHash"],
        })
    };
    let benefit_seen = seen("2534000");
    let not_hers = surveyor
        .ask(
            "insurer/ApproveClaim",
            json!({ "input": case.input(&benefit_seen) }),
        )
        .await;
    assert_eq!(
        not_hers["errors"][0]["extensions"]["code"], "FORBIDDEN",
        "{not_hers}"
    );

    let decider = Client::sign_in(&server, "ins.wu").await;
    let wrong = seen("2534001");
    let wrong = decider
        .ask(
            "insurer/ApproveClaim",
            json!({ "input": case.input(&wrong) }),
        )
        .await;
    assert_eq!(
        wrong["data"]["approveClaim"]["userErrors"][0]["code"], "OVER_ASSESSMENT",
        "{wrong}"
    );
    case.give(&decider, "insurer/ApproveClaim", benefit_seen)
        .await;

    let handler = Client::sign_in(&server, "ins.chu").await;
    let paid = "query($id: ID!) { claim(id: $id) { status approvedFen payee { id memberId } household { id } payout { instructionNo status amountFen } } }";
    let claim = handler.query(paid, json!({ "id": case.id })).await;
    let claim = &claim["data"]["claim"];
    let check = json!({
        "idempotencyKey": "00000000-0000-7000-8000-00000000beef", "householdId": claim["household"]["id"],
        "memberId": claim["payee"]["memberId"], "checkedOn": "2020-06-30",
    });
    let alive = handler
        .ask("insurer/RecordLivenessCheck", json!({ "input": check }))
        .await;
    assert_eq!(
        alive["data"]["recordLivenessCheck"]["userErrors"],
        json!([]),
        "{alive}"
    );
    let pay = json!({ "approvedAmountFen": claim["approvedFen"], "payeeId": claim["payee"]["id"] });
    case.give(&handler, "insurer/InstructPayout", pay).await;
    let claim = handler.query(paid, json!({ "id": case.id })).await;
    let payout = claim["data"]["claim"]["payout"].clone();
    let line = json!({
        "instructionNo": payout["instructionNo"], "amountFen": payout["amountFen"], "bankRef": "STMT-1",
    });
    // Who instructed cannot confirm.
    let same = handler
        .ask(
            "insurer/ConfirmPayout",
            json!({ "input": case.input(&line) }),
        )
        .await;
    assert_eq!(
        same["data"]["confirmPayout"]["userErrors"][0]["code"], "SECOND_PERSON_REQUIRED",
        "{same}"
    );
    let second = Client::sign_in(&server, "ins.chen").await;
    case.give(&second, "insurer/ConfirmPayout", line).await;
    let claim = second.query(paid, json!({ "id": case.id })).await;
    assert_eq!(claim["data"]["claim"]["status"], "PAID", "{claim}");
    drop(server);
    let verified = place.fangpin(&["audit", "verify"]).output().unwrap();
    assert!(
        verified.status.success(),
        "{}",
        crate::support::both(&verified)
    );
}
