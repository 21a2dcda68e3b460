//! The own account: password, second factor, sessions, in whose place.

use super::guard::{SignedIn, session_token};
use super::login::alert;
use super::{Console, Place, Stop, frame};
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, FixedOffset, Utc};
use engine::Caller;
use engine::access::Refusal;
use engine::identity::{PassId, PassKind};
use lifecycle::PersonId;
use maud::{Markup, PreEscaped, html};
use qrcode::{Color, QrCode};
use serde::Deserialize;
use std::fmt::Write as _;

#[derive(Deserialize)]
pub(super) struct Order {
    action: String,
    #[serde(default)]
    present: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    id: String,
}

/// What the page says above everything else.
#[derive(Clone, Copy)]
enum Told {
    Nothing,
    Refused(Refusal),
    Differ,
    Done(&'static str, &'static str),
}

pub(super) async fn page(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
) -> Result<Markup, Stop> {
    render(&console, &caller, &headers, Told::Nothing).await
}

fn wall(at: DateTime<Utc>) -> String {
    FixedOffset::east_opt(8 * 3_600).map_or_else(
        || at.to_rfc3339(),
        |shanghai| {
            at.with_timezone(&shanghai)
                .format("%m-%d %H:%M")
                .to_string()
        },
    )
}

async fn render(
    console: &Console,
    caller: &Caller,
    headers: &HeaderMap,
    told: Told,
) -> Result<Markup, Stop> {
    let access = &console.office.access;
    let store = console.office.desk.store();
    let county = caller.scope.county;
    let token = session_token(headers).unwrap_or_default();
    let current = access.presented(&token).await?.map(|it| it.pass.id);
    let sessions = access
        .passes_of(county, caller.account, PassKind::Session)
        .await?;
    let has_factor = access.has_second_factor(county, caller.account).await?;
    let now = console.office.desk.clock().now();
    let people = store.people(county).await?;
    let name = |id: PersonId| {
        let person = people.iter().find(|it| it.id == id);
        person.map_or_else(String::new, |it| it.name.clone())
    };
    let substitutions = access.substitutions(caller).await?;
    let absent: Vec<PersonId> = substitutions
        .iter()
        .filter(|it| it.substitute == caller.person && it.holds_at(now))
        .map(|it| it.absent)
        .collect();
    let refused = match &told {
        Told::Refused(refusal) => Some(console.denied(*refusal)),
        Told::Differ => Some((
            "两次输入的口令不一致。".to_owned(),
            "The two passwords differ.".to_owned(),
        )),
        Told::Nothing | Told::Done(..) => None,
    };
    let action = |action: &str| html! { input type="hidden" name="action" value=(action); };
    let content = html! {
        h1 { "我的账号 " small lang="en" { "My account" } }
        (alert(refused.as_ref()))
        @if let Told::Done(zh, en) = told { p.good role="status" { (zh) " " small lang="en" { (en) } } }
        @if caller.duties.is_empty() {
            p.alert { "本系统要求第二因素:请先启用,再办理业务。" small lang="en" { " A second factor is required: enrol first." } }
        }
        @if caller.on_behalf_of.is_some() || !absent.is_empty() {
            section.card {
                (frame::heading("代理", "Acting in another's place"))
                @if let Some(of) = caller.on_behalf_of {
                    p { "您正在代理:" strong { (name(of)) } "。两人都记入日志,职责分离对两人都适用。" }
                    form method="post" { (action("behalf")) button type="submit" { "结束代理" } }
                } @else {
                    @for id in &absent {
                        form method="post" {
                            (action("behalf")) input type="hidden" name="id" value=(id);
                            button type="submit" { "代理 " (name(*id)) }
                        }
                    }
                }
            }
        }
        section.card {
            (frame::heading("第二因素", "Second factor"))
            @if has_factor {
                p { "已启用。取消须输入一个验证码。" }
                form method="post" {
                    (action("remove"))
                    label for="code" { "验证码 " small lang="en" { "Code" } }
                    input #code name="code" autocomplete="one-time-code" required;
                    button type="submit" { "取消第二因素" }
                }
            } @else {
                p { "未启用。启用后,登录时除口令外还要输入手机上的验证码。" }
                form method="post" { (action("enrol")) button type="submit" { "启用 " small lang="en" { "Enrol" } } }
            }
        }
        section.card {
            (frame::heading("修改口令", "Change password"))
            form.sign-in method="post" {
                (action("password"))
                label for="present" { "现在的口令 " small lang="en" { "Present password" } }
                input #present name="present" type="password" autocomplete="current-password" required;
                label for="password" { "新口令,至少12个字符 " small lang="en" { "New password" } }
                input #password name="password" type="password" autocomplete="new-password" minlength="12" required;
                label for="again" { "再输入一次 " small lang="en" { "Once more" } }
                input #again name="again" type="password" autocomplete="new-password" minlength="12" required;
                button type="submit" { "修改 " small lang="en" { "Change" } }
            }
        }
        section.card {
            (frame::heading("登录会话", "Sessions"))
            table.list {
                thead { tr { th { "登录" } th { "最近使用" } th { "最迟结束" } th { "第二因素" } th {} } }
                tbody {
                    @for it in &sessions {
                        tr {
                            td { (wall(it.opened_at)) } td { (wall(it.seen_at)) } td { (wall(it.ends_at)) }
                            td { @if it.second_factor { "有" } @else { "无" } }
                            td {
                                @if Some(it.id) == current { "本会话" } @else {
                                    form method="post" {
                                        (action("end")) input type="hidden" name="id" value=(it.id);
                                        button.quiet type="submit" { "终止" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(frame::page(
        caller,
        Some(Place::Account),
        "我的账号",
        &content,
    ))
}

/// A code as a picture, of squares.
fn picture(uri: &str) -> Option<Markup> {
    let code = QrCode::new(uri).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (index, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let _ = write!(path, "M{} {}h1v1h-1z", index % width + 4, index / width + 4);
        }
    }
    let size = width + 8;
    Some(html! {
        svg.code viewBox=(format!("0 0 {size} {size}")) width="240" height="240" role="img" aria-label="二维码" {
            rect width=(size) height=(size) fill="#fff" {}
            (PreEscaped(format!("<path d=\"{path}\" fill=\"#000\"/>")))
        }
    })
}

pub(super) async fn change(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
    Form(given): Form<Order>,
) -> Result<Response, Stop> {
    let access = &console.office.access;
    let token = session_token(&headers).ok_or(Stop::NotFound)?;
    let id = given.id.parse().ok();
    let told = match given.action.as_str() {
        "password" if given.password != given.again => Told::Differ,
        "password" => {
            let changed = access.change_password(&token, &given.present, &given.password);
            match changed.await? {
                Ok(()) => Told::Done(
                    "口令已修改,其他会话和密钥已终止。",
                    "Changed; other sessions and keys ended.",
                ),
                Err(refusal) => Told::Refused(refusal),
            }
        }
        "enrol" => match access.begin_second_factor(&token).await? {
            Ok(enrolment) => {
                let page = enrolling(&caller, &enrolment.secret, &enrolment.uri);
                return Ok(page.into_response());
            }
            Err(refusal) => Told::Refused(refusal),
        },
        "confirm" => match access.confirm_second_factor(&token, &given.code).await? {
            Ok((codes, token)) => {
                let cookie = console.cookie(&headers, &token);
                let page = recovery(&caller, &codes);
                return Ok(([(header::SET_COOKIE, cookie)], page).into_response());
            }
            Err(refusal) => Told::Refused(refusal),
        },
        "remove" => match access.remove_second_factor(&token, &given.code).await? {
            Ok(()) => Told::Done("第二因素已取消。", "The second factor was removed."),
            Err(refusal) => Told::Refused(refusal),
        },
        "end" => {
            let id = PassId(id.ok_or(Stop::NotFound)?);
            match access.end_pass(&caller, id).await? {
                Ok(()) => Told::Done("会话已终止。", "The session was ended."),
                Err(refusal) => Told::Refused(refusal),
            }
        }
        "behalf" => match access.act_on_behalf(&token, id.map(PersonId)).await? {
            Ok(_) => return Ok(Redirect::to("/account").into_response()),
            Err(refusal) => Told::Refused(refusal),
        },
        _ => return Err(Stop::NotFound),
    };
    let status = match told {
        Told::Refused(Refusal::Wait { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Told::Refused(_) | Told::Differ => StatusCode::UNPROCESSABLE_ENTITY,
        Told::Nothing | Told::Done(..) => StatusCode::OK,
    };
    let page = render(&console, &caller, &headers, told).await?;
    Ok((status, page).into_response())
}

fn enrolling(caller: &Caller, secret: &str, uri: &str) -> Markup {
    frame::page(
        caller,
        Some(Place::Account),
        "启用第二因素",
        &html! {
            h1 { "启用第二因素 " small lang="en" { "Enrol a second factor" } }
            section.card {
                p { "用手机上的验证器应用扫描,或输入密钥:" }
                @if let Some(picture) = picture(uri) { (picture) }
                p { code #secret { (secret) } }
                form.sign-in method="post" {
                    input type="hidden" name="action" value="confirm";
                    label for="code" { "再输入手机上的6位验证码 " small lang="en" { "The code it shows" } }
                    input #code name="code" inputmode="numeric" autocomplete="one-time-code" required autofocus;
                    button type="submit" { "确认 " small lang="en" { "Confirm" } }
                }
            }
        },
    )
}

fn recovery(caller: &Caller, codes: &[String]) -> Markup {
    frame::page(
        caller,
        Some(Place::Account),
        "恢复码",
        &html! {
            h1 { "第二因素已启用 " small lang="en" { "In force" } }
            section.card {
                (frame::heading("恢复码", "Recovery codes"))
                p { "手机丢失时用。每个只能用一次,只显示这一次:请打印或抄下,锁好。" }
                ul.codes { @for code in codes { li { code { (code) } } } }
                p { a.button href="/account" { "已保存" } }
            }
        },
    )
}
