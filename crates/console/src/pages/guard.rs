//! Who may see a page, and from where it may be posted to.

use super::{Console, Stop, frame};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use engine::access::session_of_cookies;
use engine::authority::{self, Place};
use engine::{Caller, sight};

/// Nothing is loaded from outside, nothing is framed, forms go home only.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A caller who has signed in and may see the page, by the table of authority; anybody else is sent
/// to the sign-in page, or told.
pub(super) struct SignedIn(pub Caller);

impl FromRequestParts<Console> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let caller = match session_token(&parts.headers) {
            Some(token) => console.office.access.caller(&token).await,
            None => Ok(None),
        };
        match caller {
            Ok(Some(caller)) => {
                let page = parts.extensions.get::<MatchedPath>();
                let row = page.and_then(|page| authority::row(Place::Page, page.as_str()));
                match authority::permit(Some(&caller), row) {
                    Ok(()) => Ok(Self(caller)),
                    Err(denied) => {
                        let page = page.map_or("", MatchedPath::as_str);
                        tracing::warn!(page, account = %caller.account, ?denied, "denied");
                        Err(Stop::from(denied).into_response())
                    }
                }
            }
            Ok(None) => {
                let wanted = if parts.method == Method::GET {
                    parts
                        .uri
                        .path_and_query()
                        .map_or("/claims", |it| it.as_str())
                } else {
                    "/claims"
                };
                Err(Redirect::to(&format!("/login?next={}", encode(wanted))).into_response())
            }
            Err(fault) => Err(Stop::from(fault).into_response()),
        }
    }
}

/// Whether a form of a page may do what a mutation of the same name does: one table for both doors.
pub(super) fn may(caller: &Caller, mutation: &str) -> Result<(), Stop> {
    let row = authority::row(Place::Mutation, mutation);
    authority::permit(Some(caller), row).map_err(|denied| {
        tracing::warn!(mutation, account = %caller.account, ?denied, "denied");
        Stop::from(denied)
    })
}

/// Whether to show a form at all.
pub(super) fn offers(caller: &Caller, mutation: &str) -> bool {
    authority::permit(Some(caller), authority::row(Place::Mutation, mutation)).is_ok()
}

/// Where a caller's work begins.
pub(super) fn first_page(caller: &Caller) -> &'static str {
    let mut pages = ["/claims", "/people"].into_iter();
    let may_see =
        |page: &&str| authority::permit(Some(caller), authority::row(Place::Page, page)).is_ok();
    pages.find(may_see).unwrap_or("/account")
}

/// The site's root: to where the caller's work begins.
pub(super) async fn home(
    State(console): State<Console>,
    headers: HeaderMap,
) -> Result<Redirect, Stop> {
    let caller = match session_token(&headers) {
        Some(token) => console.office.access.caller(&token).await?,
        None => None,
    };
    Ok(Redirect::to(caller.as_ref().map_or("/login", first_page)))
}

/// Whatever a page reads, it reads on behalf of whoever has signed in. A session gets another secret
/// when it is time.
pub(super) async fn on_behalf(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Response {
    let Some(token) = session_token(request.headers()) else {
        return next.run(request).await;
    };
    let access = &console.office.access;
    let Some(caller) = access.caller(&token).await.ok().flatten() else {
        return next.run(request).await;
    };
    let headers = request.headers().clone();
    let mut response = sight::within(&caller, next.run(request)).await;
    // A page that sets the cookie itself (signing in, out, a second factor) has the last word.
    if !response.headers().contains_key(header::SET_COOKIE)
        && let Ok(Some(fresh)) = access.renew(&token).await
        && let Ok(cookie) = console.cookie(&headers, &fresh).parse()
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The session's secret from the cookies.
pub(super) fn session_token(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter();
    let mut texts = values.filter_map(|value| value.to_str().ok());
    texts.find_map(session_of_cookies).map(str::to_owned)
}

/// A value inside a query string.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A page of our own to go on to; anything else leads to the claims.
pub(super) fn local(path: &str) -> &str {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if is_local { path } else { "/claims" }
}

/// Refuses a form that was not sent from our own pages. The cookie is `SameSite=Strict` besides.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_safe || comes_from_us(request.headers(), request.uri()) {
        return next.run(request).await;
    }
    let page = frame::notice(
        "请求被拒绝",
        "Refused",
        "这个表单不是从本系统的页面提交的。请回到页面重新操作。",
        "This form was not sent from a page of this system.",
    );
    (StatusCode::FORBIDDEN, page).into_response()
}

fn comes_from_us(headers: &HeaderMap, uri: &Uri) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = HeaderName::from_static("sec-fetch-site");
    // Browsers say it themselves, though not over plain HTTP to another machine.
    if let Some(site) = text(&site) {
        return site == "same-origin";
    }
    let Some(host) = text(&header::HOST).or_else(|| uri.authority().map(Authority::as_str)) else {
        return false;
    };
    let from = text(&header::ORIGIN).or_else(|| text(&header::REFERER));
    from.and_then(|from| from.parse::<Uri>().ok())
        .and_then(|from| from.authority().map(|it| it.as_str() == host))
        .unwrap_or(false)
}

/// Headers of every answer.
pub(super) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: with it browsers send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages show people: they stay in no cache.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::{comes_from_us, encode, local, session_token};
    use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn only_our_own_forms_are_accepted() {
        let uri = Uri::from_static("/login");
        let ours = |pairs: &[_]| comes_from_us(&headers(pairs), &uri);
        assert!(ours(&[("host", "a:8080"), ("origin", "http://a:8080")]));
        assert!(ours(&[
            ("host", "a:8080"),
            ("referer", "http://a:8080/login")
        ]));
        assert!(ours(&[
            ("host", "proxied"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!ours(&[("host", "a:8080"), ("origin", "http://b:8080")]));
        assert!(!ours(&[("host", "a:8080"), ("origin", "null")]));
        assert!(!ours(&[("host", "a:8080")]));
        assert!(!ours(&[
            ("host", "a"),
            ("origin", "http://a"),
            ("sec-fetch-site", "cross-site")
        ]));
    }

    #[test]
    fn the_way_on_stays_at_home() {
        assert_eq!(local("/claims/1"), "/claims/1");
        for elsewhere in [
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "",
            "/a\r\nb",
        ] {
            assert_eq!(local(elsewhere), "/claims", "{elsewhere}");
        }
        assert_eq!(
            encode("/claims?phase=A&x=二"),
            "/claims%3Fphase%3DA%26x%3D%E4%BA%8C"
        );
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let headers = headers(&[("cookie", "a=b; fangpin_session=fps_1; c=d")]);
        assert_eq!(session_token(&headers).as_deref(), Some("fps_1"));
    }
}
