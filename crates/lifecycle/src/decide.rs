//! The judgement: pure, synchronous, blind. It sees the claim, the order and the facts, no more.

use crate::claim::{Claim, State};
use crate::command::{Actor, Command, CommandKind, Door, Order};
use crate::duty::moves_towards_payment;
use crate::event::{Event, Happening, Stamp};
use crate::facts::Facts;
use crate::guard::{Guard, hold};
use crate::phase::{approval, document, payout, public_notice, referral, refusal, verification};
use crate::posting::{Movement, Posting};
use crate::scheme::Scheme;
use crate::table::allowed;
use crate::{Blocked, Duty, Status};
use benefits::Fen;
use chrono::NaiveDate;

/// A judgement that goes ahead: the event, the claim after it, and the money that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The claim after the event.
    pub claim: Claim,
    /// What happened.
    pub event: Event,
    /// Transfers in the scheme's pool.
    pub postings: Vec<Posting>,
}

/// What a phase rules: the event's contents, or why not.
pub(crate) type Ruling = Result<Happening, Blocked>;

pub(crate) const fn invalid(claim: &Claim, order: &Order) -> Blocked {
    Blocked::InvalidState {
        status: claim.status(),
        command: order.command.kind(),
    }
}

/// Judges an order that begins a claim.
pub fn open_claim(order: &Order, facts: &Facts) -> Result<Decision, Blocked> {
    entitled(order, facts)?;
    let Command::DraftReferral(draft) = &order.command else {
        return Err(Blocked::Validation {
            field: "claimId",
            reason: "MISSING",
        });
    };
    let mut event = Event {
        stamp: stamp(order, facts),
        what: referral::draft(draft, facts)?,
        due_on: None,
    };
    event.due_on = fresh(Status::Draft, facts)?;
    let claim = Claim::begin(&event).ok_or(Blocked::Validation {
        field: "claimId",
        reason: "MISSING",
    })?;
    Ok(Decision {
        claim,
        event,
        postings: Vec::new(),
    })
}

/// Judges an order on a claim.
pub fn decide(claim: &Claim, order: &Order, facts: &Facts) -> Result<Decision, Blocked> {
    // A claim keeps the scheme version it began with (invariant 3).
    if claim.scheme != facts.scheme.id {
        return Err(Blocked::Validation {
            field: "schemeId",
            reason: "NOT_THE_PINNED_SCHEME",
        });
    }
    entitled(order, facts)?;
    let what = rule(claim, order, facts)?;
    let postings = postings(claim, &what);
    for posting in &postings {
        hold(Guard::PositiveAmount, posting.amount.get() > 0, || {
            Blocked::NoBenefit {}
        })?;
    }
    let mut event = Event {
        stamp: stamp(order, facts),
        what,
        due_on: None,
    };
    let mut after = claim.clone().apply(&event);
    event.due_on = due_on(claim, &after, facts)?;
    after.deadline = event.due_on;
    Ok(Decision {
        claim: after,
        event,
        postings,
    })
}

/// The deadline of a status that begins today.
fn fresh(status: Status, facts: &Facts) -> Result<Option<NaiveDate>, Blocked> {
    let term = facts.scheme.deadline(status);
    Ok(term
        .map(|term| facts.calendar.last_day(facts.today(), term))
        .transpose()?)
}

/// The deadline of the status that follows; a status that goes on keeps the one it has, moved on by the days
/// on which the clock stood for an objection (failure 19).
fn due_on(before: &Claim, after: &Claim, facts: &Facts) -> Result<Option<NaiveDate>, Blocked> {
    if before.status() != after.status() {
        return fresh(after.status(), facts);
    }
    let runs_on = before.is_stopped() && !after.is_stopped();
    let stopped_on = before.stopped_on.filter(|_| runs_on);
    let term = facts.scheme.deadline(after.status());
    match (before.deadline, term, stopped_on) {
        (Some(last_day), Some(term), Some(stopped_on)) => {
            let calendar = &facts.calendar;
            Ok(Some(calendar.resumed(
                term,
                last_day,
                stopped_on,
                facts.today(),
            )?))
        }
        (deadline, _, _) => Ok(deadline),
    }
}

/// Duty and interest: who may give this command at all.
fn entitled(order: &Order, facts: &Facts) -> Result<(), Blocked> {
    let command = order.command.kind();
    if !may_give(&order.actor, command, &facts.scheme) {
        return Err(Blocked::DutyMissing { command });
    }
    // Only the bank's confirmation may come from a program, and never from a timer.
    let by_person = order.actor.door == Door::Person || command == CommandKind::ConfirmPayout;
    hold(
        Guard::NoTimerDecides,
        !moves_towards_payment(command) || (by_person && !order.actor.holds(Duty::Timer)),
        || Blocked::DutyMissing { command },
    )?;
    let own = order
        .actor
        .persons()
        .any(|person| facts.seen.interested.contains(&person));
    hold(Guard::NoOwnHousehold, !own, || Blocked::SelfDealing {})
}

fn may_give(actor: &Actor, command: CommandKind, scheme: &Scheme) -> bool {
    scheme
        .duties_of(command)
        .iter()
        .any(|duty| actor.holds(*duty) && !crate::duty::forbidden(command, *duty))
}

/// The commands this caller may give on this claim by status and duty. Whether each would go
/// through depends on facts that are read when it is given.
pub fn available_actions(claim: &Claim, actor: &Actor, scheme: &Scheme) -> Vec<CommandKind> {
    allowed(claim.status())
        .filter(|command| may_give(actor, *command, scheme))
        .collect()
}

fn stamp(order: &Order, facts: &Facts) -> Stamp {
    Stamp {
        by: order.actor.person,
        on_behalf_of: order.actor.on_behalf_of,
        at: facts.seen.now,
    }
}

fn rule(claim: &Claim, order: &Order, facts: &Facts) -> Ruling {
    match &order.command {
        Command::DraftReferral(_) => Err(invalid(claim, order)),
        Command::AmendReferral { case } => referral::amend(claim, order, case, facts),
        Command::ReferCase => referral::refer(claim, order, facts),
        Command::ReturnReferral { reasons } => referral::give_back(claim, order, reasons),
        Command::AcceptReferral => referral::accept(claim, order, facts),
        Command::AssignSurvey { surveyor } => verification::assign(claim, order, *surveyor, facts),
        Command::RecordFinding {
            check,
            on,
            passed,
            votes,
            evidence,
            flags,
        } => verification::record_finding(
            claim,
            order,
            verification::FindingEntry {
                check: *check,
                on: *on,
                passed: *passed,
                votes: *votes,
                evidence,
                flags,
            },
            facts,
        ),
        Command::AttachDocument { evidence } => document::attach(claim, order, evidence),
        Command::RecordVerification { facts: entry } => {
            verification::verify(claim, order, entry, facts)
        }
        Command::DeclareIneligible { lines } => {
            verification::declare_ineligible(claim, order, lines, facts)
        }
        Command::PreviewNotice { content_hash } => {
            public_notice::preview(claim, order, content_hash, facts)
        }
        Command::OpenPublicNotice { notice } => public_notice::open(claim, order, *notice, facts),
        Command::RecordPublicationProof {
            content_hash,
            evidence,
        } => public_notice::prove(claim, order, content_hash, evidence),
        Command::RaiseObjection { objection, grounds } => {
            public_notice::object(claim, order, *objection, grounds)
        }
        Command::ResolveObjection {
            objection,
            upheld,
            findings,
        } => public_notice::resolve(claim, order, *objection, *upheld, findings),
        Command::CloseNotice => public_notice::close(claim, order, facts),
        Command::CountyReviewClaim => approval::review(claim, order),
        Command::ApproveClaim {
            benefit,
            uplift,
            payee,
            dossier,
        } => {
            let seen = approval::Confirmed {
                payee: *payee,
                dossier,
            };
            approval::approve(claim, order, *benefit, uplift.as_ref(), seen, facts)
        }
        Command::SecondApproveClaim {
            amount,
            payee,
            dossier,
        } => {
            let seen = approval::Confirmed {
                payee: *payee,
                dossier,
            };
            approval::second_approve(claim, order, *amount, seen, facts)
        }
        Command::ReserveWaiting { amount } => approval::reserve(claim, order, *amount, facts),
        Command::RejectClaim { lines } => approval::reject(claim, order, lines, facts),
        Command::SendBackClaim { questions } => approval::send_back(claim, order, questions),
        Command::ChangePayee { payee } => payout::change_payee(claim, order, *payee, facts),
        Command::ConfirmPayee { payee } => payout::confirm_payee(claim, order, *payee, facts),
        Command::InstructPayout {
            payment,
            amount,
            payee,
        } => payout::instruct(claim, order, *payment, *amount, *payee, facts),
        Command::ConfirmPayout {
            instruction_no,
            amount,
            bank_ref,
        } => payout::confirm(claim, order, instruction_no, *amount, bank_ref),
        Command::ReportPayoutFailure {
            instruction_no,
            reason,
        } => payout::fail(claim, order, instruction_no, reason),
        Command::ReportPayoutReturned {
            instruction_no,
            amount,
            bank_ref,
        } => payout::give_back(claim, order, instruction_no, *amount, bank_ref),
        Command::MarkPayoutUnknown { reason } => payout::mark_unknown(claim, order, reason),
        Command::ReconcilePayout { outcome } => payout::reconcile(claim, order, outcome),
        Command::ReinstatePayout { payee } => payout::reinstate(claim, order, *payee, facts),
        Command::WithdrawClaim { reason } => referral::withdraw(claim, order, reason),
        Command::CloseClaim { archive_no } => payout::archive(claim, order, archive_no, facts),
        Command::StartRecovery { reason } => payout::start_recovery(claim, order, reason),
        Command::RecordRecovery { amount, bank_ref } => {
            payout::recover(claim, order, *amount, bank_ref, facts)
        }
        Command::WriteOffRecovery { amount, reason } => {
            payout::write_off(claim, order, *amount, reason, facts)
        }
        Command::ConfirmWriteOff { amount } => {
            payout::confirm_write_off(claim, order, *amount, facts)
        }
        Command::IssueRefusalLetter {
            content_hash,
            delivered_on,
            delivery,
            handed_to,
        } => refusal::issue(
            claim,
            order,
            refusal::LetterEntry {
                content_hash,
                delivered_on: *delivered_on,
                delivery: *delivery,
                handed_to,
            },
            facts,
        ),
        Command::LodgeAppeal { grounds } => refusal::lodge(claim, order, grounds, facts),
        Command::DecideAppeal { upheld, findings } => {
            refusal::decide(claim, order, *upheld, findings, facts)
        }
    }
}

/// The money an event moves. It follows from the claim and the event alone.
pub fn postings(claim: &Claim, what: &Happening) -> Vec<Posting> {
    let reserved = || claim.approved_amount().unwrap_or(Fen::ZERO);
    let outstanding = || claim.outstanding().unwrap_or(Fen::ZERO);
    let transfer = |movement: Movement, amount| vec![movement.of(amount)];
    match what {
        Happening::ClaimApproved { amount, .. } => transfer(Movement::Reserved, *amount),
        Happening::SecondApprovalGiven { .. } => {
            let State::NoticeClosed(closed) = &claim.state else {
                return Vec::new();
            };
            closed
                .first_approval
                .as_ref()
                .map_or_else(Vec::new, |first| transfer(Movement::Reserved, first.amount))
        }
        Happening::PayoutInstructed { amount, .. } => transfer(Movement::Instructed, *amount),
        Happening::PayoutConfirmed { .. } => transfer(Movement::Paid, reserved()),
        Happening::PayoutFailed { .. } => transfer(Movement::PayFailed, reserved()),
        Happening::PayoutReturned { .. } => transfer(Movement::PayReturned, reserved()),
        Happening::WaitingReserved => {
            let State::AwaitingFunds(waiting) = &claim.state else {
                return Vec::new();
            };
            transfer(Movement::Reserved, waiting.approved.approval.amount)
        }
        Happening::RecoveryRecorded { amount, .. } => transfer(Movement::Recovered, *amount),
        Happening::RecoveryCompleted { .. } => transfer(Movement::Recovered, outstanding()),
        Happening::RecoveryWrittenOff => transfer(Movement::WrittenOff, outstanding()),
        Happening::ObjectionUpheld { .. }
        | Happening::PayeeChanged { .. }
        | Happening::ClaimWithdrawn { .. } => match claim.approved_amount() {
            Some(amount) => transfer(Movement::Released, amount),
            None => Vec::new(),
        },
        Happening::ReferralDrafted(_)
        | Happening::ReferralAmended { .. }
        | Happening::CaseReferred
        | Happening::ReferralReturned { .. }
        | Happening::ReferralAccepted
        | Happening::SurveyAssigned { .. }
        | Happening::FindingRecorded { .. }
        | Happening::DocumentAttached { .. }
        | Happening::VerificationRecorded { .. }
        | Happening::DeclaredIneligible { .. }
        | Happening::NoticePreviewed { .. }
        | Happening::PublicNoticeOpened { .. }
        | Happening::PublicationProved { .. }
        | Happening::ObjectionRaised { .. }
        | Happening::ObjectionDismissed { .. }
        | Happening::NoticeClosed
        | Happening::CountyReviewed
        | Happening::FirstApprovalGiven { .. }
        | Happening::ApprovalQueued { .. }
        | Happening::SecondApprovalQueued { .. }
        | Happening::ClaimRejected { .. }
        | Happening::ClaimSentBack { .. }
        | Happening::PayeeConfirmed { .. }
        | Happening::PayoutUnknown { .. }
        | Happening::PayoutReinstated
        | Happening::ClaimClosed { .. }
        | Happening::RecoveryStarted { .. }
        | Happening::WriteOffProposed { .. }
        | Happening::RefusalLetterIssued { .. }
        | Happening::AppealLodged { .. }
        | Happening::AppealUpheld { .. }
        | Happening::AppealDismissed { .. } => Vec::new(),
    }
}
