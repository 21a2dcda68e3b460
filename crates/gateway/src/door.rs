//! Who stands at the door: a bearer token, or the console's session cookie, or nobody.
//!
//! A browser sends a cookie along with whatever another site makes it send. So a request with the
//! cookie must carry a header that no form can set, and must come from our own pages.

use crate::budget::Payer;
use crate::errors::{ApiError, ErrorCode};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};
use engine::Caller;
use engine::access::{ADDRESS_HEADER, Office, session_of_cookies};
use std::net::IpAddr;

/// The header that a request with the session cookie must carry, whatever its value: a browser asks
/// before it sends one across sites, and we never say yes.
pub const CSRF_HEADER: &str = "x-fangpin-csrf";

/// How somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A request, which can carry any header.
    Request,
    /// The opening of a WebSocket, where a browser lets a page set none, but names the page's origin.
    Socket,
}

/// Whoever was let in, with the token that was presented.
#[derive(Debug, Clone)]
pub struct Guest {
    /// The caller; nobody where no token was presented.
    pub caller: Option<Caller>,
    /// The token.
    pub token: Option<String>,
    /// Who pays.
    pub payer: Payer,
    /// Where the request comes from, if that is known.
    pub address: Option<IpAddr>,
}

impl Guest {
    /// Whoever presents a token.
    pub async fn with_token(
        office: &Office,
        token: &str,
        address: Option<IpAddr>,
    ) -> Result<Self, ApiError> {
        let unknown = || ApiError::new(ErrorCode::Unauthenticated, "the token is not valid");
        let token = token.trim();
        if !token.starts_with("fps_") && !token.starts_with("fpk_") {
            return Err(unknown());
        }
        let caller = office.access.caller(token).await?.ok_or_else(unknown)?;
        Ok(Self {
            payer: Payer::Account(caller.account),
            caller: Some(caller),
            token: Some(token.to_owned()),
            address,
        })
    }

    /// Whoever presents nothing.
    pub fn nobody(address: Option<IpAddr>) -> Self {
        Self {
            caller: None,
            token: None,
            payer: Payer::at(address),
            address,
        }
    }
}

/// The address of the other side, as the server noted it: behind a proxy the one that the proxy saw.
pub fn address(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get(ADDRESS_HEADER)?.to_str().ok()?.parse().ok()
}

/// Who presents themselves in these headers.
pub async fn welcome(office: &Office, headers: &HeaderMap, way: Way) -> Result<Guest, ApiError> {
    let address = address(headers);
    if let Some(header) = headers.get(AUTHORIZATION) {
        let token = bearer(header.to_str().unwrap_or_default());
        return Guest::with_token(office, token, address).await;
    }
    let Some(token) = session(headers) else {
        return Ok(Guest::nobody(address));
    };
    if !comes_from_us(headers, way) {
        return Err(ApiError::new(
            ErrorCode::CsrfRefused,
            "a request with the session cookie comes from our own pages and carries x-fangpin-csrf",
        ));
    }
    // A session that has ended stays in the browser for a while: then nobody stands here.
    match office.access.caller(&token).await? {
        None => Ok(Guest::nobody(address)),
        Some(caller) => Ok(Guest {
            payer: Payer::Account(caller.account),
            caller: Some(caller),
            token: Some(token),
            address,
        }),
    }
}

/// The token of `Bearer TOKEN`; empty, which is no token, for anything else.
pub fn bearer(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token,
        Some(_) | None => "",
    }
}

/// The session's secret from the cookies.
fn session(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(COOKIE).iter();
    let mut texts = values.filter_map(|value| value.to_str().ok());
    texts.find_map(session_of_cookies).map(str::to_owned)
}

fn comes_from_us(headers: &HeaderMap, way: Way) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    // Browsers say it themselves, though not over plain HTTP to another machine.
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return false;
    }
    let is_ours = |origin: &str| {
        let origin = origin.parse::<Uri>().ok();
        let authority = origin.as_ref().and_then(Uri::authority);
        authority.map(Authority::as_str) == text(HOST.as_str())
    };
    match (way, text(ORIGIN.as_str())) {
        (_, Some(origin)) if !is_ours(origin) => false,
        (Way::Request, Some(_) | None) => text(CSRF_HEADER).is_some_and(|value| !value.is_empty()),
        (Way::Socket, origin) => origin.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        };
        pairs.iter().map(header).collect()
    }

    #[test]
    fn a_cookie_comes_from_our_own_pages() {
        let by = |way, pairs: &[_]| comes_from_us(&headers(pairs), way);
        let csrf = (CSRF_HEADER, "1");
        let host = ("host", "a:8080");
        assert!(by(Way::Request, &[host, csrf]));
        assert!(by(Way::Request, &[host, csrf, ("origin", "http://a:8080")]));
        assert!(by(
            Way::Request,
            &[host, csrf, ("sec-fetch-site", "same-origin")]
        ));
        for refused in [
            &[host][..],
            &[host, (CSRF_HEADER, "")],
            &[host, ("origin", "http://a:8080")],
            &[host, csrf, ("origin", "http://b:8080")],
            &[host, csrf, ("origin", "null")],
            &[host, csrf, ("sec-fetch-site", "cross-site")],
            &[host, csrf, ("sec-fetch-site", "same-site")],
            &[csrf, ("origin", "http://a:8080")],
        ] {
            assert!(!by(Way::Request, refused), "{refused:?}");
        }
        assert!(by(Way::Socket, &[host, ("origin", "http://a:8080")]));
        assert!(!by(Way::Socket, &[host, csrf]));
        assert!(!by(Way::Socket, &[host, ("origin", "http://b:8080")]));
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let headers = headers(&[("cookie", "a=b; fangpin_session=fps_1; c=d")]);
        assert_eq!(session(&headers).as_deref(), Some("fps_1"));
        assert_eq!(bearer("Bearer fps_1"), "fps_1");
        assert_eq!(bearer("bearer fps_1"), "fps_1");
        assert_eq!(bearer("Basic fps_1"), "");
        assert_eq!(bearer("fps_1"), "");
    }
}
