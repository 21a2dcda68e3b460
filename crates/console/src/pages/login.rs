//! Signing in and out.

use super::guard::{local, session_token};
use super::{Console, Stop, frame};
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use engine::access::SESSION_COOKIE;
use engine::limits;
use maud::{Markup, html};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn form(Query(wanted): Query<Wanted>) -> Markup {
    render(&wanted.next, "", false)
}

fn render(next: &str, login: &str, refused: bool) -> Markup {
    frame::outside(
        "登录",
        &html! {
            h1 { "防贫险经办台 " small lang="en" { "Fangpin console" } }
            @if refused {
                p.alert role="alert" { "账号或口令不对。" small lang="en" { "Login or password is wrong." } }
            }
            form.sign-in method="post" action="/login" {
                input type="hidden" name="next" value=(local(next));
                label for="login" { "账号 " small lang="en" { "Login" } }
                input #login name="login" value=(login) autocomplete="username" autocapitalize="none" required autofocus;
                label for="password" { "口令 " small lang="en" { "Password" } }
                input #password name="password" type="password" autocomplete="current-password" required;
                button type="submit" { "登录 " small lang="en" { "Sign in" } }
            }
        },
    )
}

pub(super) async fn enter(
    State(console): State<Console>,
    headers: HeaderMap,
    Form(given): Form<Credentials>,
) -> Result<Response, Stop> {
    let session = console
        .office
        .access
        .log_in(given.login.trim(), &given.password)
        .await?;
    let Some(session) = session else {
        let page = render(&given.next, &given.login, true);
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    };
    let seconds = limits::SESSION_HOURS_MAX * 3600;
    let cookie = cookie(&headers, &session.token, seconds);
    let to = Redirect::to(local(&given.next));
    Ok(([(header::SET_COOKIE, cookie)], to).into_response())
}

pub(super) async fn leave(
    State(console): State<Console>,
    headers: HeaderMap,
) -> Result<Response, Stop> {
    if let Some(token) = session_token(&headers) {
        console.office.access.log_out(&token).await?;
    }
    let cookie = cookie(&headers, "", 0);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response())
}

/// `Secure` only behind TLS: an office without it would never be signed in.
fn cookie(headers: &HeaderMap, token: &str, seconds: i64) -> String {
    let behind_tls = headers
        .get("x-forwarded-proto")
        .is_some_and(|value| value.as_bytes() == b"https");
    let secure = if behind_tls { "; Secure" } else { "" };
    format!(
        "{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
    )
}
