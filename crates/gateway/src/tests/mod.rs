//! Tests of the contract: the schema, its documents, its HTTP behaviour, one whole day over the wire.

mod authority;
mod bank;
mod bulk;
mod contract;
mod day;
mod guard;
mod hostile;
mod http;
mod pool;
mod private;
mod quality;
mod streams;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use engine::testkit::world::{Role, TestDesk};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tower::ServiceExt;

/// A file of the committed contract.
fn contract_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../graphql")
        .join(path)
}

/// What came back.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
    text: String,
}

impl Reply {
    /// The bytes of `data`.
    fn data(&self) -> &str {
        let text = self.text.strip_prefix("{\"data\":").unwrap();
        text.split(",\"extensions\":").next().unwrap()
    }

    fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_default()
    }
}

/// The test county behind the real router.
struct Wire {
    desk: TestDesk,
    router: Router,
}

impl Wire {
    async fn open() -> Self {
        Self::with(crate::Settings::default()).await
    }

    async fn with(settings: crate::Settings) -> Self {
        let desk = TestDesk::in_memory().await;
        let router = crate::router(desk.office(), settings);
        Self { desk, router }
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    async fn post(&self, role: Option<Role>, body: &Value) -> Reply {
        let mut request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept", "application/graphql-response+json");
        if let Some(role) = role {
            request = request.header("authorization", format!("Bearer {}", role.token()));
        }
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    async fn ask(&self, role: Role, query: &str) -> Reply {
        self.post(Some(role), &json!({ "query": query })).await
    }

    /// Sends a committed document of a role.
    async fn document(&self, role: Role, file: &str, variables: Value) -> Reply {
        let query = std::fs::read_to_string(contract_file("operations").join(file)).unwrap();
        self.post(
            Some(role),
            &json!({ "query": query, "variables": variables }),
        )
        .await
    }
}
