//! Money on the pages: batches and the bank's files, pools, and who may do what there. What is done goes through the
//! desk, whose promises are tested elsewhere; here that the pages hand over what a person confirmed, and nothing else.

use crate::pages::{Answer, Browser, FORM};
use engine::limits::BANK_FILE_BYTES_MAX;
use engine::testkit::{Expect, Role, TestDesk, yuan};
use lifecycle::{Claim, Status};

/// The value of a hidden field.
fn field(page: &str, name: &str) -> String {
    let begin = format!("name=\"{name}\" value=\"");
    let (_, rest) = page
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

async fn submit(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let encode = |text: &str| -> String {
        let bytes = text.bytes().map(|byte| format!("%{byte:02X}"));
        bytes.collect()
    };
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)));
    let body = pairs.collect::<Vec<_>>().join("&");
    browser.post(path, FORM, body.as_bytes()).await
}

async fn upload(browser: &Browser, name: &str, bytes: &[u8], fields: &[(&str, &str)]) -> Answer {
    let mut body = Vec::new();
    for (field, value) in fields {
        let part =
            format!("--cut\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    let head = format!(
        "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    );
    body.extend(head.into_bytes());
    body.extend(bytes);
    body.extend(b"\r\n--cut--\r\n");
    let kind = "multipart/form-data; boundary=cut";
    browser.post("/payments/files", kind, &body).await
}

async fn approved(desk: &TestDesk) -> Claim {
    let story = desk.refer(desk.world.household("石门寨"));
    let story = story.through_verification(yuan(41_200)).through_notice();
    story.approve().await
}

async fn prepared(desk: &TestDesk, finance: &Browser) -> String {
    let page = finance.get("/payments").await.body;
    let order = [
        ("action", "prepare"),
        ("key", &field(&page, "key")),
        ("scheme", &desk.world.scheme.id.to_string()),
        ("payer_name", "某财险(测试)"),
        ("payer_account", "1300000000000001"),
        ("payer_bank", "某银行"),
    ];
    let made = submit(finance, "/payments", &order).await;
    assert_eq!(made.status, 200, "{}", made.body);
    // The same form again is the same batch.
    let again = submit(finance, "/payments", &order).await;
    assert_eq!(field(&again.body, "batch"), field(&made.body, "batch"));
    field(&made.body, "batch")
}

/// From the approval to the money that arrived, in a browser: nobody confirms totals they did not type, whoever ordered
/// does not post, and every account that leaves stands on record.
#[tokio::test]
async fn a_batch_goes_to_the_bank_and_its_answer_comes_back() {
    let desk = TestDesk::in_memory().await;
    let claim = approved(&desk).await;
    let account = desk.world.household("石门寨").payees[0].account.clone();
    let finance = Browser::open(&desk, Some(Role::Finance)).await;
    let second = Browser::open(&desk, Some(Role::SecondFinance)).await;
    let batch = prepared(&desk, &finance).await;

    let instruct = async |count: &str, sum: &str| {
        let fields = [
            ("action", "instruct"),
            ("batch", &batch),
            ("count", count),
            ("sum", sum),
        ];
        submit(&finance, "/payments", &fields).await
    };
    for (count, sum) in [("2", "25340.00"), ("1", "25340.01"), ("eins", "25340")] {
        assert_eq!(instruct(count, sum).await.status, 422, "{count} {sum}");
    }
    desk.claim(claim.id).await.expect_status(Status::Approved);
    let done = instruct("1", "25,340.00").await;
    assert_eq!(done.status, 200, "{}", done.body);
    desk.claim(claim.id).await.expect_status(Status::Instructed);

    let order = async |form: &str| {
        let fields = [
            ("action", "order"),
            ("batch", &batch),
            ("form", form),
            ("on", "2020-07-01"),
        ];
        submit(&finance, "/payments", &fields).await
    };
    let reads = async || {
        let store = desk.store();
        let county = Role::Auditor.caller().scope.county;
        let page = engine::Page::first(100);
        let filter = engine::disclosure::DisclosureFilter::default();
        let found = store.disclosures(county, &filter, &page).await;
        found.expect("reading").rows.len()
    };
    let masked = order("PUBLICATION_XLSX").await;
    assert_eq!((masked.status, reads().await), (200, 0));
    let plain = order("PAIN_001").await;
    assert_eq!((plain.status, reads().await), (200, 1));
    assert!(
        plain.body.contains(account.reveal()),
        "the bank must know whom to pay"
    );
    let attached = plain.header("content-disposition");
    assert!(attached.is_some_and(|it| it.starts_with("attachment; filename=\"FB")));

    let page = second
        .get(&format!("/payments/files?batch={batch}"))
        .await
        .body;
    let key = field(&page, "key");
    let number = done.body.split("class=\"code\">").nth(1).expect("a number");
    let number = number.split('<').next().unwrap_or_default().to_owned();
    let answer = format!(
        "指令号,金额(元),结果,银行流水号,原因\r\n{number},25340.00,成功,B1,\r\nFP130302-2020-99999-1,1.00,成功,B2,\r\n"
    );
    let fields = [("key", key.as_str()), ("batch", &batch)];
    let damaged = upload(&second, "回盘.csv", b"nothing of a bank", &fields).await;
    assert_eq!(damaged.status, 422, "{}", damaged.body);
    let read = upload(&second, "回盘.csv", answer.as_bytes(), &fields).await;
    assert_eq!(read.status, 200, "{}", read.body);
    assert!(read.body.contains("到账") && read.body.contains("无此指令"));
    let file = field(&read.body, "file");
    desk.claim(claim.id).await.expect_status(Status::Instructed);

    let post = async |browser: &Browser, class: &str, count: &str, sum: &str| {
        let fields = [
            ("action", "post"),
            ("file", file.as_str()),
            ("class", class),
            ("count", count),
            ("sum", sum),
        ];
        submit(browser, "/payments", &fields).await
    };
    let other = post(&second, "CONFIRMED", "1", "25340.01").await;
    assert_eq!(other.status, 422, "{}", other.body);
    // Whoever ordered is refused by the state machine; the line stays open, with the reason.
    let own = post(&finance, "CONFIRMED", "1", "25340").await;
    assert!(own.body.contains("SECOND_PERSON_REQUIRED"), "{}", own.body);
    desk.claim(claim.id).await.expect_status(Status::Instructed);
    let posted = post(&second, "CONFIRMED", "1", "25340").await;
    assert_eq!(posted.status, 200, "{}", posted.body);
    desk.claim(claim.id).await.expect_status(Status::Paid);
    assert_eq!(
        post(&second, "UNKNOWN_REFERENCE", "1", "1").await.status,
        422
    );
    let close = async |note: &str| {
        let fields = [
            ("action", "close"),
            ("file", file.as_str()),
            ("line", "2"),
            ("note", note),
        ];
        submit(&second, "/payments", &fields).await
    };
    let private = close("收款账号 6217000130000000001").await;
    assert_eq!(private.status, 422, "a note goes on record for ever");
    let closed = close("银行误发,已去函").await;
    assert!(closed.status == 200 && closed.body.contains("银行误发,已去函"));
    assert!(!closed.body.contains(account.reveal()));
    desk.expect_sound().await;
}

/// A file may be larger than a request of the API, and has a limit of its own.
#[tokio::test]
async fn a_large_file_is_taken_and_a_larger_one_is_told() {
    let desk = TestDesk::in_memory().await;
    let second = Browser::open(&desk, Some(Role::SecondFinance)).await;
    let page = second.get("/payments/files").await.body;
    let key = field(&page, "key");
    let fields = [("key", key.as_str()), ("batch", "")];
    let line = |at: usize| {
        format!(
            "FP130302-2020-{at:05}-1,1.00,成功,B{at},{}\r\n",
            "说明".repeat(40)
        )
    };
    let mut text = String::from("指令号,金额(元),结果,银行流水号,原因\r\n");
    text.extend((0..5_000).map(line));
    assert!(text.len() > 1024 * 1024, "{}", text.len());
    let read = upload(&second, "大文件.csv", text.as_bytes(), &fields).await;
    assert_eq!(read.status, 200, "{}", &read.body[..2_000]);
    assert!(read.body.contains("5000笔"));
    let text = "x".repeat(BANK_FILE_BYTES_MAX + 1);
    let refused = upload(&second, "更大.csv", text.as_bytes(), &fields).await;
    assert_eq!(refused.status, 413);
    assert!(refused.body.contains("分成几个文件"));
}

/// One orders, another confirms; what an amount must not be is told; the statement balances before and after.
#[tokio::test]
async fn a_pool_is_ordered_by_one_and_confirmed_by_another() {
    let desk = TestDesk::in_memory().await;
    approved(&desk).await;
    let finance = Browser::open(&desk, Some(Role::Finance)).await;
    let supervisor = Browser::open(&desk, Some(Role::Supervisor)).await;
    let scheme = &*desk.world.scheme.pool_id.to_string();
    let list = finance.get("/pools").await.body;
    assert!(list.contains(scheme), "{list}");
    let path = format!("/pools?scheme={scheme}");
    let balances = async |browser: &Browser| {
        let page = browser.get(&path).await.body;
        assert!(page.contains(">平<"), "{page}");
        page
    };
    let page = balances(&finance).await;
    let fund = async |key: &str, amount: &str, reason: &str| {
        let fields = [
            ("action", "fund"),
            ("scheme", scheme),
            ("order", key),
            ("kind", "TOP_UP"),
            ("amount", amount),
            ("reference", "2020-补-01"),
            ("reason", reason),
        ];
        submit(&finance, "/pools", &fields).await
    };
    let (key, _) = page
        .rsplit_once("name=\"order\" value=\"")
        .map(|(_, rest)| rest.split_at(36))
        .expect("a key");
    for (amount, reason) in [("0", "补足"), ("-5", "补足"), ("5.001", "补足"), ("5", "")] {
        let refused = fund(key, amount, reason).await;
        assert_eq!(refused.status, 422, "{amount} {reason}");
    }
    assert_eq!(fund(key, "1,000.50", "补足").await.status, 200);
    assert_eq!(
        fund(key, "1,000.50", "补足").await.status,
        200,
        "the same form again"
    );
    let waits = "name=\"action\" value=\"confirm\"";
    let book = balances(&supervisor).await;
    assert!(book.contains(waits), "{book}");
    let order = field(&book, "order");
    let confirm = async |browser: &Browser| {
        let fields = [("action", "confirm"), ("scheme", scheme), ("order", &order)];
        submit(browser, "/pools", &fields).await
    };
    assert_eq!(
        confirm(&finance).await.status,
        403,
        "finance confirms nothing"
    );
    let confirmed = confirm(&supervisor).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    assert!(balances(&finance).await.contains("1,000.50"));
    assert!(!balances(&supervisor).await.contains(waits));
    desk.expect_sound().await;
}

/// The one table of authority stands before every page and every form.
#[tokio::test]
async fn pages_and_forms_ask_the_table_of_authority() {
    let desk = TestDesk::in_memory().await;
    approved(&desk).await;
    for (role, path, status) in [
        (Role::Shimenzhai, "/overdue", 200),
        (Role::Shimenzhai, "/pools", 403),
        (Role::Shimenzhai, "/payments", 403),
        (Role::Shimenzhai, "/webhooks", 403),
        (Role::Auditor, "/pools", 200),
        (Role::Auditor, "/payments", 200),
        (Role::Auditor, "/payments/files", 200),
        (Role::Handler, "/payments", 403),
        (Role::Administrator, "/webhooks", 200),
        (Role::Administrator, "/payments", 403),
        (Role::Administrator, "/overdue", 403),
    ] {
        let browser = Browser::open(&desk, Some(role)).await;
        assert_eq!(browser.get(path).await.status, status, "{role:?} {path}");
    }
    let finance = Browser::open(&desk, Some(Role::Finance)).await;
    let batch = prepared(&desk, &finance).await;
    let auditor = Browser::open(&desk, Some(Role::Auditor)).await;
    let page = auditor.get(&format!("/payments?batch={batch}")).await;
    assert!(
        page.status == 200 && !page.body.contains("name=\"action\""),
        "{}",
        page.body
    );
    for action in ["instruct", "order"] {
        let fields = [
            ("action", action),
            ("batch", batch.as_str()),
            ("count", "1"),
            ("sum", "25340"),
            ("form", "PAIN_001"),
            ("on", "2020-07-01"),
        ];
        assert_eq!(
            submit(&auditor, "/payments", &fields).await.status,
            403,
            "{action}"
        );
    }
    let rival = Browser::open(&desk, Some(Role::RivalHandler)).await;
    assert_eq!(
        rival.get(&format!("/payments?batch={batch}")).await.status,
        403
    );
}

/// An endpoint's shared secret is shown once; what is switched off says so.
#[tokio::test]
async fn a_webhook_key_is_shown_once() {
    let desk = TestDesk::in_memory().await;
    let caller = Role::Administrator.caller();
    let made = desk.desk.create_endpoint(
        &caller,
        engine::ids::fresh(),
        "https://receiver.example/in",
        Vec::new(),
        engine::hooks::KeyKind::Ed25519,
    );
    let (endpoint, _) = made.await.expect("the store works").expect("it is made");
    let browser = Browser::open(&desk, Some(Role::Administrator)).await;
    let path = format!("/webhooks?endpoint={}", endpoint.id);
    let page = browser.get(&path).await.body;
    assert!(page.contains("whpk_") && page.contains("正常"), "{page}");
    let id = endpoint.id.to_string();
    let rotate = [
        ("action", "rotate"),
        ("endpoint", id.as_str()),
        ("key", &field(&page, "key")),
        ("kind", "HMAC"),
    ];
    let rotated = submit(&browser, "/webhooks", &rotate).await;
    assert!(
        rotated.status == 200 && rotated.body.contains("whsec_"),
        "{}",
        rotated.body
    );
    assert!(!browser.get(&path).await.body.contains("whsec_"));
    for (action, shown) in [("off", "已停用"), ("on", "正常")] {
        let fields = [("action", action), ("endpoint", id.as_str())];
        let answer = submit(&browser, "/webhooks", &fields).await;
        assert!(
            answer.status == 200 && answer.body.contains(shown),
            "{}",
            answer.body
        );
    }
    let replay = |from: &'static str, until: &'static str| {
        [
            ("action", "replay"),
            ("endpoint", id.as_str()),
            ("from", from),
            ("until", until),
        ]
        .map(|(name, value)| (name, value.to_owned()))
    };
    for (from, until, status) in [
        ("2020-06-01T00:00", "2020-06-02T00:00", 200),
        ("2020-06-02T00:00", "2020-06-01T00:00", 422),
        ("gestern", "2020-06-01T00:00", 422),
    ] {
        let fields = replay(from, until);
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            submit(&browser, "/webhooks", &fields).await.status,
            status,
            "{from}"
        );
    }
}
