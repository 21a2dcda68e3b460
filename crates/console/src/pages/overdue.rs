//! Deadlines (时限): what is due soon, what is overdue, and on whose desk it lies.

use super::claims::{names, pill};
use super::frame::{self, Place};
use super::guard::{SignedIn, encode};
use super::words::Told;
use super::{Console, Stop};
use axum::extract::{Query, State};
use engine::deadline::{DueAsk, DueClaim, DueState};
use engine::{Page, Slice};
use lifecycle::RegionCode;
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::HashMap;

/// Rows of one page: what fits two sheets of paper.
const PAGE_ROWS: u32 = 50;

/// The question as it stands in the address. A state that does not exist asks for both.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    state: String,
    mine: String,
    after: String,
}

impl Asked {
    fn ask(&self) -> DueAsk {
        DueAsk {
            state: DueState::from_code(&self.state),
            mine: !self.mine.is_empty(),
            ..DueAsk::default()
        }
    }

    fn link(&self, after: &str) -> String {
        let Self { state, mine, .. } = self;
        format!(
            "/overdue?state={}&mine={}&after={}",
            encode(state),
            encode(mine),
            encode(after)
        )
    }
}

pub(super) async fn page(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Markup, Stop> {
    let desk = &console.office.desk;
    let page = Page {
        after: (!asked.after.is_empty()).then(|| asked.after.clone()),
        ..Page::first(PAGE_ROWS)
    };
    let found = desk.due_claims(&caller, &asked.ask(), &page).await?;
    let regions = names(&desk.store().regions(caller.scope.county).await?);
    let (slice, told) = match found {
        Ok(slice) => (slice, Told::Nothing),
        Err(fault) => {
            let (rows, more) = (Vec::new(), false);
            let zh = format!("缺少节假日安排,不能计算期限:{fault}。请系统管理员补录日历。");
            let en = "The calendar lacks a year: the operator enters its holidays.";
            (Slice { rows, more }, Told::Refused(zh, en.to_owned()))
        }
    };
    let content = html! {
        h1 { "时限 " small lang="en" { "Deadlines" } }
        (told)
        (filter(&asked, desk.remind_workdays()))
        @if matches!(told, Told::Nothing) { (table(&slice, &regions, &asked)) }
    };
    Ok(frame::page(&caller, Some(Place::Overdue), "时限", &content))
}

fn filter(asked: &Asked, within: u16) -> Markup {
    html! {
        form.filter method="get" action="/overdue" {
            label { "范围 "
                select name="state" {
                    option value="" { "到期与逾期" }
                    @for state in DueState::ALL {
                        option value=(state.code()) selected[asked.state == state.code()] { (state.zh()) }
                    }
                }
            }
            label.check { input type="checkbox" name="mine" value="1" checked[!asked.mine.is_empty()]; "只看待我岗位办理的 " small lang="en" { "Mine" } }
            button type="submit" { "筛选" }
            small { "期限最后一日前" (within) "个工作日起列为即将到期;有异议未处理的停止计时,不列。" }
        }
    }
}

fn table(slice: &Slice<DueClaim>, regions: &HashMap<RegionCode, String>, asked: &Asked) -> Markup {
    let name = |code: &RegionCode| {
        let name = regions.get(code);
        name.map_or_else(|| code.to_string(), Clone::clone)
    };
    if slice.rows.is_empty() {
        return html! { p.empty { "没有即将到期或逾期的案件。" small lang="en" { "Nothing is due." } } };
    }
    html! {
        table.claims {
            thead { tr {
                th scope="col" { "编号" }
                th scope="col" { "村" }
                th scope="col" { "状态" }
                th scope="col" { "应办" }
                th scope="col" { "最后一日" }
                th scope="col" { "逾期" }
                th scope="col" { "在谁手上" }
            } }
            tbody {
                @for due in &slice.rows {
                    @let claim = &due.claim;
                    tr {
                        th scope="row" data-label="编号" { a href=(format!("/claims/{}", encode(&claim.number))) { (claim.number) } }
                        td data-label="村" { (name(&claim.village.township())) " " (name(&claim.village)) }
                        td data-label="状态" { (pill(claim.status())) }
                        td data-label="应办" { (due.what.zh()) }
                        td data-label="最后一日" { (due.on) }
                        td data-label="逾期" {
                            @match due.state {
                                DueState::Overdue => span.pill.care { (due.days_over) "个" (due.counting.zh()) },
                                DueState::DueSoon => span.pill.under-way { (due.state.zh()) },
                            }
                        }
                        td data-label="在谁手上" { (due.holder.zh()) }
                    }
                }
            }
        }
        @if let (true, Some(last)) = (slice.more, slice.rows.last()) {
            nav.pager aria-label="翻页" { a rel="next" href=(asked.link(&last.claim.number)) { "下一页 →" } }
        }
    }
}
