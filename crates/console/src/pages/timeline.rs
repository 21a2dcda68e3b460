//! The timeline (办理经过): every event in words.

use super::words::{Staff, time, yuan};
use engine::Recorded;
use lifecycle::Happening;
use lifecycle::phase::approval::Uplift;
use maud::{Markup, html};

/// The events of a claim, the latest first.
pub(super) fn render(history: &[Recorded], staff: &Staff) -> Markup {
    html! {
        ol.timeline reversed {
            @for entry in history.iter().rev() {
                li {
                    (time(entry.event.stamp.at))
                    div {
                        strong { (entry.event.what.kind().zh()) }
                        span.actor { (staff.actor(&entry.event.stamp)) }
                        (details(&entry.event.what, staff))
                    }
                }
            }
        }
    }
}

fn details(what: &Happening, staff: &Staff) -> Markup {
    let list = |texts: &[String]| html! { ul { @for text in texts { li { (text) } } } };
    let text = |text: &str| html! { p { (text) } };
    let approval = |amount, uplift: &Option<Uplift>| {
        html! {
            p { "核定赔付 " (yuan(amount)) }
            @if let Some(uplift) = uplift { p { "其中特殊提标 " (yuan(uplift.amount)) ":" (uplift.reason) } }
        }
    };
    match what {
        Happening::ReferralDrafted(opening) => html! {
            p { (opening.case.peril.zh()) ",事件日期 " (opening.case.event_on) ",申报 " (yuan(opening.case.submitted)) }
        },
        Happening::ReferralAmended { case } => html! {
            p { "改为:" (case.peril.zh()) ",事件日期 " (case.event_on) ",申报 " (yuan(case.submitted)) }
        },
        Happening::ReferralReturned { reasons } => list(reasons),
        Happening::SurveyAssigned { surveyor } => html! { p { "查勘员 " (staff.name(*surveyor)) } },
        Happening::FindingRecorded {
            check,
            on,
            passed,
            votes,
            evidence,
            flags,
        } => html! {
            p {
                (check.zh()) " " (on) ":" @if *passed { "通过" } @else { "未通过" }
                @if let Some(votes) = votes { "(到会" (votes.present) ",同意" (votes.agree) ",反对" (votes.against) ")" }
                @if !evidence.is_empty() { ",材料" (evidence.len()) "份" }
            }
            @for flag in flags {
                p {
                    "疑点:" (flag.exclusion)
                    @match &flag.rebuttal {
                        Some(reason) => { ",排除理由:" (reason) }
                        None => { ",未排除" }
                    }
                }
            }
        },
        Happening::DocumentAttached { evidence } => html! { p { "材料:" (evidence.kind) } },
        Happening::VerificationRecorded {
            facts, assessment, ..
        } => html! {
            p { "票据" (facts.bills.len()) "张,理算赔付 " (yuan(assessment.benefit)) }
        },
        Happening::DeclaredIneligible {
            lines,
            letter_due_on,
        }
        | Happening::ClaimRejected {
            lines,
            letter_due_on,
        } => html! {
            ul { @for line in lines { li { (line.code.zh()) ":" (line.facts) } } }
            p { "通知书应于 " (letter_due_on) " 前送达" }
        },
        Happening::RefusalLetterIssued {
            letter,
            delivery,
            handed_to,
            ..
        } => html! {
            p { (letter.kind().zh()) "," (letter.delivered_on) " " (delivery.zh()) ",接收人 " (handed_to) }
            @if let Some(day) = letter.appeal_until { p { "可申诉至 " (day) } }
        },
        Happening::AppealDismissed {
            findings,
            letter_due_on,
        } => html! {
            p { (findings) }
            p { "决定通知书应于 " (letter_due_on) " 前送达" }
        },
        Happening::PublicNoticeOpened {
            posted_on,
            last_day,
            ..
        } => html! {
            p { (posted_on) " 张贴,公示至 " (last_day) }
        },
        Happening::ObjectionRaised { grounds, .. } | Happening::AppealLodged { grounds } => {
            text(grounds)
        }
        Happening::ObjectionUpheld { findings, .. }
        | Happening::ObjectionDismissed { findings, .. }
        | Happening::AppealUpheld { findings } => text(findings),
        Happening::FirstApprovalGiven { uplift, amount, .. }
        | Happening::ApprovalQueued { uplift, amount, .. }
        | Happening::ClaimApproved { uplift, amount, .. } => approval(*amount, uplift),
        Happening::ClaimSentBack { questions } => list(questions),
        Happening::PayoutInstructed {
            instruction_no,
            amount,
            ..
        } => html! {
            p { "指令号 " (instruction_no) "," (yuan(*amount)) }
        },
        Happening::RecoveryRecorded { amount, bank_ref } => html! {
            p { (yuan(*amount)) ",银行流水 " (bank_ref) }
        },
        Happening::WriteOffProposed { amount, reason } => html! {
            p { (yuan(*amount)) ":" (reason) }
        },
        Happening::PayoutConfirmed { bank_ref }
        | Happening::PayoutReturned { bank_ref }
        | Happening::RecoveryCompleted { bank_ref } => html! { p { "银行流水 " (bank_ref) } },
        Happening::PayoutFailed { reason }
        | Happening::PayoutUnknown { reason }
        | Happening::ClaimWithdrawn { reason }
        | Happening::RecoveryStarted { reason } => text(reason),
        Happening::ClaimClosed { archive_no } => html! { p { "档案号 " (archive_no) } },
        Happening::CaseReferred
        | Happening::ReferralAccepted
        | Happening::NoticePreviewed { .. }
        | Happening::PublicationProved { .. }
        | Happening::NoticeClosed
        | Happening::CountyReviewed
        | Happening::SecondApprovalGiven { .. }
        | Happening::SecondApprovalQueued { .. }
        | Happening::WaitingReserved
        | Happening::RecoveryWrittenOff
        | Happening::PayeeChanged { .. }
        | Happening::PayeeConfirmed { .. }
        | Happening::PayoutReinstated => html! {},
    }
}
