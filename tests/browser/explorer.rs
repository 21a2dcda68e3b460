//! The pages for integrators in a real browser, without internet: the reference, a committed document that is run,
//! and an explorer that was installed from a registry, which here is a socket of this test.

use super::Browser;
use crate::protocol::{drafted, moved};
use crate::support::{Client, Place, Server, both, explorer_bundle, run};
use fantoccini::Locator;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::Duration;

/// Serves one file to whoever asks for it by its path, as a registry does; everything else is missing.
fn registry(path: &'static str, contents: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let asked = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|it| !it.unwrap().is_empty()) {}
            let (status, body): (_, &[u8]) = if asked.starts_with(&format!("GET {path} ")) {
                ("200 OK", &contents)
            } else {
                ("404 Not Found", b"")
            };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            )
            .unwrap();
            stream.write_all(body).unwrap();
        }
    });
    address
}

#[tokio::test]
async fn a_committed_document_runs_from_the_built_in_page() {
    let place = Place::sqlite();
    let server = Server::start(&place, &["demo"]);
    let browser = Browser::open().await;
    let client = &browser.client;

    client.goto(&server.url("/docs/graphql")).await.unwrap();
    browser.picture("reference").await;
    let reference = browser.text().await;
    for word in [
        "approveClaim",
        "ClaimFilter",
        "NOT_FOUND",
        "OBJECTION_OPEN",
        "公示异议",
    ] {
        assert!(reference.contains(word), "{word} is missing");
    }
    client
        .goto(&server.url("/docs/graphql#Mutation.approveClaim"))
        .await
        .unwrap();
    browser.picture("reference-mutation").await;

    // Without an explorer, /explorer leads to the documents; one of them, before signing in.
    client.goto(&server.url("/explorer")).await.unwrap();
    assert_eq!(client.current_url().await.unwrap().path(), "/operations");
    browser.picture("operations").await;
    let page = server.url("/operations/office/ClaimStatusSummary");
    client.goto(&page).await.unwrap();
    client
        .find(Locator::Css("button[type=submit]"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    browser.shows("#answer", "UNAUTHENTICATED").await;

    browser.sign_in(&server, "office.zhao").await;
    client.goto(&page).await.unwrap();
    client
        .find(Locator::Css("button[type=submit]"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    browser.shows("#answer", "\"status\": \"PAID\"").await;
    browser.picture("operation-ran").await;

    // A mutation wants to be meant; its key was made for this page, its refusal is shown.
    client
        .goto(&server.url("/operations/office/WithdrawClaim"))
        .await
        .unwrap();
    let variables = client.find(Locator::Css("#variables")).await.unwrap();
    let filled = variables.prop("value").await.unwrap().unwrap();
    let filled: serde_json::Value = serde_json::from_str(&filled).unwrap();
    let key = filled["input"]["idempotencyKey"].as_str().unwrap();
    assert!(uuid::Uuid::parse_str(key).is_ok(), "{key}");
    let run = client
        .find(Locator::Css("button[type=submit]"))
        .await
        .unwrap();
    run.click().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = client.find(Locator::Css("#answer")).await.unwrap();
    assert_eq!(
        answer.text().await.unwrap(),
        "",
        "it ran without being meant"
    );
    client
        .find(Locator::Css("input[type=checkbox]"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    run.click().await.unwrap();
    browser.shows("#answer", "NOT_FOUND").await;
    browser.picture("operation-mutation").await;
}

#[tokio::test]
async fn an_installed_explorer_works_without_internet() {
    let place = Place::sqlite();
    let folder = place.folder.path().join("explorer");
    let bundle = std::fs::read(explorer_bundle()).unwrap();
    let install = |registry: &str| {
        place
            .fangpin(&["explorer", "install"])
            .arg(&folder)
            .args(["--registry", registry])
            .output()
            .unwrap()
    };
    // Another package under its name is refused, and leaves nothing.
    let mut other = bundle.clone();
    other[1_000] ^= 1;
    let path = "/altair-static/-/altair-static-8.5.9.tgz";
    let refused = install(&registry(path, other));
    assert!(
        !refused.status.success() && !folder.exists(),
        "{}",
        both(&refused)
    );
    let done = install(&registry(path, bundle));
    assert!(done.status.success(), "{}", both(&done));

    let explorer = folder.display().to_string();
    let server = Server::start_with(&place, &["demo"], &[("FANGPIN_EXPLORER", &explorer)]);
    let browser = Browser::open().await;
    browser.sign_in(&server, "office.zhao").await;
    browser.client.goto(&server.url("/explorer")).await.unwrap();
    browser.shows("body", "viewer").await;
    // The session's cookie, with the header that the explorer was given, is enough.
    let send =
        Locator::Css(".send-request__button, [track-id=send_request], .app-button.active-primary");
    browser
        .client
        .wait()
        .for_element(send)
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    browser.shows("body", "130302").await;
    browser.picture("explorer").await;
}

/// The explorer follows a subscription with the session of the console: what happens while it is open appears.
#[tokio::test(flavor = "multi_thread")]
async fn an_installed_explorer_follows_a_subscription() {
    let place = Place::sqlite();
    let folder = place.folder.path().join("explorer");
    let mut install = place.fangpin(&["explorer", "install"]);
    run(install.arg(&folder).arg("--from").arg(explorer_bundle()));
    let explorer = folder.display().to_string();
    let server = Server::start_with(&place, &["demo"], &[("FANGPIN_EXPLORER", &explorer)]);
    let township = Client::sign_in(&server, "smz.wang").await;
    let browser = Browser::open().await;
    browser.sign_in(&server, "smz.wang").await;
    browser.client.goto(&server.url("/explorer")).await.unwrap();
    browser.shows("body", "query Viewer").await;
    // Its editor is written into as its own commands do.
    let write = "const editor = [...document.querySelectorAll('.cm-content')]
            .find((it) => it.textContent.includes('query Viewer')).cmView.view;
        const changes = { from: 0, to: editor.state.doc.length, insert: arguments[0] };
        editor.dispatch({ changes });";
    let follow = "subscription { claimEvents { claimId seq type cursor } }";
    browser
        .client
        .execute(write, vec![json!(follow)])
        .await
        .unwrap();
    // The button takes the document that the editor has told it.
    browser.shows("body", "Send subscription").await;
    let send = Locator::Css(".send-request__button");
    browser
        .client
        .find(send)
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    // Nothing has happened yet; a stream that is open can be taken back.
    browser.shows("body", "取消").await;
    assert!(!browser.text().await.contains("REFERRAL_DRAFTED"));
    let claim = drafted(&township, 1).await;
    browser.shows("body", "REFERRAL_DRAFTED").await;
    moved(&township, "referCase", &claim, None).await;
    browser.shows("body", "CASE_REFERRED").await;
    browser.shows("body", claim["id"].as_str().unwrap()).await;
    browser.picture("explorer-subscription").await;
}
