//! Batches of payments and the bank's files through the API, with the committed documents.

use super::Wire;
use crate::node_id::{self, Kind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engine::ids;
use engine::testkit::world::{Role, day};
use lifecycle::{Claim, Status};
use serde_json::{Value, json};

async fn approved(wire: &Wire, count: u32) -> Vec<Claim> {
    let household = wire.desk.world.household("石门寨").clone();
    let mut claims = Vec::new();
    for number in 1..=count {
        let draft = wire.desk.draft(&household).event_on(day(2019, 2, number));
        let posted = draft
            .refer()
            .through_verification(engine::testkit::yuan(41_200))
            .preview()
            .open_notice()
            .prove();
        claims.push(posted.await);
    }
    wire.desk.pass_days(6);
    let mut ready = Vec::new();
    for claim in &claims {
        ready.push(wire.desk.on(claim).close_notice().approve().await);
    }
    ready
}

fn codes(answer: &Value) -> Vec<&str> {
    let errors = answer["userErrors"].as_array().into_iter().flatten();
    errors.filter_map(|it| it["code"].as_str()).collect()
}

async fn told(wire: &Wire, role: Role, name: &str, input: Value) -> Value {
    let document = format!("insurer/{name}.graphql");
    let reply = wire
        .document(role, &document, json!({ "input": input }))
        .await;
    let field = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
    let answer = reply.body["data"][&field].clone();
    assert!(answer.is_object(), "{}", reply.body);
    answer
}

fn decoded(order: &Value) -> Vec<u8> {
    STANDARD
        .decode(order["order"]["content"].as_str().unwrap())
        .unwrap()
}

/// From approved claims to the bank and back: the order in every form, the result list, a statement.
#[tokio::test]
async fn a_batch_goes_to_the_bank_and_comes_back() {
    let wire = Wire::open().await;
    let claims = approved(&wire, 3).await;
    let scheme = json!(node_id::encode(Kind::Scheme, wire.desk.world.scheme.id.0));
    let prepare = json!({
        "idempotencyKey": ids::fresh(), "schemeId": scheme, "payerName": "某保险公司(测试)",
        "payerAccount": "1300000000000001", "payerBank": "某银行",
    });
    let prepared = told(&wire, Role::Finance, "PreparePaymentBatch", prepare.clone()).await;
    let batch = &prepared["batch"];
    let (id, totals) = (&batch["id"], &batch["tally"]["selected"]);
    assert_eq!(totals["count"], 3);
    let again = told(&wire, Role::Finance, "PreparePaymentBatch", prepare).await;
    assert_eq!(again["batch"]["id"], *id);
    let order = json!({ "batchId": id, "form": "PAIN_001", "executeOn": "2020-06-24" });
    let early = told(&wire, Role::Finance, "WritePaymentOrder", order.clone()).await;
    assert_eq!(
        codes(&early),
        ["NOTHING_APPROVED"],
        "nothing is instructed yet"
    );
    let wrong = json!({ "batchId": id, "count": 2, "totalFen": totals["sumFen"] });
    let wrong = told(&wire, Role::Finance, "InstructPaymentBatch", wrong).await;
    assert_eq!(codes(&wrong), ["TOTALS_DIFFER"]);
    let confirm = json!({ "batchId": id, "count": 3, "totalFen": totals["sumFen"] });
    let other = told(
        &wire,
        Role::SecondFinance,
        "InstructPaymentBatch",
        confirm.clone(),
    )
    .await;
    assert_eq!(codes(&other), ["NOT_OWN_BATCH"]);
    let done = told(&wire, Role::Finance, "InstructPaymentBatch", confirm).await;
    assert_eq!(done["batch"]["tally"]["succeeded"], *totals, "{done}");

    // The order to the bank: accounts in the clear, each on record; masked for publication.
    let account = wire.desk.world.household("石门寨").payees[0]
        .account
        .reveal()
        .to_owned();
    let written = told(&wire, Role::Finance, "WritePaymentOrder", order).await;
    let pain = String::from_utf8(decoded(&written)).unwrap();
    let yuan = totals["sumFen"].as_str().unwrap().parse::<i64>().unwrap();
    let sum = format!("<CtrlSum>{}.{:02}</CtrlSum>", yuan / 100, yuan % 100);
    assert_eq!(pain.matches(&sum).count(), 2, "{pain}");
    assert_eq!(pain.matches(&account).count(), 3);
    let csv = json!({ "batchId": id, "form": "LIST_CSV", "executeOn": "2020-06-24" });
    let csv = told(&wire, Role::Finance, "WritePaymentOrder", csv).await;
    let csv = String::from_utf8(decoded(&csv)).unwrap();
    assert_eq!(csv.matches(&account).count(), 3);
    let masked = json!({ "batchId": id, "form": "PUBLICATION_XLSX", "executeOn": "2020-06-24" });
    let masked = told(&wire, Role::Finance, "WritePaymentOrder", masked).await;
    assert_eq!(masked["order"]["totals"], *totals);
    let store = wire.desk.store();
    let county = wire.desk.world.scheme.county;
    let log = store.disclosure_log(county, 0, 100).await.unwrap();
    assert_eq!(log.len(), 6, "three accounts, twice");

    // The bank's result list: the same list, with a column of results.
    let result: String = csv
        .lines()
        .enumerate()
        .map(|(at, line)| match at {
            0 => format!("{line},结果,银行流水号\r\n"),
            1 => format!("{line},成功,YH1\r\n"),
            2 => format!("{line},失败,YH2\r\n"),
            3 => format!("{line},处理中,\r\n"),
            _ => format!("{line},,\r\n"),
        })
        .collect();
    let read = json!({
        "idempotencyKey": ids::fresh(), "schemeId": scheme, "batchId": id, "name": "回盘.csv", "content": STANDARD.encode(&result),
    });
    let read = told(&wire, Role::SecondFinance, "ReadBankFile", read).await;
    let file = &read["file"]["id"];
    let queues = read["file"]["queues"]
        .as_array()
        .unwrap_or_else(|| panic!("{read}"));
    let named: Vec<_> = queues
        .iter()
        .map(|it| it["class"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["CONFIRMED", "FAILED", "UNKNOWN"]);
    let post = async |role, class: &str, open: &Value| {
        let input = json!({ "fileId": file, "class": class, "count": open["count"], "totalFen": open["sumFen"] });
        told(&wire, role, "PostBankLines", input).await
    };
    for queue in queues {
        let posted = post(
            Role::SecondFinance,
            queue["class"].as_str().unwrap(),
            &queue["open"],
        )
        .await;
        assert_eq!(codes(&posted), [""; 0], "{posted}");
    }
    let mut statuses = Vec::new();
    for claim in &claims {
        statuses.push(wire.desk.claim(claim.id).await.status());
    }
    statuses.sort();
    assert_eq!(
        statuses,
        [Status::PayUnknown, Status::PayFailed, Status::Paid]
    );

    // A statement settles what nobody knew; what it tells again is a duplicate, and closed with a reason.
    let numbers: Vec<&str> = csv
        .lines()
        .skip(1)
        .take(3)
        .map(|it| it.split(',').nth(1).unwrap())
        .collect();
    let amounts: Vec<&str> = csv
        .lines()
        .skip(1)
        .take(3)
        .map(|it| it.split(',').nth(5).unwrap())
        .collect();
    let entry = |at: usize| {
        format!(
            "<Ntry><Amt Ccy=\"CNY\">{}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><NtryDtls><TxDtls><Refs>\
             <AcctSvcrRef>S{at}</AcctSvcrRef><EndToEndId>{}</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>",
            amounts[at], numbers[at]
        )
    };
    let camt = format!(
        "<?xml version=\"1.0\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><Stmt>\
         <TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries></TxsSummry>{}{}</Stmt></BkToCstmrStmt></Document>",
        entry(0),
        entry(2)
    );
    let input = |bytes: &[u8]| json!({ "idempotencyKey": ids::fresh(), "schemeId": scheme, "name": "对账单.xml", "content": STANDARD.encode(bytes) });
    let cut = told(
        &wire,
        Role::SecondFinance,
        "ReadBankFile",
        input(&camt.as_bytes()[..camt.len() - 20]),
    )
    .await;
    assert_eq!(codes(&cut), ["FILE_UNREADABLE"]);
    let statement = told(
        &wire,
        Role::SecondFinance,
        "ReadBankFile",
        input(camt.as_bytes()),
    )
    .await;
    let queues = statement["file"]["queues"]
        .as_array()
        .unwrap_or_else(|| panic!("{statement}"));
    let named: Vec<_> = queues
        .iter()
        .map(|it| it["class"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["CONFIRMED", "DUPLICATE"]);
    let file = &statement["file"]["id"];
    let open = &queues[0]["open"];
    let input = json!({ "fileId": file, "class": "CONFIRMED", "count": open["count"], "totalFen": open["sumFen"] });
    let posted = told(&wire, Role::SecondFinance, "PostBankLines", input).await;
    assert_eq!(
        posted["file"]["queues"].as_array().map(Vec::len),
        Some(1),
        "{posted}"
    );
    let open = &queues[1]["open"];
    let input = json!({ "fileId": file, "class": "DUPLICATE", "count": open["count"], "totalFen": open["sumFen"] });
    let never = told(&wire, Role::SecondFinance, "PostBankLines", input).await;
    assert_eq!(codes(&never), ["QUEUE_NOT_POSTED"]);
    for (note, expected) in [
        ("账户6228480000000000011已核", vec!["PRIVATE_IN_TEXT"]),
        ("与回盘重复,已核对", vec![]),
        ("再关一次", vec!["LINE_NOT_OPEN"]),
    ] {
        let input = json!({ "fileId": file, "lineNo": 1, "note": note });
        let closed = told(&wire, Role::SecondFinance, "CloseBankLine", input).await;
        assert_eq!(codes(&closed), expected, "{note}");
    }
    for role in [Role::Handler, Role::Approver, Role::Supervisor] {
        let input = json!({ "input": { "fileId": file, "lineNo": 2, "note": "看看" } });
        let denied = wire
            .document(role, "insurer/CloseBankLine.graphql", input)
            .await;
        assert_eq!(denied.code(), "FORBIDDEN", "{role:?}");
    }
    wire.desk.expect_sound().await;
}
