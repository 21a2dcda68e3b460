//! Exports over HTTP on both databases, read back with the libraries people use and compared row by row with what
//! GraphQL answers; what stands in a cell harms no spreadsheet; whose credential ends gets no more.

use crate::support::{Client, Held, Place, Server, http, psql_says, run};
use calamine::{Data, Reader, Xlsx};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Cursor, Read};
use std::time::Duration;

/// Claims of each township besides the sample's: more than two pages of an export.
const EACH: usize = 110;
/// Names that a spreadsheet would take for formulas.
const FORMULAS: [&str; 6] = [
    "=HYPERLINK(\"http://evil.example\",\"王\")",
    "@SUM(A1:A9)",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "王,\"某\"",
    "李\n某",
];

/// The columns of an export of claims.
const COLUMNS: [&str; 19] = [
    "number",
    "status",
    "phase",
    "peril",
    "eventOn",
    "policyYear",
    "villageCode",
    "village",
    "headName",
    "insuredName",
    "insuredIdMasked",
    "payeeName",
    "payeeAccountMasked",
    "submittedFen",
    "benefitFen",
    "approvedFen",
    "amountFen",
    "dueOn",
    "version",
];

fn key() -> uuid::Uuid {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let next = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    uuid::Uuid::from_u128(next << 64 | 0x8000_0000_0000_0002)
}

/// The sample county with many claims in two townships, and every private value that was put in.
async fn filled(place: &Place) -> (Server, Vec<String>) {
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let server = Server::start(place, &["demo", "--now", "2020-06-24T09:00:00+08:00"]);
    let office = Client::sign_in(&server, "office.zhao").await;
    let schemes = office.ask("office/Schemes", json!({})).await;
    let scheme = &schemes["data"]["schemes"]["nodes"][0]["id"];
    let mut private = Vec::new();
    let lines: Vec<Value> = (1..=2 * EACH)
        .map(|line_no| {
            let id_number = super::bulk::id_number(line_no);
            let account = format!("62284800000{line_no:08}");
            private.extend([id_number.clone(), account.clone()]);
            let name = FORMULAS.get(line_no / 2).map_or_else(|| format!("测{line_no}"), ToString::to_string);
            let village = if line_no % 2 == 0 { "130302105201" } else { "130302106201" };
            json!({
                "lineNo": line_no, "villageCode": village, "headName": name, "headIdNumber": id_number,
                "kind": "脱贫不稳定户", "persons": 3, "insuredName": name, "insuredIdNumber": id_number, "relation": "户主",
                "peril": "ILLNESS", "eventOn": "2020-05-20", "submittedFen": format!("{}", 4_000_000 + line_no),
                "decidedOn": "2020-05-28", "document": "决议", "payeeName": name, "bank": "某银行", "account": account,
            })
        })
        .collect();
    let batch_key = key();
    let mut done = Value::Null;
    for lines in lines.chunks(20) {
        let input = json!({ "batchKey": batch_key, "schemeId": scheme, "lines": lines });
        done = loop {
            let input = json!({ "input": input });
            let answer = office.ask("office/ReferBatch", input).await;
            // As README says: what was not done in time is sent again.
            if answer["errors"][0]["extensions"]["code"] != "OUTCOME_UNKNOWN" {
                break answer["data"]["referBatch"]["batch"]["done"].clone();
            }
        };
        assert!(done.is_number());
    }
    assert_eq!(done, 2 * EACH);
    (server, private)
}

/// Asks for an export; its node.
async fn asked(client: &Client, kind: &str, format: &str, region: Option<&str>) -> Value {
    let input = json!({
        "idempotencyKey": key(), "kind": kind, "format": format, "purpose": "年度核对", "region": region,
    });
    let answer = client
        .ask("office/StartExport", json!({ "input": input }))
        .await;
    let operation = answer["data"]["startExport"]["operation"].clone();
    assert_eq!(operation["state"], "READY", "{answer}");
    operation
}

async fn get(server: &Server, token: &str, operation: &Value) -> Response {
    let url = server.url(operation["url"].as_str().unwrap());
    http().get(url).bearer_auth(token).send().await.unwrap()
}

type Table = Vec<Vec<String>>;

/// Reads an export back: the heading, then the rows.
fn read(format: &str, bytes: &[u8]) -> Table {
    match format {
        "JSONL" => {
            let text = std::str::from_utf8(bytes).unwrap();
            let mut rows: Table = Vec::new();
            for line in text.lines() {
                // The order of the columns is that of the text.
                let row: Value = serde_json::from_str(line).unwrap();
                let row = row.as_object().unwrap();
                if rows.is_empty() {
                    rows.push(row.keys().cloned().collect());
                }
                assert!(row.keys().eq(&rows[0]), "{line}");
                let cell = |cell: &Value| cell.as_str().unwrap_or_default().to_owned();
                rows.push(row.values().map(cell).collect());
            }
            rows
        }
        "CSV" => {
            let text = bytes
                .strip_prefix("\u{feff}".as_bytes())
                .expect("a byte order mark");
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(text);
            let rows = reader.records().map(Result::unwrap);
            rows.map(|row| row.iter().map(str::to_owned).collect())
                .collect()
        }
        "XLSX" => {
            let mut book = Xlsx::new(Cursor::new(bytes.to_vec())).unwrap();
            let name = book.sheet_names()[0].clone();
            assert!(
                book.worksheet_formula(&name).unwrap().is_empty(),
                "a formula"
            );
            let sheet = book.worksheet_range(&name).unwrap();
            let heading: Vec<String> = sheet
                .rows()
                .next()
                .unwrap()
                .iter()
                .map(Data::to_string)
                .collect();
            let cell = |(name, cell): (&String, &Data)| match cell {
                Data::String(text) => text.clone(),
                Data::Empty => String::new(),
                // People read yuan, and can sum them.
                Data::Float(yuan) if name.ends_with("(元)") => format!("{:.0}", yuan * 100.0),
                Data::Float(number) => number.to_string(),
                other => panic!("neither text nor number: {other:?}"),
            };
            let money = heading.iter().zip(sheet.rows().nth(1).unwrap());
            let mut money = money.filter(|(name, _)| name.ends_with("(元)"));
            assert!(money.all(|(_, cell)| matches!(cell, Data::Float(_) | Data::Empty)));
            sheet
                .rows()
                .map(|row| heading.iter().zip(row).map(cell).collect())
                .collect()
        }
        other => panic!("{other}"),
    }
}

/// What a spreadsheet is given for a text.
fn harmless_text(format: &str, text: &str) -> String {
    let risky = format != "JSONL" && text.starts_with(['=', '+', '-', '@']);
    if risky {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// The same rows as GraphQL tells them, in the same columns.
async fn told(client: &Client, region: Option<&str>) -> Table {
    let query = "query($region: String, $after: String) { claims(filter: { region: $region }, first: 100, after: $after) {
        nodes { number status phase peril eventOn policyYear village { code name } household { headName }
            insured { name idNumberMasked } payee { holderName accountMasked } submittedFen assessment { benefitFen }
            approvedFen amountFen dueOn version }
        pageInfo { endCursor hasNextPage } } }";
    let mut rows = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = client
            .query(query, json!({ "region": region, "after": after }))
            .await;
        let page = &answer["data"]["claims"];
        for claim in page["nodes"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"))
        {
            let cells = [
                "/number",
                "/status",
                "/phase",
                "/peril",
                "/eventOn",
                "/policyYear",
                "/village/code",
                "/village/name",
                "/household/headName",
                "/insured/name",
                "/insured/idNumberMasked",
                "/payee/holderName",
                "/payee/accountMasked",
                "/submittedFen",
                "/assessment/benefitFen",
                "/approvedFen",
                "/amountFen",
                "/dueOn",
                "/version",
            ];
            let cell = |path: &str| match claim.pointer(path) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            rows.push(cells.into_iter().map(cell).collect::<Vec<_>>());
        }
        if page["pageInfo"]["hasNextPage"] == false {
            return rows;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// Invariant 8 and failures 23, 24: every form holds exactly what its requester may see, and nothing in the clear.
#[tokio::test(flavor = "multi_thread")]
async fn exports_hold_what_graphql_tells() {
    for place in Place::both() {
        let (server, private) = filled(&place).await;
        let mut numbers: Vec<BTreeSet<String>> = Vec::new();
        for (login, own, region) in [
            ("smz.wang", "130302105", None),
            ("zcy.li", "130302106", None),
            ("office.zhao", "130302105", Some("130302105")),
        ] {
            let client = Client::sign_in(&server, login).await;
            let mut expected = told(&client, region).await;
            assert!(expected.len() >= EACH, "{}", expected.len());
            assert!(
                expected.iter().all(|row| row[6].starts_with(own)),
                "{login}"
            );
            expected.sort();
            for format in ["JSONL", "CSV", "XLSX"] {
                let operation = asked(&client, "CLAIMS", format, region).await;
                let answer = get(&server, client.token(), &operation).await;
                assert_eq!(answer.status(), StatusCode::OK);
                let name = answer.headers()["content-disposition"]
                    .to_str()
                    .unwrap()
                    .to_owned();
                assert_eq!(
                    name,
                    format!("attachment; filename=\"claims.{}\"", format.to_lowercase())
                );
                let bytes = answer.bytes().await.unwrap();
                if format != "XLSX" {
                    // As browsers ask: the same, packed, and it ends as an answer ends.
                    let url = server.url(operation["url"].as_str().unwrap());
                    let asked = http().get(url).header("accept-encoding", "gzip");
                    let packed = asked.bearer_auth(client.token()).send().await.unwrap();
                    assert_eq!(packed.headers()["content-encoding"], "gzip");
                    let packed = packed.bytes().await.expect("whole");
                    let mut plain = Vec::new();
                    flate2::read::GzDecoder::new(&*packed)
                        .read_to_end(&mut plain)
                        .expect("whole");
                    assert!(plain == bytes, "{format}");
                }
                let mut rows = read(format, &bytes);
                let heading = rows.remove(0);
                let ends = (heading.len(), &*heading[0], &*heading[heading.len() - 1]);
                match format {
                    "CSV" => assert_eq!(ends, (19, "number", "version")),
                    "XLSX" => assert_eq!(ends, (19, "案号", "版本")),
                    _ => {}
                }
                let cells = rows.concat().join("\n");
                let found = private.iter().find(|it| cells.contains(it.as_str()));
                assert_eq!(found, None, "{login} {format} in the clear");
                // A map of JSON has its keys in another order.
                if format == "JSONL" {
                    let order = |name: &str| heading.iter().position(|it| it == name).unwrap();
                    let columns = COLUMNS.map(order);
                    rows = rows
                        .iter()
                        .map(|row| columns.iter().map(|at| row[*at].clone()).collect())
                        .collect();
                }
                let harmless = |row: &Vec<String>| {
                    let mut row: Vec<String> =
                        row.iter().map(|cell| harmless_text(format, cell)).collect();
                    if format == "XLSX" {
                        // People read terms.
                        let status = lifecycle::Status::from_code(&row[1]).unwrap();
                        row[1] = status.zh().to_owned();
                        row[2] = status.phase().zh().to_owned();
                        row[3] = lifecycle::Peril::from_code(&row[3])
                            .unwrap()
                            .zh()
                            .to_owned();
                    }
                    row
                };
                let mut wanted: Table = expected.iter().map(harmless).collect();
                rows.sort();
                wanted.sort();
                assert_eq!(rows.len(), wanted.len(), "{login} {format}");
                for (row, wanted) in rows.iter().zip(&wanted) {
                    assert_eq!(row, wanted, "{login} {format}");
                }
                let formula = harmless_text(format, FORMULAS[1]);
                let formulas = rows.iter().filter(|row| row[8] == formula).count();
                assert_eq!(formulas, 1, "{login} {format}");
            }
            numbers.push(expected.into_iter().map(|row| row[0].clone()).collect());
        }
        assert!(numbers[0].is_disjoint(&numbers[1]), "two regions");
        assert_eq!(numbers[0], numbers[2], "the same by region");
    }
}

/// Reads until the end; the lines, and whether it ended as an answer ends.
async fn drained(mut answer: Response) -> (usize, bool) {
    let mut text = Vec::new();
    let whole = loop {
        match answer.chunk().await {
            Ok(Some(more)) => text.extend(more),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    (String::from_utf8_lossy(&text).lines().count(), whole)
}

/// A session or key that ends while its export is on the way: at the next page it breaks off, and shows that it did;
/// a workbook does not begin.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_ends_with_its_credential() {
    let place = Place::postgres();
    let (server, _) = filled(&place).await;
    let database = place.url.clone().unwrap();
    let waits = async || {
        let sql =
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'claim'::regclass";
        for _ in 0..200 {
            if psql_says(&database, sql).trim() != "0" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the export never came to its rows");
    };
    let office = Client::sign_in(&server, "office.zhao").await;
    for (format, by_key) in [("JSONL", false), ("CSV", true), ("XLSX", false)] {
        let client = Client::sign_in(&server, "office.zhao").await;
        let mut token = client.token().to_owned();
        let mut id = Value::Null;
        if by_key {
            let input =
                json!({ "login": "office.zhao", "label": "报表", "grants": ["READ", "BULK"] });
            let made = office
                .ask("office/CreateApiKey", json!({ "input": input }))
                .await;
            let made = &made["data"]["createApiKey"];
            token = made["secret"]
                .as_str()
                .unwrap_or_else(|| panic!("{made}"))
                .to_owned();
            id = made["apiKey"]["id"].clone();
        }
        let operation = asked(&client, "CLAIMS", format, None).await;
        let held = Held::by(&database, "LOCK TABLE claim IN ACCESS EXCLUSIVE MODE");
        let url = server.url(operation["url"].as_str().unwrap());
        let download = tokio::spawn(async move {
            let answer = http().get(url).bearer_auth(token).send().await.unwrap();
            let status = answer.status();
            (status, drained(answer).await)
        });
        waits().await;
        if by_key {
            let ended = office
                .ask("office/RevokeApiKey", json!({ "input": { "id": id } }))
                .await;
            assert_eq!(ended["data"]["revokeApiKey"]["done"], true, "{ended}");
        } else {
            let ended = client.ask("office/LogOut", json!({})).await;
            assert_eq!(ended["data"]["logOut"]["loggedOut"], true, "{ended}");
        }
        // A resolved caller is remembered for 0.9 seconds.
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(held);
        let (status, (lines, whole)) = download.await.unwrap();
        if format == "XLSX" {
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{lines}");
        } else {
            assert_eq!(
                (status, whole),
                (StatusCode::OK, false),
                "{format}: it looks whole"
            );
            assert!(
                lines < 150,
                "{format}: {lines} lines, more than the page under way"
            );
        }
        let seen = office
            .ask("office/BulkOperation", json!({ "id": operation["id"] }))
            .await;
        let seen = &seen["data"]["bulkOperation"];
        assert_eq!(
            (&seen["state"], &seen["rows"], &seen["downloads"]),
            (&json!("READY"), &Value::Null, &json!(1))
        );
    }
}

/// An export is a node for its requester; for anybody else, and where there is none, the same null and the same error.
#[tokio::test]
async fn an_export_is_a_node_of_its_requester() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let server = Server::start(&place, &["serve"]);
    let owner = Client::sign_in(&server, "office.zhao").await;
    let operation = asked(&owner, "CLAIMS", "CSV", None).await;
    let query = "query($id: ID!, $ids: [ID!]!) { node(id: $id) { __typename id ... on BulkOperation { state url downloads } }
        nodes(ids: $ids) { id } }";
    let look = async |client: &Client, id: &Value| {
        let answer = client.query(query, json!({ "id": id, "ids": [id] })).await;
        let mut error = answer["errors"][0].clone();
        error["extensions"]["requestId"] = Value::Null;
        (answer["data"].clone(), error)
    };
    let (seen, _) = look(&owner, &operation["id"]).await;
    let node = json!({ "__typename": "BulkOperation", "id": operation["id"], "state": "READY", "url": operation["url"], "downloads": 0 });
    assert_eq!(
        seen,
        json!({ "node": node, "nodes": [{ "id": operation["id"] }] })
    );
    let taken = get(&server, owner.token(), &operation).await;
    assert_eq!(taken.status(), StatusCode::OK);
    taken.bytes().await.unwrap();
    let (seen, _) = look(&owner, &operation["id"]).await;
    assert_eq!(
        (&seen["node"]["state"], &seen["node"]["downloads"]),
        (&json!("COMPLETED"), &json!(1))
    );

    // The same id with other last characters names nothing.
    let id = operation["id"].as_str().unwrap();
    let unknown = json!(format!(
        "{}{}",
        &id[..id.len() - 4],
        if id.ends_with("AAAA") { "BBBB" } else { "AAAA" }
    ));
    let nothing = look(&owner, &unknown).await;
    assert_eq!(nothing.0, json!({ "node": null, "nodes": [null] }));
    assert_eq!(nothing.1["extensions"]["code"], "NOT_FOUND");
    for other in ["office.qian", "smz.wang", "ins.sun", "office.audit"] {
        let other = Client::sign_in(&server, other).await;
        assert_eq!(look(&other, &operation["id"]).await, nothing);
        assert_eq!(get(&server, other.token(), &operation).await.status(), 404);
    }
}

/// Households and events, row by row what GraphQL tells.
#[tokio::test(flavor = "multi_thread")]
async fn households_and_events_are_whole() {
    for place in Place::both() {
        run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
        let server = Server::start(&place, &["demo", "--now", "2020-06-24T09:00:00+08:00"]);
        for login in ["office.zhao", "smz.wang"] {
            let client = Client::sign_in(&server, login).await;
            let rows = async |kind: &str| {
                let operation = asked(&client, kind, "JSONL", None).await;
                let text = get(&server, client.token(), &operation)
                    .await
                    .text()
                    .await
                    .unwrap();
                let rows = text.lines().map(|it| serde_json::from_str(it).unwrap());
                rows.collect::<Vec<Value>>()
            };
            let query = "{ households(first: 100) { nodes { id village { code name } kind listedOn persons headName
                members { idNumberMasked } payees(first: 5) { nodes { id } } } } }";
            let told = client.query(query, json!({})).await;
            let told = told["data"]["households"]["nodes"].as_array();
            let told = told.unwrap_or_else(|| panic!("{login}")).iter().map(|home| {
                let count = |list: &Value| list.as_array().unwrap().len().to_string();
                json!({
                    "id": home["id"], "villageCode": home["village"]["code"], "village": home["village"]["name"],
                    "kind": home["kind"], "listedOn": home["listedOn"], "headName": home["headName"],
                    "headIdMasked": home["members"][0]["idNumberMasked"], "persons": home["persons"].to_string(),
                    "members": count(&home["members"]), "payees": count(&home["payees"]["nodes"]),
                })
            });
            let told: Vec<Value> = told.collect();
            assert!(told.len() > 5, "{login}");
            assert_eq!(rows("HOUSEHOLDS").await, told, "{login}");

            let numbers = client
                .query("{ claims(first: 100) { nodes { number } } }", json!({}))
                .await;
            let mut told = Vec::new();
            for claim in numbers["data"]["claims"]["nodes"].as_array().unwrap() {
                let query = "query($n: String!) { claim(number: $n) { timeline(first: 100) {
                    nodes { seq type recordedAt by organisation } } } }";
                let answer = client.query(query, json!({ "n": claim["number"] })).await;
                let events = answer["data"]["claim"]["timeline"]["nodes"].as_array();
                for event in events.unwrap_or_else(|| panic!("{answer}")) {
                    told.push(json!({
                        "claimNumber": claim["number"], "seq": event["seq"].to_string(), "type": event["type"],
                        "recordedAt": event["recordedAt"], "by": event["by"], "organisation": event["organisation"],
                    }));
                }
            }
            assert!(told.len() > 20, "{login}");
            assert_eq!(rows("EVENTS").await, told, "{login}");
        }
    }
}
