//! Three refusals by hand, over HTTP, on both databases: one whose appeal is upheld and that is paid in the end, one whose
//! appeal is dismissed, one that nobody appeals against. None is closed before its household was told and could appeal.

use super::by_hand::{Case, paper};
use crate::support::{Client, Place, Server, both};
use serde_json::{Value, json};

const CLAIM: &str = "query($id: ID!) { claim(id: $id) { status version approvedFen dossierHash availableActions payee { id memberId } household { id }
    assessment { benefitFen } noticePreview { contentHash } payout { instructionNo amountFen }
    refusalLetterPreview { text contentHash deliveredOn appealUntil }
    refusal { lines { code facts clauseId } letterDueOn letter { late handedTo appealUntil } appeal { grounds decision { upheld letter { late } } } } } }";

async fn look(who: &Client, case: &Case) -> Value {
    let answer = who.query(CLAIM, json!({ "id": case.id })).await;
    answer["data"]["claim"].clone()
}

/// A command that is refused, and with which code.
async fn refused(case: &mut Case, who: &Client, document: &str, more: Value, code: &str) {
    let answer = who
        .ask(document, json!({ "input": case.input(&more) }))
        .await;
    let (_, payload) = answer["data"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(
        payload["userErrors"][0]["code"], code,
        "{document}: {answer}"
    );
}

/// A claim of the sample's first household that the insurer has accepted.
async fn accepted(township: &Client, handler: &Client, event_on: &str) -> (Case, Value) {
    let found = township
        .query(
            "{ claims(first: 1) { edges { node { scheme { id clauses { id text } } household { id members { id } payees(first: 10) { nodes { id } } } } } } }",
            json!({}),
        )
        .await;
    let node = &found["data"]["claims"]["edges"][0]["node"];
    let household = &node["household"];
    let draft = json!({
        "idempotencyKey": format!("00000000-0000-7000-8000-0000{}", event_on.replace('-', "")),
        "schemeId": node["scheme"]["id"], "householdId": household["id"],
        "insuredMemberId": household["members"][0]["id"], "peril": "ILLNESS", "eventOn": event_on,
        "submittedFen": "4120000", "payeeId": household["payees"]["nodes"][0]["id"],
        "basis": { "decidedOn": "2020-06-21", "document": "村评〔2020〕99号" },
    });
    let drafted = township
        .ask("office/DraftReferral", json!({ "input": draft }))
        .await;
    let keys = 1_000 * event_on[8..].parse::<u32>().unwrap();
    let mut case = Case::of(&drafted["data"]["draftReferral"]["claim"]).keyed_from(keys);
    case.give(township, "office/ReferCase", json!({})).await;
    case.give(handler, "insurer/AcceptReferral", json!({}))
        .await;
    (case, node["scheme"]["clauses"][0]["id"].clone())
}

fn line(code: &str, facts: &str, clause: &Value) -> Value {
    json!({ "lines": [{ "code": code, "facts": facts, "clauseId": clause }] })
}

/// Prints the letter that is owed, hands it over and puts that on record.
async fn tell(case: &mut Case, who: &Client, document: &str) -> Value {
    let letter = look(who, case).await["refusalLetterPreview"].clone();
    let input = json!({
        "contentHash": letter["contentHash"], "deliveredOn": letter["deliveredOn"],
        "delivery": "HANDED_OVER", "handedTo": "户主本人",
    });
    case.give(who, document, input).await;
    letter
}

#[tokio::test]
async fn refusals_are_told_and_can_be_appealed_against() {
    for place in Place::both() {
        three_refusals(&place).await;
    }
}

async fn three_refusals(place: &Place) {
    let server = Server::start(place, &["demo", "--now", "2020-06-24T09:00:00+08:00"]);
    let township = Client::sign_in(&server, "smz.wang").await;
    let county = Client::sign_in(&server, "office.zhao").await;
    let supervisor = Client::sign_in(&server, "office.qian").await;
    let handler = Client::sign_in(&server, "ins.sun").await;
    let surveyor = Client::sign_in(&server, "ins.zhou").await;

    // Without a reason, with what is no clause, with private data: not refused.
    let (mut case, clause) = accepted(&township, &handler, "2020-06-20").await;
    let refuse = "insurer/DeclareIneligible";
    for (input, code) in [
        (json!({ "lines": [] }), "VALIDATION"),
        (
            line("OTHER", "不符合", &json!("no-clause")),
            "CLAUSE_UNKNOWN",
        ),
        (line("OTHER", "电话13900000000", &clause), "PRIVATE_IN_TEXT"),
    ] {
        refused(&mut case, &handler, refuse, input, code).await;
    }

    // Upheld, verified, paid: 25,340 yuan, as if it had never been refused.
    let means = line("MEANS_EXCEEDED", "名下登记有面包车一辆", &clause);
    case.give(&handler, refuse, means).await;
    let close = json!({ "archiveNo": "DA-1" });
    refused(
        &mut case,
        &county,
        "office/CloseClaim",
        close.clone(),
        "LETTER_MISSING",
    )
    .await;
    let letter = tell(&mut case, &handler, "insurer/IssueRefusalLetter").await;
    let text = letter["text"].as_str().unwrap();
    for words in ["面包车", "收入或财产", "2020年7月24日以前", "0335-0000000"] {
        assert!(text.contains(words), "{text}");
    }
    refused(
        &mut case,
        &county,
        "office/CloseClaim",
        close.clone(),
        "APPEAL_TIME_RUNS",
    )
    .await;
    let grounds = json!({ "grounds": "面包车已于去年报废" });
    case.give(&township, "office/LodgeAppeal", grounds).await;
    let upheld = json!({ "upheld": true, "findings": "车辆确已报废,有注销证明" });
    let decided = case.give(&supervisor, "office/DecideAppeal", upheld).await;
    assert_eq!(decided["claim"]["status"], "ACCEPTED");
    let staff = handler
        .query(
            "{ colleagues(duty: SURVEYOR, first: 10) { nodes { id } } }",
            json!({}),
        )
        .await;
    let who = json!({ "surveyorId": staff["data"]["colleagues"]["nodes"][0]["id"] });
    case.give(&handler, "insurer/AssignSurvey", who).await;
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
        "layers": [{ "name": "基本医保", "paidFen": "5000000" }], "otherCompensationFen": "0",
        "evidence": [paper("医疗费用结算单"), paper("诊断证明")],
    });
    case.give(&surveyor, "insurer/RecordVerification", facts)
        .await;
    let hash = look(&township, &case).await["noticePreview"]["contentHash"].clone();
    let seen = json!({ "contentHash": hash });
    case.give(&township, "office/PreviewNotice", seen).await;
    case.give(&county, "office/OpenPublicNotice", json!({}))
        .await;
    let proof = json!({ "contentHash": hash, "evidence": paper("公示照片") });
    case.give(&township, "office/RecordPublicationProof", proof)
        .await;

    // Dismissed, told, closed.
    let (mut dismissed, _) = accepted(&township, &handler, "2020-06-19").await;
    let twice = line("PAID_ELSEWHERE", "大病保险已足额报销", &clause);
    dismissed.give(&handler, refuse, twice).await;
    tell(&mut dismissed, &handler, "insurer/IssueRefusalLetter").await;
    let grounds = json!({ "grounds": "报销不足" });
    dismissed
        .give(&township, "office/LodgeAppeal", grounds)
        .await;
    let decision = json!({ "upheld": false, "findings": "报销单据齐全,金额无误" });
    dismissed
        .give(&supervisor, "office/DecideAppeal", decision)
        .await;
    refused(
        &mut dismissed,
        &county,
        "office/CloseClaim",
        close.clone(),
        "LETTER_MISSING",
    )
    .await;
    let letter = tell(&mut dismissed, &county, "office/IssueRefusalLetter").await;
    assert_eq!(letter["appealUntil"], Value::Null);
    let grounds = json!({ "grounds": "再次申诉" });
    refused(
        &mut dismissed,
        &township,
        "office/LodgeAppeal",
        grounds,
        "INVALID_STATE",
    )
    .await;
    let closed = dismissed
        .give(&county, "office/CloseClaim", close.clone())
        .await;
    assert_eq!(closed["claim"]["status"], "REFUSAL_CLOSED");

    // Nobody appeals against this one, whose letter comes late.
    let (mut silent, _) = accepted(&township, &handler, "2020-06-18").await;
    let missing = line("EVIDENCE_MISSING", "没有医疗费用结算单", &clause);
    silent.give(&handler, refuse, missing).await;
    drop(server);

    let server = Server::start(place, &["demo", "--now", "2020-06-30T09:00:00+08:00"]);
    let handler = Client::sign_in(&server, "ins.sun").await;
    let supervisor = Client::sign_in(&server, "office.qian").await;
    tell(&mut silent, &handler, "insurer/IssueRefusalLetter").await;
    let told = look(&handler, &silent).await["refusal"].clone();
    assert_eq!(told["letterDueOn"], "2020-06-27");
    assert_eq!(told["letter"]["late"], true, "{told}");
    assert_eq!(told["letter"]["appealUntil"], "2020-07-30");
    if look(&supervisor, &case).await["status"] == "NOTICE_OPEN" {
        // Unless the timer is faster.
        let input = case.input(&json!({}));
        supervisor
            .ask("office/CloseNotice", json!({ "input": input }))
            .await;
    }
    case.see(&look(&supervisor, &case).await);
    let approver = Client::sign_in(&server, "ins.wu").await;
    let seen = look(&approver, &case).await;
    let benefit = json!({
        "benefitFen": "2534000", "payeeId": seen["payee"]["id"], "dossierHash": seen["dossierHash"],
    });
    case.give(&approver, "insurer/ApproveClaim", benefit).await;
    let cashier = Client::sign_in(&server, "ins.chu").await;
    let claim = look(&cashier, &case).await;
    let check = json!({
        "idempotencyKey": "00000000-0000-7000-8000-00000000beef", "householdId": claim["household"]["id"],
        "memberId": claim["payee"]["memberId"], "checkedOn": "2020-06-30",
    });
    cashier
        .ask("insurer/RecordLivenessCheck", json!({ "input": check }))
        .await;
    let pay = json!({ "approvedAmountFen": claim["approvedFen"], "payeeId": claim["payee"]["id"] });
    case.give(&cashier, "insurer/InstructPayout", pay).await;
    let payout = look(&cashier, &case).await["payout"].clone();
    let second = Client::sign_in(&server, "ins.chen").await;
    let arrived = json!({
        "instructionNo": payout["instructionNo"], "amountFen": payout["amountFen"], "bankRef": "STMT-1",
    });
    case.give(&second, "insurer/ConfirmPayout", arrived).await;
    let paid = look(&second, &case).await;
    assert_eq!(paid["status"], "PAID", "{paid}");
    // The refusal stays on record.
    assert_eq!(paid["refusal"]["appeal"]["decision"]["upheld"], true);
    drop(server);

    // The day after the last one for an appeal.
    let server = Server::start(place, &["demo", "--now", "2020-07-31T09:00:00+08:00"]);
    let township = Client::sign_in(&server, "smz.wang").await;
    let county = Client::sign_in(&server, "office.zhao").await;
    let late = json!({ "grounds": "来不及" });
    refused(
        &mut silent,
        &township,
        "office/LodgeAppeal",
        late,
        "APPEAL_TIME_OVER",
    )
    .await;
    let closed = silent.give(&county, "office/CloseClaim", close).await;
    assert_eq!(closed["claim"]["status"], "REFUSAL_CLOSED");
    drop(server);
    let verified = place.fangpin(&["audit", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", both(&verified));
}
