//! Signing in through a real `OpenID` provider, a process of its own on loopback: who exists gets in, and
//! nobody else; what was begun elsewhere, altered or came too late does not count.

use crate::support::{Place, Server, free_port, node, root, run};
use reqwest::{Response, StatusCode, header};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

/// Its output is kept open: it speaks on, and ends where nobody listens.
struct Provider {
    child: Child,
    _speaks: BufReader<ChildStdout>,
}

impl Provider {
    fn start(port: u16, redirect: &str, code_seconds: &str) -> Self {
        let mut child = node("oidc", "provider.js")
            .args([&port.to_string(), redirect, code_seconds])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("listening") {
            assert_ne!(stdout.read_line(&mut said).unwrap(), 0, "{said}");
        }
        Self {
            child,
            _speaks: stdout,
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser's cookies and its patience with redirects, no more.
struct Visitor {
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let redirects = reqwest::redirect::Policy::none();
        Self {
            http: reqwest::Client::builder()
                .redirect(redirects)
                .build()
                .unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    async fn send(&mut self, url: &str, form: Option<&str>) -> Response {
        let request = match form {
            None => self.http.get(url),
            Some(form) => self
                .http
                .post(url)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.to_owned()),
        };
        let jar: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let response = request
            .header(header::COOKIE, jar.join("; "))
            .send()
            .await
            .unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    fn next(response: &Response) -> String {
        let to = response.headers()[header::LOCATION].to_str().unwrap();
        response.url().join(to).unwrap().to_string()
    }

    /// Follows redirects until somebody asks something, or until one leads to `stop`.
    async fn follow(
        &mut self,
        mut response: Response,
        stop: &str,
    ) -> Result<String, Box<Response>> {
        for _ in 0..12 {
            if !response.status().is_redirection() {
                return Err(Box::new(response));
            }
            let to = Self::next(&response);
            if to.contains(stop) {
                return Ok(to);
            }
            response = self.send(&to, None).await;
        }
        panic!("too many redirects")
    }

    /// From our button through the provider's forms: the address that leads back.
    async fn through(&mut self, server: &Server, person: &str) -> String {
        let begun = self
            .send(&server.url("/login/oidc?next=/claims"), None)
            .await;
        let mut response = begun;
        let forms = [
            format!("prompt=login&login={person}&password=anything"),
            "prompt=consent".to_owned(),
        ];
        for form in &forms {
            let asked = match self.follow(response, "/login/oidc/callback").await {
                Ok(back) => return back,
                Err(asked) => asked,
            };
            let url = asked.url().to_string();
            response = self.send(&url, Some(form.as_str())).await;
        }
        match self.follow(response, "/login/oidc/callback").await {
            Ok(back) => back,
            Err(asked) => panic!("the provider asks on at {}", asked.url()),
        }
    }

    fn is_signed_in(&self) -> bool {
        self.cookies.contains_key("fangpin_session")
    }
}

fn altered(back: &str, name: &str) -> String {
    let at = back.find(&format!("{name}=")).unwrap() + name.len() + 1;
    let mut text = back.to_owned();
    let other = if text[at..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    text.replace_range(at..=at, other);
    text
}

#[tokio::test]
async fn a_real_provider_signs_in_who_exists() {
    let place = Place::sqlite();
    let (port, own) = (free_port(), free_port());
    let redirect = format!("http://127.0.0.1:{own}/login/oidc/callback");
    let provider = Provider::start(port, &redirect, "5");
    let issuer = format!("http://127.0.0.1:{port}");
    let public = format!("http://127.0.0.1:{own}");
    let listen = format!("127.0.0.1:{own}");
    let server = Server::start_at(
        &place,
        &["demo"],
        &[
            ("FANGPIN_OIDC_ISSUER", &issuer),
            ("FANGPIN_OIDC_CLIENT_ID", "fangpin"),
            ("FANGPIN_OIDC_CLIENT_SECRET", "a secret of the tests"),
            ("FANGPIN_PUBLIC_URL", &public),
            ("FANGPIN_OIDC_LABEL", "县统一认证"),
        ],
        &listen,
    );
    let mut visitor = Visitor::new();
    let login = visitor.send(&server.url("/login"), None).await;
    assert!(login.text().await.unwrap().contains("县统一认证"));

    let back = visitor.through(&server, "office.zhao").await;
    let done = visitor.send(&back, None).await;
    assert_eq!(done.status(), StatusCode::OK);
    assert!(visitor.is_signed_in());
    let claims = visitor.send(&server.url("/claims"), None).await;
    assert_eq!(claims.status(), StatusCode::OK);
    assert!(claims.text().await.unwrap().contains("赵干事"));

    // A code counts once, and in the browser where it was asked for.
    let mut again = Visitor::new();
    again.cookies = visitor.cookies.clone();
    again.cookies.remove("fangpin_session");
    let twice = again.send(&back, None).await;
    assert_eq!(
        twice.status(),
        StatusCode::BAD_REQUEST,
        "its journey is over"
    );
    let mut stranger = Visitor::new();
    let back = stranger.through(&server, "office.qian").await;
    let mut thief = Visitor::new();
    let stolen = thief.send(&back, None).await;
    assert_eq!(stolen.status(), StatusCode::BAD_REQUEST);
    assert!(!thief.is_signed_in());
    // Another state, another code.
    for (name, status) in [
        ("state", StatusCode::BAD_REQUEST),
        ("code", StatusCode::UNAUTHORIZED),
    ] {
        let mut visitor = Visitor::new();
        let back = visitor.through(&server, "office.qian").await;
        let refused = visitor.send(&altered(&back, name), None).await;
        assert_eq!(refused.status(), status, "{name}");
        assert!(!visitor.is_signed_in(), "{name}");
    }
    // Another nonce, another verifier than the journey began with.
    for place in [1, 2] {
        let mut visitor = Visitor::new();
        let back = visitor.through(&server, "office.qian").await;
        let journey = visitor.cookies["fangpin_oidc"].clone();
        let mut parts: Vec<String> = journey.splitn(4, '!').map(str::to_owned).collect();
        parts[place] = format!("{}x", parts[place]);
        visitor
            .cookies
            .insert("fangpin_oidc".into(), parts.join("!"));
        let refused = visitor.send(&back, None).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "part {place}");
        assert!(!visitor.is_signed_in(), "part {place}");
    }
    // A token of another issuer, for another client, too old, beside another's access token, signed by
    // another; and one that was only signed again.
    for (fault, status) in [
        ("issuer", StatusCode::UNAUTHORIZED),
        ("audience", StatusCode::UNAUTHORIZED),
        ("expiry", StatusCode::UNAUTHORIZED),
        ("access", StatusCode::UNAUTHORIZED),
        ("signature", StatusCode::UNAUTHORIZED),
        ("none", StatusCode::OK),
    ] {
        let mut visitor = Visitor::new();
        let person = format!("office.qian%2F{fault}");
        let back = visitor.through(&server, &person).await;
        let answered = visitor.send(&back, None).await;
        assert_eq!(answered.status(), status, "{fault}");
        assert_eq!(visitor.is_signed_in(), status == StatusCode::OK, "{fault}");
    }
    // Whom the provider knows and we do not.
    let mut unknown = Visitor::new();
    let back = unknown.through(&server, "nobody.here").await;
    let refused = unknown.send(&back, None).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(!unknown.is_signed_in());
    // A redirect of the provider leads nowhere: what it answers is read as it is.
    let moved = reqwest::get(format!("{issuer}/moved")).await.unwrap();
    assert_eq!(moved.text().await.unwrap(), "true");
    let mut elsewhere = Visitor::new();
    let back = elsewhere.through(&server, "office.qian").await;
    let refused = elsewhere.send(&back, None).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(!elsewhere.is_signed_in());
    // A code that has expired.
    let mut late = Visitor::new();
    let back = late.through(&server, "office.qian").await;
    tokio::time::sleep(std::time::Duration::from_secs(7)).await;
    let refused = late.send(&back, None).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    drop(provider);
    // The provider is away.
    let away = Visitor::new().send(&server.url("/login/oidc"), None).await;
    assert_eq!(away.status(), StatusCode::BAD_GATEWAY);
}

/// Which claim is the login, the secret from a file, another client: each key counts.
#[tokio::test]
async fn the_keys_of_the_provider_count() {
    let place = Place::sqlite();
    let county = std::fs::read_to_string(root().join("crates/server/sample/county.toml")).unwrap();
    let county = county
        .replace("\"office.zhao\"", "\"office.zhao@example.org\"")
        .replace("\"office.audit\"", "\"unproved.audit@example.org\"")
        .replace("\"office.qian\"", "\"county.qian\"");
    let file = place.folder.path().join("county.toml");
    std::fs::write(&file, county).unwrap();
    run(place.fangpin(&["county", "load"]).arg(&file));
    let secret = place.folder.path().join("secret");
    std::fs::write(&secret, "a secret of the tests\n").unwrap();
    let secret = secret.display().to_string();
    let (port, own) = (free_port(), free_port());
    let public = format!("http://127.0.0.1:{own}");
    let issuer = format!("http://127.0.0.1:{port}");
    let _provider = Provider::start(port, &format!("{public}/login/oidc/callback"), "60");
    let listen = format!("127.0.0.1:{own}");
    let start = |claim: &str, client: &str| {
        let keys = [
            ("FANGPIN_OIDC_ISSUER", &*issuer),
            ("FANGPIN_OIDC_CLIENT_ID", client),
            ("FANGPIN_OIDC_CLIENT_SECRET_FILE", &*secret),
            ("FANGPIN_OIDC_CLAIM", claim),
            ("FANGPIN_PUBLIC_URL", &*public),
        ];
        Server::start_at(&place, &["serve"], &keys, &listen)
    };
    // Of each claim, who has an account by it gets in, and who has one by another does not.
    for (claim, right, wrong) in [
        ("email", "office.zhao", "ins.sun"),
        // An address that nobody has proved to be theirs is nobody's.
        ("email", "office.zhao", "unproved.audit"),
        ("sub", "ins.wu", "staff.ins.chen"),
        ("preferred_username", "staff.ins.chen", "office.qian"),
    ] {
        let server = start(claim, "fangpin");
        for (person, status) in [(right, StatusCode::OK), (wrong, StatusCode::FORBIDDEN)] {
            let mut visitor = Visitor::new();
            let back = visitor.through(&server, person).await;
            let done = visitor.send(&back, None).await;
            assert_eq!(done.status(), status, "{claim} {person}");
            assert_eq!(visitor.is_signed_in(), person == right, "{claim} {person}");
        }
    }
    // The provider knows us under our own name only.
    let server = start("email", "somebody-else");
    let mut visitor = Visitor::new();
    let begun = visitor.send(&server.url("/login/oidc"), None).await;
    let to = Visitor::next(&begun);
    assert!(to.contains("client_id=somebody-else"), "{to}");
    let refused = visitor.send(&to, None).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    drop(server);
    // Our name, and another secret: the provider gives no token.
    std::fs::write(&*secret, "another secret").unwrap();
    let server = start("email", "fangpin");
    let mut visitor = Visitor::new();
    let back = visitor.through(&server, "office.zhao").await;
    let refused = visitor.send(&back, None).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(!visitor.is_signed_in());
}
