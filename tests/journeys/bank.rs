//! Payments to a bank and back: a process on the other side reads our order and answers with files, whole and damaged in
//! every way. Each line lands in its queue, no money moves by itself, and what is posted at the end is posted once.

use crate::support::{Client, Place, Server, python, root, run};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::Path;
use uuid::Uuid;

/// What each answer of the bank comes to: the queues, or that it is refused whole.
const ANSWERS: &[(&str, &[&str])] = &[
    ("list", &["CONFIRMED 2"]),
    ("list, one failed", &["CONFIRMED 1", "FAILED 1"]),
    ("list, one returned", &["CONFIRMED 1", "RETURNED 1"]),
    ("list, one under way", &["CONFIRMED 1", "UNKNOWN 1"]),
    ("list, another amount", &["CONFIRMED 1", "WRONG_AMOUNT 1"]),
    ("list, a line twice", &["CONFIRMED 2", "DUPLICATE 1"]),
    ("list, a line lacking", &["CONFIRMED 1", "MISSING 1"]),
    (
        "list, a number nobody gave",
        &["CONFIRMED 2", "UNKNOWN_REFERENCE 1"],
    ),
    ("list, no number", &["CONFIRMED 2", "UNKNOWN_REFERENCE 1"]),
    (
        "list, a reason with an account",
        &["CONFIRMED 1", "FAILED 1"],
    ),
    ("list, other totals", &[]),
    ("list, other count", &[]),
    ("list, lines after the totals", &[]),
    ("list, a third of a fen", &[]),
    ("list, an unknown result", &[]),
    ("list, no amount", &[]),
    ("list, no column of results", &[]),
    ("list in GB 18030", &["CONFIRMED 2"]),
    ("camt", &["CONFIRMED 2"]),
    ("camt, a return", &["CONFIRMED 1", "RETURNED 1"]),
    ("camt, pending", &["CONFIRMED 1", "UNKNOWN 1"]),
    ("camt, other money", &["CONFIRMED 1", "MISSING 1"]),
    ("camt, cut off", &[]),
    ("camt, other count", &[]),
    ("camt, other currency", &[]),
    ("camt, a bomb", &[]),
    ("mt940", &["CONFIRMED 2"]),
    ("mt940, a return", &["CONFIRMED 1", "RETURNED 1"]),
    ("mt940, does not add up", &[]),
    ("mt940, cut off", &[]),
    ("nothing", &[]),
    ("an image", &[]),
];

async fn done(client: &Client, name: &str, input: Value) -> Value {
    let answer = client
        .ask(&format!("insurer/{name}"), json!({ "input": input }))
        .await;
    let field = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
    let told = answer["data"][&field].clone();
    assert!(told.is_object(), "{name}: {answer}");
    told
}

fn answer_of_the_bank(order: &Path, answer: &str) -> Vec<u8> {
    let mut bank = python();
    bank.arg(root().join("tests/bank/bank.py"))
        .arg(order)
        .arg(answer);
    let output = bank.output().unwrap();
    assert!(
        output.status.success(),
        "{answer}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn queues(file: &Value) -> Vec<String> {
    let queues = file["queues"].as_array().into_iter().flatten();
    queues
        .map(|it| format!("{} {}", it["class"].as_str().unwrap(), it["open"]["count"]))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bank_answers_in_every_way() {
    for place in Place::both() {
        run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
        let server = Server::start(&place, &["demo", "--now", "2020-06-24T09:00:00+08:00"]);
        let (cashier, accountant) = (
            Client::sign_in(&server, "ins.chen").await,
            Client::sign_in(&server, "ins.chu").await,
        );
        let schemes = cashier.ask("insurer/Schemes", json!({})).await;
        let scheme = &schemes["data"]["schemes"]["nodes"][0]["id"];
        // Whoever is paid must be known to be alive on the day.
        let handler = Client::sign_in(&server, "ins.sun").await;
        let query =
            "{ claims(first: 50) { nodes { status payee { memberId } household { id } } } }";
        let claims = handler.query(query, json!({})).await;
        let claims = claims["data"]["claims"]["nodes"].as_array().unwrap();
        for (at, claim) in (100_u128..).zip(claims.iter().filter(|it| it["status"] == "APPROVED")) {
            let checked = done(
                &handler,
                "RecordLivenessCheck",
                json!({
                    "idempotencyKey": Uuid::from_u128(at), "householdId": claim["household"]["id"],
                    "memberId": claim["payee"]["memberId"], "checkedOn": "2020-06-24",
                }),
            )
            .await;
            assert_eq!(checked["userErrors"], json!([]), "{checked}");
        }
        let prepared = done(&cashier, "PreparePaymentBatch", json!({
            "idempotencyKey": Uuid::from_u128(1), "schemeId": scheme, "payerName": "某保险公司(测试)",
            "payerAccount": "1300000000000001", "payerBank": "某银行",
        }))
        .await;
        let batch = &prepared["batch"]["id"];
        let selected = &prepared["batch"]["tally"]["selected"];
        assert_eq!(selected["count"], 2, "{prepared}");
        let confirm = json!({ "batchId": batch, "count": 2, "totalFen": selected["sumFen"] });
        let instructed = done(&cashier, "InstructPaymentBatch", confirm).await;
        assert_eq!(
            instructed["batch"]["tally"]["succeeded"], *selected,
            "{instructed}"
        );
        let order = json!({ "batchId": batch, "form": "PAIN_001", "executeOn": "2020-06-24" });
        let order = done(&cashier, "WritePaymentOrder", order).await;
        let content = STANDARD
            .decode(order["order"]["content"].as_str().unwrap())
            .unwrap();
        let file = place.folder.path().join("order.xml");
        std::fs::write(&file, content).unwrap();

        let mut kept = Value::Null;
        for (at, (name, expected)) in (10_u128..).zip(ANSWERS) {
            let bytes = answer_of_the_bank(&file, name);
            let input = json!({
                "idempotencyKey": Uuid::from_u128(at), "schemeId": scheme, "batchId": batch, "name": name,
                "content": STANDARD.encode(&bytes),
            });
            let read = done(&accountant, "ReadBankFile", input).await;
            if expected.is_empty() {
                assert_eq!(
                    read["userErrors"][0]["code"], "FILE_UNREADABLE",
                    "{name}: {read}"
                );
                assert_eq!(read["file"], Value::Null, "{name}: nothing of it is kept");
                continue;
            }
            assert_eq!(queues(&read["file"]), *expected, "{name}");
            let seen = json!({ "fileId": read["file"]["id"] });
            let seen = accountant.ask("insurer/BankFile", seen).await;
            let lines = seen["data"]["bankFile"]["lines"]["nodes"].as_array();
            let lines = lines.unwrap_or_else(|| panic!("{seen}"));
            assert!(!seen.to_string().contains("6228480000000000011"), "{name}");
            for line in lines {
                let closed = done(
                    &accountant,
                    "CloseBankLine",
                    json!({
                        "fileId": read["file"]["id"], "lineNo": line["lineNo"], "note": "测试文件",
                    }),
                )
                .await;
                kept = closed["file"].clone();
            }
            assert_eq!(queues(&kept), Vec::<String>::new(), "{name}");
        }
        let status = async || {
            let answer = cashier.ask("insurer/ClaimStatusSummary", json!({})).await;
            let counts = answer["data"]["claimStatusSummary"].as_array().unwrap();
            let of = |status: &str| {
                let found = counts.iter().find(|it| it["status"] == status);
                found.map_or(0, |it| it["claims"].as_u64().unwrap())
            };
            (of("INSTRUCTED"), of("PAID"))
        };
        assert_eq!(status().await, (3, 2), "no money moved by itself");

        // The whole answer once more, in other bytes, posted by two at once: each payment settles once.
        let mut bytes = answer_of_the_bank(&file, "list");
        bytes.extend(b"\r\n");
        let input = json!({
            "idempotencyKey": Uuid::from_u128(2), "schemeId": scheme, "batchId": batch, "name": "回盘",
            "content": STANDARD.encode(&bytes),
        });
        let read = done(&accountant, "ReadBankFile", input).await;
        let open = &read["file"]["queues"][0]["open"];
        let post = json!({
            "fileId": read["file"]["id"], "class": "CONFIRMED", "count": open["count"], "totalFen": open["sumFen"],
        });
        let own = done(&cashier, "PostBankLines", post.clone()).await;
        assert_eq!(
            queues(&own["file"]),
            ["CONFIRMED 2"],
            "whoever instructed is no second source"
        );
        let both = tokio::join!(
            done(&accountant, "PostBankLines", post.clone()),
            done(&accountant, "PostBankLines", post)
        );
        let left = [&both.0, &both.1].map(|it| queues(&it["file"]).is_empty());
        assert!(left.contains(&true), "{both:?}");
        assert_eq!(status().await, (1, 4));
        drop(server);
        let verified = run(&mut place.fangpin(&["audit", "verify", "--json"]));
        let verified: Value = serde_json::from_str(&verified).unwrap();
        assert_eq!(
            (&verified["payments"], &verified["faults"]),
            (&json!(5), &json!([]))
        );
    }
}
