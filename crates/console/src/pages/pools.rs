//! Pools (资金池): the statement of a contract year, when the money runs out, orders of two persons.

use super::frame::{self, Place, heading, row};
use super::guard::{SignedIn, may, offers};
use super::words::{Staff, Told, time, yuan};
use super::{Console, Stop};
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use benefits::Fen;
use chrono::{DateTime, Utc};
use engine::pool::{PoolBook, Side, sees_pool};
use engine::{Caller, Desk, ids};
use lifecycle::pool::{
    Funding, PoolBlocked, PoolCommand, PoolOrder, PoolOrderKind, PoolOrderStatus,
};
use lifecycle::{Scheme, SchemeId};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

/// Which pool; none for the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    scheme: String,
}

/// What a form of the page brings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    action: String,
    scheme: String,
    /// The order that waits; of a new one the key that makes it.
    order: String,
    kind: String,
    amount: String,
    reference: String,
    reason: String,
}

pub(super) async fn page(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Markup, Stop> {
    if asked.scheme.is_empty() {
        return list(&console, &caller).await;
    }
    let scheme = asked.scheme.parse().map_err(|_| Stop::NotFound)?;
    one(&console, &caller, SchemeId(scheme), &Told::Nothing).await
}

/// The pools of the caller's scope, each by the scheme it began with.
async fn books(console: &Console, caller: &Caller) -> Result<Vec<PoolBook>, Stop> {
    let desk = &console.office.desk;
    let schemes = desk.store().schemes(caller.scope.county).await?;
    let firsts = schemes
        .iter()
        .filter(|it| it.id == it.pool_id && sees_pool(caller, it));
    let mut books = Vec::new();
    for scheme in firsts {
        books.extend(desk.pool_book(caller, scheme.id).await?);
    }
    Ok(books)
}

async fn list(console: &Console, caller: &Caller) -> Result<Markup, Stop> {
    let books = books(console, caller).await?;
    let waiting = |book: &PoolBook| {
        let orders = book.orders.iter();
        orders
            .filter(|it| it.status == PoolOrderStatus::Pending)
            .count()
    };
    let content = html! {
        h1 { "资金池 " small lang="en" { "Pools" } }
        @if books.is_empty() {
            p.empty { "您的辖区内没有资金池:资金池属于全县,须以县级辖区办理。 " small lang="en" { "A pool is the whole county's." } }
        } @else {
            table.claims {
                thead { tr {
                    th scope="col" { "方案" }
                    th scope="col" { "年度" }
                    th.amount scope="col" { "可用(元)" }
                    th.amount scope="col" { "已预留(元)" }
                    th.amount scope="col" { "在途(元)" }
                    th.amount scope="col" { "已赔付(元)" }
                    th scope="col" { "预测" }
                    th scope="col" { "待确认" }
                } }
                tbody {
                    @for book in &books {
                        tr {
                            th scope="row" data-label="方案" { a href=(address(&book.scheme)) { (book.scheme.name) } }
                            td data-label="年度" { (book.scheme.year.year) }
                            @for account in [lifecycle::PoolAccount::Available, lifecycle::PoolAccount::Reserved,
                                lifecycle::PoolAccount::InFlight, lifecycle::PoolAccount::PaidOut] {
                                td.amount data-label=(account.zh()) { (book.shown(account)) }
                            }
                            td data-label="预测" { (forecast_short(book)) }
                            td data-label="待确认" { (waiting(book)) "笔" }
                        }
                    }
                }
            }
        }
    };
    Ok(frame::page(caller, Some(Place::Pools), "资金池", &content))
}

fn address(scheme: &Scheme) -> String {
    format!("/pools?scheme={}", scheme.id)
}

fn forecast_short(book: &PoolBook) -> String {
    match book.forecast.runs_out_on {
        _ if book.is_settled() => "已核算".to_owned(),
        Some(day) => format!("{day}起不足"),
        None => "本年够用".to_owned(),
    }
}

async fn one(
    console: &Console,
    caller: &Caller,
    scheme: SchemeId,
    told: &Told,
) -> Result<Markup, Stop> {
    let desk = &console.office.desk;
    let book = desk.pool_book(caller, scheme).await?;
    let book = book.ok_or(Stop::NotFound)?;
    let staff = Staff::of(desk, caller).await?;
    let title = format!("{} · {}年度", book.scheme.name, book.scheme.year.year);
    let content = html! {
        p.crumb { a href="/pools" { "资金池" } " / " (book.scheme.code) }
        h1 { (title) " " small lang="en" { "Pool" } }
        (told)
        div.columns {
            section.card { (heading("年度核算表", "Statement")) (statement(&book, desk.clock().now())) }
            div {
                section.card { (heading("核算与预测", "Outcome and forecast")) (outcome(&book)) }
                section.card { (heading("约定", "Terms")) (terms(&book)) }
            }
        }
        section.card { (heading("资金指令", "Orders")) (orders(caller, &book, &staff)) }
        (forms(caller, &book))
    };
    Ok(frame::page(caller, Some(Place::Pools), &title, &content))
}

fn statement(book: &PoolBook, now: DateTime<Utc>) -> Markup {
    let difference = book.difference();
    html! {
        table.statement {
            thead { tr { th scope="col" { "项目" } th.amount scope="col" { "金额(元)" } } }
            @for side in Side::ALL {
                tbody {
                    @for (account, amount) in book.lines(*side) {
                        tr { th scope="row" { (account.zh()) } td.amount { (amount) } }
                    }
                    tr.sum { th scope="row" { (side.zh()) "合计" } td.amount { (book.sum(*side)) } }
                }
            }
            tbody {
                tr.sum {
                    th scope="row" { "差额(收入−支出−现存)" }
                    td.amount {
                        (difference)
                        @if difference == Fen::ZERO { " " span.pill.good { "平" } } @else { " " span.pill.care { "不平" } }
                    }
                }
            }
        }
        p.second { "截至 " (time(now)) " 的账目。" }
    }
}

fn outcome(book: &PoolBook) -> Markup {
    let (outcome, forecast) = (&book.outcome, &book.forecast);
    html! {
        dl.facts {
            (row("净赔付", &yuan(outcome.net_paid)))
            (row("应计服务费", &html! { (outcome.fee_working()) " 元" }))
            (row("已计提", &yuan(outcome.fee_taken)))
            @if book.is_settled() {
                (row("年度", &html! { span.pill.good { "已核算" } }))
            } @else {
                @if outcome.shortage > Fen::ZERO {
                    (row("核算缺口", &html! { (yuan(outcome.shortage)) "," (outcome.made_up_by.zh()) }))
                } @else {
                    (row("核算结余", &html! { (yuan(outcome.surplus)) "," (outcome.surplus_rule.zh()) }))
                }
                @if book.claims.waiting > 0 {
                    (row("待资金案件", &html! { (book.claims.waiting) " 件,获批 " (yuan(forecast.waiting)) }))
                }
                (row("待批案件", &html! { (book.claims.open) " 件,核定 " (yuan(forecast.assessed)) }))
                (row("预测", &html! {
                    @match forecast.runs_out_on {
                        Some(_) if forecast.lacking > Fen::ZERO =>
                            strong { "待资金和待批案件即超出可用资金 " (yuan(forecast.lacking)) },
                        Some(day) => strong { (day) " 起资金不足" },
                        None => "按目前进度,本年度内够用",
                    }
                }))
            }
        }
    }
}

fn terms(book: &PoolBook) -> Markup {
    let terms = &book.scheme.pool;
    let lacking = terms
        .premium_total()
        .saturating_sub_to_zero(book.flows.premium());
    html! {
        dl.facts {
            (row("应缴保费", &html! {
                (terms.headcount) "人 × " (terms.premium) "元 = " (yuan(terms.premium_total()))
            }))
            (row("人数依据", &html! { (terms.headcount_basis) }))
            (row("尚未缴入", &yuan(lacking)))
            (row("合同期", &html! { (book.scheme.year.from) " 至 " (book.scheme.year.to) }))
        }
    }
}

fn orders(caller: &Caller, book: &PoolBook, staff: &Staff) -> Markup {
    if book.orders.is_empty() {
        return html! { p.empty { "没有资金指令。" small lang="en" { "None." } } };
    }
    let may_confirm = offers(caller, "confirmPoolOrder");
    let may_void = offers(caller, "voidPoolOrder");
    let button = |order: &PoolOrder, action: &str, zh: &str| {
        html! {
            form.inline method="post" action="/pools" {
                input type="hidden" name="action" value=(action);
                input type="hidden" name="scheme" value=(book.scheme.id);
                input type="hidden" name="order" value=(order.id);
                button.quiet type="submit" { (zh) }
            }
        }
    };
    html! {
        table.claims.loose {
            thead { tr {
                th scope="col" { "指令" } th.amount scope="col" { "金额(元)" } th scope="col" { "凭证号" } th scope="col" { "事由" }
                th scope="col" { "录入" } th scope="col" { "状态" } th scope="col" { "办理" }
            } }
            tbody {
                @for order in &book.orders {
                    tr {
                        th scope="row" data-label="指令" { (order.kind.zh()) }
                        td.amount data-label="金额(元)" { (order.amount) }
                        td data-label="凭证号" { (order.reference) }
                        td data-label="事由" { (order.reason) }
                        td data-label="录入" {
                            @match &order.ordered { Some(stamp) => (staff.actor(stamp)), None => "操作员" }
                            " " (time(order.ordered_at))
                        }
                        td data-label="状态" {
                            (order.status.zh())
                            @if let Some(stamp) = &order.decided { " " (staff.actor(stamp)) " " (time(stamp.at)) }
                        }
                        td data-label="办理" {
                            @if order.status == PoolOrderStatus::Pending {
                                @if may_confirm { (button(order, "confirm", "确认入账")) }
                                @if may_void { (button(order, "void", "作废")) }
                                @if order.ordered.as_ref().is_some_and(|it| it.by == caller.person) {
                                    small { "须由另一人确认" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn forms(caller: &Caller, book: &PoolBook) -> Markup {
    let (may_fund, may_settle) = (offers(caller, "fundPool"), offers(caller, "settlePool"));
    if book.is_settled() || !(may_fund || may_settle) {
        return html! {};
    }
    let hidden = |action: &str| {
        html! {
            input type="hidden" name="action" value=(action);
            input type="hidden" name="scheme" value=(book.scheme.id);
            input type="hidden" name="order" value=(ids::fresh());
        }
    };
    html! {
        div.columns {
            @if may_fund {
                form.card.sign-in method="post" action="/pools" {
                    (heading("录入资金", "Money in"))
                    (hidden("fund"))
                    label for="kind" { "性质" }
                    select #kind name="kind" {
                        @for kind in [PoolOrderKind::Premium, PoolOrderKind::TopUp] { option value=(kind.code()) { (kind.zh()) } }
                    }
                    label for="amount" { "金额(元)" }
                    input #amount name="amount" inputmode="decimal" required;
                    label for="reference" { "凭证号" }
                    input #reference name="reference" required;
                    label for="reason" { "事由" }
                    input #reason name="reason" required;
                    button type="submit" { "录入,待另一人确认" }
                }
            }
            @if may_settle {
                form.card.sign-in method="post" action="/pools" {
                    (heading("年度核算", "Settle the year"))
                    (hidden("settle"))
                    p { "合同期满、没有预留和在途资金后办理:计提服务费,按约定处理缺口或结余。另一人确认后才入账。" }
                    label for="settle-reference" { "凭证号" }
                    input #settle-reference name="reference" required;
                    label for="settle-reason" { "事由" }
                    input #settle-reason name="reason" required;
                    button type="submit" { "提出核算,待另一人确认" }
                }
            }
        }
    }
}

/// The command of a form, and the mutation whose row of authority it needs; `None` for a form that does not exist.
fn command(console: &Console, given: &Given) -> Option<(&'static str, Result<PoolCommand, Told>)> {
    let entry = |field: &str, text: &str| console.entry(field, text).map_err(Told::refused);
    Some(match given.action.as_str() {
        "fund" => {
            let funding = match PoolOrderKind::from_code(&given.kind)? {
                PoolOrderKind::Premium => Funding::Premium,
                PoolOrderKind::TopUp => Funding::TopUp,
                PoolOrderKind::OperatorFunding | PoolOrderKind::Settlement => return None,
            };
            let amount = Fen::parse_yuan(&given.amount)
                .map_err(|_| Told::refused(console.unfit("金额", "NOT_AN_AMOUNT")));
            let fund = amount.and_then(|amount| {
                Ok(PoolCommand::Fund {
                    funding,
                    amount,
                    reference: entry("凭证号", &given.reference)?,
                    reason: entry("事由", &given.reason)?,
                })
            });
            ("fundPool", fund)
        }
        "settle" => {
            let settle = entry("凭证号", &given.reference).and_then(|reference| {
                let reason = entry("事由", &given.reason)?;
                Ok(PoolCommand::Settle { reference, reason })
            });
            ("settlePool", settle)
        }
        "confirm" => ("confirmPoolOrder", Ok(PoolCommand::Confirm)),
        "void" => ("voidPoolOrder", Ok(PoolCommand::Void)),
        _ => return None,
    })
}

pub(super) async fn change(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Form(given): Form<Given>,
) -> Result<Response, Stop> {
    let scheme = SchemeId(given.scheme.parse().map_err(|_| Stop::NotFound)?);
    let named: Uuid = given.order.parse().map_err(|_| Stop::NotFound)?;
    let (mutation, command) = command(&console, &given).ok_or(Stop::NotFound)?;
    may(&caller, mutation)?;
    let told = match command {
        Err(told) => told,
        Ok(command) => {
            let order = match &command {
                PoolCommand::Fund { .. } | PoolCommand::Settle { .. } => {
                    Desk::ids(&caller, named).made("pool-order")
                }
                PoolCommand::Confirm | PoolCommand::Void => named,
            };
            let desk = &console.office.desk;
            let answer = desk.order_pool(&caller, scheme, order, command).await?;
            match answer.ok_or(Stop::NotFound)? {
                Ok(decision) => done(&decision.order),
                Err(PoolBlocked::OrderUnknown) => return Err(Stop::NotFound),
                Err(blocked) => Told::refused(console.says(blocked.code(), &blocked.params())),
            }
        }
    };
    let page = one(&console, &caller, scheme, &told).await?;
    Ok((told.status(), page).into_response())
}

fn done(order: &PoolOrder) -> Told {
    let (kind, amount) = (order.kind.zh(), order.amount);
    match order.status {
        PoolOrderStatus::Pending => Told::done(
            format!("已录入:{kind} {amount} 元,待另一人确认后入账。"),
            "Ordered; nothing moves until another person confirms it.",
        ),
        PoolOrderStatus::Posted => Told::done(format!("已入账:{kind} {amount} 元。"), "Posted."),
        PoolOrderStatus::Voided => Told::done(format!("已作废:{kind} {amount} 元。"), "Voided."),
    }
}
