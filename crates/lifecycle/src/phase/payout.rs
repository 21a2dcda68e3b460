//! PAYOUT (赔付): instructed once, confirmed from a second source, returned, recovered.

use crate::claim::{Claim, State};
use crate::coded;
use crate::command::Order;
use crate::decide::{Ruling, invalid};
use crate::event::Happening;
use crate::facts::{Facts, PayeeFacts};
use crate::guard::{Guard, hold};
use crate::phase::approval::{Approved, cap_remaining};
use crate::phase::document::documents_due;
use crate::phase::public_notice::{no_objection_open, proved, term_ran};
use crate::phase::referral::{not_claimed_elsewhere, separate};
use crate::phase::refusal::told;
use crate::scheme::DueStep;
use crate::{ActedAs, Blocked, PayeeId, PayeeRelation, PaymentId, Stamp, Status};
use benefits::Fen;
use chrono::Days;
use serde::{Deserialize, Serialize};

/// A payment instruction (付款指令). Immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// Its id.
    pub payment: PaymentId,
    /// Its number, as the bank sees it.
    pub instruction_no: String,
    /// Fen.
    pub amount: Fen,
    /// The payee.
    pub payee: PayeeId,
    /// Who instructed, when: may not refer, survey or approve.
    pub instructed: Stamp,
}

/// The number of a claim's nth instruction (指令号): `FP`, the claim's number, the count.
fn instruction_no(claim: &str, count: u16) -> String {
    format!("FP{claim}-{count}")
}

/// The number of an instruction of ours that stands in a text of a bank, and the number of its claim; `None` if there is
/// none.
pub fn instruction_in(text: &str) -> Option<(&str, &str)> {
    let text = &text[text.find("FP")?..];
    let end = text.find(|it: char| !it.is_ascii_alphanumeric() && it != '-');
    let number = text[..end.unwrap_or(text.len())].trim_end_matches('-');
    let (claim, _) = number.strip_prefix("FP")?.rsplit_once('-')?;
    // County, year and serial number.
    (claim.split('-').count() == 3).then_some((number, claim))
}

coded! {
    /// How a payment stands.
    PaymentStatus {
        /// Nothing is known yet.
        Instructed = "INSTRUCTED" "在途",
        /// Nobody knows, and somebody said so.
        Unknown = "UNKNOWN" "结果不明",
        /// It arrived.
        Paid = "PAID" "已到账",
        /// It did not.
        Failed = "FAILED" "失败",
        /// It arrived and came back.
        Returned = "RETURNED" "已退票",
        /// It arrived and was recovered.
        Recovered = "RECOVERED" "已追回",
        /// It arrived, and what of it could not be recovered was written off.
        WrittenOff = "WRITTEN_OFF" "已核销",
    }
}

coded! {
    /// What a bank says of a payment.
    BankSays {
        /// The money arrived.
        Settled = "SETTLED" "成功",
        /// It did not, and cannot any more.
        Failed = "FAILED" "失败",
        /// It arrived and came back.
        Returned = "RETURNED" "退票",
        /// The bank does not know yet.
        Unknown = "UNKNOWN" "处理中",
    }
}

/// What it means, as the payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Something new.
    News,
    /// What is known already.
    Known,
    /// Something that another report must come before.
    Early,
    /// It cannot be true together with what was proved.
    Contradiction,
}

/// What a bank's word means, whichever way it came: by file, by message. The one table.
pub const fn meaning(says: BankSays, stands: PaymentStatus) -> Meaning {
    use BankSays as B;
    use PaymentStatus as P;
    match (says, stands) {
        (B::Settled | B::Failed, P::Instructed | P::Unknown)
        | (B::Returned, P::Paid)
        | (B::Unknown, P::Instructed) => Meaning::News,
        (B::Settled, P::Paid | P::Returned | P::Recovered | P::WrittenOff)
        | (B::Failed, P::Failed)
        | (B::Returned, P::Returned)
        | (B::Unknown, P::Unknown) => Meaning::Known,
        (B::Returned, P::Instructed | P::Unknown) => Meaning::Early,
        (B::Settled, P::Failed)
        | (B::Failed, P::Paid | P::Returned | P::Recovered | P::WrittenOff)
        | (B::Returned, P::Failed | P::Recovered | P::WrittenOff)
        | (B::Unknown, P::Paid | P::Failed | P::Returned | P::Recovered | P::WrittenOff) => {
            Meaning::Contradiction
        }
    }
}

/// What a statement says about an unknown payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BankOutcome {
    /// The money arrived.
    Settled {
        /// Fen on the statement line.
        amount: Fen,
        /// The bank's reference.
        bank_ref: String,
    },
    /// It did not, and cannot any more.
    Failed {
        /// The bank's reference of the refusal.
        bank_ref: String,
    },
}

/// INSTRUCTED (已下达付款指令).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instructed {
    /// The approval.
    pub approved: Approved,
    /// The instruction.
    pub instruction: Instruction,
}

/// `PAY_UNKNOWN` (结果不明).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayUnknown {
    /// The instruction.
    pub instructed: Instructed,
    /// Why nobody knows.
    pub reason: String,
}

/// `PAY_FAILED` (付款失败).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayFailed {
    /// The approval, whose money is still reserved.
    pub approved: Approved,
    /// The bank's reason.
    pub reason: String,
}

/// PAID (已赔付).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// The instruction.
    pub instructed: Instructed,
    /// The bank's reference.
    pub bank_ref: String,
    /// Who or what confirmed, when.
    pub confirmed: Stamp,
}

/// `PAY_RETURNED` (退票).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayReturned {
    /// The approval, whose money is reserved again.
    pub approved: Approved,
    /// The bank's reference of the return.
    pub bank_ref: String,
}

/// CLOSED (已归档).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The payment.
    pub paid: Paid,
    /// Archive number.
    pub archive_no: String,
    /// Who archived it, when.
    pub closed: Stamp,
}

/// Money of a wrong payment that came back (追回分期).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instalment {
    /// Positive fen.
    pub amount: Fen,
    /// The bank's reference: one is recorded once.
    pub bank_ref: String,
    /// Who recorded it, when.
    pub recorded: Stamp,
}

/// That what is outstanding be written off (核销): it waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteOff {
    /// What is outstanding, in fen.
    pub amount: Fen,
    /// Why it cannot be recovered.
    pub reason: String,
    /// Who proposed it, when.
    pub proposed: Stamp,
}

/// RECOVERING (追回中).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovering {
    /// The payment.
    pub paid: Paid,
    /// Why.
    pub reason: String,
    /// What came back so far, in order.
    pub instalments: Vec<Instalment>,
    /// The write-off that waits; money that comes in makes it void.
    pub write_off: Option<WriteOff>,
}

impl Recovering {
    /// What came back, in fen.
    pub fn recovered(&self) -> Fen {
        let came = self.instalments.iter();
        came.fold(Fen::ZERO, |sum, it| {
            sum.checked_add(it.amount).unwrap_or(sum)
        })
    }

    /// What is still to come, in fen. Recovered and outstanding (later: written off) are what was paid.
    pub fn outstanding(&self) -> Fen {
        let paid = self.paid.instructed.instruction.amount;
        paid.saturating_sub_to_zero(self.recovered())
    }
}

/// RECOVERED (已追回): nothing is outstanding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// What was recovered, the last instalment included.
    pub recovering: Recovering,
}

/// `WRITTEN_OFF` (已核销): what is outstanding will not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenOff {
    /// What was recovered, and what was not.
    pub recovering: Recovering,
    /// The amount, the reason, the first person.
    pub write_off: WriteOff,
    /// The second person.
    pub confirmed: Stamp,
}

pub(crate) fn change_payee(claim: &Claim, order: &Order, payee: PayeeId, facts: &Facts) -> Ruling {
    match claim.state.status() {
        Status::Verifying
        | Status::Verified
        | Status::NoticeOpen
        | Status::NoticeClosed
        | Status::AwaitingFunds
        | Status::Approved
        | Status::PayFailed
        | Status::PayReturned => {}
        Status::Draft
        | Status::Referred
        | Status::Returned
        | Status::Accepted
        | Status::Ineligible
        | Status::Rejected
        | Status::Instructed
        | Status::PayUnknown
        | Status::Paid
        | Status::Closed
        | Status::Recovering
        | Status::Recovered
        | Status::WrittenOff
        | Status::Withdrawn
        | Status::Appealed
        | Status::AppealDismissed
        | Status::RefusalClosed => return Err(invalid(claim, order)),
    }
    payable_to(claim, facts)?;
    if payee == claim.case.payee {
        return Err(Blocked::Validation {
            field: "payeeId",
            reason: "UNCHANGED",
        });
    }
    Ok(Happening::PayeeChanged { payee })
}

pub(crate) fn confirm_payee(claim: &Claim, order: &Order, payee: PayeeId, facts: &Facts) -> Ruling {
    let State::Verifying(verifying) = &claim.state else {
        return Err(invalid(claim, order));
    };
    if verifying.unconfirmed_payee_by().is_none() {
        return Err(Blocked::Validation {
            field: "payeeId",
            reason: "NOTHING_TO_CONFIRM",
        });
    }
    let same = verifying
        .payee_proposers()
        .any(|proposer| order.actor.persons().any(|it| it == proposer));
    hold(Guard::SeparatePersons, !same, || {
        Blocked::SecondPersonRequired {}
    })?;
    if payee != claim.case.payee {
        return Err(Blocked::Mismatch { field: "payeeId" });
    }
    payable_to(claim, facts)?;
    Ok(Happening::PayeeConfirmed { payee })
}

/// Whether the payee the command names may receive the money of this claim.
pub(crate) fn payable_to(claim: &Claim, facts: &Facts) -> Result<(), Blocked> {
    let payee = facts.seen.payee.as_ref().ok_or(Blocked::PayeeUnknown {})?;
    if !payee.of_household {
        return Err(Blocked::PayeeUnknown {});
    }
    name_checked(payee, facts)?;
    if payee.shared {
        return Err(Blocked::AccountShared {});
    }
    hold(Guard::PayeeAlive, payee.liveness.died_on.is_none(), || {
        Blocked::PayeeDeceased {}
    })?;
    let orphaned = facts.seen.insured.died_on.is_some();
    let fits = match payee.relation {
        PayeeRelation::Insured => payee.member == claim.case.insured,
        PayeeRelation::Heir => orphaned,
        PayeeRelation::Head | PayeeRelation::Family | PayeeRelation::Guardian => true,
    };
    if !fits {
        return Err(Blocked::RelationMismatch {});
    }
    // An heir is registered with the papers, or not at all.
    hold(
        Guard::HeirProved,
        !orphaned || payee.relation == PayeeRelation::Heir,
        || Blocked::HeirRequired {},
    )
}

/// The latest check of the account's name has passed, and one of a kind that the scheme takes is recent.
fn name_checked(payee: &PayeeFacts, facts: &Facts) -> Result<(), Blocked> {
    let checks = &payee.name_checks;
    let agrees = checks.last().is_some_and(|it| it.passed);
    hold(Guard::NameChecked, agrees, || {
        Blocked::AccountNameMismatch {}
    })?;
    let (means, days_max) = (facts.scheme.payee_check, facts.scheme.payee_check_days_max);
    let oldest = facts
        .today()
        .checked_sub_days(Days::new(u64::from(days_max)));
    let recent = checks
        .iter()
        .any(|it| it.passed && it.means >= means && Some(it.on) >= oldest);
    hold(Guard::NameChecked, recent, || Blocked::NameCheckDue {
        means,
        days_max,
    })
}

pub(crate) fn instruct(
    claim: &Claim,
    order: &Order,
    payment: PaymentId,
    amount: Fen,
    payee: PayeeId,
    facts: &Facts,
) -> Ruling {
    let approved = match &claim.state {
        State::Approved(approved) => approved,
        State::Instructed(_)
        | State::PayUnknown(_)
        | State::Paid(_)
        | State::Closed(_)
        | State::Recovering(_) => return Err(Blocked::AlreadyInstructed {}),
        State::Draft(_)
        | State::Referred(_)
        | State::Returned(_)
        | State::Accepted(_)
        | State::Verifying(_)
        | State::Verified(_)
        | State::Ineligible(_)
        | State::NoticeOpen(_)
        | State::NoticeClosed(_)
        | State::AwaitingFunds(_)
        | State::Rejected(_)
        | State::PayFailed(_)
        | State::PayReturned(_)
        | State::Recovered(_)
        | State::WrittenOff(_)
        | State::Withdrawn(_)
        | State::Appealed(_)
        | State::AppealDismissed(_)
        | State::RefusalClosed(_) => return Err(invalid(claim, order)),
    };
    separate(order, claim.kept_from(ActedAs::Payer))?;
    term_ran(&approved.closed.open, facts)?;
    proved(&approved.closed.open, facts)?;
    no_objection_open(claim)?;
    hold(
        Guard::ExactlyInstructed,
        amount == approved.approval.amount,
        || Blocked::Mismatch {
            field: "approvedAmountFen",
        },
    )?;
    hold(
        Guard::PayeeAsApproved,
        payee == approved.approval.payee && payee == claim.case.payee,
        || Blocked::Mismatch { field: "payeeId" },
    )?;
    hold(
        Guard::ApprovalStands,
        approved.approval.dossier.stands(claim),
        || Blocked::DossierChanged {},
    )?;
    not_claimed_elsewhere(facts)?;
    let assessment = &approved.closed.open.verified.assessment;
    if let Some(remaining) = cap_remaining(claim, assessment, facts) {
        hold(Guard::WithinCaps, amount <= remaining, || {
            Blocked::CapExceeded { remaining }
        })?;
    }
    payable_to(claim, facts)?;
    documents_due(claim, DueStep::Payout, &[], facts)?;
    let payee_facts = facts.seen.payee.as_ref();
    let liveness = payee_facts.ok_or(Blocked::PayeeUnknown {})?.liveness;
    let days_max = facts.scheme.liveness_days_max;
    let oldest = facts
        .today()
        .checked_sub_days(Days::new(u64::from(days_max)));
    if liveness.checked_on.is_none() || liveness.checked_on < oldest {
        return Err(Blocked::LivenessStale { days_max });
    }
    Ok(Happening::PayoutInstructed {
        payment,
        instruction_no: instruction_no(&claim.number, claim.instructions + 1),
        amount,
        payee,
    })
}

/// A report must name exactly what was instructed.
fn exactly(
    instruction: &Instruction,
    instruction_no: &str,
    amount: Option<Fen>,
) -> Result<(), Blocked> {
    hold(
        Guard::ExactlyInstructed,
        instruction.instruction_no == instruction_no,
        || Blocked::Mismatch {
            field: "instructionNo",
        },
    )?;
    hold(
        Guard::ExactlyInstructed,
        amount.is_none_or(|it| it == instruction.amount),
        || Blocked::Mismatch { field: "amountFen" },
    )
}

/// A person who reports on a payment must not be the one who instructed it.
fn second_source(order: &Order, instruction: &Instruction) -> Result<(), Blocked> {
    let same = instruction
        .instructed
        .persons()
        .any(|it| order.actor.persons().any(|actor| actor == it));
    hold(Guard::SeparatePersons, !same, || {
        Blocked::SecondPersonRequired {}
    })
}

/// Whether a text says anything.
pub(crate) fn named(field: &'static str, text: &str) -> Result<(), Blocked> {
    if text.trim().is_empty() {
        Err(Blocked::Validation {
            field,
            reason: "EMPTY",
        })
    } else {
        Ok(())
    }
}

pub(crate) fn confirm(
    claim: &Claim,
    order: &Order,
    instruction_no: &str,
    amount: Fen,
    bank_ref: &str,
) -> Ruling {
    let instructed = match &claim.state {
        State::Instructed(instructed) => instructed,
        // The bank proved a failure or a return before: it cannot have arrived as well.
        State::PayFailed(_) | State::PayReturned(_) => return Err(Blocked::Contradiction {}),
        State::Draft(_)
        | State::Referred(_)
        | State::Returned(_)
        | State::Accepted(_)
        | State::Verifying(_)
        | State::Verified(_)
        | State::Ineligible(_)
        | State::NoticeOpen(_)
        | State::NoticeClosed(_)
        | State::AwaitingFunds(_)
        | State::Approved(_)
        | State::Rejected(_)
        | State::PayUnknown(_)
        | State::Paid(_)
        | State::Closed(_)
        | State::Recovering(_)
        | State::Recovered(_)
        | State::WrittenOff(_)
        | State::Withdrawn(_)
        | State::Appealed(_)
        | State::AppealDismissed(_)
        | State::RefusalClosed(_) => return Err(invalid(claim, order)),
    };
    exactly(&instructed.instruction, instruction_no, Some(amount))?;
    second_source(order, &instructed.instruction)?;
    named("bankRef", bank_ref)?;
    Ok(Happening::PayoutConfirmed {
        bank_ref: bank_ref.to_owned(),
    })
}

pub(crate) fn fail(claim: &Claim, order: &Order, instruction_no: &str, reason: &str) -> Ruling {
    let instructed = match &claim.state {
        State::Instructed(instructed) => instructed,
        // The money has proven to arrive; coming back is a return (退票) or a recovery.
        State::Paid(_)
        | State::Closed(_)
        | State::PayReturned(_)
        | State::Recovering(_)
        | State::Recovered(_)
        | State::WrittenOff(_) => return Err(Blocked::Contradiction {}),
        State::Draft(_)
        | State::Referred(_)
        | State::Returned(_)
        | State::Accepted(_)
        | State::Verifying(_)
        | State::Verified(_)
        | State::Ineligible(_)
        | State::NoticeOpen(_)
        | State::NoticeClosed(_)
        | State::AwaitingFunds(_)
        | State::Approved(_)
        | State::Rejected(_)
        | State::PayUnknown(_)
        | State::PayFailed(_)
        | State::Withdrawn(_)
        | State::Appealed(_)
        | State::AppealDismissed(_)
        | State::RefusalClosed(_) => return Err(invalid(claim, order)),
    };
    exactly(&instructed.instruction, instruction_no, None)?;
    second_source(order, &instructed.instruction)?;
    named("reason", reason)?;
    Ok(Happening::PayoutFailed {
        reason: reason.to_owned(),
    })
}

pub(crate) fn give_back(
    claim: &Claim,
    order: &Order,
    instruction_no: &str,
    amount: Fen,
    bank_ref: &str,
) -> Ruling {
    // A bank may return the money after the file was archived (failure 27).
    let paid = match &claim.state {
        State::Paid(paid) => paid,
        State::Closed(closed) => &closed.paid,
        State::Draft(_)
        | State::Referred(_)
        | State::Returned(_)
        | State::Accepted(_)
        | State::Verifying(_)
        | State::Verified(_)
        | State::Ineligible(_)
        | State::NoticeOpen(_)
        | State::NoticeClosed(_)
        | State::AwaitingFunds(_)
        | State::Approved(_)
        | State::Rejected(_)
        | State::Instructed(_)
        | State::PayUnknown(_)
        | State::PayFailed(_)
        | State::PayReturned(_)
        | State::Recovering(_)
        | State::Recovered(_)
        | State::WrittenOff(_)
        | State::Withdrawn(_)
        | State::Appealed(_)
        | State::AppealDismissed(_)
        | State::RefusalClosed(_) => return Err(invalid(claim, order)),
    };
    exactly(&paid.instructed.instruction, instruction_no, Some(amount))?;
    second_source(order, &paid.instructed.instruction)?;
    named("bankRef", bank_ref)?;
    Ok(Happening::PayoutReturned {
        bank_ref: bank_ref.to_owned(),
    })
}

pub(crate) fn mark_unknown(claim: &Claim, order: &Order, reason: &str) -> Ruling {
    let State::Instructed(_) = &claim.state else {
        return Err(invalid(claim, order));
    };
    named("reason", reason)?;
    Ok(Happening::PayoutUnknown {
        reason: reason.to_owned(),
    })
}

pub(crate) fn reconcile(claim: &Claim, order: &Order, outcome: &BankOutcome) -> Ruling {
    let State::PayUnknown(unknown) = &claim.state else {
        return Err(invalid(claim, order));
    };
    second_source(order, &unknown.instructed.instruction)?;
    match outcome {
        BankOutcome::Settled { amount, bank_ref } => {
            exactly(
                &unknown.instructed.instruction,
                &unknown.instructed.instruction.instruction_no,
                Some(*amount),
            )?;
            named("bankRef", bank_ref)?;
            Ok(Happening::PayoutConfirmed {
                bank_ref: bank_ref.clone(),
            })
        }
        BankOutcome::Failed { bank_ref } => {
            named("bankRef", bank_ref)?;
            Ok(Happening::PayoutFailed {
                reason: bank_ref.clone(),
            })
        }
    }
}

pub(crate) fn reinstate(claim: &Claim, order: &Order, payee: PayeeId, facts: &Facts) -> Ruling {
    let approved = match &claim.state {
        State::PayFailed(failed) => &failed.approved,
        State::PayReturned(returned) => &returned.approved,
        State::PayUnknown(unknown) => {
            // Invariant 2: while nobody knows, a second payment could be the second.
            hold(Guard::OutcomeKnown, false, || Blocked::AlreadyInstructed {})?;
            &unknown.instructed.approved
        }
        State::Draft(_)
        | State::Referred(_)
        | State::Returned(_)
        | State::Accepted(_)
        | State::Verifying(_)
        | State::Verified(_)
        | State::Ineligible(_)
        | State::NoticeOpen(_)
        | State::NoticeClosed(_)
        | State::AwaitingFunds(_)
        | State::Approved(_)
        | State::Rejected(_)
        | State::Instructed(_)
        | State::Paid(_)
        | State::Closed(_)
        | State::Recovering(_)
        | State::Recovered(_)
        | State::WrittenOff(_)
        | State::Withdrawn(_)
        | State::Appealed(_)
        | State::AppealDismissed(_)
        | State::RefusalClosed(_) => return Err(invalid(claim, order)),
    };
    hold(
        Guard::PayeeAsApproved,
        payee == approved.approval.payee,
        || Blocked::Mismatch { field: "payeeId" },
    )?;
    payable_to(claim, facts)?;
    Ok(Happening::PayoutReinstated)
}

pub(crate) fn archive(claim: &Claim, order: &Order, archive_no: &str, facts: &Facts) -> Ruling {
    if let State::Paid(_) = &claim.state {
        documents_due(claim, DueStep::Archive, &[], facts)?;
    } else {
        told(claim, order, facts)?;
    }
    named("archiveNo", archive_no)?;
    Ok(Happening::ClaimClosed {
        archive_no: archive_no.to_owned(),
    })
}

pub(crate) fn start_recovery(claim: &Claim, order: &Order, reason: &str) -> Ruling {
    match claim.state.status() {
        Status::Paid | Status::Closed => {
            named("reason", reason)?;
            Ok(Happening::RecoveryStarted {
                reason: reason.to_owned(),
            })
        }
        Status::Draft
        | Status::Referred
        | Status::Returned
        | Status::Accepted
        | Status::Verifying
        | Status::Verified
        | Status::Ineligible
        | Status::NoticeOpen
        | Status::NoticeClosed
        | Status::AwaitingFunds
        | Status::Approved
        | Status::Rejected
        | Status::Instructed
        | Status::PayUnknown
        | Status::PayFailed
        | Status::PayReturned
        | Status::Recovering
        | Status::Recovered
        | Status::WrittenOff
        | Status::Withdrawn
        | Status::Appealed
        | Status::AppealDismissed
        | Status::RefusalClosed => Err(invalid(claim, order)),
    }
}

fn recovering<'a>(claim: &'a Claim, order: &Order) -> Result<&'a Recovering, Blocked> {
    if let State::Recovering(recovering) = &claim.state {
        Ok(recovering)
    } else {
        Err(invalid(claim, order))
    }
}

pub(crate) fn recover(
    claim: &Claim,
    order: &Order,
    amount: Fen,
    bank_ref: &str,
    facts: &Facts,
) -> Ruling {
    let recovering = recovering(claim, order)?;
    second_source(order, &recovering.paid.instructed.instruction)?;
    named("bankRef", bank_ref)?;
    let outstanding = recovering.outstanding();
    // Invariant 2: recovered, written off and outstanding are together what was paid.
    hold(Guard::WithinOutstanding, amount <= outstanding, || {
        Blocked::OverOutstanding { outstanding }
    })?;
    let known = recovering
        .instalments
        .iter()
        .any(|it| it.bank_ref == bank_ref);
    hold(
        Guard::ReferenceOnce,
        !known && facts.seen.reference_of.is_none(),
        || Blocked::ReferenceTaken {},
    )?;
    Ok(if amount == outstanding {
        Happening::RecoveryCompleted {
            bank_ref: bank_ref.to_owned(),
        }
    } else {
        Happening::RecoveryRecorded {
            amount,
            bank_ref: bank_ref.to_owned(),
        }
    })
}

/// What both persons of a write-off are held to: all that is outstanding, within the scheme's limit, and
/// neither is the one who instructed the payment.
fn writable(
    recovering: &Recovering,
    order: &Order,
    amount: Fen,
    facts: &Facts,
) -> Result<(), Blocked> {
    second_source(order, &recovering.paid.instructed.instruction)?;
    hold(
        Guard::WithinOutstanding,
        amount == recovering.outstanding(),
        || Blocked::Mismatch {
            field: "outstandingFen",
        },
    )?;
    let limit = facts.scheme.pool.write_off_max;
    hold(Guard::WithinLimit, amount <= limit, || {
        Blocked::BeyondAuthority { limit }
    })
}

pub(crate) fn write_off(
    claim: &Claim,
    order: &Order,
    amount: Fen,
    reason: &str,
    facts: &Facts,
) -> Ruling {
    let recovering = recovering(claim, order)?;
    writable(recovering, order, amount, facts)?;
    named("reason", reason)?;
    Ok(Happening::WriteOffProposed {
        amount,
        reason: reason.to_owned(),
    })
}

pub(crate) fn confirm_write_off(
    claim: &Claim,
    order: &Order,
    amount: Fen,
    facts: &Facts,
) -> Ruling {
    let recovering = recovering(claim, order)?;
    let first = recovering.write_off.as_ref();
    let first = first.ok_or(Blocked::NoWriteOff {})?;
    let same = first
        .proposed
        .persons()
        .any(|it| order.actor.persons().any(|actor| actor == it));
    hold(Guard::SeparatePersons, !same, || {
        Blocked::SecondPersonRequired {}
    })?;
    writable(recovering, order, amount, facts)?;
    Ok(Happening::RecoveryWrittenOff)
}

#[cfg(test)]
mod tests {
    use super::{instruction_in, instruction_no};

    #[test]
    fn instructions_are_found_in_texts() {
        let own = instruction_no("130302-2020-00001", 2);
        let both = Some(("FP130302-2020-00001-2", "130302-2020-00001"));
        assert_eq!(instruction_in(&own), both);
        for text in [
            "防贫险 FP130302-2020-00001-2 退票",
            "/FP130302-2020-00001-2-",
        ] {
            assert_eq!(instruction_in(text), both, "{text}");
        }
        for text in [
            "",
            "FP",
            "FP130302-2020-00001-",
            "FP130302-2020-00001",
            "12345",
        ] {
            assert_eq!(instruction_in(text), None, "{text}");
        }
    }
}
