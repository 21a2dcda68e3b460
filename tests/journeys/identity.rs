//! Signing in over the real server: the setup link, invitations, second factor, sessions, waiting; with
//! two processes on one PostgreSQL.

use crate::support::{Place, Server, root, run};
use engine::second_factor::code_at;
use engine::{Clock, SystemClock};
use reqwest::StatusCode;
use serde_json::{Value, json};

const GOOD: &str = "three wet roofs of slate";

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let redirects = reqwest::redirect::Policy::none();
    reqwest::Client::builder()
        .redirect(redirects)
        .build()
        .unwrap()
}

async fn ask(url: &str, token: &str, document: &str, input: Value) -> (StatusCode, Value) {
    let path = root().join(format!("graphql/operations/office/{document}.graphql"));
    let query = std::fs::read_to_string(path).unwrap();
    let mut request = http()
        .post(url)
        .header("accept", "application/graphql-response+json")
        .json(&json!({ "query": query, "variables": input }));
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

async fn post(url: &str, form: &str) -> reqwest::Response {
    let host = url.split('/').take(3).collect::<Vec<_>>().join("/");
    http()
        .post(url)
        .header("origin", host)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned())
        .send()
        .await
        .unwrap()
}

fn encoded(text: &str) -> String {
    text.replace(' ', "+")
}

async fn token_of(url: &str, login: &str) -> String {
    let input = json!({ "input": { "login": login, "password": GOOD } });
    let (_, answer) = ask(url, "", "LogIn", input).await;
    let token = answer["data"]["logIn"]["token"].as_str();
    token.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// From an empty folder: no default password anywhere; the link makes the first administrator once, and
/// from there people invite each other.
#[tokio::test]
async fn the_first_start_makes_an_administrator_by_a_link() {
    for place in Place::both() {
        let county = root().join("crates/server/sample/county.toml");
        run(place.fangpin(&["county", "load"]).arg(&county));
        let server = Server::start(&place, &["serve"]);
        let link = place.set_up_link();
        let page = http().get(&link).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK);
        let form = |login: &str, password: &str| {
            let password = encoded(password);
            format!("county=130302&name=A&login={login}&password={password}&again={password}")
        };
        let weak = post(&link, &form("office.admin", "short")).await;
        assert_eq!(weak.status(), StatusCode::UNPROCESSABLE_ENTITY);
        // A person of the county file without the duty does not become administrator.
        let taken = post(&link, &form("ins.wu", GOOD)).await;
        assert_eq!(taken.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let done = post(&link, &form("office.admin", GOOD)).await;
        assert_eq!(done.status(), StatusCode::SEE_OTHER);
        let again = post(&link, &form("second.admin", GOOD)).await;
        assert_eq!(again.status(), StatusCode::GONE, "once");

        let url = server.url("/graphql");
        let administrator = token_of(&url, "office.admin").await;
        let whom = json!({ "input": { "login": "office.zhao" } });
        let (_, invited) = ask(&url, &administrator, "InviteAccount", whom).await;
        let path = invited["data"]["inviteAccount"]["path"].as_str().unwrap();
        let link = server.url(path);
        let password = encoded(GOOD);
        let form = format!("password={password}&again={password}");
        assert_eq!(post(&link, &form).await.status(), StatusCode::SEE_OTHER);
        assert_eq!(post(&link, &form).await.status(), StatusCode::GONE);
        let zhao = token_of(&url, "office.zhao").await;
        let (status, denied) = ask(&url, &zhao, "Staff", json!({ "first": 5 })).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{denied}");
        let (_, events) = ask(
            &url,
            &administrator,
            "IdentityEvents",
            json!({ "last": 20 }),
        )
        .await;
        let kinds = events["data"]["identityEvents"]["nodes"].to_string();
        for kind in ["SET_UP", "LINK_MADE", "PASSWORD_SET", "SIGNED_IN"] {
            assert!(kinds.contains(kind), "{kind} is missing in {events}");
        }
        let said = server.stop().join("\n");
        assert!(!said.contains(GOOD) && !said.contains(&zhao) && !said.contains("/setup/"));
        // The next start offers no link: somebody can sign in.
        let server = Server::start(&place, &["serve"]);
        assert!(!server.stop().join("\n").contains("administrator"));
        assert!(!place.folder.path().join("first-administrator.txt").exists());
    }
}

/// Two processes: what one ends the other feels within a second; what is guessed at one waits at both.
#[tokio::test]
async fn two_processes_know_the_same_sessions() {
    let place = Place::postgres();
    run(place.fangpin(&["demo", "--no-serve"]).arg("--json"));
    let other = Server::start(&place, &["serve"]);
    let there = other.url("/graphql");
    let password = "fangpin-demo-2020";
    let input = json!({ "input": { "login": "office.zhao", "password": password } });
    let (_, answer) = ask(&there, "", "LogIn", input.clone()).await;
    let token = answer["data"]["logIn"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let third = Server::start(&place, &["serve"]);
    let third = (third.url("/graphql"), third);
    let (status, _) = ask(&third.0, &token, "Viewer", json!({})).await;
    assert_eq!(status, StatusCode::OK);
    let (_, out) = ask(&there, &token, "LogOut", json!({})).await;
    assert_eq!(out["data"]["logOut"]["loggedOut"], true);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let (status, _) = ask(&third.0, &token, "Viewer", json!({})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "felt within a second");

    let wrong = json!({ "input": { "login": "ins.wu", "password": "not the password" } });
    for turn in 0..5 {
        let url = if turn % 2 == 0 { &there } else { &third.0 };
        let (status, answer) = ask(url, "", "LogIn", wrong.clone()).await;
        assert_eq!(status, StatusCode::OK);
        let code = &answer["data"]["logIn"]["userErrors"][0]["code"];
        assert_eq!(code, "WRONG_CREDENTIALS");
    }
    let right = json!({ "input": { "login": "ins.wu", "password": password } });
    for url in [&there, &third.0] {
        let (status, answer) = ask(url, "", "LogIn", right.clone()).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    }
}

/// Password, then a code; each code once; and where the county wants it, money waits for it.
#[tokio::test]
async fn a_second_factor_is_asked_for() {
    let place = Place::sqlite();
    run(place.fangpin(&["demo", "--no-serve"]).arg("--json"));
    let server = Server::start_with(&place, &["serve"], &[("FANGPIN_SECOND_FACTOR", "money")]);
    let url = server.url("/graphql");
    let input = json!({ "input": { "login": "ins.wu", "password": "fangpin-demo-2020" } });
    let (_, answer) = ask(&url, "", "LogIn", input.clone()).await;
    let token = answer["data"]["logIn"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let approve = "mutation { approveClaim(input: { idempotencyKey: \"0197a000-0000-7000-8000-000000000001\", \
        claimId: \"x\", expectedVersion: 1, benefitFen: \"1\", payeeId: \"x\", dossierHash: \"x\" }) { userErrors { code } } }";
    let denied = async |token: &str| {
        let body = json!({ "query": approve });
        let sent = http().post(&url).bearer_auth(token).json(&body).send();
        let text = sent.await.unwrap().text().await.unwrap();
        text.contains("SECOND_FACTOR_REQUIRED")
    };
    assert!(denied(&token).await);
    let (_, begun) = ask(&url, &token, "EnrolSecondFactor", json!({})).await;
    let secret = begun["data"]["enrolSecondFactor"]["secret"]
        .as_str()
        .unwrap();
    let code = code_at(secret, SystemClock.now()).unwrap();
    let (_, confirmed) = ask(
        &url,
        &token,
        "ConfirmEnrolment",
        json!({ "input": { "code": code } }),
    )
    .await;
    let enrolment = &confirmed["data"]["confirmEnrolment"];
    let fresh = enrolment["token"].as_str().unwrap();
    assert!(!denied(fresh).await, "shown");
    let recovery = enrolment["recoveryCodes"][0].as_str().unwrap();

    let (_, answer) = ask(&url, "", "LogIn", input).await;
    assert_eq!(
        answer["data"]["logIn"]["userErrors"][0]["code"],
        "SECOND_FACTOR_REQUIRED"
    );
    assert!(answer["data"]["logIn"]["token"].is_null());
    let query = "mutation($input: LogInInput!) { logIn(input: $input) { ticket } }";
    let body = json!({ "query": query, "variables": { "input": { "login": "ins.wu", "password": "fangpin-demo-2020" } } });
    let sent = http().post(&url).json(&body).send().await.unwrap();
    let answer: Value = sent.json().await.unwrap();
    let ticket = answer["data"]["logIn"]["ticket"].as_str().unwrap();
    let confirm = async |code: &str| {
        let input = json!({ "input": { "ticket": ticket, "code": code } });
        let (_, answer) = ask(&url, "", "ConfirmSecondFactor", input).await;
        answer["data"]["confirmSecondFactor"]["token"].is_string()
    };
    assert!(!confirm(&code).await, "used at the enrolment");
    assert!(confirm(recovery).await);
    assert!(!confirm(recovery).await);
    let said = server.stop().join("\n");
    assert!(!said.contains(secret) && !said.contains(recovery));
}
