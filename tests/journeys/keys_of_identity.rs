//! The configuration keys of signing in: each has an effect that is seen, and a wrong value is refused at the start with
//! the name of the key and what to do.

use crate::support::{Client, Place, Server, both, node, run};
use reqwest::{StatusCode, header};
use serde_json::json;

/// The demo at an instant of one morning: whoever signed in before is still there, and older.
fn at(place: &Place, time: &str, keys: &[(&str, &str)]) -> Server {
    let now = format!("2020-07-01T{time}:00+08:00");
    Server::start_with(place, &["demo", "--now", &now], keys)
}

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let redirects = reqwest::redirect::Policy::none();
    reqwest::Client::builder()
        .redirect(redirects)
        .build()
        .unwrap()
}

/// Whether a session still holds.
async fn holds(server: &Server, token: &str) -> bool {
    let request = http()
        .post(server.url("/graphql"))
        .bearer_auth(token)
        .json(&json!({ "query": "{ viewer { name } }" }));
    request.send().await.unwrap().status() == StatusCode::OK
}

/// `session_idle_minutes` and `session_hours`, beside what holds without them.
#[tokio::test]
async fn sessions_end_when_the_keys_say() {
    let place = Place::sqlite();
    let idle = [
        ("FANGPIN_SESSION_IDLE_MINUTES", "10"),
        ("FANGPIN_SESSION_HOURS", "1"),
    ];
    let server = at(&place, "09:00", &idle);
    let token = Client::sign_in(&server, "office.zhao")
        .await
        .token()
        .to_owned();
    drop(server);
    // Seen at 09:08, and again within ten minutes.
    for time in ["09:08", "09:16"] {
        assert!(holds(&at(&place, time, &idle), &token).await, "{time}");
    }
    assert!(
        !holds(&at(&place, "09:27", &idle), &token).await,
        "unused for eleven minutes"
    );
    assert!(
        holds(&at(&place, "09:28", &[]), &token).await,
        "without the key thirty"
    );
    // An hour after it was opened it ends, however much it is used.
    for time in ["09:37", "09:46", "09:55"] {
        assert!(holds(&at(&place, time, &idle), &token).await, "{time}");
    }
    assert!(
        !holds(&at(&place, "10:01", &idle), &token).await,
        "more than an hour old"
    );
    assert!(
        !holds(&at(&place, "10:02", &[]), &token).await,
        "its end stands with it since it was opened"
    );
    // With the key for long work an unused session holds, and without it not.
    let long = [("FANGPIN_SESSION_IDLE_MINUTES", "240")];
    let token = Client::sign_in(&at(&place, "11:00", &long), "office.zhao")
        .await
        .token()
        .to_owned();
    assert!(!holds(&at(&place, "11:50", &[]), &token).await);
    assert!(holds(&at(&place, "11:51", &long), &token).await);
}

/// `session_renew_minutes`: a page hands the browser another secret once it is time.
#[tokio::test]
async fn a_browsers_secret_changes_when_the_key_says() {
    let place = Place::sqlite();
    let keys = [("FANGPIN_SESSION_RENEW_MINUTES", "5")];
    let server = at(&place, "09:00", &keys);
    let token = Client::sign_in(&server, "office.zhao")
        .await
        .token()
        .to_owned();
    drop(server);
    let fresh = async |server: &Server, token: &str| {
        let cookie = format!("fangpin_session={token}");
        let page = http()
            .get(server.url("/claims"))
            .header(header::COOKIE, cookie)
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), StatusCode::OK);
        let set = page
            .headers()
            .get(header::SET_COOKIE)?
            .to_str()
            .unwrap()
            .to_owned();
        let (_, rest) = set.split_once("fangpin_session=")?;
        Some(rest.split(';').next().unwrap().to_owned())
    };
    assert_eq!(
        fresh(&at(&place, "09:04", &keys), &token).await,
        None,
        "too early"
    );
    assert_eq!(
        fresh(&at(&place, "09:06", &[]), &token).await,
        None,
        "without the key after fifteen"
    );
    let server = at(&place, "09:07", &keys);
    let other = fresh(&server, &token).await.expect("another secret");
    assert!(other.starts_with("fps_") && other != token, "{other}");
    assert!(holds(&server, &token).await, "for the requests under way");
    drop(server);
    let later = at(&place, "09:09", &keys);
    assert!(!holds(&later, &token).await, "the old one has ended");
    assert!(holds(&later, &other).await);
}

/// An attempt to sign in that fails, as if from an address.
async fn attempt(http: &reqwest::Client, url: &str, forwarded: &str, login: &str) -> StatusCode {
    let query = "mutation($input: LogInInput!) { logIn(input: $input) { userErrors { code } } }";
    let input = json!({ "input": { "login": login, "password": "not the password" } });
    let request = http
        .post(url)
        .header("accept", "application/graphql-response+json")
        .header("x-forwarded-for", forwarded)
        .json(&json!({ "query": query, "variables": input }));
    request.send().await.unwrap().status()
}

/// Attempts until the next one must wait, each with a login of its own.
async fn guess(url: &str, forwarded: impl Fn(usize) -> String) -> usize {
    let http = http();
    for turn in 0..130 {
        let status = attempt(&http, url, &forwarded(turn), &format!("nobody.{turn}")).await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            return turn;
        }
        assert_eq!(status, StatusCode::OK);
    }
    panic!("nobody was told to wait")
}

/// `behind_proxy`: what the proxy adds last tells addresses apart, over HTTP and over a socket; without the key nobody
/// gets another address by writing one.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_believed_from_ones_own_proxy_only() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let server = Server::start_with(&place, &["serve"], &[("FANGPIN_BEHIND_PROXY", "true")]);
    let url = server.url("/graphql");
    let client = Client::sign_in(&server, "office.zhao").await;
    let free = guess(&url, |turn| format!("198.51.100.{turn}, 203.0.113.7")).await;
    assert_eq!(free, engine::limits::ADDRESS_ATTEMPTS_FREE as usize);
    let neighbour = "203.0.113.7, 203.0.113.8";
    assert_eq!(
        attempt(&http(), &url, neighbour, "office.qian").await,
        StatusCode::OK
    );
    let by_socket = |forwarded: &str, login: &str| {
        let arguments = [&*url, client.token(), forwarded, login];
        let output = node("protocol", "login.js")
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    // The first wait is a second long, and doubles: one of a few attempts, each with a login of its own, meets it.
    let waits = (0..8)
        .any(|turn| by_socket("203.0.113.7", &format!("nobody.there.{turn}")) == "RATE_LIMITED");
    assert!(waits, "a socket's address counts as well");
    assert_eq!(by_socket(neighbour, "office.qian"), "WRONG_CREDENTIALS");
    drop(server);

    let server = Server::start(&place, &["serve"]);
    let url = server.url("/graphql");
    let more = guess(&url, |turn| format!("198.51.100.{turn}")).await;
    // Whoever signed in above came from there, too, and does not count.
    assert_eq!(more, free, "all of them come from one");
}

/// Every wrong value at once, each with its key and what it may be.
#[test]
fn wrong_values_are_refused_at_the_start() {
    let place = Place::sqlite();
    let start = |keys: &[(&str, &str)]| {
        let output = place
            .fangpin(&["serve"])
            .envs(keys.iter().copied())
            .output()
            .unwrap();
        assert!(!output.status.success(), "{keys:?}");
        both(&output)
    };
    let wrong = [
        ("SESSION_IDLE_MINUTES", "0", "from 1 to 1440"),
        ("SESSION_HOURS", "73", "from 1 to 72"),
        ("SESSION_RENEW_MINUTES", "soon", "from 1 to 1440"),
        (
            "SECOND_FACTOR",
            "sometimes",
            "none of optional, money, required",
        ),
        ("PUBLIC_URL", "fangpin.example", "not an http address"),
        ("BEHIND_PROXY", "yes", "neither true nor false"),
        ("OIDC_ISSUER", "sso.example", "not an http address"),
        (
            "OIDC_CLAIM",
            "name",
            "none of preferred_username, email, sub",
        ),
        (
            "OIDC_CLIENT_SECRET_FILE",
            "/nowhere/secret",
            "cannot be read",
        ),
    ];
    let names: Vec<String> = wrong
        .iter()
        .map(|(key, ..)| format!("FANGPIN_{key}"))
        .collect();
    let keys: Vec<(&str, &str)> = names
        .iter()
        .zip(&wrong)
        .map(|(name, (_, value, _))| (&**name, *value))
        .collect();
    let said = start(&keys);
    for (name, (_, _, what)) in names.iter().zip(&wrong) {
        let told = said
            .lines()
            .any(|line| line.contains(&format!("{name}:")) && line.contains(what));
        assert!(told, "{name} … {what}: {said}");
    }
    assert!(said.contains("oidc_client_id: is missing"), "{said}");
    // Both secrets; none; no way back; and keys that would do nothing.
    let issuer = ("FANGPIN_OIDC_ISSUER", "https://sso.example");
    let client = ("FANGPIN_OIDC_CLIENT_ID", "fangpin");
    let secret = ("FANGPIN_OIDC_CLIENT_SECRET", "a secret of the tests");
    let said = start(&[
        issuer,
        client,
        secret,
        ("FANGPIN_OIDC_CLIENT_SECRET_FILE", "/nowhere/secret"),
    ]);
    assert!(said.contains("one of them is enough"), "{said}");
    assert!(said.contains("public_url: is missing"), "{said}");
    assert!(!said.contains(secret.1), "{said}");
    assert!(start(&[issuer, client]).contains("oidc_client_secret: is missing"));
    let said = start(&[
        client,
        secret,
        ("FANGPIN_OIDC_CLAIM", "sub"),
        ("FANGPIN_OIDC_LABEL", "统一认证"),
    ]);
    for key in ["CLIENT_ID", "CLIENT_SECRET", "CLAIM", "LABEL"] {
        assert!(
            said.contains(&format!(
                "FANGPIN_OIDC_{key}: does nothing without oidc_issuer"
            )),
            "{key}: {said}"
        );
    }
    let listed = both(&place.fangpin(&["config"]).output().unwrap());
    for name in names {
        assert!(listed.contains(&name), "{name} is not listed");
    }
}
