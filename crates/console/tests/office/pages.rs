//! The pages, asked over a real socket as a browser asks.

use crate::sample_sheet;
use engine::access::{SESSION_COOKIE, SESSION_COOKIE_HOST};
use engine::household::Household;
use engine::ids;
use engine::testkit::{MemoryStore, Role, TestDesk, world, yuan};
use lifecycle::{Command, ObjectionId};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(super) struct Browser {
    address: SocketAddr,
    token: Option<String>,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Browser {
    pub(super) async fn open(desk: &TestDesk, role: Option<Role>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = console::router(desk.office());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            token: role.map(Role::token),
        }
    }

    pub(super) async fn send(&self, method: &str, path: &str, extra: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        let cookie = self
            .token
            .as_ref()
            .map(|token| format!("Cookie: {SESSION_COOKIE}={token}\r\n"))
            .unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{cookie}{extra}\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(body).await.expect("sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.expect("answered");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|it| it.parse().ok())
            .expect("a status");
        Answer {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", b"").await
    }

    pub(super) async fn post(&self, path: &str, kind: &str, body: &[u8]) -> Answer {
        let extra = format!(
            "Origin: http://{}\r\nContent-Type: {kind}\r\n",
            self.address
        );
        self.send("POST", path, &extra, body).await
    }
}

pub(super) const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn nobody_sees_a_page_without_signing_in() {
    let desk = TestDesk::in_memory().await;
    let browser = Browser::open(&desk, None).await;
    for path in [
        "/claims",
        "/claims/130302-2020-00001",
        "/overdue",
        "/pools",
        "/payments",
        "/payments/files",
        "/webhooks",
        "/referrals/import",
        "/referrals/import/returned.xlsx",
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(
            answer
                .header("location")
                .is_some_and(|it| it.starts_with("/login?next=/")),
            "{path}"
        );
    }
    assert_eq!(browser.get("/healthz").await.body, "ok\n");
    assert_eq!(browser.get("/console.css").await.status, 200);
}

#[tokio::test]
async fn signing_in_gives_a_strict_cookie_and_signing_out_ends_it() {
    let desk = TestDesk::in_memory().await;
    let mut browser = Browser::open(&desk, None).await;
    let login = Role::CountyCaseworker.login();
    let wrong = browser
        .post(
            "/login",
            FORM,
            format!("login={login}&password=no").as_bytes(),
        )
        .await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.header("set-cookie").is_none());
    let body = format!(
        "login={login}&password={}&next=%2F%2Fevil.example",
        world::PASSWORD
    );
    let entered = browser.post("/login", FORM, body.as_bytes()).await;
    assert_eq!(
        (entered.status, entered.header("location")),
        (303, Some("/claims"))
    );
    let cookie = entered.header("set-cookie").expect("a cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let token = cookie.split([';', '=']).nth(1).expect("a token").to_owned();
    browser.token = Some(token);
    assert_eq!(browser.get("/claims").await.status, 200);
    assert_eq!(browser.post("/logout", FORM, b"").await.status, 303);
    assert_eq!(browser.get("/claims").await.status, 303);
}

#[tokio::test]
async fn a_form_from_elsewhere_is_refused() {
    let desk = TestDesk::in_memory().await;
    let browser = Browser::open(&desk, Some(Role::CountyCaseworker)).await;
    for from in [
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "",
    ] {
        assert_eq!(
            browser.send("POST", "/logout", from, b"").await.status,
            403,
            "{from}"
        );
    }
}

#[tokio::test]
async fn every_answer_is_guarded_and_loads_nothing_from_outside() {
    let desk = TestDesk::in_memory().await;
    let household = desk.world.household("石门寨").clone();
    let claim = desk.refer(&household).await;
    let browser = Browser::open(&desk, Some(Role::CountyCaseworker)).await;
    for path in [
        "/login",
        "/claims",
        "/overdue",
        "/pools",
        "/referrals/import",
        &format!("/claims/{}", claim.number),
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(answer.body.contains("<html lang=\"zh-CN\">"), "{path}");
        for outside in ["http://", "https://", "<script", "style=\""] {
            assert!(!answer.body.contains(outside), "{path} holds {outside}");
        }
    }
}

#[tokio::test]
async fn a_paid_claim_shows_its_whole_story() {
    let desk = TestDesk::in_memory().await;
    let household = desk.world.household("石门寨").clone();
    let claim = desk
        .refer(&household)
        .through_verification(yuan(41_200))
        .preview()
        .open_notice()
        .prove()
        .object()
        .dismiss()
        .pass_days(6)
        .close_notice()
        .through_payout()
        .await;
    let browser = Browser::open(&desk, Some(Role::Auditor)).await;
    let list = browser.get("/claims").await.body;
    assert!(list.contains(&claim.number) && list.contains(household.head_name()));
    assert!(
        list.contains("25340.00") || list.contains("25,340.00"),
        "the sum stands in the list"
    );
    let page = browser.get(&format!("/claims/{}", claim.number)).await.body;
    for shown in [
        "已赔付",
        "办理路线",
        "经过:拟稿 → 已推送",
        "理算",
        "合规自付",
        "公示",
        "监督电话",
        "不成立",
        "已到账",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    for (private, what) in [
        (
            household.members[0].id_number.reveal(),
            "an identity number",
        ),
        (household.payees[0].account.reveal(), "an account"),
    ] {
        assert!(!page.contains(private), "{what} stands on the page");
    }
    assert!(page.contains(&household.payees[0].account.masked()));
}

/// The letter as it is printed, before and after it went out, and that of the appeal's decision; no identity number,
/// account or phone on any of them.
#[tokio::test]
async fn a_refusal_is_told_by_a_letter_on_paper() {
    let desk = TestDesk::in_memory().await;
    let household = desk.world.household("石门寨").clone();
    let refused = desk.refer(&household).accept().declare_ineligible().await;
    let browser = Browser::open(&desk, Some(Role::Handler)).await;
    let path = format!("/claims/{}", refused.number);
    let letter = format!("{path}/refusal-letter");
    let shows = async |path: &str, words: &[&str]| {
        let body = browser.get(path).await.body;
        for words in words {
            assert!(body.contains(words), "{words}: {body}");
        }
        for private in [
            household.members[0].id_number.reveal(),
            household.payees[0].account.reveal(),
        ] {
            assert!(!body.contains(private), "private data on {path}");
        }
    };
    let owed = [
        "拒赔通知书",
        household.head_name(),
        "县城有商品房一套",
        "接收人签名",
    ];
    shows(&letter, &owed).await;
    shows(&letter, &["2020年7月1日以前(含当天)提出申诉"]).await;
    // Handed over on another day, it names another last day; of a year nobody entered there is none.
    shows(&letter, &["<form", "name=\"on\" value=\"2020-06-01\""]).await;
    let later = format!("{letter}?on=2020-06-03");
    shows(&later, &["2020年7月3日以前(含当天)提出申诉"]).await;
    let unwritten = browser.get(&format!("{letter}?on=2099-01-04")).await;
    assert_eq!(unwritten.status, 409, "{}", unwritten.body);
    for words in ["CALENDAR_MISSING", "补录日历"] {
        assert!(unwritten.body.contains(words), "{}", unwritten.body);
    }
    shows(&path, &["通知书应于 2020-06-04 前送达", "打印通知书"]).await;
    let appealed = desk.on(&refused).issue_letter().appeal().await;
    shows(
        &letter,
        &["已送达的通知书", "2020年7月1日以前(含当天)提出申诉"],
    )
    .await;
    shows(&path, &["当面送达", "房屋已灭失", "待决定"]).await;
    let dismissed = desk.on(&appealed).dismiss_appeal().await;
    shows(&letter, &["申诉决定通知书", "已重新核对", "最后决定"]).await;
    desk.on(&dismissed).issue_letter().archive().await;
    shows(&path, &["拒赔归档", "驳回", "档案号"]).await;
    // Nothing was refused, or it lies elsewhere: no letter.
    let other = desk.refer(&desk.world.households[1]).await;
    let none = browser
        .get(&format!("/claims/{}/refusal-letter", other.number))
        .await;
    assert!(
        none.status == 404 && none.body.contains("没有被拒赔"),
        "{}",
        none.body
    );
    let elsewhere = Browser::open(&desk, Some(Role::Zhucaoying)).await;
    assert_eq!(elsewhere.get(&letter).await.status, 404);
}

#[tokio::test]
async fn not_there_and_not_yours_are_one_answer() {
    let desk = TestDesk::in_memory().await;
    let household = desk.world.household("驻操营").clone();
    let claim = desk.refer(&household).await;
    for stranger in [Role::Shimenzhai, Role::RivalHandler] {
        let browser = Browser::open(&desk, Some(stranger)).await;
        let theirs = browser.get(&format!("/claims/{}", claim.number)).await;
        let nothing = browser.get("/claims/130302-2020-99999").await;
        assert_eq!((theirs.status, nothing.status), (404, 404));
        assert_eq!(theirs.body, nothing.body);
        let list = browser.get("/claims").await.body;
        assert!(!list.contains(&claim.number) && !list.contains(household.head_name()));
        let elsewhere = browser.get("/claims?town=130302106").await.body;
        assert!(!elsewhere.contains(&claim.number));
    }
}

#[tokio::test]
async fn the_list_is_filtered_by_phase_and_status() {
    let desk = TestDesk::in_memory().await;
    let home = desk.world.household("石门寨").clone();
    let other = desk.world.household("驻操营").clone();
    let referred = desk.refer(&home).await;
    let accepted = desk.refer(&other).accept().assign().await;
    let browser = Browser::open(&desk, Some(Role::CountyCaseworker)).await;
    let phase = browser.get("/claims?phase=VERIFICATION").await.body;
    assert!(phase.contains(&accepted.number) && !phase.contains(&referred.number));
    let status = browser.get("/claims?status=REFERRED").await.body;
    assert!(!status.contains(&accepted.number) && status.contains(&referred.number));
    let empty = browser.get("/claims?status=PAID").await.body;
    assert!(empty.contains("没有符合条件的案件"));
    let unknown = browser
        .get("/claims?status=NONSENSE&town=x&after=%00")
        .await;
    assert_eq!(unknown.status, 200);
}

#[tokio::test]
async fn pages_go_forth_and_back_by_number() {
    let desk = TestDesk::in_memory().await;
    let home = desk.world.household("石门寨").clone();
    let mut numbers = Vec::new();
    for offset in 0..60 {
        let event_on = world::day(2020, 3, 1) + chrono::Days::new(offset);
        numbers.push(desk.draft(&home).event_on(event_on).await.number);
    }
    let browser = Browser::open(&desk, Some(Role::CountyCaseworker)).await;
    let first = browser.get("/claims").await.body;
    assert!(first.contains(&numbers[49]) && !first.contains(&numbers[50]));
    assert!(first.contains("下一页") && !first.contains("上一页"));
    let second = browser
        .get(&format!("/claims?after={}", numbers[49]))
        .await
        .body;
    assert!(
        second.contains(&numbers[59]) && second.contains("上一页") && !second.contains("下一页")
    );
    let back = browser
        .get(&format!("/claims?before={}", numbers[50]))
        .await
        .body;
    assert!(back.contains(&numbers[0]) && back.contains("下一页") && !back.contains("上一页"));
}

fn upload(scheme: &str, bytes: &[u8]) -> Vec<u8> {
    let mut body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"scheme\"\r\n\r\n{scheme}\r\n--b\r\nContent-Disposition: form-data; name=\"sheet\"; filename=\"a.xlsx\"\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--b--\r\n");
    body
}

#[tokio::test]
async fn a_list_is_uploaded_and_the_faulty_rows_are_fetched() {
    let desk = TestDesk::in_memory().await;
    let browser = Browser::open(&desk, Some(Role::CountyCaseworker)).await;
    let kind = "multipart/form-data; boundary=b";
    let scheme = desk.world.scheme.id.to_string();
    let nothing = browser.get("/referrals/import/returned.xlsx").await;
    assert_eq!(nothing.status, 404);
    let not_a_sheet = browser
        .post(
            "/referrals/import",
            kind,
            &upload(&scheme, b"\xD0\xCF\x11\xE0\0"),
        )
        .await;
    assert_eq!(not_a_sheet.status, 422);
    assert!(not_a_sheet.body.contains("不是.xlsx或.csv文件"));
    let list = sample_sheet::referral_workbook();
    let done = browser
        .post("/referrals/import", kind, &upload(&scheme, &list))
        .await;
    assert_eq!(done.status, 200);
    assert!(
        done.body.contains("导入结果") && done.body.contains("校验码不符"),
        "{}",
        done.body
    );
    let sheet = browser.get("/referrals/import/returned.xlsx").await;
    assert_eq!(sheet.status, 200);
    assert!(sheet.body.starts_with("PK"));
    let colleague = Browser {
        address: browser.address,
        token: Some(Role::Shimenzhai.token()),
    };
    assert_eq!(
        colleague
            .get("/referrals/import/returned.xlsx")
            .await
            .status,
        404,
        "another account's sheet"
    );
}

/// What people write is shown letter by letter, never as markup.
#[tokio::test]
async fn what_people_write_is_no_markup() {
    const MARKUP: &str = "<b onclick=\"x\">甲";
    let mut world = world::World::new();
    for member in &mut world.households[0].members {
        member.name = MARKUP.into();
    }
    let desk = TestDesk::open_with(Arc::new(MemoryStore::new()), world).await;
    let home = desk.world.households[0].clone();
    let claim = desk
        .refer(&home)
        .through_verification(yuan(41_200))
        .preview()
        .open_notice()
        .command(
            Role::Shimenzhai,
            Command::RaiseObjection {
                objection: ObjectionId(ids::fresh()),
                grounds: MARKUP.into(),
            },
        )
        .await;
    let browser = Browser::open(&desk, Some(Role::Shimenzhai)).await;
    let login = format!("login={}&password=x", MARKUP.replace(' ', "+"));
    for (what, body) in [
        ("list", browser.get("/claims").await.body),
        (
            "claim",
            browser.get(&format!("/claims/{}", claim.number)).await.body,
        ),
        (
            "login",
            browser.post("/login", FORM, login.as_bytes()).await.body,
        ),
    ] {
        assert!(!body.contains("<b onclick"), "{what}");
        let shown = body.matches("&lt;b onclick=&quot;x&quot;&gt;甲").count();
        // The head, the person concerned and the grounds stand on the claim's page.
        assert!(
            shown >= if what == "claim" { 3 } else { 1 },
            "{what}: {shown}"
        );
    }
}

/// Over HTTPS a browser takes the session's cookie for this host only, and sends it over nothing else.
#[tokio::test]
async fn the_cookie_is_secure_where_the_way_is() {
    let desk = TestDesk::in_memory().await;
    let browser = Browser::open(&desk, None).await;
    let body = format!(
        "login={}&password={}",
        Role::CountyCaseworker.login(),
        world::PASSWORD
    );
    let extra = format!(
        "Origin: https://{}\r\nX-Forwarded-Proto: https\r\nContent-Type: {FORM}\r\n",
        browser.address
    );
    let entered = browser
        .send("POST", "/login", &extra, body.as_bytes())
        .await;
    let cookie = entered.header("set-cookie").expect("a cookie");
    assert!(
        cookie.starts_with(&format!("{SESSION_COOKIE_HOST}=fps_")),
        "{cookie}"
    );
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Secure"] {
        assert!(cookie.split("; ").any(|it| it == part), "{cookie}");
    }
}

/// Whose household has moved out of the region is not shown with the claim, in the list or on its page.
#[tokio::test]
async fn who_has_moved_away_is_not_shown() {
    let desk = TestDesk::in_memory().await;
    let home = desk.world.household("石门寨").clone();
    let claim = desk.refer(&home).await;
    let away = Household {
        village: desk.world.household("驻操营").village.clone(),
        ..home.clone()
    };
    desk.store().put_household(&away).await.expect("writing");
    for (role, shown) in [(Role::Shimenzhai, false), (Role::CountyCaseworker, true)] {
        let browser = Browser::open(&desk, Some(role)).await;
        for path in ["/claims", &format!("/claims/{}", claim.number)] {
            let body = browser.get(path).await.body;
            assert!(body.contains(&claim.number), "{path}");
            assert_eq!(body.contains(home.head_name()), shown, "{path}");
        }
    }
}
