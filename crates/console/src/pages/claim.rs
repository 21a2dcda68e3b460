//! One claim: its facts, its route, its derivation, its notice, its history.

use super::claims::{household_of, names, pill};
use super::frame::{self, heading, row};
use super::guard::{SignedIn, encode};
use super::words::{Staff, phase_en, time, yuan};
use super::{Console, Stop, route, timeline};
use axum::extract::{Path, State};
use benefits::{Assessment, Fen};
use chrono::{DateTime, NaiveDate, Utc};
use engine::household::{Household, Member};
use engine::{Desk, Recorded};
use lifecycle::calendar::legal_day;
use lifecycle::days::{by_holder, ledger};
use lifecycle::phase::document::checklist;
use lifecycle::phase::refusal::IssuedLetter;
use lifecycle::phase::verification::Reopened;
use lifecycle::{Claim, PayeeId, Scheme, State as ClaimState, available_actions};
use maud::{Markup, html};
use std::sync::Arc;

/// A claim with what belongs on its page.
struct Dossier {
    claim: Claim,
    household: Option<Household>,
    scheme: Option<Arc<Scheme>>,
    history: Vec<Recorded>,
    staff: Staff,
    village: String,
    township: String,
    actions: Vec<&'static str>,
    now: DateTime<Utc>,
}

pub(super) async fn page(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Path(number): Path<String>,
) -> Result<Markup, Stop> {
    let desk = &console.office.desk;
    let store = desk.store();
    let scope = &caller.scope;
    let claim = store
        .claim_by_number(scope, &number)
        .await?
        .ok_or(Stop::NotFound)?;
    let scheme = desk.scheme(&caller, claim.scheme).await?;
    let regions = names(&store.regions(scope.county).await?);
    let name = |code| regions.get(code).cloned().unwrap_or_default();
    let actions = scheme.as_ref().map_or_else(Vec::new, |scheme| {
        let actions = available_actions(&claim, &caller.actor(), scheme);
        actions
            .into_iter()
            .map(lifecycle::CommandKind::zh)
            .collect()
    });
    let dossier = Dossier {
        household: household_of(store, scope, &claim).await?,
        history: store.history(scope, claim.id).await?,
        staff: Staff::of(desk, &caller).await?,
        village: name(&claim.village),
        township: name(&claim.village.township()),
        actions,
        now: desk.clock().now(),
        scheme,
        claim,
    };
    let title = format!("案件 {}", dossier.claim.number);
    Ok(frame::page(&caller, None, &title, &dossier.render()))
}

impl Dossier {
    fn render(&self) -> Markup {
        let claim = &self.claim;
        let status = claim.status();
        html! {
            header.claim {
                p.crumb { a href="/claims" { "案件" } " / " (status.phase().zh()) " " small lang="en" { (phase_en(status.phase())) } }
                h1 { (claim.number) " " (pill(status)) }
                p.amount-now { (self.amount_label()) " " (yuan(self.amount())) }
                (self.waiting())
            }
            section.card { (heading("办理路线", "Route")) (route::render(&self.history)) }
            div.columns {
                section.card { (heading("基本情况", "Facts")) (self.facts()) }
                section.card { (heading("付款", "Payment")) (self.payment()) }
            }
            section.card { (heading("理算", "Derivation")) (self.derivation()) }
            section.card { (heading("材料", "Documents")) (self.documents()) }
            div.columns {
                section.card.notice { (heading("公示", "Public notice")) (self.notice()) }
                section.card { (heading("异议", "Objections")) (self.objections()) }
            }
            @if !claim.refusals.is_empty() {
                section.card { (heading("拒赔与申诉", "Refusal and appeal")) (self.refusals()) }
            }
            section.card { (heading("用时", "Days")) (self.days()) }
            section.card { (heading("办理经过", "Timeline")) (timeline::render(&self.history, &self.staff)) }
        }
    }

    const fn amount_label(&self) -> &'static str {
        if self.claim.state.approved().is_some() {
            "核定赔付"
        } else if self.claim.state.verified().is_some() {
            "理算赔付"
        } else {
            "申报自付"
        }
    }

    /// The amount that belongs to the label.
    fn amount(&self) -> Fen {
        let assessed = self.claim.assessment().map(|it| it.benefit);
        let figure = self.claim.approved_amount().or(assessed);
        figure.unwrap_or(self.claim.case.submitted)
    }

    /// Whose desk it lay on.
    fn days(&self) -> Markup {
        let events = self.history.iter().map(|recorded| &recorded.event);
        let county_review = self.scheme.as_ref().is_some_and(|it| it.county_review);
        let days = by_holder(&ledger(events, county_review, self.now));
        let total: i64 = days.iter().map(|(_, days)| days).sum();
        html! {
            dl {
                @for (holder, days) in &days { (row(holder.zh(), &html! { (days) "天" })) }
                (row("合计", &html! { (total) "天" }))
            }
        }
    }

    /// Why it waits, why it ended, what the caller may do about it.
    fn waiting(&self) -> Markup {
        let status = self.claim.status();
        html! {
            @match &self.claim.state {
                ClaimState::Returned(returned) => { p.alert { "退回原因:" (returned.reasons.join(";")) } },
                ClaimState::Withdrawn(withdrawn) => { p.alert { "撤回原因:" (withdrawn.reason) } },
                ClaimState::Ineligible(_) | ClaimState::Rejected(_) => { p.alert { (status.zh()) "。" (self.to_be_told()) } },
                ClaimState::Appealed(_) => { p.alert { "农户已申诉,由未参与原决定的人员复核。" } },
                ClaimState::AppealDismissed(_) => { p.alert { "申诉不成立,维持不予赔付。" (self.to_be_told()) } },
                ClaimState::PayUnknown(it) => { p.alert { "付款结果不明:" (it.reason) } },
                ClaimState::PayFailed(it) => { p.alert { "付款失败:" (it.reason) } },
                ClaimState::PayReturned(it) => { p.alert { "银行退票,流水 " (it.bank_ref) } },
                ClaimState::AwaitingFunds(it) => { p.alert { "资金池余额不足,排队等待资金:" (yuan(it.approved.approval.amount)) } },
                ClaimState::Recovering(it) => {
                    p.alert { "追回原因:" (it.reason) "。尚未追回 " (yuan(it.outstanding())) }
                    @if let Some(write_off) = &it.write_off { p.alert { "核销待第二人确认:" (write_off.reason) } }
                },
                ClaimState::WrittenOff(it) => { p.alert { "已核销 " (yuan(it.write_off.amount)) ":" (it.write_off.reason) } },
                ClaimState::Verifying(it) => {
                    @match &it.reopened {
                        Some(Reopened::Objection) => p.alert { "异议成立,重新核查。" },
                        Some(Reopened::Appeal) => p.alert { "申诉成立,重新核查。" },
                        Some(Reopened::Questions(questions)) => p.alert { "审批退回:" (questions.join(";")) },
                        Some(Reopened::PayeeChanged { .. }) => p.alert { "收款人变更,待第二人确认。" },
                        None => {}
                    }
                },
                ClaimState::Draft(_) | ClaimState::Referred(_) | ClaimState::Accepted(_) | ClaimState::Verified(_)
                | ClaimState::NoticeOpen(_) | ClaimState::NoticeClosed(_) | ClaimState::Approved(_) | ClaimState::Instructed(_)
                | ClaimState::Paid(_) | ClaimState::Closed(_) | ClaimState::Recovered(_) | ClaimState::RefusalClosed(_) => {},
            }
            @if !self.actions.is_empty() {
                p.actions { "您的岗位此时可办:" (self.actions.join("、")) }
            }
        }
    }

    /// What a refused household is still to be told, or how long it may appeal.
    fn to_be_told(&self) -> Markup {
        let Some(refusal) = self.claim.refusals.last() else {
            return html! {};
        };
        let (letter, due_on) = refusal.standing_letter();
        html! {
            @match (letter, due_on) {
                (None, Some(day)) => {
                    "通知书应于 " (day) " 前送达"
                    @if legal_day(self.now) > day { strong { ",已逾期" } }
                    "。"
                },
                (Some(_), _) | (None, None) => {
                    @let open = |day: &NaiveDate| refusal.appeal.is_none() && legal_day(self.now) <= *day;
                    @match refusal.appeal_until().filter(open) {
                        Some(day) => { "农户可申诉至 " (day) "。" },
                        None => { "已告知农户,可归档。" },
                    }
                },
            }
        }
    }

    /// Why it was refused, what the household was told, what became of its appeal; the latest refusal first.
    fn refusals(&self) -> Markup {
        let claim = &self.claim;
        html! {
            @for refusal in claim.refusals.iter().rev() {
                dl.facts {
                    (row("决定", &html! { (self.staff.actor(&refusal.decided)) " " (time(refusal.decided.at)) }))
                    @for line in &refusal.lines {
                        (row(line.code.zh(), &html! {
                            (line.facts)
                            @if let Some(clause) = self.scheme.as_ref().and_then(|it| it.clause(&line.clause)) {
                                p.second { "条款:“" (clause) "”" }
                            }
                        }))
                    }
                    (row("拒赔通知书", &self.letter(refusal.letter.as_ref(), refusal.letter_due_on)))
                    @if let Some(appeal) = &refusal.appeal {
                        (row("申诉", &html! { (appeal.grounds) " " (time(appeal.lodged.at)) }))
                        @match &appeal.decision {
                            None => (row("申诉决定", &html! { "待决定" })),
                            Some(decision) => {
                                (row("申诉决定", &html! {
                                    strong { @if decision.upheld { "成立" } @else { "驳回" } }
                                    " " (decision.findings) " "
                                    span.actor { (self.staff.actor(&decision.decided)) " " (time(decision.decided.at)) }
                                }))
                                @if let Some(due_on) = decision.letter_due_on {
                                    (row("申诉决定通知书", &self.letter(decision.letter.as_ref(), due_on)))
                                }
                            }
                        }
                    }
                }
            }
            @if let ClaimState::RefusalClosed(closed) = &claim.state {
                dl.facts { (row("档案号", &html! { (closed.archive_no) " " (time(closed.closed.at)) })) }
            } @else if claim.status().is_refused() {
                p { a href=(format!("/claims/{}/refusal-letter", encode(&claim.number))) { "打印通知书" } small lang="en" { " Print the letter" } }
            }
        }
    }

    fn letter(&self, letter: Option<&IssuedLetter>, due_on: NaiveDate) -> Markup {
        html! {
            @match letter {
                None => { "应于 " (due_on) " 前送达" },
                Some(issued) => {
                    (issued.letter.delivered_on) " " (issued.delivery.zh()) ",接收人 " (issued.handed_to)
                    @if issued.letter.delivered_on > due_on { strong { "(逾期,应于 " (due_on) " 前)" } }
                    @if let Some(day) = issued.letter.appeal_until { ",可申诉至 " (day) }
                    " " span.actor { (self.staff.actor(&issued.issued)) }
                },
            }
        }
    }

    fn member(&self) -> Option<&Member> {
        let household = self.household.as_ref()?;
        Desk::member(household, self.claim.case.insured)
    }

    fn facts(&self) -> Markup {
        let claim = &self.claim;
        let case = &claim.case;
        html! {
            dl.facts {
                @if let Some(household) = &self.household {
                    (row("户主", &html! { (household.head_name()) }))
                    (row("户类型", &html! { (household.kind) "," (household.persons) "人" }))
                }
                (row("住址", &html! { (self.township) " " (self.village) }))
                @if let Some(member) = self.member() {
                    (row("涉及人", &html! { (member.name) "(" (member.relation) ")" }))
                    (row("身份证号", &html! { span.code { (member.id_number.masked()) } }))
                }
                (row("致贫原因", &html! { (case.peril.zh()) }))
                (row("事件日期", &html! { (case.event_on) }))
                @if case.advance { (row("类型", &html! { "先行救助" })) }
                @if let Some(follows) = &claim.follows {
                    (row("前案", &html! { a href={ "/claims/" (follows.number) } { (follows.number) } " " (follows.kind.zh()) }))
                }
                (row("申报自付", &yuan(case.submitted)))
                @if let Some(basis) = &case.basis {
                    (row("村级评议", &html! { (basis.decided_on) " " (basis.document) }))
                }
                @if let Some(verifying) = claim.state.verifying() {
                    (row("查勘员", &html! { (self.staff.name(verifying.surveyor)) }))
                    @for finding in &verifying.findings {
                        (row(finding.check.zh(), &html! {
                            (finding.on) " " @if finding.passed { "通过" } @else { "未通过" }
                            @if let Some(votes) = finding.votes { "(同意" (votes.agree) "/到会" (votes.present) ")" }
                        }))
                    }
                }
                (row("保单年度", &html! { (claim.policy_year) }))
                @if claim.is_stopped() {
                    (row("办理时限", &html! { "异议处理中,停止计时" }))
                } @else if let Some((what, day)) = claim.due() {
                    (row(what.zh(), &html! { (day) " 前" }))
                }
            }
        }
    }

    fn payment(&self) -> Markup {
        let claim = &self.claim;
        html! {
            dl.facts {
                (self.payee(claim.case.payee))
                @if let Some(approved) = claim.state.approved() {
                    (row("核定赔付", &yuan(approved.approval.amount)))
                    @if let Some(uplift) = &approved.approval.uplift {
                        (row("其中特殊提标", &html! { (yuan(uplift.amount)) "(" (uplift.reason) ")" }))
                    }
                    (row("审批", &html! { (self.staff.actor(&approved.approval.approved)) " " (time(approved.approval.approved.at)) }))
                    @if let Some(second) = &approved.second {
                        (row("复核", &html! { (self.staff.actor(second)) " " (time(second.at)) }))
                    }
                }
                @if let Some(instructed) = claim.state.instructed() {
                    (row("指令号", &html! { span.code { (instructed.instruction.instruction_no) } }))
                    (row("付款指令", &html! { (self.staff.actor(&instructed.instruction.instructed)) " " (time(instructed.instruction.instructed.at)) }))
                }
                @if let ClaimState::Paid(paid) = &claim.state {
                    (row("到账", &html! { (time(paid.confirmed.at)) " 银行流水 " (paid.bank_ref) }))
                }
                @if let ClaimState::Closed(closed) = &claim.state {
                    (row("到账", &html! { (time(closed.paid.confirmed.at)) " 银行流水 " (closed.paid.bank_ref) }))
                    (row("档案号", &html! { (closed.archive_no) }))
                }
            }
            @if claim.state.approved().is_none() { p.empty { "尚未审批。" small lang="en" { "Not approved yet." } } }
        }
    }

    fn payee(&self, id: PayeeId) -> Markup {
        let payees = self.household.iter().flat_map(|it| &it.payees);
        let payee = payees.into_iter().find(|it| it.id == id);
        html! {
            @if let Some(payee) = payee {
                (row("收款人", &html! { (payee.holder_name) }))
                (row("开户行", &html! { (payee.bank) }))
                (row("账号", &html! { span.code { (payee.account.masked()) } }))
            }
        }
    }

    fn derivation(&self) -> Markup {
        let Some(assessment) = self.claim.assessment() else {
            return html! { p.empty { "尚未核定理算。" small lang="en" { "Not assessed yet." } } };
        };
        html! {
            (sheet(assessment))
            p.plain { strong { "给农户的说明:" } (assessment.plain_words()) }
            dl.facts.source {
                @if let Some(scheme) = &self.scheme {
                    (row("方案", &html! { (scheme.name) " 第" (scheme.version) "版(" (scheme.code) ")" }))
                    (row("方案依据", &html! { (scheme.source) }))
                }
                (row("条款", &html! { (assessment.clause) }))
                (row("数据来源", &html! { (assessment.source) }))
            }
        }
    }

    fn documents(&self) -> Markup {
        let Some(scheme) = &self.scheme else {
            return html! {};
        };
        let needed = checklist(&self.claim, &[], scheme);
        if needed.is_empty() {
            return html! { p.empty { "本险种不要求材料。" small lang="en" { "None required." } } };
        }
        html! {
            table {
                thead { tr {
                    th scope="col" { "材料" } th scope="col" { "已有/需要" } th scope="col" { "提供方" } th scope="col" { "应交环节" }
                } }
                tbody {
                    @for check in &needed {
                        tr {
                            th scope="row" { (check.rule.kind) }
                            td data-label="已有/需要" {
                                (check.on_file) "/" (check.rule.count_min)
                                @if check.lacking() > 0 { strong { " 缺" (check.lacking()) "份" } }
                            }
                            td data-label="提供方" { (check.rule.supplier.zh()) }
                            td data-label="应交环节" { (check.rule.due.zh()) }
                        }
                    }
                }
            }
        }
    }

    fn notice(&self) -> Markup {
        let Some(open) = self.claim.state.notice() else {
            return html! { p.empty { "尚未公示。" small lang="en" { "No notice yet." } } };
        };
        let notice = &open.notice;
        let hangs = matches!(self.claim.state, ClaimState::NoticeOpen(_));
        html! {
            pre.poster { (notice.line.text()) }
            dl.facts {
                (row("张贴", &html! { (notice.posted_on) }))
                (row("期满", &html! { (notice.last_day) " 止" @if hangs { strong { " 公示中" } } }))
                (row("可办结", &html! { (time(notice.closes_at)) " 起" }))
                (row("张贴证明", &html! { (open.proofs.len()) " 份" }))
                (row("内容指纹", &html! { span.code title=(notice.content_hash) { (notice.content_hash.chars().take(16).collect::<String>()) "…" } }))
            }
        }
    }

    fn objections(&self) -> Markup {
        if self.claim.objections.is_empty() {
            return html! { p.empty { "没有异议。" small lang="en" { "None." } } };
        }
        html! {
            ol.objections {
                @for objection in &self.claim.objections {
                    li {
                        p { strong { (objection.status.zh()) } " " (time(objection.raised.at)) }
                        p { (objection.grounds) }
                        @if let Some(findings) = &objection.findings { p { "查明:" (findings) } }
                        @if let Some(resolved) = &objection.resolved {
                            p.actor { (self.staff.actor(resolved)) " " (time(resolved.at)) }
                        }
                    }
                }
            }
        }
    }
}

/// The calculation sheet, line by line.
fn sheet(assessment: &Assessment) -> Markup {
    let steps = assessment.steps();
    let last = steps.len().saturating_sub(1);
    html! {
        table.derivation {
            thead { tr { th scope="col" { "项目" } th scope="col" { "算式" } th.amount scope="col" { "金额(元)" } } }
            tbody {
                @for (index, step) in steps.iter().enumerate() {
                    tr.result[index == last] {
                        th scope="row" { (step.label_zh) small lang="en" { (step.label_en) } }
                        td.working data-label="算式" { (step.working) }
                        td.amount data-label="金额(元)" { (step.amount) }
                    }
                }
            }
        }
        @if assessment.caps.is_empty() {
            p.second { "本条款不设封顶。" small lang="en" { "No caps apply." } }
        } @else {
            ul.caps {
                @for cap in &assessment.caps {
                    li {
                        (cap.scope.label_zh()) "封顶 " (yuan(cap.limit)) ",此前已用 " (yuan(cap.used)) ",余 " (yuan(cap.remaining))
                        @if cap.after < cap.before { strong { ",本次受限" } }
                    }
                }
            }
        }
    }
}
