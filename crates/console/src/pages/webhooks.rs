//! Webhooks (回调): where the own organisation is told of its claims, what did not arrive, what is sent again.

use super::frame::{self, Place, heading};
use super::guard::{SignedIn, may, offers};
use super::words::{Told, instant, time};
use super::{Console, Stop};
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeZone, Utc};
use engine::access::Refusal;
use engine::hooks::endpoint::ShownKey;
use engine::hooks::{Again, Delivery, DeliveryStatus, Endpoint, EndpointChange, KeyKind};
use engine::{Caller, Fault, Page, ids};
use maud::{Markup, Render, html};
use serde::Deserialize;
use uuid::Uuid;

/// Newest deliveries that are shown.
const NEWEST: u32 = 50;

/// Hours both keys sign after a rotation: a working day and a night.
const OVERLAP_HOURS: i64 = 24;

/// Which endpoint, which of its deliveries.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    endpoint: String,
    status: String,
}

/// What a form of the page brings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Order {
    action: String,
    key: String,
    endpoint: String,
    url: String,
    kind: String,
    delivery: String,
    from: String,
    until: String,
}

pub(super) async fn page(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Markup, Stop> {
    if asked.endpoint.is_empty() {
        return list(&console, &caller, &Told::Nothing).await;
    }
    let id = asked.endpoint.parse().map_err(|_| Stop::NotFound)?;
    let status = DeliveryStatus::from_code(&asked.status);
    one(&console, &caller, id, status, &Told::Nothing).await
}

async fn list(console: &Console, caller: &Caller, told: &Told) -> Result<Markup, Stop> {
    let endpoints = console.office.desk.endpoints(caller).await?;
    let content = html! {
        h1 { "回调 " small lang="en" { "Webhooks" } }
        (told)
        @if endpoints.is_empty() {
            p.empty { "还没有回调地址:本单位的系统不会收到通知。" small lang="en" { "No endpoints." } }
        } @else {
            table.claims {
                thead { tr { th scope="col" { "地址" } th scope="col" { "事件" } th scope="col" { "状态" } th scope="col" { "设立" } } }
                tbody {
                    @for endpoint in &endpoints {
                        tr {
                            th.wide scope="row" data-label="地址" { a href=(format!("/webhooks?endpoint={}", endpoint.id)) { (endpoint.url) } }
                            td data-label="事件" { @if endpoint.kinds.is_empty() { "全部,并提醒期限" } @else { (endpoint.kinds.len()) "种" } }
                            td data-label="状态" { (state(endpoint)) }
                            td data-label="设立" { (time(endpoint.created_at)) }
                        }
                    }
                }
            }
        }
        @if console.addresses.is_some() && offers(caller, "createWebhookEndpoint") {
            form.card.sign-in method="post" action="/webhooks" {
                (heading("新设回调地址", "New endpoint"))
                input type="hidden" name="action" value="create";
                input type="hidden" name="key" value=(ids::fresh());
                label for="url" { "地址(https://)" }
                input #url name="url" type="url" required;
                label for="kind" { "签名方式" }
                (kinds("kind"))
                button type="submit" { "设立,从现在起通知 " small lang="en" { "Create" } }
            }
        }
    };
    Ok(frame::page(caller, Some(Place::Webhooks), "回调", &content))
}

fn kinds(id: &str) -> Markup {
    html! {
        select id=(id) name="kind" {
            @for kind in KeyKind::ALL { option value=(kind.code()) { (kind.zh()) } }
        }
    }
}

fn state(endpoint: &Endpoint) -> Markup {
    html! {
        @if let Some(disabled) = endpoint.disabled {
            span.pill.care { "已停用" } " " (disabled.reason.zh()) "," (instant(disabled.at))
        } @else if let Some(since) = endpoint.failing_since {
            span.pill.care { "投递失败" } " 自 " (instant(since))
        } @else {
            span.pill.good { "正常" }
        }
        @if let Some(until) = endpoint.paused_until { " 对方要求暂停至 " (instant(until)) }
    }
}

async fn one(
    console: &Console,
    caller: &Caller,
    id: Uuid,
    status: Option<DeliveryStatus>,
    told: &Told,
) -> Result<Markup, Stop> {
    let desk = &console.office.desk;
    let endpoint = desk.endpoint(caller, id).await?.ok_or(Stop::NotFound)?;
    let keys = desk.endpoint_keys(&endpoint).await?;
    let newest = Page {
        from_end: true,
        ..Page::first(NEWEST)
    };
    let found = desk.deliveries(caller, id, status, &newest).await?;
    let mut deliveries = found.map_err(|_| Stop::NotFound)?.rows;
    deliveries.reverse();
    let content = html! {
        p.crumb { a href="/webhooks" { "回调" } }
        h1.wide { (endpoint.url) }
        (told)
        div.columns {
            section.card { (heading("状态", "State")) (switch(caller, &endpoint)) }
            section.card { (heading("签名密钥", "Keys")) (key_list(caller, &endpoint, &keys)) }
        }
        section.card {
            (heading("投递", "Deliveries"))
            (choice(&endpoint, status))
            (delivery_list(caller, &endpoint, &deliveries))
            (replay(caller, &endpoint))
        }
    };
    Ok(frame::page(caller, Some(Place::Webhooks), "回调", &content))
}

fn hidden(action: &str, endpoint: &Endpoint) -> Markup {
    html! {
        input type="hidden" name="action" value=(action);
        input type="hidden" name="endpoint" value=(endpoint.id);
    }
}

fn switch(caller: &Caller, endpoint: &Endpoint) -> Markup {
    let (action, zh) = if endpoint.disabled.is_some() {
        ("on", "启用,补发停用期间的通知")
    } else {
        ("off", "停用")
    };
    html! {
        p { (state(endpoint)) }
        p { "事件:" @if endpoint.kinds.is_empty() { "全部,并提醒期限(claim.due_soon、claim.overdue)" } @else {
            @for kind in &endpoint.kinds { (kind.zh()) " " }
        } }
        @if offers(caller, "updateWebhookEndpoint") {
            form method="post" action="/webhooks" { (hidden(action, endpoint)) button.quiet type="submit" { (zh) } }
        }
    }
}

fn key_list(caller: &Caller, endpoint: &Endpoint, keys: &[ShownKey]) -> Markup {
    html! {
        ul {
            @for key in keys {
                li {
                    (key.key.kind.zh()) " " (time(key.key.made_at))
                    @if let Some(end) = key.key.ends_at { " 用到 " (time(end)) }
                    @if let Some(public) = &key.shown { br; code { (public.reveal()) } }
                }
            }
        }
        @if offers(caller, "rotateWebhookSecret") {
            form.filter method="post" action="/webhooks" {
                (hidden("rotate", endpoint))
                input type="hidden" name="key" value=(ids::fresh());
                label { "换发 " (kinds("rotated")) }
                button type="submit" { "换发密钥 " small lang="en" { "Rotate" } }
            }
            p.second { "旧密钥在" (OVERLAP_HOURS) "小时内与新密钥同时签名。共享密钥只显示一次。" }
        }
    }
}

fn choice(endpoint: &Endpoint, status: Option<DeliveryStatus>) -> Markup {
    html! {
        form.filter method="get" action="/webhooks" {
            input type="hidden" name="endpoint" value=(endpoint.id);
            label { "状态 "
                select name="status" {
                    option value="" { "不限" }
                    @for it in DeliveryStatus::ALL { option value=(it.code()) selected[status == Some(*it)] { (it.zh()) } }
                }
            }
            button type="submit" { "筛选" }
            small { "最近" (NEWEST) "条" }
        }
    }
}

fn delivery_list(caller: &Caller, endpoint: &Endpoint, deliveries: &[Delivery]) -> Markup {
    if deliveries.is_empty() {
        return html! { p.empty { "没有。" small lang="en" { "None." } } };
    }
    let may_send = offers(caller, "redeliverWebhook");
    let tone = |status: DeliveryStatus| match status {
        DeliveryStatus::Waiting => "under-way",
        DeliveryStatus::Sent => "good",
        DeliveryStatus::Dead => "care",
    };
    html! {
        table.claims.loose {
            thead { tr {
                th scope="col" { "时间" } th scope="col" { "事件" } th scope="col" { "投递" } th scope="col" { "次数" } th scope="col" { "对方答复" } th scope="col" { "办理" }
            } }
            tbody {
                @for delivery in deliveries {
                    tr {
                        th scope="row" data-label="时间" { (time(delivery.event.at)) }
                        td data-label="事件" {
                            @match delivery.reminder { Some(it) => { (it.state.zh()) "(" (it.due_on) ")" }, None => (delivery.event.kind.zh()) }
                        }
                        td data-label="投递" { span.pill.(tone(delivery.status)) { (delivery.status.zh()) } }
                        td data-label="次数" { (delivery.attempts) }
                        td data-label="对方答复" { @if let Some(answer) = &delivery.answer { (answer) } @else { "—" } }
                        td data-label="办理" {
                            @if may_send && delivery.status != DeliveryStatus::Waiting {
                                form.inline method="post" action="/webhooks" {
                                    (hidden("redeliver", endpoint))
                                    input type="hidden" name="delivery" value=(delivery.id());
                                    button.quiet type="submit" { "再投递" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn replay(caller: &Caller, endpoint: &Endpoint) -> Markup {
    html! {
        @if offers(caller, "replayWebhooks") {
            form.filter method="post" action="/webhooks" {
                (hidden("replay", endpoint))
                label { "补发 " input type="datetime-local" name="from" required; }
                label { "至 " input type="datetime-local" name="until" required; }
                button type="submit" { "按时间补发 " small lang="en" { "Replay" } }
            }
            p.second { "按北京时间。已投递的和死信都再投递一次,编号不变,对方据此去重。" }
        }
    }
}

/// An instant as the office's wall clock shows it in a form.
fn wall(text: &str) -> Option<DateTime<Utc>> {
    let shown = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok()?;
    let shanghai = FixedOffset::east_opt(8 * 3600)?;
    let at = shanghai.from_local_datetime(&shown).single()?;
    Some(at.with_timezone(&Utc))
}

/// A key as it is shown once.
fn secret(key: &ShownKey) -> Option<Markup> {
    let shown = key.shown.as_ref()?;
    Some(html! {
        section.card role="status" {
            p { @match key.key.kind {
                KeyKind::Hmac => "共享密钥,只显示这一次,请经可信渠道交给对方:",
                KeyKind::Ed25519 => "公钥,交给对方验证签名:",
            } }
            p.wide { code #secret { (shown.reveal()) } }
        }
    })
}

/// What a form came to: the endpoint it was about, what is said, a key that is shown once.
struct Answered {
    endpoint: Option<Uuid>,
    told: Told,
    secret: Option<Markup>,
}

pub(super) async fn change(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Form(given): Form<Order>,
) -> Result<Response, Stop> {
    let mutation = match given.action.as_str() {
        "create" => "createWebhookEndpoint",
        "on" | "off" => "updateWebhookEndpoint",
        "rotate" => "rotateWebhookSecret",
        "replay" => "replayWebhooks",
        "redeliver" => "redeliverWebhook",
        _ => return Err(Stop::NotFound),
    };
    may(&caller, mutation)?;
    let answered = if given.action == "create" {
        created(&console, &caller, &given).await?
    } else {
        let id = given.endpoint.parse().map_err(|_| Stop::NotFound)?;
        changed(&console, &caller, id, &given).await?
    };
    let Answered {
        endpoint,
        told,
        secret,
    } = answered;
    let page = match endpoint {
        Some(id) => one(&console, &caller, id, None, &told).await?,
        None => list(&console, &caller, &told).await?,
    };
    let page = match secret {
        Some(secret) => frame::page(
            &caller,
            Some(Place::Webhooks),
            "回调",
            &html! {
                (told) (secret)
                @if let Some(id) = endpoint { p { a.button href=(format!("/webhooks?endpoint={id}")) { "已保存" } } }
            },
        ),
        None => page,
    };
    Ok((told.status(), page.render()).into_response())
}

async fn created(console: &Console, caller: &Caller, given: &Order) -> Result<Answered, Stop> {
    let addresses = console.addresses.as_ref().ok_or(Stop::NotFound)?;
    let key: Uuid = given.key.parse().map_err(|_| Stop::NotFound)?;
    let kind = KeyKind::from_code(&given.kind).ok_or(Stop::NotFound)?;
    let refused = |said| Answered {
        endpoint: None,
        told: Told::refused(said),
        secret: None,
    };
    if let Err(reason) = addresses.check(&given.url).await {
        return Ok(refused(console.unfit("地址", reason)));
    }
    let desk = &console.office.desk;
    let made = desk.create_endpoint(caller, key, &given.url, Vec::new(), kind);
    Ok(match made.await {
        Ok(Ok((endpoint, key))) => Answered {
            endpoint: Some(endpoint.id),
            told: Told::done("已设立。", "Created."),
            secret: secret(&key),
        },
        Ok(Err(refusal)) => refused(console.denied(refusal)),
        Err(Fault::Conflict(_)) => refused(console.says("KEY_REUSED", &[])),
        Err(fault) => return Err(fault.into()),
    })
}

async fn changed(
    console: &Console,
    caller: &Caller,
    id: Uuid,
    given: &Order,
) -> Result<Answered, Stop> {
    let desk = &console.office.desk;
    let mut shown = None;
    let done: Result<Told, Refusal> = match given.action.as_str() {
        "on" | "off" => {
            let change = EndpointChange {
                enabled: Some(given.action == "on"),
                ..EndpointChange::default()
            };
            let changed = desk.change_endpoint(caller, id, &change).await?;
            changed.map(|endpoint| match endpoint.disabled {
                None => Told::done("已启用。", "Switched on."),
                Some(_) => Told::done("已停用。", "Switched off."),
            })
        }
        "rotate" => {
            let key: Uuid = given.key.parse().map_err(|_| Stop::NotFound)?;
            let kind = KeyKind::from_code(&given.kind).ok_or(Stop::NotFound)?;
            let rotated = desk.rotate_secret(caller, key, id, kind, OVERLAP_HOURS);
            rotated.await?.map(|key| {
                shown = secret(&key);
                Told::done("已换发密钥。", "Rotated.")
            })
        }
        "replay" => match (wall(&given.from), wall(&given.until)) {
            (Some(from), Some(until)) => {
                let again = Again::Between(from, until);
                let sent = desk.redeliver(caller, id, &again).await?;
                sent.map(|count| Told::done(format!("将补发{count}条。"), "They are sent again."))
            }
            _ => Ok(Told::refused(console.unfit("时间", "NOT_AN_INSTANT"))),
        },
        _ => {
            let delivery = given.delivery.parse().map_err(|_| Stop::NotFound)?;
            let sent = desk.redeliver(caller, id, &Again::One(delivery)).await?;
            sent.map(|count| Told::done(format!("将再投递{count}条。"), "It is sent again."))
        }
    };
    match done {
        Ok(told) => Ok(Answered {
            endpoint: Some(id),
            told,
            secret: shown,
        }),
        Err(Refusal::NotFound) => Err(Stop::NotFound),
        Err(refusal) => Ok(Answered {
            endpoint: Some(id),
            told: Told::refused(console.denied(refusal)),
            secret: None,
        }),
    }
}
