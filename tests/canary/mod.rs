//! Canaries: made-up private values that stand nowhere else. A server is driven through import, referral,
//! claims, errors, exports, pages and reveals with its log at its loudest; then its answers, its log and the
//! bytes of its database are searched for them. Only what was revealed on purpose may hold one.

use crate::support::{Client, Place, Server, both, http, psql_says, run, variable};
use calamine::Reader;
use engine::household::Households;
use engine::testkit::world::{day, id_number};
use engine::{HouseholdFilter, Page, Scope};
use lifecycle::{CountyCode, RegionCode};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

const ACCOUNT: &str = "6217993104155926535";
const PHONE: &str = "13977318264";
const DIAGNOSIS: &str = "慢性粒细胞白血病加速期之金丝雀";

/// What must not be found, in the forms in which it could stand.
struct Canaries(Vec<(String, Vec<u8>)>);

impl Canaries {
    fn of(values: &[String]) -> Self {
        let mut forms = Vec::new();
        for value in values {
            let wide: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let (mut hex, mut escaped) = (String::new(), String::new());
            for byte in value.bytes() {
                let _ = write!(hex, "{byte:02x}");
            }
            for unit in value.encode_utf16() {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
            for form in [value.clone().into_bytes(), wide, hex.into_bytes()] {
                forms.push((value.clone(), form));
            }
            if !value.is_ascii() {
                forms.push((value.clone(), escaped.into_bytes()));
            }
        }
        Self(forms)
    }

    /// The first one that stands in some bytes.
    fn found(&self, bytes: &[u8]) -> Option<&str> {
        self.0
            .iter()
            .find(|(_, form)| {
                // The first byte is found fast; most places end there.
                let mut rest = bytes;
                while let Some(at) = rest.iter().position(|byte| *byte == form[0]) {
                    rest = &rest[at..];
                    if rest.starts_with(form) {
                        return true;
                    }
                    rest = &rest[1..];
                }
                false
            })
            .map(|(value, _)| value.as_str())
    }

    fn are_not_in(&self, what: &str, bytes: &[u8]) {
        let found = self.found(bytes);
        assert!(found.is_none(), "{what} holds {found:?} in the clear");
    }

    /// No file of a folder holds one; how many files and bytes were read.
    fn are_not_below(&self, folder: &Path, skip: &[&str]) -> (usize, usize) {
        let (mut files, mut bytes) = (0, 0);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().and_then(|it| it.to_str());
            if path.is_dir() {
                let (more_files, more_bytes) = self.are_not_below(&path, skip);
                files += more_files;
                bytes += more_bytes;
            } else if extension.is_none_or(|it| !skip.contains(&it))
                // A server at work removes files of its own.
                && let Ok(contents) = std::fs::read(&path)
            {
                self.are_not_in(&path.display().to_string(), &contents);
                files += 1;
                bytes += contents.len();
            }
        }
        (files, bytes)
    }
}

/// Every private value of the sample county, as its store opens them.
async fn of_the_sample(place: &Place) -> Vec<String> {
    let store = store::connect(&place.url(), place.keys()).await.unwrap();
    let county = CountyCode::new(130_302).unwrap();
    let scope = Scope {
        county,
        region: RegionCode::new("130302").unwrap(),
        insurer: None,
    };
    let page = Page::first(100);
    let households = store
        .households(&scope, &HouseholdFilter::default(), &page)
        .await
        .unwrap();
    let mut values = Vec::new();
    for household in households.rows {
        let members = household.members.iter();
        values.extend(members.map(|it| it.id_number.reveal().to_owned()));
        let payees = household.payees.iter();
        values.extend(payees.map(|it| it.account.reveal().to_owned()));
    }
    assert!(values.len() >= 34, "{} values", values.len());
    values
}

/// Every cell of a workbook: what stands in it is compressed.
fn cells(workbook: Vec<u8>) -> String {
    let mut workbook = calamine::Xlsx::new(Cursor::new(workbook)).unwrap();
    let mut text = String::new();
    for (_, sheet) in workbook.worksheets() {
        for row in sheet.rows() {
            let row: Vec<String> = row.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "{}", row.join("\t"));
        }
    }
    text
}

async fn answers(
    server: &Server,
    client: &Client,
    own: &[String],
) -> (Value, Vec<(String, String)>) {
    let id = own[0].as_str();
    let mut heard = Vec::new();
    let schemes = client.ask("office/Schemes", json!({})).await;
    let regions = client.ask("office/Regions", json!({})).await;
    let villages = regions["data"]["regions"]["nodes"].as_array().unwrap();
    let village = villages
        .iter()
        .find(|it| it["code"].as_str().unwrap().len() == 12)
        .unwrap()["code"]
        .clone();
    let line = |line_no: u32, account: &str, id_number: &str, document: &str| {
        json!({
            "lineNo": line_no, "villageCode": village, "headName": "金丝雀", "headIdNumber": id_number,
            "kind": "脱贫不稳定户", "persons": 3, "insuredName": "金丝雀", "insuredIdNumber": id_number,
            "relation": "户主", "peril": "ILLNESS", "eventOn": "2020-05-20", "submittedFen": "4120000",
            "decidedOn": "2020-05-28", "document": document, "payeeName": "金丝雀", "bank": "某银行", "account": account,
        })
    };
    let wrong = format!("{}{}", &id[..17], if id.ends_with('1') { '2' } else { '1' });
    let batch = |lines: Value| {
        json!({ "input": {
            "batchKey": uuid::Uuid::from_u128(77), "schemeId": schemes["data"]["schemes"]["nodes"][0]["id"], "lines": lines,
        } })
    };
    let lines = json!([
        line(1, ACCOUNT, id, "决议"),
        line(2, ACCOUNT, &wrong, "决议"),
        line(3, PHONE, id, PHONE),
        line(4, "12", id, id),
    ]);
    let referred = client.ask("office/ReferBatch", batch(lines)).await;
    let claim = referred["data"]["referBatch"]["lines"][0]["claim"].clone();
    assert!(claim["id"].is_string(), "{referred}");
    heard.push(("referBatch".to_owned(), referred.to_string()));
    let again = json!([line(1, "6217990000000000000", id, "决议")]);
    let again = client.ask("office/ReferBatch", batch(again)).await;
    heard.push(("referBatch, changed".into(), again.to_string()));

    let household = client
        .ask("office/HouseholdOf", json!({ "idNumber": id }))
        .await;
    heard.push(("householdOf".into(), household.to_string()));
    let household = household["data"]["householdOf"].clone();
    let details = json!({ "input": {
        "idempotencyKey": uuid::Uuid::from_u128(78), "householdId": household["id"], "phone": PHONE,
        "claimId": claim["id"], "diagnosis": DIAGNOSIS,
    } });
    let details = client.ask("office/RecordPrivateDetails", details).await;
    let recorded = &details["data"]["recordPrivateDetails"];
    assert_eq!(recorded["claim"]["diagnosisRecorded"], true, "{details}");
    heard.push(("recordPrivateDetails".into(), details.to_string()));
    // A free text is no place for them: it says so, without repeating it.
    for (key, text) in [id, ACCOUNT, PHONE].iter().enumerate() {
        let input = json!({ "input": {
            "claimId": claim["id"], "expectedVersion": claim["version"], "reason": format!("电话{text}"),
            "idempotencyKey": uuid::Uuid::from_u128(100 + key as u128),
        } });
        let answer = client.ask("office/WithdrawClaim", input).await;
        let code = &answer["data"]["withdrawClaim"]["userErrors"][0]["code"];
        assert_eq!(*code, "PRIVATE_IN_TEXT", "{answer}");
        heard.push((format!("a text with {key}"), answer.to_string()));
    }
    for (document, variables) in [
        ("office/Claim", json!({ "id": claim["id"] })),
        ("office/Claims", json!({ "first": 50 })),
        ("office/Household", json!({ "id": household["id"] })),
        ("office/Households", json!({ "first": 50 })),
        ("office/WorkQueue", json!({ "first": 50 })),
        ("office/HouseholdOf", json!({ "idNumber": wrong })),
        (
            "office/LogIn",
            json!({ "input": { "login": PHONE, "password": ACCOUNT } }),
        ),
    ] {
        let answer = client.ask(document, variables).await;
        heard.push((document.into(), answer.to_string()));
    }
    for query in [
        format!("{{ householdOf(idNumber: \"{id}\") {{ nothing }} }}"),
        format!("{{ householdOf(idNumber: \"{id}\" {{ id }} }}"),
        format!("{{ claims(first: {id}) {{ nodes {{ id }} }} }}"),
        format!("{{ f{id} }}"),
        format!("{{ claim(number: \"{ACCOUNT}\") {{ id }} }}"),
    ] {
        let answer = client.query(&query, json!({})).await;
        assert!(answer["errors"].is_array(), "{answer}");
        // A document is the caller's own; what is told of it must not name its literals.
        if !query.contains("f1") {
            heard.push((
                query.replace(id, "<ID>").replace(ACCOUNT, "<ACCOUNT>"),
                answer.to_string(),
            ));
        }
    }
    for (number, (kind, format)) in [
        ("CLAIMS", "JSONL"),
        ("EVENTS", "JSONL"),
        ("HOUSEHOLDS", "JSONL"),
        ("CLAIMS", "CSV"),
        ("HOUSEHOLDS", "CSV"),
        ("CLAIMS", "XLSX"),
        ("EVENTS", "XLSX"),
        ("HOUSEHOLDS", "XLSX"),
    ]
    .into_iter()
    .enumerate()
    {
        let input = json!({ "input": {
            "idempotencyKey": uuid::Uuid::from_u128(200 + number as u128), "kind": kind, "format": format, "purpose": "核对",
        } });
        let answer = client.ask("office/StartExport", input).await;
        let url = answer["data"]["startExport"]["operation"]["url"].as_str();
        let url = url.unwrap_or_else(|| panic!("{answer}")).to_owned();
        let bytes = client.take_away(server, &url).await;
        let text = match format {
            "XLSX" => cells(bytes),
            _ => String::from_utf8(bytes).unwrap(),
        };
        assert!(text.lines().count() > 10, "{kind} {format}: {text}");
        heard.push((format!("export of {kind} as {format}"), text));
    }
    let cookie = format!("{}={}", engine::access::SESSION_COOKIE, client.token());
    let number = claim["number"].as_str().unwrap();
    for path in [
        "/claims".to_owned(),
        format!("/claims/{number}"),
        "/claims/999".to_owned(),
        format!("/nothing/{id}"),
        format!("/claims?name={PHONE}"),
    ] {
        let request = http().get(server.url(&path)).header("cookie", &cookie);
        let text = request.send().await.unwrap().text().await.unwrap();
        heard.push((path.replace(id, "<ID>").replace(PHONE, "<PHONE>"), text));
    }
    (json!({ "household": household, "claim": claim }), heard)
}

/// A receiver of webhooks in this process: headers and body of whatever arrives.
async fn receiver() -> (String, Arc<Mutex<Vec<String>>>) {
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&arrivals);
    let take = move |headers: axum::http::HeaderMap, body: String| {
        kept.lock().unwrap().push(format!("{headers:?}\n{body}"));
        async { axum::http::StatusCode::NO_CONTENT }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(take);
    tokio::spawn(axum::serve(listener, router).into_future());
    (url, arrivals)
}

/// Has the office told of its claims; the secret it is signed with, which is as private as anything.
async fn webhooks_to(server: &Server, url: &str) -> String {
    let admin = Client::sign_in(server, "office.admin").await;
    let input =
        json!({ "idempotencyKey": uuid::Uuid::from_u128(400), "url": url, "keyKind": "HMAC" });
    let made = admin
        .ask("office/CreateWebhookEndpoint", json!({ "input": input }))
        .await;
    let secret = made["data"]["createWebhookEndpoint"]["secret"].as_str();
    let secret = secret.and_then(|it| it.strip_prefix("whsec_"));
    secret.unwrap_or_else(|| panic!("{made}")).to_owned()
}

/// Each value is told once it is asked for on purpose, and only then stands on record.
async fn reveals(client: &Client, things: &Value, own: &[String]) {
    let household = &things["household"];
    for (field, subject, id) in [
        ("ID_NUMBER", "memberId", &household["members"][0]["id"]),
        ("ACCOUNT", "payeeId", &household["payees"]["nodes"][0]["id"]),
        ("PHONE", "", &Value::Null),
        ("DIAGNOSIS", "claimId", &things["claim"]["id"]),
    ] {
        let mut input = json!({
            "householdId": household["id"], "field": field, "purpose": "VERIFICATION", "reason": "入户前核对(测试)",
        });
        if !subject.is_empty() {
            input[subject] = id.clone();
        }
        let answer = client
            .ask("office/RevealHouseholdField", json!({ "input": input }))
            .await;
        let payload = &answer["data"]["revealHouseholdField"];
        let value = payload["value"].as_str();
        let value = value.unwrap_or_else(|| panic!("{field}: {answer}"));
        assert!(own.iter().any(|it| it == value), "{field}: {answer}");
        assert_eq!(payload["disclosure"]["field"], field, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_canary_is_found_in_the_clear() {
    for place in Place::both() {
        let server = Server::start_with(
            &place,
            &["demo", "--now", "2020-06-24T09:00:00+08:00"],
            &[
                ("FANGPIN_LOG", "trace,hyper=debug,h2=debug"),
                ("FANGPIN_WEBHOOK_ALLOW", "127.0.0.0/8"),
            ],
        );
        let (url, arrivals) = receiver().await;
        let secret = webhooks_to(&server, &url).await;
        let client = Client::sign_in(&server, "smz.wang").await;
        let own = [
            id_number(day(1961, 7, 19), 907).reveal().to_owned(),
            ACCOUNT.to_owned(),
            PHONE.to_owned(),
            DIAGNOSIS.to_owned(),
            secret,
        ];
        let (things, mut heard) = answers(&server, &client, &own).await;
        reveals(&client, &things, &own).await;
        // Drafted, referred: two at least.
        while arrivals.lock().unwrap().len() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let told = arrivals.lock().unwrap().clone();
        heard.extend(told.into_iter().map(|it| ("a webhook".to_owned(), it)));
        let mut all = of_the_sample(&place).await;
        all.extend(own.clone());
        let everything = Canaries::of(&all);
        // The search itself can fail: what was revealed is found where it was told.
        assert!(
            everything
                .found(format!("..{PHONE}..").as_bytes())
                .is_some()
        );
        let wide: Vec<u8> = DIAGNOSIS
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(everything.found(&wide).is_some());

        for (what, text) in &heard {
            everything.are_not_in(what, text.as_bytes());
        }
        let lines = server.stop();
        assert!(lines.len() > 100, "the log is loud: {} lines", lines.len());
        for line in &lines {
            let found = everything.found(line.as_bytes());
            assert!(found.is_none(), "the log holds {found:?}: {line}");
        }
        let (files, bytes) = match &place.url {
            None => everything.are_not_below(place.folder.path(), &["xlsx"]),
            Some(url) => in_postgres(url, &everything, &own),
        };
        println!(
            "{} canaries in {} answers, {} log lines, {files} files of {} KiB: none in the clear",
            all.len(),
            heard.len(),
            lines.len(),
            bytes / 1024
        );
        run(&mut place.fangpin(&["audit", "verify"]));
    }
}

/// A list with phones and illnesses, read in by command: they can be read in the clear, on record, and stand
/// nowhere else; neither do those of rows that come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_list_leaves_nothing_in_the_clear() {
    const HEADERS: &str = "序号,乡镇,村,户主姓名,户主身份证号,户类型,家庭人口,涉及人姓名,涉及人身份证号,与户主关系,\
        致贫原因,事件日期,自付金额,村级评议日期,评议文号,收款人姓名,开户行,银行账号,联系方式,所患疾病";
    let numbers = [905, 906, 907].map(|it| id_number(day(1962, 3, 4), it).reveal().to_owned());
    let row = |number: &str, document: &str, phone: &str| {
        format!(
            "1,石门寨镇,西上庄坨村,金丝雀,{number},边缘易致贫户,3,金丝雀,{number},户主,因病,2020-05-18,41200,\
             2020-05-20,{document},金丝雀,农信社,{ACCOUNT},{phone},{DIAGNOSIS}"
        )
    };
    let faulty_phone = format!("{PHONE}4");
    let list = [
        HEADERS.to_owned(),
        row(&numbers[0], "村评1号", PHONE),
        row(&numbers[1], "村评2号", &faulty_phone),
        row(&numbers[2], PHONE, ""),
    ];
    for place in Place::both() {
        run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("名单.csv");
        std::fs::write(&file, list.join("\n")).unwrap();
        let file = file.display().to_string();
        let order = [
            "import",
            "referrals",
            &file,
            "--login",
            "smz.wang",
            "--scheme",
            "haigang-2020",
        ];
        let output = place.fangpin(&order).env("FANGPIN_LOG", "trace").output();
        let output = output.unwrap();
        let said = both(&output);
        assert!(said.contains("3行:新增1,已有0,退回2"), "{said}");
        for fault in ["第3行 S 联系电话", "第4行 O 评议文号"] {
            assert!(said.contains(fault), "{said}");
        }
        let own = [
            numbers.to_vec(),
            vec![ACCOUNT.into(), PHONE.into(), DIAGNOSIS.into()],
        ]
        .concat();
        let canaries = Canaries::of(&own);
        canaries.are_not_in("what the command says", said.as_bytes());
        let returned = folder.path().join("名单-待更正.xlsx");
        let mut book: calamine::Xlsx<_> = calamine::open_workbook(&returned).unwrap();
        let sheet = book.worksheet_range_at(0).unwrap().unwrap();
        let remarks: String = sheet
            .rows()
            .flat_map(|row| &row[row.len() - 4..])
            .map(ToString::to_string)
            .collect();
        assert!(remarks.contains("不是电话号码"), "{remarks}");
        canaries.are_not_in("the remarks of the sheet", remarks.as_bytes());

        let store = store::connect(&place.url(), place.keys()).await.unwrap();
        let county = CountyCode::new(130_302).unwrap();
        let number = id_number(day(1962, 3, 4), 905);
        let home = store.household_of(county, &number).await.unwrap().unwrap();
        let masked = home.phone.map(|it| it.masked());
        assert_eq!(masked.as_deref(), Some("139****8264"));
        for number in [906, 907] {
            let number = id_number(day(1962, 3, 4), number);
            assert_eq!(store.household_of(county, &number).await.unwrap(), None);
        }
        drop(store);
        run(&mut place.fangpin(&["audit", "verify"]));
        match &place.url {
            None => canaries.are_not_below(place.folder.path(), &["xlsx"]),
            Some(url) => in_postgres(url, &canaries, &own),
        };
    }
}

/// The database as a backup would hold it, and the files of the whole cluster, its log of writes among them
/// (other tests write the sample county's values there: only this test's own are searched for).
fn in_postgres(url: &str, everything: &Canaries, own: &[String]) -> (usize, usize) {
    let dump = variable("FANGPIN_TEST_POSTGRES_BIN")
        .map_or_else(|| "pg_dump".into(), |bin| format!("{bin}/pg_dump"));
    let dump = run(Command::new(dump).arg(url));
    assert!(dump.contains("COPY public.member"), "a dump of everything");
    everything.are_not_in("pg_dump", dump.as_bytes());
    psql_says(url, "CHECKPOINT");
    let folder = psql_says(url, "SHOW data_directory");
    let mut search = Command::new("grep");
    search.args(["-rlaF"]);
    for value in own {
        search.args(["-e", value]);
    }
    // 1: nothing found. A server at work removes files of its own, which grep counts as a fault: 2.
    let found = search.arg(folder.trim()).output().unwrap();
    let names = String::from_utf8_lossy(&found.stdout);
    assert!(names.is_empty(), "in the clear in {names}");
    (1, dump.len())
}
