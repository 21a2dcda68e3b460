//! The claims of a caller's region: a summary, a filter, a table.

use super::frame::{self, Place};
use super::guard::{SignedIn, encode};
use super::words::{phase_en, time};
use super::{Console, Stop};
use axum::extract::{Query, State};
use benefits::Fen;
use chrono::{DateTime, Utc};
use engine::household::Household;
use engine::registry::Region;
use engine::{ClaimFilter, Fault, Page, Scope, StatusCount, Store};
use lifecycle::{Claim, Peril, Phase, RegionCode, Status};
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::HashMap;

/// Rows of one page: what fits two sheets of paper.
const PAGE_ROWS: u32 = 50;

/// The question as it stands in the address. Codes that do not exist ask for nothing.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    phase: String,
    status: String,
    peril: String,
    town: String,
    after: String,
    before: String,
}

impl Asked {
    fn phase(&self) -> Option<Phase> {
        Phase::from_code(&self.phase)
    }

    fn status(&self) -> Option<Status> {
        Status::from_code(&self.status)
    }

    fn filter(&self) -> ClaimFilter {
        let of_phase = |phase: Phase| {
            let all = Status::ALL.iter().copied();
            all.filter(move |status| status.phase() == phase).collect()
        };
        let statuses = match (self.status(), self.phase()) {
            (Some(status), _) => vec![status],
            (None, Some(phase)) => of_phase(phase),
            (None, None) => Vec::new(),
        };
        ClaimFilter {
            statuses,
            perils: Peril::from_code(&self.peril).into_iter().collect(),
            region: RegionCode::new(self.town.as_str()).ok(),
            ..ClaimFilter::default()
        }
    }

    fn page(&self) -> Page {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Page {
            size: PAGE_ROWS,
            after: some(&self.after),
            before: some(&self.before),
            from_end: !self.before.is_empty(),
        }
    }

    /// The address of the same question with another place in the list.
    fn link(&self, place: Option<(&str, &str)>) -> String {
        let mut pairs = vec![
            ("phase", self.phase.as_str()),
            ("status", self.status.as_str()),
            ("peril", self.peril.as_str()),
            ("town", self.town.as_str()),
        ];
        pairs.extend(place);
        let query: Vec<String> = pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        if query.is_empty() {
            "/claims".to_owned()
        } else {
            format!("/claims?{}", query.join("&"))
        }
    }
}

/// One row with what the claim itself does not hold.
struct Row {
    claim: Claim,
    head_name: String,
    changed_at: Option<DateTime<Utc>>,
}

pub(super) async fn list(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Markup, Stop> {
    let store = console.office.desk.store();
    let scope = &caller.scope;
    let slice = store.claims(scope, &asked.filter(), &asked.page()).await?;
    let counts = store.status_counts(scope, &ClaimFilter::default()).await?;
    let regions = store.regions(scope.county).await?;
    let mut rows = Vec::with_capacity(slice.rows.len());
    for claim in slice.rows {
        let household = household_of(store, scope, &claim).await?;
        let history = store.history(scope, claim.id).await?;
        rows.push(Row {
            head_name: household
                .as_ref()
                .map_or("", Household::head_name)
                .to_owned(),
            changed_at: history.last().map(|entry| entry.event.stamp.at),
            claim,
        });
    }
    let table = Table {
        rows,
        more: slice.more,
        names: names(&regions),
        asked: &asked,
    };
    let towns: Vec<&Region> = regions
        .iter()
        .filter(|it| it.code.as_str().len() == 9 && scope.region.covers(&it.code))
        .collect();
    let content = html! {
        h1 { "案件 " small lang="en" { "Claims" } }
        (summary(&counts, &asked))
        (filter(&asked, &towns))
        (table.render())
    };
    Ok(frame::page(&caller, Some(Place::Claims), "案件", &content))
}

/// The household of a claim in the scope; none once it has moved out of it.
pub(super) async fn household_of(
    store: &dyn Store,
    scope: &Scope,
    claim: &Claim,
) -> Result<Option<Household>, Fault> {
    let found = store.household(scope.county, claim.household).await?;
    Ok(found.filter(|it| scope.covers_household(it)))
}

/// Names of regions by code.
pub(super) fn names(regions: &[Region]) -> HashMap<RegionCode, String> {
    let pairs = regions.iter().map(|it| (it.code.clone(), it.name.clone()));
    pairs.collect()
}

fn summary(counts: &[StatusCount], asked: &Asked) -> Markup {
    let sum = |phase: Option<Phase>| {
        let of_phase = counts
            .iter()
            .filter(|it| phase.is_none_or(|phase| it.status.phase() == phase));
        of_phase.fold((0_u64, Fen::ZERO), |(claims, amount), it| {
            let amount = amount.checked_add(it.amount).unwrap_or(amount);
            (claims + it.claims, amount)
        })
    };
    let tile = |phase: Option<Phase>| {
        let (claims, amount) = sum(phase);
        let here = asked.status().is_none() && asked.phase() == phase;
        let href = phase.map_or_else(
            || "/claims".to_owned(),
            |it| format!("/claims?phase={}", it.code()),
        );
        html! {
            li {
                a href=(href) aria-current=[here.then_some("true")] {
                    span.label { (phase.map_or("全部", Phase::zh)) " " small lang="en" { (phase.map_or("All", phase_en)) } }
                    strong { (claims) }
                    span.sum { @if amount == Fen::ZERO { "—" } @else { (amount) " 元" } }
                }
            }
        }
    };
    html! {
        ul.summary aria-label="各阶段案件数和金额" {
            (tile(None))
            @for phase in Phase::ALL { (tile(Some(*phase))) }
        }
    }
}

fn filter(asked: &Asked, towns: &[&Region]) -> Markup {
    html! {
        form.filter method="get" action="/claims" {
            input type="hidden" name="phase" value=(asked.phase().map_or("", Phase::code));
            label { "状态 "
                select name="status" {
                    option value="" { "不限" }
                    @for phase in Phase::ALL {
                        optgroup label=(phase.zh()) {
                            @for status in Status::ALL.iter().filter(|it| it.phase() == *phase) {
                                option value=(status.code()) selected[asked.status() == Some(*status)] { (status.zh()) }
                            }
                        }
                    }
                }
            }
            label { "原因 "
                select name="peril" {
                    option value="" { "不限" }
                    @for peril in Peril::ALL {
                        option value=(peril.code()) selected[asked.peril == peril.code()] { (peril.zh()) }
                    }
                }
            }
            @if towns.len() > 1 {
                label { "乡镇 "
                    select name="town" {
                        option value="" { "不限" }
                        @for town in towns {
                            option value=(town.code) selected[asked.town == town.code.as_str()] { (town.name) }
                        }
                    }
                }
            }
            button type="submit" { "筛选" }
            a href="/claims" { "清除" }
        }
    }
}

struct Table<'a> {
    rows: Vec<Row>,
    more: bool,
    names: HashMap<RegionCode, String>,
    asked: &'a Asked,
}

impl Table<'_> {
    fn name<'a>(&'a self, code: &'a RegionCode) -> &'a str {
        self.names
            .get(code)
            .map_or_else(|| code.as_str(), String::as_str)
    }

    fn render(&self) -> Markup {
        if self.rows.is_empty() {
            return html! {
                p.empty { "没有符合条件的案件。" small lang="en" { "No claims match." } }
                @if !self.asked.after.is_empty() || !self.asked.before.is_empty() {
                    p { a href=(self.asked.link(None)) { "回到第一页" } }
                }
            };
        }
        html! {
            table.claims {
                thead {
                    tr {
                        th scope="col" { "编号" }
                        th scope="col" { "村" }
                        th scope="col" { "乡镇" }
                        th scope="col" { "户主" }
                        th scope="col" { "原因" }
                        th scope="col" { "状态" }
                        th.amount scope="col" { "金额(元)" }
                        th scope="col" { "更新" }
                        th scope="col" { "截止" }
                    }
                }
                tbody { @for row in &self.rows { (self.row(row)) } }
            }
            (self.pager())
        }
    }

    fn row(&self, row: &Row) -> Markup {
        let claim = &row.claim;
        let township = &claim.village.township();
        html! {
            tr {
                th scope="row" data-label="编号" { a href=(format!("/claims/{}", encode(&claim.number))) { (claim.number) } }
                td data-label="村" { (self.name(&claim.village)) }
                td data-label="乡镇" { (self.name(township)) }
                td data-label="户主" { (row.head_name) }
                td data-label="原因" { (claim.case.peril.zh()) }
                td data-label="状态" { (pill(claim.status())) }
                td.amount data-label="金额(元)" {
                    // What a household stated is not what it will get.
                    @if claim.assessment().is_none() {
                        small title="as stated by the household" { "申报 " } (claim.case.submitted)
                    } @else if claim.status().ends_without_money() {
                        span.none { "—" }
                    } @else {
                        (claim.amount())
                    }
                }
                td data-label="更新" { @if let Some(at) = row.changed_at { (time(at)) } }
                td data-label="截止" { @match claim.due_on() { Some(day) => (day), None => span.none { "—" } } }
            }
        }
    }

    fn pager(&self) -> Markup {
        let (Some(first), Some(last)) = (self.rows.first(), self.rows.last()) else {
            return html! {};
        };
        let backwards = !self.asked.before.is_empty();
        let earlier = if backwards {
            self.more
        } else {
            !self.asked.after.is_empty()
        };
        let later = backwards || self.more;
        html! {
            @if earlier || later {
                nav.pager aria-label="翻页" {
                    @if earlier { a rel="prev" href=(self.asked.link(Some(("before", &first.claim.number)))) { "← 上一页" } }
                    @if later { a rel="next" href=(self.asked.link(Some(("after", &last.claim.number)))) { "下一页 →" } }
                }
            }
        }
    }
}

/// A status in its phase's colour; the word says it too.
pub(super) fn pill(status: Status) -> Markup {
    let tone = match status {
        Status::Paid | Status::Closed => "good",
        Status::Returned
        | Status::Ineligible
        | Status::Rejected
        | Status::Appealed
        | Status::AppealDismissed
        | Status::PayUnknown
        | Status::PayFailed
        | Status::PayReturned
        | Status::AwaitingFunds
        | Status::Recovering => "care",
        Status::Withdrawn | Status::Recovered | Status::WrittenOff | Status::RefusalClosed => {
            "ended"
        }
        Status::Draft
        | Status::Referred
        | Status::Accepted
        | Status::Verifying
        | Status::Verified
        | Status::NoticeOpen
        | Status::NoticeClosed
        | Status::Approved
        | Status::Instructed => "under-way",
    };
    html! { span.pill.(tone) title=(status.code()) { (status.zh()) } }
}
