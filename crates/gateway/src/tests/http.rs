//! GraphQL over HTTP: methods, media types, status codes, authentication, bounds.

use super::{Reply, Wire};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::Days;
use engine::limits::BODY_BYTES_MAX;
use engine::testkit::world::{PASSWORD, Role, day};
use serde_json::{Value, json};

async fn raw(wire: &Wire, accept: Option<&str>, content_type: Option<&str>, body: &str) -> Reply {
    let mut request = Request::post("/graphql");
    if let Some(accept) = accept {
        request = request.header("accept", accept);
    }
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let body = Body::from(body.to_owned());
    wire.send(request.body(body).unwrap()).await
}

const JSON: Option<&str> = Some("application/json");
const NEW: Option<&str> = Some("application/graphql-response+json");
const TYPENAME: &str = r#"{"query":"{ __typename }"}"#;

#[tokio::test]
async fn media_types_are_negotiated() {
    let wire = Wire::open().await;
    for (accept, expected) in [
        (None, "application/json"),
        (Some("*/*"), "application/json"),
        (JSON, "application/json"),
        (NEW, "application/graphql-response+json"),
        (
            Some("application/json, application/graphql-response+json"),
            "application/graphql-response+json",
        ),
        (
            Some("application/graphql-response+json;q=0.5, application/json;q=0.9"),
            "application/json",
        ),
        (Some("text/html, */*;q=0.1"), "application/json"),
    ] {
        let reply = raw(&wire, accept, JSON, TYPENAME).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.body["data"], json!({ "__typename": "Query" }));
        let expected = format!("{expected}; charset=utf-8");
        assert_eq!(
            reply.headers["content-type"],
            expected.as_str(),
            "{accept:?}"
        );
        assert_eq!(reply.headers["cache-control"], "no-store");
    }
    let reply = raw(&wire, Some("text/html"), JSON, TYPENAME).await;
    assert_eq!(reply.status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn only_json_bodies_of_one_request_are_read() {
    let wire = Wire::open().await;
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/json; charset=gbk"),
    ] {
        let reply = raw(&wire, NEW, content_type, TYPENAME).await;
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(reply.code(), "UNSUPPORTED_MEDIA_TYPE");
    }
    let utf8 = Some("Application/JSON; charset=UTF-8");
    assert_eq!(raw(&wire, NEW, utf8, TYPENAME).await.status, StatusCode::OK);
    let batch = format!("[{TYPENAME}]");
    for body in [
        batch.as_str(),
        "",
        "null",
        "{}",
        "{",
        r#"{"query":1}"#,
        r#"["{a}"]"#,
        // Read field by field, this would be a request.
        r#"["{__typename}",null,null,null]"#,
        r#"{"query":"{__typename}","variables":[]}"#,
        r#"{"query":"{__typename}","variables":7}"#,
        r#"{"query":"{__typename}","operationName":{}}"#,
        r#"{"query":"{__typename}","extensions":1}"#,
    ] {
        for accept in [NEW, JSON] {
            let reply = raw(&wire, accept, JSON, body).await;
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
            assert!(reply.body.get("data").is_none(), "{body}");
        }
    }
    let large = format!(
        r#"{{"query":"{{ __typename }}","variables":{{"a":"{}"}}}}"#,
        "x".repeat(BODY_BYTES_MAX)
    );
    let reply = raw(&wire, NEW, JSON, &large).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reply.code(), "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn a_document_that_does_not_fit_has_no_data() {
    let wire = Wire::open().await;
    let acceptance =
        "mutation($i: AcceptReferralInput!) { acceptReferral(input: $i) { event { seq } } }";
    for body in [
        json!({ "query": "{" }),
        json!({ "query": "{ nothing }" }),
        json!({ "query": "{ __typename }", "operationName": "Other" }),
        json!({ "query": "query A { __typename } query B { __typename }" }),
        json!({ "query": "query($id: ID!) { node(id: $id) { id } }" }),
        json!({ "query": acceptance, "variables": { "i": { "claimId": "x", "expectedVersion": 1, "idempotencyKey": "no" } } }),
        json!({ "query": acceptance, "variables": { "i": { "claimId": "x", "expectedVersion": "one" } } }),
        json!({ "query": "mutation { a: logOut { loggedOut } b: logOut { loggedOut } }" }),
    ] {
        let reply = wire.post(Some(Role::Handler), &body).await;
        assert_eq!(
            reply.status,
            StatusCode::BAD_REQUEST,
            "{body} {}",
            reply.body
        );
        assert!(reply.body.get("data").is_none());
        assert_ne!(reply.code(), "", "{body}");
        assert_ne!(
            reply.body["errors"][0]["extensions"]["requestId"],
            Value::Null
        );
        let legacy = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", Role::Handler.token()))
            .body(Body::from(body.to_string()));
        let legacy = wire.send(legacy.unwrap()).await;
        assert_eq!(legacy.status, StatusCode::OK);
        assert!(legacy.body.get("data").is_none());
    }
}

#[tokio::test]
async fn get_is_for_queries() {
    let wire = Wire::open().await;
    let get = |query: &str| {
        let request =
            Request::get(format!("/graphql?{query}")).header("accept", "application/json");
        request.body(Body::empty()).unwrap()
    };
    let reply = wire.send(get("query=%7B__typename%7D")).await;
    assert_eq!(reply.status, StatusCode::OK);
    let reply = wire
        .send(get(
            "query=query%20A%7B__typename%7D%20query%20B%7Bviewer%7Bid%7D%7D&operationName=A",
        ))
        .await;
    assert_eq!(reply.body["data"]["__typename"], "Query");
    let reply = wire
        .send(get("query=mutation%7BlogOut%7BloggedOut%7D%7D"))
        .await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(reply.headers["allow"], "POST");
    assert_eq!(wire.send(get("")).await.status, StatusCode::BAD_REQUEST);
    let reply = wire.send(get("query=%7B__typename%7D&variables=%5B")).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    // Variables in an address are measured as a body is.
    let list = format!("[{}]", vec!["0"; 1_000].join(","));
    let lists = vec![list.as_str(); 21].join(",");
    let many = format!("query=%7B__typename%7D&variables=%7B%22v%22:[{lists}]%7D");
    let reply = wire.send(get(&many)).await;
    let limit = &reply.body["errors"][0]["extensions"]["limit"];
    assert_eq!(limit, "bodyValues", "{}", reply.body);
    // An address stands in the logs of every proxy: an identity number has no business there.
    let number = wire.desk.world.household("石门寨").members[0]
        .id_number
        .reveal();
    let asked = format!("query=%7BhouseholdOf(idNumber:%22{number}%22)%7Bid%7D%7D");
    let request = Request::get(format!("/graphql?{asked}"))
        .header(
            "authorization",
            format!("Bearer {}", Role::Shimenzhai.token()),
        )
        .body(Body::empty())
        .unwrap();
    let reply = wire.send(request).await;
    assert_eq!(reply.code(), "INVALID_ARGUMENT", "{}", reply.body);
    assert!(!reply.text.contains(number));
    let put = Request::put("/graphql").body(Body::empty()).unwrap();
    let reply = wire.send(put).await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(reply.headers["allow"], "GET, POST");
}

#[tokio::test]
async fn nobody_gets_further_than_the_door() {
    let wire = Wire::open().await;
    let anonymous = wire
        .post(None, &json!({ "query": "{ viewer { id } }" }))
        .await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
    assert_eq!(anonymous.body.get("data"), None);
    let query = "{ __schema { queryType { name } } }";
    let schema = wire.post(None, &json!({ "query": query })).await;
    assert_eq!(schema.status, StatusCode::UNAUTHORIZED);
    let schema = wire.ask(Role::Auditor, query).await;
    assert_eq!(
        schema.body["data"]["__schema"]["queryType"]["name"],
        "Query"
    );
    for token in ["Bearer fps_wrong", "Bearer other", "Basic abc", "fps_wrong"] {
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("authorization", token)
            .body(Body::from(TYPENAME))
            .unwrap();
        let reply = wire.send(request).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{token}");
        assert_eq!(reply.code(), "UNAUTHENTICATED");
        assert_eq!(reply.headers["www-authenticate"], "Bearer");
    }
}

/// Every root field refuses a caller who has not signed in; what is not in this list would be open.
#[tokio::test]
async fn every_root_field_but_log_in_wants_a_caller() {
    let wire = Wire::open().await;
    let uuid = "00000000-0000-0000-0000-000000000000";
    for query in [
        "{ viewer { id } }".to_owned(),
        "{ node(id: \"x\") { id } }".to_owned(),
        "{ nodes(ids: [\"x\"]) { id } }".to_owned(),
        "{ claim(number: \"x\") { id } }".to_owned(),
        "{ claims(first: 1) { nodes { id } } }".to_owned(),
        "{ workQueue(first: 1) { nodes { id } } }".to_owned(),
        "{ claimStatusSummary { claims } }".to_owned(),
        "{ household(id: \"x\") { id } }".to_owned(),
        "{ householdOf(idNumber: \"x\") { id } }".to_owned(),
        "{ scheme(id: \"x\") { id } }".to_owned(),
        "{ schemes(first: 1) { nodes { id } } }".to_owned(),
        "{ regions(first: 1) { nodes { code } } }".to_owned(),
        "{ colleagues(duty: SURVEYOR, first: 1) { nodes { id } } }".to_owned(),
        "{ households(first: 1) { nodes { id } } }".to_owned(),
        "mutation { logOut { loggedOut } }".to_owned(),
        format!(
            "mutation {{ acceptReferral(input: {{claimId: \"x\", expectedVersion: 1, idempotencyKey: \"{uuid}\"}}) {{ event {{ seq }} }} }}"
        ),
    ] {
        let reply = wire.post(None, &json!({ "query": query })).await;
        assert_eq!(reply.code(), "UNAUTHENTICATED", "{query} {}", reply.body);
    }
}

#[tokio::test]
async fn a_session_begins_and_ends() {
    let wire = Wire::open().await;
    let query = "mutation($i: LogInInput!) { logIn(input: $i) { token viewer { name } userErrors { code message } } }";
    let log_in = |password: &str| json!({ "query": query, "variables": { "i": { "login": Role::Handler.login(), "password": password } } });
    let refused = wire.post(None, &log_in("not the password")).await;
    let payload = &refused.body["data"]["logIn"];
    assert_eq!(payload["token"], Value::Null);
    assert_eq!(payload["userErrors"][0]["code"], "WRONG_CREDENTIALS");
    let opened = wire.post(None, &log_in(PASSWORD)).await;
    let payload = &opened.body["data"]["logIn"];
    assert_eq!(payload["viewer"]["name"], "孙内勤");
    let token = payload["token"].as_str().unwrap().to_owned();
    let send = |query: &str| {
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"));
        let body = json!({ "query": query }).to_string();
        wire.send(request.body(Body::from(body)).unwrap())
    };
    assert_eq!(
        send("{ viewer { name } }").await.body["data"]["viewer"]["name"],
        "孙内勤"
    );
    let ended = send("mutation { logOut { loggedOut userErrors { code } } }").await;
    assert_eq!(ended.body["data"]["logOut"]["loggedOut"], true);
    assert_eq!(
        send("{ viewer { name } }").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn the_customary_introspection_query_passes_the_guard() {
    let wire = Wire::open().await;
    let of_type = (0..9).fold(String::new(), |inner, _| {
        format!("ofType {{ kind name {inner} }}")
    });
    let query = format!(
        "query IntrospectionQuery {{ __schema {{ queryType {{ name }} mutationType {{ name }}
         subscriptionType {{ name }} types {{ ...FullType }} directives {{ name locations args {{ ...InputValue }} }} }} }}
         fragment FullType on __Type {{ kind name description
           fields(includeDeprecated: true) {{ name description args {{ ...InputValue }} type {{ ...TypeRef }} isDeprecated }}
           inputFields {{ ...InputValue }} interfaces {{ ...TypeRef }}
           enumValues(includeDeprecated: true) {{ name description }} possibleTypes {{ ...TypeRef }} }}
         fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue }}
         fragment TypeRef on __Type {{ kind name {of_type} }}"
    );
    let reply = wire.ask(Role::Auditor, &query).await;
    assert_eq!(reply.body.get("errors"), None);
    assert_eq!(reply.status, StatusCode::OK);
    // Whoever opens it by configuration shows it to everybody.
    for (open, status) in [(true, StatusCode::OK), (false, StatusCode::UNAUTHORIZED)] {
        let settings = crate::Settings {
            open_introspection: open,
            ..crate::Settings::default()
        };
        let wire = Wire::with(settings).await;
        let reply = wire.post(None, &json!({ "query": query })).await;
        assert_eq!(reply.status, status);
    }
}

/// Text that is not UTF-8 is no request; extensions are read as a map and left alone.
#[tokio::test]
async fn bodies_are_text_and_extensions_are_ignored() {
    let wire = Wire::open().await;
    let post = |body: Vec<u8>| {
        let request = Request::post("/graphql").header("content-type", "application/json");
        wire.send(request.body(Body::from(body)).unwrap())
    };
    let reply = post(b"{\"query\":\"{ __typename } # \xff\"}".to_vec()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let hash = "a".repeat(64);
    let persisted = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    let reply = post(json!({ "extensions": persisted }).to_string().into_bytes()).await;
    assert_eq!(
        reply.status,
        StatusCode::BAD_REQUEST,
        "there is no document"
    );
    let body = json!({ "query": "{ __typename }", "extensions": persisted });
    let reply = post(body.to_string().into_bytes()).await;
    assert_eq!(reply.body["data"]["__typename"], "Query");
    assert_eq!(reply.headers.get("access-control-allow-origin"), None);
}

/// A browser sends the session's cookie along with whatever another site makes it send.
#[tokio::test]
async fn a_cookie_is_believed_from_our_own_pages_only() {
    let wire = Wire::open().await;
    let viewer = r#"{"query":"{ viewer { name } }"}"#;
    let session = format!(
        "{}={}",
        engine::access::SESSION_COOKIE,
        Role::Handler.token()
    );
    let post = |cookie: &str, more: &[(&str, &str)]| {
        let mut request = Request::post("/graphql")
            .header("host", "a:8080")
            .header("content-type", "application/json")
            .header("cookie", cookie);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        wire.send(request.body(Body::from(viewer)).unwrap())
    };
    let csrf = ("x-fangpin-csrf", "1");
    for ours in [
        &[csrf][..],
        &[
            csrf,
            ("origin", "http://a:8080"),
            ("sec-fetch-site", "same-origin"),
        ],
    ] {
        let reply = post(&session, ours).await;
        assert_eq!(reply.body["data"]["viewer"]["name"], "孙内勤", "{ours:?}");
    }
    for theirs in [
        &[][..],
        &[csrf, ("origin", "http://evil.example")],
        &[csrf, ("sec-fetch-site", "cross-site")],
    ] {
        let reply = post(&session, theirs).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{theirs:?}");
        assert_eq!(reply.code(), "CSRF_REFUSED");
        assert_eq!(reply.body.get("data"), None);
    }
    let get = |csrf: bool| {
        let mut request = Request::get("/graphql?query=%7Bviewer%7Bname%7D%7D")
            .header("host", "a:8080")
            .header("cookie", session.as_str());
        if csrf {
            request = request.header("x-fangpin-csrf", "1");
        }
        wire.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(get(false).await.status, StatusCode::FORBIDDEN);
    assert_eq!(get(true).await.body["data"]["viewer"]["name"], "孙内勤");
    // A session that has ended stands in the browser for a while: nobody has signed in then.
    let ended = format!("{}=fps_ended", engine::access::SESSION_COOKIE);
    let reply = post(&ended, &[csrf]).await;
    assert_eq!(reply.code(), "UNAUTHENTICATED");
    assert_eq!(reply.body["data"]["viewer"], Value::Null);
    // A token in the header goes before the cookie, and needs nothing else.
    let bearer = format!("Bearer {}", Role::Surveyor.token());
    let reply = post(&session, &[("authorization", &bearer)]).await;
    assert_ne!(reply.body["data"]["viewer"]["name"], "孙内勤");
}

/// Every answer says what the operation cost; who has spent the budget waits.
#[tokio::test]
async fn a_caller_spends_a_budget() {
    let settings = crate::Settings {
        allowance: crate::Allowance {
            max: 300,
            refill_per_second: 1,
        },
        ..crate::Settings::default()
    };
    let wire = Wire::with(settings).await;
    let claims = json!({ "query": "{ claims(first: 100) { nodes { id household { id } } } }" });
    let reply = wire.post(Some(Role::Handler), &claims).await;
    let cost = &reply.body["extensions"]["cost"];
    assert_eq!(cost["requested"], 201);
    assert_eq!(cost["actual"], 1, "there are no claims yet: {cost}");
    assert_eq!(
        cost["bucket"],
        json!({ "max": 300, "remaining": 299, "refillPerSecond": 1 })
    );
    // What was not needed comes back, so each of these takes 1; the hundredth finds too little.
    let mut last = wire.post(Some(Role::Surveyor), &claims).await;
    for _ in 0..300 {
        last = wire.post(Some(Role::Surveyor), &claims).await;
        if last.status != StatusCode::OK {
            break;
        }
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(last.code(), "RATE_LIMITED");
    assert_eq!(last.body["errors"][0]["extensions"]["retryable"], true);
    let seconds: u64 = last.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=300).contains(&seconds), "{seconds}");
    // Others have a budget of their own.
    let other = wire.post(Some(Role::Approver), &claims).await;
    assert_eq!(other.status, StatusCode::OK);
}

/// Whoever sends messages without end, with or without a key, is asked to wait; others are not.
#[tokio::test]
async fn an_address_sends_so_many_messages() {
    let settings = crate::Settings {
        allowance: crate::Allowance {
            max: 50,
            refill_per_second: 1,
        },
        ..crate::Settings::default()
    };
    let wire = Wire::with(settings).await;
    let send = async |address: &str| {
        let request = Request::post("/hooks/v1/nobody").header("x-fangpin-address", address);
        wire.send(request.body(Body::from("{}")).unwrap()).await
    };
    for _ in 0..5 {
        assert_eq!(send("203.0.113.7").await.status, StatusCode::UNAUTHORIZED);
    }
    let last = send("203.0.113.7").await;
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    let seconds = last.headers["retry-after"].to_str().unwrap().to_owned();
    assert!((1..=10).contains(&seconds.parse().unwrap()), "{seconds}");
    assert_eq!(send("203.0.113.8").await.status, StatusCode::UNAUTHORIZED);
}

/// A small document can ask for much: what would be too large is not sent.
#[tokio::test]
async fn an_answer_has_a_size() {
    let wire = Wire::open().await;
    let home = wire.desk.world.household("石门寨").clone();
    for offset in 0..40 {
        let event_on = day(2020, 3, 1) + Days::new(offset);
        wire.desk.draft(&home).event_on(event_on).await;
    }
    let long = |number: usize| format!("{}{number}: id ", "x".repeat(700));
    let row: String = (0..20).map(long).collect();
    let page = |number: usize| format!("p{number}: claims(first: 40) {{ nodes {{ ...row }} }} ");
    let ask = async |pages: usize| {
        let pages: String = (0..pages).map(page).collect();
        let query = format!("{{ {pages} }} fragment row on Claim {{ {row} }}");
        wire.ask(Role::Auditor, &query).await
    };
    let fits = ask(2).await;
    assert_eq!(fits.status, StatusCode::OK);
    assert!(fits.text.len() > 1_000_000, "{}", fits.text.len());
    let large = ask(10).await;
    assert_eq!(large.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(large.code(), "RESPONSE_TOO_LARGE");
    assert!(large.text.len() < 1_000, "{}", large.text.len());
}

#[tokio::test]
async fn fifty_nodes_are_asked_for_at_once() {
    let wire = Wire::open().await;
    let ask = async |count: usize| {
        let query = format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"x\" ".repeat(count));
        wire.ask(Role::Auditor, &query).await
    };
    let fits = ask(50).await;
    assert_eq!(fits.body["data"]["nodes"], json!(vec![Value::Null; 50]));
    assert_eq!(ask(51).await.code(), "INVALID_ARGUMENT");
}
