//! Signing in and out: password, then a code where there is a second factor, or the county's own
//! sign-in service.

use super::guard::{first_page, local, session_token};
use super::{Console, Stop, frame};
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use engine::access::{
    ADDRESS_HEADER, LogIn, Refusal, SESSION_COOKIE, SESSION_COOKIE_HOST, Session,
};
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

#[derive(Deserialize)]
pub(super) struct SecondStep {
    #[serde(default)]
    ticket: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn form(State(console): State<Console>, Query(wanted): Query<Wanted>) -> Markup {
    render(&console, &wanted.next, "", None)
}

pub(super) fn alert(told: Option<&(String, String)>) -> Markup {
    html! {
        @if let Some((zh, en)) = told {
            p.alert role="alert" { (zh) " " small lang="en" { (en) } }
        }
    }
}

fn render(console: &Console, next: &str, login: &str, told: Option<&(String, String)>) -> Markup {
    frame::outside(
        "登录",
        &html! {
            h1 { "防贫险经办台 " small lang="en" { "Fangpin console" } }
            (alert(told))
            form.sign-in method="post" action="/login" {
                input type="hidden" name="next" value=(local(next));
                label for="login" { "账号 " small lang="en" { "Login" } }
                input #login name="login" value=(login) autocomplete="username" autocapitalize="none" required autofocus;
                label for="password" { "口令 " small lang="en" { "Password" } }
                input #password name="password" type="password" autocomplete="current-password" required;
                button type="submit" { "登录 " small lang="en" { "Sign in" } }
            }
            @if let Some(oidc) = &console.oidc {
                p { a.button href=(format!("/login/oidc?next={}", super::guard::encode(local(next)))) { (oidc.label()) } }
            }
        },
    )
}

fn ask_code(ticket: &str, next: &str, told: Option<&(String, String)>) -> Markup {
    frame::outside(
        "第二因素",
        &html! {
            h1 { "输入验证码 " small lang="en" { "Second factor" } }
            (alert(told))
            form.sign-in method="post" action="/login/code" {
                input type="hidden" name="next" value=(local(next));
                input type="hidden" name="ticket" value=(ticket);
                label for="code" { "手机上的6位验证码,或一个恢复码 " small lang="en" { "Code, or a recovery code" } }
                input #code name="code" autocomplete="one-time-code" required autofocus;
                button type="submit" { "确认 " small lang="en" { "Confirm" } }
            }
        },
    )
}

/// The address a request comes from, as the server noted it.
fn address(headers: &HeaderMap) -> Option<&str> {
    headers.get(ADDRESS_HEADER)?.to_str().ok()
}

pub(super) async fn enter(
    State(console): State<Console>,
    headers: HeaderMap,
    Form(given): Form<Credentials>,
) -> Result<Response, Stop> {
    let access = &console.office.access;
    let login = given.login.trim();
    let outcome = access
        .sign_in(login, &given.password, address(&headers))
        .await?;
    let wrong = ("账号或口令不对。", "Login or password is wrong.");
    Ok(answer(
        &console,
        &headers,
        outcome,
        &given.next,
        |status, told| {
            let told = told.unwrap_or_else(|| (wrong.0.to_owned(), wrong.1.to_owned()));
            let page = render(&console, &given.next, &given.login, Some(&told));
            (status, page).into_response()
        },
    ))
}

pub(super) async fn confirm(
    State(console): State<Console>,
    headers: HeaderMap,
    Form(given): Form<SecondStep>,
) -> Result<Response, Stop> {
    let access = &console.office.access;
    let outcome = access.confirm_sign_in(&given.ticket, &given.code).await?;
    Ok(answer(
        &console,
        &headers,
        outcome,
        &given.next,
        |status, told| {
            let told = told.unwrap_or_else(|| console.denied(Refusal::WrongCode));
            (status, ask_code(&given.ticket, &given.next, Some(&told))).into_response()
        },
    ))
}

/// What follows from an attempt to sign in; `again` asks once more.
pub(super) fn answer(
    console: &Console,
    headers: &HeaderMap,
    outcome: LogIn,
    next: &str,
    again: impl FnOnce(StatusCode, Option<(String, String)>) -> Response,
) -> Response {
    match outcome {
        LogIn::Done(session) => begin(console, headers, &session, next),
        LogIn::SecondFactor { ticket, .. } => ask_code(&ticket, next, None).into_response(),
        LogIn::Wrong => again(StatusCode::UNAUTHORIZED, None),
        LogIn::NoDuty => {
            let told = (
                "您目前没有有效的岗位,请联系管理员。".to_owned(),
                "You hold no duty today; ask your administrator.".to_owned(),
            );
            again(StatusCode::FORBIDDEN, Some(told))
        }
        LogIn::Wait { seconds } => {
            let told = console.denied(Refusal::Wait { seconds });
            let mut response = again(StatusCode::TOO_MANY_REQUESTS, Some(told));
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
            response
        }
    }
}

fn begin(console: &Console, headers: &HeaderMap, session: &Session, next: &str) -> Response {
    let to = match local(next) {
        "/claims" => first_page(&session.caller),
        wanted => wanted,
    };
    let cookie = console.cookie(headers, &session.token);
    ([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response()
}

pub(super) async fn leave(
    State(console): State<Console>,
    headers: HeaderMap,
) -> Result<Response, Stop> {
    if let Some(token) = session_token(&headers) {
        console.office.access.log_out(&token).await?;
    }
    let gone = [
        format!("{SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"),
        format!("{SESSION_COOKIE_HOST}=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0"),
    ];
    let gone = AppendHeaders(gone.map(|cookie| (header::SET_COOKIE, cookie)));
    Ok((gone, Redirect::to("/login")).into_response())
}

impl Console {
    /// The session's cookie. Over HTTPS a browser takes it from this host only; an office without
    /// HTTPS would never be signed in with `Secure`.
    pub(super) fn cookie(&self, headers: &HeaderMap, token: &str) -> String {
        let seconds = self.office.access.rules().absolute.num_seconds();
        let rest = format!("Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}");
        if self.is_secure(headers) {
            format!("{SESSION_COOKIE_HOST}={token}; {rest}; Secure")
        } else {
            format!("{SESSION_COOKIE}={token}; {rest}")
        }
    }

    /// Whether the browser speaks HTTPS, to us or to what stands before us.
    pub(super) fn is_secure(&self, headers: &HeaderMap) -> bool {
        let behind_tls = headers
            .get("x-forwarded-proto")
            .is_some_and(|value| value.as_bytes() == b"https");
        behind_tls || self.secure
    }
}
