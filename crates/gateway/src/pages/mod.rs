//! Pages for integrators: the reference of the schema, the committed documents with a form that
//! runs them, and an installed explorer. They hold the contract and no county's data, so anybody
//! may read them; what they run goes through `/graphql` like everything else.

mod documents;
mod model;
mod reference;

use crate::schema::sdl;
use axum::Router;
use axum::extract::{Path, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use tower_http::services::ServeDir;

/// Nothing from outside, no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
/// The same for an installed explorer, which styles its parts from its script and works in threads.
const EXPLORER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; manifest-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'self'";

/// The pages. `explorer` is the folder that `fangpin explorer install` made; without one
/// `/explorer` leads to the built-in page.
pub fn pages(explorer: Option<&std::path::Path>) -> Router {
    let own = Router::new()
        .route("/docs", get(async || Redirect::permanent("/docs/graphql")))
        .route("/docs/graphql", get(reference_page))
        .route("/docs/schema.graphql", get(schema_text))
        .route("/docs/pages.css", get(stylesheet))
        .route("/docs/documents.js", get(script))
        .route("/operations", get(documents_page))
        .route("/operations/{role}/{name}", get(document_page))
        .layer(middleware::from_fn(async |request: Request, next: Next| {
            guarded(next.run(request).await, POLICY)
        }));
    match explorer {
        None => own.route(
            "/explorer",
            get(async || Redirect::temporary("/operations")),
        ),
        Some(folder) => {
            let files =
                Router::new()
                    .fallback_service(ServeDir::new(folder))
                    .layer(middleware::from_fn(async |request: Request, next: Next| {
                        guarded(next.run(request).await, EXPLORER_POLICY)
                    }));
            own.route("/explorer", get(async || Redirect::permanent("/explorer/")))
                .nest("/explorer/", files)
        }
    }
}

fn guarded(mut response: Response, policy: &'static str) -> Response {
    let fixed: [(HeaderName, &str); 4] = [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A text that changes with the program only: sent once, then confirmed by its tag.
struct Constant {
    kind: &'static str,
    tag: HeaderValue,
    body: String,
}

impl Constant {
    fn new(kind: &'static str, body: String) -> Self {
        let hash = Sha256::digest(body.as_bytes());
        let mut tag = String::from("\"");
        for byte in &hash[..12] {
            use std::fmt::Write;
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        Self {
            kind,
            tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")),
            body,
        }
    }

    fn answer(&'static self, headers: &HeaderMap) -> Response {
        let same = [
            (ETAG, self.tag.clone()),
            // Ask again each time: the next version of the program may say something else.
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        if headers.get(IF_NONE_MATCH) == Some(&self.tag) {
            return (StatusCode::NOT_MODIFIED, same).into_response();
        }
        let kind = [(CONTENT_TYPE, HeaderValue::from_static(self.kind))];
        (same, kind, self.body.as_str()).into_response()
    }
}

const HTML: &str = "text/html; charset=utf-8";

async fn reference_page(headers: HeaderMap) -> Response {
    static PAGE: LazyLock<Constant> =
        LazyLock::new(|| Constant::new(HTML, reference::page().into_string()));
    PAGE.answer(&headers)
}

async fn schema_text(headers: HeaderMap) -> Response {
    static TEXT: LazyLock<Constant> =
        LazyLock::new(|| Constant::new("text/plain; charset=utf-8", sdl()));
    TEXT.answer(&headers)
}

async fn stylesheet(headers: HeaderMap) -> Response {
    static SHEET: LazyLock<Constant> = LazyLock::new(|| {
        Constant::new(
            "text/css; charset=utf-8",
            include_str!("pages.css").to_owned(),
        )
    });
    SHEET.answer(&headers)
}

async fn script(headers: HeaderMap) -> Response {
    static SCRIPT: LazyLock<Constant> = LazyLock::new(|| {
        Constant::new(
            "text/javascript; charset=utf-8",
            include_str!("documents.js").to_owned(),
        )
    });
    SCRIPT.answer(&headers)
}

async fn documents_page(headers: HeaderMap) -> Response {
    static PAGE: LazyLock<Constant> =
        LazyLock::new(|| Constant::new(HTML, documents::list().into_string()));
    PAGE.answer(&headers)
}

async fn document_page(Path((role, name)): Path<(String, String)>) -> Response {
    if let Some(page) = documents::page(&role, &name) {
        return page.into_response();
    }
    let page = frame(
        "没有找到",
        &html! {
            h1 { "没有找到 " small lang="en" { "Not found" } }
            p { a href="/operations" { "全部操作 " small lang="en" { "All documents" } } }
        },
    );
    (StatusCode::NOT_FOUND, page).into_response()
}

/// What every page has around its contents.
fn frame(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light";
                title { (title) " · 防贫" }
                link rel="stylesheet" href="/console.css";
                link rel="stylesheet" href="/docs/pages.css";
                link rel="icon" href="data:,";
            }
            body {
                a.skip href="#main" { "跳到正文" }
                header.top {
                    a.brand href="/claims" { "防贫 " small lang="en" { "Fangpin" } }
                    nav aria-label="接口" {
                        a href="/docs/graphql" { "接口文档 " small lang="en" { "Reference" } }
                        a href="/operations" { "操作 " small lang="en" { "Documents" } }
                        a href="/explorer" { "查询器 " small lang="en" { "Explorer" } }
                        a href="/docs/schema.graphql" { "SDL" }
                    }
                }
                main.api #main { (content) }
            }
        }
    }
}

/// A heading with its small English twin.
fn heading(zh: &str, en: &str, anchor: &str) -> Markup {
    html! { h2 id=(anchor) { (zh) " " small lang="en" { (en) } } }
}

#[cfg(test)]
mod tests {
    use super::pages;
    use axum::body::{Body, to_bytes};
    use axum::http::header::{CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH, LOCATION};
    use axum::http::{Request, StatusCode};
    use axum::response::Response;
    use std::path::Path;
    use tower::ServiceExt;

    async fn get(explorer: Option<&Path>, path: &str, tag: Option<&str>) -> Response {
        let mut request = Request::get(path);
        if let Some(tag) = tag {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let request = request.body(Body::empty()).unwrap();
        pages(explorer).oneshot(request).await.unwrap()
    }

    async fn text(response: Response) -> String {
        let bytes = to_bytes(response.into_body(), 4 << 20).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn what_does_not_change_is_sent_once() {
        for path in [
            "/docs/graphql",
            "/docs/schema.graphql",
            "/docs/pages.css",
            "/docs/documents.js",
            "/operations",
        ] {
            let first = get(None, path, None).await;
            assert_eq!(first.status(), StatusCode::OK, "{path}");
            let policy = first.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(!policy.contains("unsafe"), "{path}: {policy}");
            let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
            let again = get(None, path, Some(&tag)).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
            assert_eq!(text(again).await, "");
        }
    }

    #[tokio::test]
    async fn without_an_explorer_there_is_the_built_in_page() {
        let away = get(None, "/explorer", None).await;
        assert_eq!(away.headers()[LOCATION], "/operations");
        let missing = get(None, "/operations/office/%3Cscript%3E", None).await;
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
        assert!(!text(missing).await.contains("<script>"));
    }

    #[tokio::test]
    async fn an_explorer_is_served_from_its_folder_only() {
        let place = std::env::temp_dir().join(format!("fangpin-explorer-{}", std::process::id()));
        let folder = place.join("explorer");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(place.join("secret"), "secret").unwrap();
        std::fs::write(folder.join("index.html"), "first page").unwrap();
        let page = get(Some(&folder), "/explorer/", None).await;
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("connect-src 'self';"), "{policy}");
        assert_eq!(text(page).await, "first page");
        for outside in [
            "/explorer/../secret",
            "/explorer/%2e%2e/secret",
            "/explorer//etc/passwd",
        ] {
            let answer = get(Some(&folder), outside, None).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{outside}");
        }
        std::fs::remove_dir_all(place).unwrap();
    }
}
