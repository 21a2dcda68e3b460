//! One-time links: a password of one's own, and the first administrator.

use super::login::alert;
use super::{Console, Stop, frame};
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use engine::access::{Refusal, SetUp};
use lifecycle::CountyCode;
use maud::{Markup, html};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
}

#[derive(Deserialize, Default)]
pub(super) struct First {
    #[serde(default)]
    county: String,
    #[serde(default)]
    county_name: String,
    #[serde(default)]
    office: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
}

const DIFFER: (&str, &str) = ("两次输入的口令不一致。", "The two passwords differ.");

fn differ() -> (String, String) {
    (DIFFER.0.to_owned(), DIFFER.1.to_owned())
}

fn ended() -> Response {
    let page = frame::notice(
        "链接已失效",
        "The link has ended",
        "链接只能用一次,且有期限。请向管理员要一个新的。",
        "A link opens once and for a time. Ask your administrator for another one.",
    );
    (StatusCode::GONE, page).into_response()
}

fn passwords() -> Markup {
    html! {
        label for="password" { "口令,至少12个字符 " small lang="en" { "Password, at least 12 characters" } }
        input #password name="password" type="password" autocomplete="new-password" minlength="12" required;
        label for="again" { "再输入一次 " small lang="en" { "Once more" } }
        input #again name="again" type="password" autocomplete="new-password" minlength="12" required;
    }
}

fn invitation(login: &str, told: Option<&(String, String)>) -> Markup {
    frame::outside(
        "设置口令",
        &html! {
            h1 { "设置口令 " small lang="en" { "Choose a password" } }
            (alert(told))
            // Posted to where it stands: the link itself.
            form.sign-in method="post" {
                label for="login" { "账号 " small lang="en" { "Login" } }
                input #login value=(login) autocomplete="username" readonly;
                (passwords())
                button type="submit" { "保存 " small lang="en" { "Save" } }
            }
        },
    )
}

pub(super) async fn form(
    State(console): State<Console>,
    Path(token): Path<String>,
) -> Result<Response, Stop> {
    Ok(match console.office.access.link(&token).await? {
        Some(login) => invitation(&login, None).into_response(),
        None => ended(),
    })
}

pub(super) async fn receive(
    State(console): State<Console>,
    Path(token): Path<String>,
    Form(given): Form<Wanted>,
) -> Result<Response, Stop> {
    let access = &console.office.access;
    let Some(login) = access.link(&token).await? else {
        return Ok(ended());
    };
    let told = if given.password == given.again {
        match access.use_link(&token, &given.password).await? {
            Ok(()) => return Ok(Redirect::to("/login").into_response()),
            Err(Refusal::LinkEnded) => return Ok(ended()),
            Err(refusal) => Some(console.denied(refusal)),
        }
    } else {
        Some(differ())
    };
    let page = invitation(&login, told.as_ref());
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

fn first(given: &First, counties: &[CountyCode], told: Option<&(String, String)>) -> Markup {
    let known = counties.first().map(ToString::to_string);
    let county = known.unwrap_or_else(|| given.county.clone());
    frame::outside(
        "首次设置",
        &html! {
            h1 { "首次设置 " small lang="en" { "First start" } }
            p.second { "为本系统设置第一位系统管理员。管理员只管人员与账号,对案件没有任何权限。" }
            (alert(told))
            form.sign-in method="post" {
                label for="county" { "县级区划代码(6位) " small lang="en" { "County code" } }
                input #county name="county" value=(county) inputmode="numeric" pattern="[0-9]{6}" required;
                @if counties.is_empty() {
                    label for="county_name" { "县(区)名称 " small lang="en" { "County" } }
                    input #county_name name="county_name" value=(given.county_name) required;
                    label for="office" { "主管部门名称 " small lang="en" { "Office" } }
                    input #office name="office" value=(given.office) required;
                }
                label for="name" { "管理员姓名 " small lang="en" { "Your name" } }
                input #name name="name" value=(given.name) autocomplete="name" required;
                label for="login" { "账号 " small lang="en" { "Login" } }
                input #login name="login" value=(given.login) autocomplete="username" autocapitalize="none" required;
                (passwords())
                button type="submit" { "建立 " small lang="en" { "Create" } }
            }
        },
    )
}

async fn counties(console: &Console) -> Result<Vec<CountyCode>, Stop> {
    let store = console.office.desk.store();
    Ok(engine::sight::system(store.counties()).await?)
}

pub(super) async fn set_up_form(State(console): State<Console>) -> Result<Response, Stop> {
    let access = &console.office.access;
    if !access.may_be_set_up().await? {
        return Ok(ended());
    }
    let page = first(&First::default(), &counties(&console).await?, None);
    Ok(page.into_response())
}

pub(super) async fn set_up(
    State(console): State<Console>,
    Path(token): Path<String>,
    Form(given): Form<First>,
) -> Result<Response, Stop> {
    let county = given.county.trim().parse().ok();
    let county = county.and_then(|code| CountyCode::new(code).ok());
    let told = match county {
        None => Some(console.denied(Refusal::Invalid {
            field: "county",
            reason: "NOT_A_CODE",
        })),
        Some(_) if given.password != given.again => Some(differ()),
        Some(county) => {
            let order = SetUp {
                county,
                county_name: given.county_name.clone(),
                office: given.office.clone(),
                name: given.name.clone(),
                login: given.login.clone(),
                password: given.password.clone(),
            };
            match console.office.access.set_up(&token, order).await? {
                Ok(()) => return Ok(Redirect::to("/login").into_response()),
                Err(Refusal::LinkEnded) => return Ok(ended()),
                Err(refusal) => Some(console.denied(refusal)),
            }
        }
    };
    let page = first(&given, &counties(&console).await?, told.as_ref());
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}
