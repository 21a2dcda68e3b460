//! The console in a real browser, without internet: a caseworker signs in, finds the seventeen claims and reads
//! one. Screenshots are left in `target/screenshots` to be looked at.

mod explorer;
mod money;

use crate::support::{Place, Server, free_port, root};
use engine::second_factor::code_at;
use engine::{Clock, SystemClock};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Browser {
    driver: Child,
    client: Client,
    _profile: tempfile::TempDir,
}

impl Browser {
    async fn open() -> Self {
        let port = free_port();
        // A group of its own, so that the browser ends with the driver; and it ends when this test does, however it does:
        // then the input is closed.
        let keeper = "chromedriver --port=$0 & read -r _; kill -9 0";
        let driver = Command::new("sh")
            .args(["-c", keeper, &port.to_string()])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let profile = tempfile::tempdir().unwrap();
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            // Whatever a page might want from outside cannot be had.
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1".to_owned(),
            "--window-size=1280,1600".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".into(), json!({ "args": arguments }));
        capabilities.insert("goog:loggingPrefs".into(), json!({ "browser": "ALL" }));
        let connector = hyper_util::client::legacy::connect::HttpConnector::new();
        let client = ClientBuilder::new(connector)
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("no chromedriver: run through tests/run");
        Self {
            driver,
            client,
            _profile: profile,
        }
    }

    async fn picture(&self, name: &str) {
        let folder = root().join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            folder.join(format!("{name}.png")),
            self.client.screenshot().await.unwrap(),
        )
        .unwrap();
    }

    /// What can be read on the page, in one look: a page that is giving way to the next one is not half of each.
    async fn text(&self) -> String {
        let script = "return document.body ? document.body.innerText : ''";
        let text = self.client.execute(script, Vec::new()).await;
        text.ok()
            .and_then(|it| it.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Waits until an element shows a text: a click does not wait for the page it leads to.
    async fn shows(&self, selector: &str, text: &str) {
        for _ in 0..200 {
            if let Ok(found) = self.client.find(Locator::Css(selector)).await
                && found.text().await.is_ok_and(|it| it.contains(text))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.picture("failed").await;
        panic!("{selector} never showed {text}:\n{}", self.text().await);
    }

    /// Waits until it stands at a path.
    async fn arrives(&self, path: &str) {
        for _ in 0..200 {
            if self
                .client
                .current_url()
                .await
                .is_ok_and(|it| it.path() == path)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.picture("failed").await;
        panic!("never came to {path}:\n{}", self.text().await);
    }

    async fn sign_in(&self, server: &Server, login: &str) {
        self.client.goto(&server.url("/login")).await.unwrap();
        let form = self.client.form(Locator::Css("form")).await.unwrap();
        form.set_by_name("login", login).await.unwrap();
        form.set_by_name("password", "fangpin-demo-2020")
            .await
            .unwrap();
        form.submit().await.unwrap();
        self.shows("form[action='/logout']", "退出").await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-9", "--", &format!("-{}", self.driver.id())])
            .status();
        let _ = self.driver.wait();
    }
}

#[tokio::test]
async fn caseworker_reads_the_seventeen_claims() {
    let place = Place::sqlite();
    let server = Server::start(&place, &["demo"]);
    let browser = Browser::open().await;

    // Without a session there is nothing to see but the form.
    browser.client.goto(&server.url("/claims")).await.unwrap();
    assert!(
        browser
            .client
            .current_url()
            .await
            .unwrap()
            .path()
            .starts_with("/login")
    );
    browser.picture("login").await;

    browser.sign_in(&server, "office.zhao").await;
    browser.client.goto(&server.url("/claims")).await.unwrap();
    browser.picture("claims").await;
    let rows = browser
        .client
        .find_all(Locator::Css("tbody tr"))
        .await
        .unwrap();
    assert_eq!(rows.len(), 17);
    let list = browser.text().await;
    for word in ["石门寨镇", "驻操营镇", "因病", "因学", "已赔付", "公示中"] {
        assert!(list.contains(word), "{word} is missing in:\n{list}");
    }

    // A paid claim: timeline, derivation, the route as a picture with the live position.
    let paid = browser
        .client
        .find(Locator::XPath("//tr[contains(., '已赔付')]//a"))
        .await
        .unwrap();
    paid.click().await.unwrap();
    browser
        .client
        .wait()
        .for_element(Locator::Css("svg"))
        .await
        .unwrap();
    browser.picture("claim-paid").await;
    let claim = browser.text().await;
    for word in ["已推送", "审批通过", "已到账", "5,000.00", "70 %"] {
        assert!(claim.contains(word), "{word} is missing in:\n{claim}");
    }
    let source = browser.client.source().await.unwrap();
    for outside in [
        "src=\"http",
        "href=\"http",
        "url(http",
        "@import",
        "<script",
    ] {
        assert!(
            !source.contains(outside),
            "the page wants something from outside: {outside}"
        );
    }
    let digits = source
        .as_bytes()
        .windows(18)
        .filter(|it| it[..17].iter().all(u8::is_ascii_digit))
        .count();
    assert_eq!(digits, 0, "an ID number stands in the page");

    for status in ["公示中", "不符合", "已撤回", "核查中"] {
        browser.client.goto(&server.url("/claims")).await.unwrap();
        let path = format!("//tbody/tr[contains(., '{status}')]//a");
        browser
            .client
            .find(Locator::XPath(&path))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
        browser
            .client
            .wait()
            .for_element(Locator::Css("svg"))
            .await
            .unwrap();
        browser.picture(&format!("claim-{status}")).await;
    }
    browser.client.set_window_size(400, 900).await.unwrap();
    browser.picture("claim-phone").await;
    browser.client.goto(&server.url("/claims")).await.unwrap();
    browser.picture("claims-phone").await;
}

/// Another township's caseworker sees only her own.
#[tokio::test]
async fn township_sees_its_own() {
    let place = Place::sqlite();
    let server = Server::start(&place, &["demo"]);
    let browser = Browser::open().await;
    browser.sign_in(&server, "zcy.li").await;
    browser.client.goto(&server.url("/claims")).await.unwrap();
    let list = browser.text().await;
    assert!(
        list.contains("驻操营镇") && !list.contains("石门寨镇"),
        "{list}"
    );
}

/// From the setup link to a second factor: no default password, no script, a code from a telephone.
#[tokio::test]
async fn the_first_administrator_comes_by_a_link_and_shows_a_second_factor() {
    let password = "three wet roofs of slate";
    let place = Place::sqlite();
    let server = Server::start(&place, &["serve"]);
    let link = place.set_up_link();
    let browser = Browser::open().await;
    let fill = async |fields: &[(&str, &str)]| {
        let form = browser.client.form(Locator::Css("form.sign-in")).await;
        let form = form.unwrap();
        for (name, value) in fields {
            form.set_by_name(name, value).await.unwrap();
        }
        let button = browser.client.find(Locator::Css("form.sign-in button"));
        button.await.unwrap().click().await.unwrap();
    };
    browser.client.goto(link.trim()).await.unwrap();
    browser.picture("setup").await;
    fill(&[
        ("county", "130302"),
        ("county_name", "海港区"),
        ("office", "海港区乡村振兴局"),
        ("name", "何管理员"),
        ("login", "office.admin"),
        ("password", password),
        ("again", password),
    ])
    .await;
    browser.arrives("/login").await;
    let sign_in = [("login", "office.admin"), ("password", password)];
    fill(&sign_in).await;
    browser.arrives("/people").await;
    browser.shows("main", "何管理员").await;
    browser.picture("people").await;

    browser.client.goto(&server.url("/account")).await.unwrap();
    browser.picture("account").await;
    let enrol = Locator::XPath("//button[contains(., '启用')]");
    let enrol = browser.client.find(enrol).await.unwrap();
    enrol.click().await.unwrap();
    let secret = Locator::Css("#secret");
    let secret = browser.client.wait().for_element(secret).await.unwrap();
    let secret = secret.text().await.unwrap();
    browser.picture("enrolling").await;
    let code = |steps: i64| {
        let at = SystemClock.now() + chrono::Duration::seconds(30 * steps);
        code_at(&secret, at).unwrap()
    };
    fill(&[("code", &code(0))]).await;
    browser.shows("main", "恢复码").await;
    let out = Locator::XPath("//button[contains(., '退出')]");
    browser
        .client
        .find(out)
        .await
        .unwrap()
        .click()
        .await
        .unwrap();

    browser.arrives("/login").await;
    browser.client.goto(&server.url("/login")).await.unwrap();
    fill(&sign_in).await;
    browser.shows("main", "验证码").await;
    browser.picture("second_factor").await;
    fill(&[("code", "000000")]).await;
    browser.shows("main", "不对").await;
    fill(&[("code", &code(1))]).await;
    browser.arrives("/people").await;
}
