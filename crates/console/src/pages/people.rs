//! People and accounts (人员与账号), for administrators.

use super::guard::SignedIn;
use super::login::alert;
use super::{Console, Place, Stop, frame};
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::Caller;
use engine::access::Refusal;
use maud::{Markup, html};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Order {
    action: String,
    login: String,
}

enum Told {
    Nothing,
    Refused(Refusal),
    Link(String, String),
    Ended(u64),
    Reset,
}

pub(super) async fn page(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
) -> Result<Markup, Stop> {
    render(&console, &caller, &Told::Nothing).await
}

async fn render(console: &Console, caller: &Caller, told: &Told) -> Result<Markup, Stop> {
    let (staff, missing) = match console.office.access.staff(caller).await? {
        Ok(staff) => (staff, None),
        Err(refusal) => (Vec::new(), Some(console.denied(refusal))),
    };
    let refused = match told {
        Told::Refused(refusal) => Some(console.denied(*refusal)),
        Told::Nothing | Told::Link(..) | Told::Ended(_) | Told::Reset => missing,
    };
    let button = |action: &str, login: &str, zh: &str| {
        html! {
            form.inline method="post" {
                input type="hidden" name="action" value=(action);
                input type="hidden" name="login" value=(login);
                button.quiet type="submit" { (zh) }
            }
        }
    };
    let content = html! {
        h1 { "人员与账号 " small lang="en" { "People and accounts" } }
        (alert(refused.as_ref()))
        @match told {
            Told::Link(login, link) => {
                section.card role="status" {
                    p { "给 " strong { (login) } " 的一次性链接,24小时内有效,只能用一次,只显示这一次。请当面或经可信渠道交给本人:" }
                    p { code #link { (link) } }
                }
            }
            Told::Ended(number) => { p.good role="status" { "已终止 " (number) " 个会话和密钥。" } }
            Told::Reset => { p.good role="status" { "第二因素已取消,该账号的会话已终止。" } }
            Told::Nothing | Told::Refused(_) => {}
        }
        section.card {
            table.list {
                thead { tr { th { "姓名" } th { "账号" } th { "机构" } th { "岗位" } th { "口令" } th {} } }
                tbody {
                    @for it in &staff {
                        tr {
                            td { (it.person.name) } td { (it.login) } td { (it.org.name) }
                            td {
                                @for duty in &it.person.duties { (duty.zh()) " " }
                                @for one in &it.assignments {
                                    br; (one.duty.zh()) " " small { (one.from) " 至 " @if let Some(until) = one.until { (until) } @else { "另行通知" } }
                                }
                            }
                            td { @if it.has_password { "已设置" } @else { "未设置" } }
                            td {
                                @if it.person.id == caller.person {
                                    a href="/account" { "我的账号" }
                                } @else {
                                    (button("invite", &it.login, if it.has_password { "重置口令" } else { "邀请" }))
                                    (button("end", &it.login, "终止会话"))
                                    (button("reset", &it.login, "取消第二因素"))
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
        Some(Place::People),
        "人员与账号",
        &content,
    ))
}

pub(super) async fn change(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
    Form(given): Form<Order>,
) -> Result<Response, Stop> {
    let access = &console.office.access;
    let login = given.login;
    let told = match given.action.as_str() {
        "invite" => match access.invite(&caller, &login).await? {
            Ok((token, _)) => {
                let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
                let host = host.unwrap_or("127.0.0.1");
                let scheme = if console.is_secure(&headers) {
                    "https"
                } else {
                    "http"
                };
                Told::Link(login, format!("{scheme}://{host}/invite/{token}"))
            }
            Err(refusal) => Told::Refused(refusal),
        },
        "end" => match access.end_account(&caller, &login).await? {
            Ok(number) => Told::Ended(number),
            Err(refusal) => Told::Refused(refusal),
        },
        "reset" => match access.reset_second_factor(&caller, &login).await? {
            Ok(()) => Told::Reset,
            Err(refusal) => Told::Refused(refusal),
        },
        _ => return Err(Stop::NotFound),
    };
    let status = match told {
        Told::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Told::Nothing | Told::Link(..) | Told::Ended(_) | Told::Reset => StatusCode::OK,
    };
    let page = render(&console, &caller, &told).await?;
    Ok((status, page).into_response())
}
