//! The claim (赔案) as clients see it.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::messages::{ErrorParam, Language, UserError, UserErrorCode};
use crate::node_id::{self, Kind};
use crate::types::assessment::Assessment;
use crate::types::connection::{Connection, PageArgs, Window};
use crate::types::days::DaysUsed;
use crate::types::enums::{Check, ClaimAction, FollowKind, Peril, Phase, Status};
use crate::types::event::{ClaimEvent, count};
use crate::types::household::{HouseholdNode, Member, Payee};
use crate::types::notice::{Notice, NoticePreview, Objection};
use crate::types::refusal::{Refusal, RefusalLetterPreview};
use crate::types::scalars::{Date, DateTime, Fen};
use crate::types::scheme::SchemeNode;
use crate::types::staff::RegionName;
use crate::visit::{Stretch, Visit};
use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};
use engine::authority::{Denied, permit_command};
use engine::hooks::inbox::payee_fingerprint;
use engine::{Desk, Recorded, Span};
use lifecycle::calendar::legal_day;
use lifecycle::days::ledger;
use lifecycle::phase::payout::Instalment;
use lifecycle::phase::referral::Follows;
use lifecycle::phase::verification::{Finding as RecordedFinding, Reopened};
use lifecycle::{Claim, CommandKind, Happening, HouseholdId, PersonId, State, available_actions};
use std::sync::Arc;

/// The village's decision on which a referral rests (村级评议决议).
#[derive(SimpleObject, Debug, Clone)]
pub struct Basis {
    /// Day of the decision.
    decided_on: Date,
    /// The record's reference.
    document: String,
}

/// An earlier claim of the same event (前案).
#[derive(SimpleObject, Debug, Clone)]
pub struct EarlierClaim {
    /// Its node id.
    claim_id: ID,
    /// Its number.
    number: String,
    /// Why the later one goes on with it.
    kind: FollowKind,
}

impl From<&Follows> for EarlierClaim {
    fn from(follows: &Follows) -> Self {
        let Follows {
            claim,
            number,
            kind,
            first: _,
            place: _,
        } = follows;
        Self {
            claim_id: node_id::encode(Kind::Claim, claim.0),
            number: number.clone(),
            kind: (*kind).into(),
        }
    }
}

/// A document or photo, by kind and content hash.
#[derive(SimpleObject, Debug, Clone)]
pub struct Evidence {
    /// The kind, as the scheme names it (材料类别).
    kind: String,
    /// SHA-256 of the content, lower-case hexadecimal.
    sha256: String,
}

impl From<&lifecycle::phase::verification::Evidence> for Evidence {
    fn from(evidence: &lifecycle::phase::verification::Evidence) -> Self {
        let lifecycle::phase::verification::Evidence { kind, sha256 } = evidence;
        Self {
            kind: kind.clone(),
            sha256: sha256.clone(),
        }
    }
}

/// The votes of a village evaluation (民主评议).
#[derive(SimpleObject, Debug, Clone)]
pub struct Votes {
    /// Persons entitled to vote who were present.
    present: i32,
    /// Votes in favour.
    agree: i32,
    /// Votes against.
    against: i32,
}

/// An exclusion that was found (疑点): it can be rebutted, never silently decides.
#[derive(SimpleObject, Debug, Clone)]
pub struct Flag {
    /// The exclusion, as the scheme names it.
    exclusion: String,
    /// Why it does not exclude the household; null while it stands.
    rebuttal: Option<String>,
}

/// A document (材料) that was handed in.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct Document {
    /// The kind, as the scheme names it (材料类别).
    kind: String,
    /// SHA-256 of the content, lower-case hexadecimal.
    sha256: String,
    /// When it was recorded.
    recorded_at: DateTime,
    #[graphql(skip)]
    by: PersonId,
}

#[ComplexObject]
impl Document {
    /// The name of the person who recorded it.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        Visit::of(ctx)?.person_name(self.by).await
    }
}

impl From<&lifecycle::phase::document::Document> for Document {
    fn from(document: &lifecycle::phase::document::Document) -> Self {
        let lifecycle::phase::document::Document { evidence, recorded } = document;
        Self {
            kind: evidence.kind.clone(),
            sha256: evidence.sha256.clone(),
            recorded_at: DateTime(recorded.at),
            by: recorded.by,
        }
    }
}

/// One recorded check (核查环节) of this round.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct Finding {
    /// Which check.
    check: Check,
    /// The day it was made.
    on: Date,
    /// Whether the household passed.
    passed: bool,
    /// The votes, for a village evaluation.
    votes: Option<Votes>,
    /// Evidence.
    evidence: Vec<Evidence>,
    /// Exclusions that were found (疑点), with what was said to them.
    flags: Vec<Flag>,
    /// When it was recorded.
    recorded_at: DateTime,
    #[graphql(skip)]
    by: PersonId,
}

#[ComplexObject]
impl Finding {
    /// The name of the person who recorded it.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        Visit::of(ctx)?.person_name(self.by).await
    }
}

impl From<&RecordedFinding> for Finding {
    fn from(finding: &RecordedFinding) -> Self {
        let RecordedFinding {
            check,
            on,
            passed,
            votes,
            evidence,
            flags,
            recorded,
        } = finding;
        Self {
            check: (*check).into(),
            on: Date(*on),
            passed: *passed,
            votes: votes.map(|votes| Votes {
                present: count(votes.present),
                agree: count(votes.agree),
                against: count(votes.against),
            }),
            evidence: evidence.iter().map(Evidence::from).collect(),
            flags: flags
                .iter()
                .map(|flag| Flag {
                    exclusion: flag.exclusion.clone(),
                    rebuttal: flag.rebuttal.clone(),
                })
                .collect(),
            recorded_at: DateTime(recorded.at),
            by: recorded.by,
        }
    }
}

/// A first approval that awaits a second approver.
#[derive(SimpleObject, Debug, Clone)]
pub struct FirstApproval {
    /// Benefit plus uplift: what `secondApproveClaim` must echo.
    amount_fen: Fen,
    /// The table's benefit.
    benefit_fen: Fen,
    /// The uplift (特殊提标), if any.
    uplift_fen: Option<Fen>,
    /// Why the uplift.
    uplift_reason: Option<String>,
    /// The dossier it is of. If the claim's `dossierHash` is another by now, the first approver approves anew.
    dossier_hash: String,
    /// When it was given.
    approved_at: DateTime,
}

/// What is known of a payment.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutStatus {
    /// 付款中: ordered, not yet confirmed.
    Instructed,
    /// 结果不明: nobody knows whether the money arrived.
    Unknown,
    /// 已赔付: the money arrived.
    Paid,
    /// 付款失败: it did not arrive and cannot any more.
    Failed,
    /// 退票: it arrived and came back.
    Returned,
    /// 已追回: it was paid in error and came back whole.
    Recovered,
    /// 已核销: it was paid in error, and what did not come back was written off.
    WrittenOff,
}

/// A payment of a claim (赔付).
#[derive(SimpleObject, Debug, Clone)]
pub struct Payout {
    /// The node id.
    #[graphql(owned)]
    pub id: ID,
    /// The instruction's number, as the bank sees it.
    instruction_no: String,
    /// What is known of it.
    status: PayoutStatus,
    /// Its amount.
    amount_fen: Fen,
    /// The payee of the instruction.
    payee_id: ID,
    /// What the payee of the instruction is called towards a bank, whose messages must repeat it: it tells nothing of
    /// account or holder.
    payee_fingerprint: String,
    /// When it was instructed.
    instructed_at: DateTime,
    /// When its status was learnt last.
    status_at: DateTime,
    /// The bank's reference, once there is one.
    bank_ref: Option<String>,
    /// Why it failed, or why nobody knows.
    reason: Option<String>,
}

impl From<&Self> for Payout {
    fn from(payout: &Self) -> Self {
        payout.clone()
    }
}

impl Payout {
    /// Every payment of a claim, by the events of its history.
    pub fn all(household: HouseholdId, events: &[Recorded]) -> Vec<Self> {
        let mut payouts: Vec<Self> = Vec::new();
        for recorded in events {
            let at = DateTime(recorded.event.stamp.at);
            let what = &recorded.event.what;
            if let Happening::PayoutInstructed {
                payment,
                instruction_no,
                amount,
                payee,
            } = what
            {
                payouts.push(Self {
                    id: node_id::encode_part(Kind::Payment, recorded.claim.0, payment.0),
                    instruction_no: instruction_no.clone(),
                    status: PayoutStatus::Instructed,
                    amount_fen: Fen(*amount),
                    payee_id: node_id::encode_part(Kind::Payee, household.0, payee.0),
                    payee_fingerprint: payee_fingerprint(*payee),
                    instructed_at: at,
                    status_at: at,
                    bank_ref: None,
                    reason: None,
                });
            }
            let learnt = if let Happening::PayoutConfirmed { bank_ref } = what {
                (PayoutStatus::Paid, Some(bank_ref), None)
            } else if let Happening::PayoutReturned { bank_ref } = what {
                (PayoutStatus::Returned, Some(bank_ref), None)
            } else if let Happening::RecoveryCompleted { bank_ref } = what {
                (PayoutStatus::Recovered, Some(bank_ref), None)
            } else if let Happening::RecoveryWrittenOff = what {
                (PayoutStatus::WrittenOff, None, None)
            } else if let Happening::PayoutFailed { reason } = what {
                (PayoutStatus::Failed, None, Some(reason))
            } else if let Happening::PayoutUnknown { reason } = what {
                (PayoutStatus::Unknown, None, Some(reason))
            } else {
                continue;
            };
            if let Some(last) = payouts.last_mut() {
                let (status, bank_ref, reason) = learnt;
                last.status = status;
                last.status_at = at;
                last.bank_ref = bank_ref.cloned();
                last.reason = reason.cloned();
            }
        }
        payouts
    }
}

/// The recovery of a wrong payment (追回). Recovered and outstanding are together what was paid.
#[derive(SimpleObject, Debug, Clone)]
pub struct Recovery {
    /// Why.
    reason: String,
    /// What came back so far.
    recovered_fen: Fen,
    /// What is still to come back; of a claim `WRITTEN_OFF` what was written off.
    outstanding_fen: Fen,
    /// The write-off that waits for a second person, or was confirmed.
    write_off: Option<WriteOff>,
}

/// A write-off (核销) of what cannot be recovered.
#[derive(SimpleObject, Debug, Clone)]
pub struct WriteOff {
    /// What is written off.
    amount_fen: Fen,
    /// Why it cannot be recovered.
    reason: String,
    /// When it was proposed.
    proposed_at: DateTime,
    /// When a second person confirmed it; null while it waits.
    confirmed_at: Option<DateTime>,
}

impl Recovery {
    fn of(state: &State) -> Option<Self> {
        let recovering = state.recovering()?;
        let (write_off, confirmed) = if let State::WrittenOff(written_off) = state {
            (Some(&written_off.write_off), Some(written_off.confirmed.at))
        } else {
            (recovering.write_off.as_ref(), None)
        };
        Some(Self {
            reason: recovering.reason.clone(),
            recovered_fen: Fen(recovering.recovered()),
            outstanding_fen: Fen(recovering.outstanding()),
            write_off: write_off.map(|it| WriteOff {
                amount_fen: Fen(it.amount),
                reason: it.reason.clone(),
                proposed_at: DateTime(it.proposed.at),
                confirmed_at: confirmed.map(DateTime),
            }),
        })
    }
}

/// Money of a wrong payment that came back.
#[derive(SimpleObject, Debug, Clone)]
pub struct RecoveryInstalment {
    /// How much.
    amount_fen: Fen,
    /// The bank's reference.
    bank_ref: String,
    /// When it was recorded.
    recorded_at: DateTime,
}

impl From<&Instalment> for RecoveryInstalment {
    fn from(instalment: &Instalment) -> Self {
        let Instalment {
            amount,
            bank_ref,
            recorded,
        } = instalment;
        Self {
            amount_fen: Fen(*amount),
            bank_ref: bank_ref.clone(),
            recorded_at: DateTime(recorded.at),
        }
    }
}

/// What stands in the way of an action now.
#[derive(SimpleObject, Debug, Clone)]
pub struct ClaimBlocker {
    /// The action.
    action: ClaimAction,
    /// The stable code: what the action's mutation would be refused with.
    code: UserErrorCode,
    /// What people read; Chinese, or English if `Accept-Language` prefers it.
    message: String,
    /// The parameters of the message, for programs.
    params: Vec<ErrorParam>,
}

impl ClaimNode {
    /// What the caller may do next: what its duties allow, as far as its credential is good for it. What a second
    /// factor alone stands before is among it.
    async fn actions(&self, visit: &Visit) -> Result<Vec<CommandKind>, ApiError> {
        let caller = visit.caller()?;
        let scheme = visit.scheme(self.0.scheme).await?;
        let mut actions = scheme.map_or_else(Vec::new, |scheme| {
            available_actions(&self.0, &caller.actor(), &scheme)
        });
        actions.retain(|it| {
            matches!(
                permit_command(caller, *it),
                Ok(()) | Err(Denied::SecondFactor)
            )
        });
        Ok(actions)
    }
}

impl ClaimBlocker {
    fn at_the_door(action: CommandKind, code: UserErrorCode, language: Language) -> Self {
        let UserError {
            code,
            field: _,
            message,
            params,
        } = UserError::new(code, &[], language);
        Self {
            action: action.into(),
            code,
            message,
            params,
        }
    }

    fn of(blocker: &engine::outlook::Blocker, language: Language) -> Option<Self> {
        let UserError {
            code,
            field: _,
            message,
            params,
        } = UserError::blocked(&blocker.blocked, language)?;
        Some(Self {
            action: blocker.action.into(),
            code,
            message,
            params,
        })
    }
}

/// A claim (赔案).
#[derive(Clone)]
pub struct ClaimNode(pub Arc<Claim>);

impl From<Claim> for ClaimNode {
    fn from(claim: Claim) -> Self {
        Self(Arc::new(claim))
    }
}

/// A claim (赔案).
#[Object(name = "Claim")]
impl ClaimNode {
    /// The node id.
    pub async fn id(&self) -> ID {
        node_id::encode(Kind::Claim, self.0.id.0)
    }

    /// The number, as people say it.
    async fn number(&self) -> &str {
        &self.0.number
    }

    /// The number of events so far: what mutations want as `expectedVersion`.
    async fn version(&self) -> i32 {
        count(self.0.version)
    }

    /// Its status.
    async fn status(&self) -> Status {
        self.0.status().into()
    }

    /// Its phase.
    async fn phase(&self) -> Phase {
        self.0.status().phase().into()
    }

    /// Why the household is referred.
    async fn peril(&self) -> Peril {
        self.0.case.peril.into()
    }

    /// Day of the event: discharge, admission to school, disaster.
    async fn event_on(&self) -> Date {
        Date(self.0.case.event_on)
    }

    /// The policy year (保单年度).
    async fn policy_year(&self) -> i32 {
        self.0.policy_year
    }

    /// The scheme version it keeps.
    async fn scheme_id(&self) -> ID {
        node_id::encode(Kind::Scheme, self.0.scheme.0)
    }

    /// The scheme version it keeps.
    async fn scheme(&self, ctx: &Context<'_>) -> Result<Option<SchemeNode>, ApiError> {
        let scheme = Visit::of(ctx)?.scheme(self.0.scheme).await?;
        Ok(scheme.map(SchemeNode))
    }

    /// The household; null if it has moved out of the caller's region.
    async fn household(&self, ctx: &Context<'_>) -> Result<Option<HouseholdNode>, ApiError> {
        let household = Visit::of(ctx)?.household_of(&self.0).await?;
        Ok(household.map(HouseholdNode))
    }

    /// The member concerned (patient, student); null where `household` is.
    async fn insured(&self, ctx: &Context<'_>) -> Result<Option<Member>, ApiError> {
        let household = Visit::of(ctx)?.household_of(&self.0).await?;
        Ok(household.and_then(|household| {
            Desk::member(&household, self.0.case.insured).map(|it| Member::of(household.id, it))
        }))
    }

    /// Whether the illness behind the claim (患病情况) is written down; of itself nothing is shown.
    async fn diagnosis_recorded(&self, ctx: &Context<'_>) -> Result<bool, ApiError> {
        Visit::of(ctx)?.is_diagnosed(self.0.id).await
    }

    /// Who is to be paid; null where `household` is.
    async fn payee(&self, ctx: &Context<'_>) -> Result<Option<Payee>, ApiError> {
        let household = Visit::of(ctx)?.household_of(&self.0).await?;
        Ok(household.and_then(|household| {
            let payee = household
                .payees
                .iter()
                .find(|it| it.id == self.0.case.payee);
            payee.map(|it| Payee::of(household.id, it))
        }))
    }

    /// Village when it was referred.
    async fn village(&self, ctx: &Context<'_>) -> Result<RegionName, ApiError> {
        RegionName::find(Visit::of(ctx)?, &self.0.village).await
    }

    /// Township when it was referred.
    async fn township(&self, ctx: &Context<'_>) -> Result<RegionName, ApiError> {
        RegionName::find(Visit::of(ctx)?, &self.0.village.township()).await
    }

    /// Whether it is an advance (先行救助): paid before there are bills, netted from what the event earns later.
    async fn is_advance(&self) -> bool {
        self.0.case.advance
    }

    /// The earlier claim of the same event that it goes on with (前案).
    async fn follows(&self) -> Option<EarlierClaim> {
        self.0.follows.as_ref().map(EarlierClaim::from)
    }

    /// The village decision it rests on; a draft may lack it.
    async fn basis(&self) -> Option<Basis> {
        self.0.case.basis.as_ref().map(|basis| Basis {
            decided_on: Date(basis.decided_on),
            document: basis.document.clone(),
        })
    }

    /// Self-paid cost as the household states it (申报).
    async fn submitted_fen(&self) -> Fen {
        Fen(self.0.case.submitted)
    }

    /// The computed benefit with its whole derivation, once verified.
    async fn assessment(&self) -> Option<Assessment> {
        self.0.assessment().map(Assessment::from)
    }

    /// The approved amount, once approved.
    async fn approved_fen(&self) -> Option<Fen> {
        self.0.approved_amount().map(Fen)
    }

    /// The benefit that stands: approved, else assessed; 0 before an assessment and after an end
    /// without money.
    async fn amount_fen(&self) -> Fen {
        Fen(self.0.amount())
    }

    /// The hash of all that an approval rests on, as it stands (审批卷宗): what `approveClaim` and
    /// `secondApproveClaim` confirm. Case, findings, accepted facts, assessment, payee, notice with proofs,
    /// review, documents, objections and scheme version. Null before the notice has closed.
    async fn dossier_hash(&self) -> Option<String> {
        lifecycle::dossier::hash(&self.0)
    }

    /// A first approval that awaits a second.
    async fn first_approval(&self) -> Option<FirstApproval> {
        let State::NoticeClosed(closed) = &self.0.state else {
            return None;
        };
        closed.first_approval.as_ref().map(|first| FirstApproval {
            amount_fen: Fen(first.amount),
            benefit_fen: Fen(first.benefit),
            uplift_fen: first.uplift.as_ref().map(|uplift| Fen(uplift.amount)),
            uplift_reason: first.uplift.as_ref().map(|uplift| uplift.reason.clone()),
            dossier_hash: first.dossier.hash.clone(),
            approved_at: DateTime(first.approved.at),
        })
    }

    /// The surveyor's name, once assigned.
    async fn surveyor(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        match self.0.state.verifying() {
            Some(verifying) => Visit::of(ctx)?.person_name(verifying.surveyor).await,
            None => Ok(None),
        }
    }

    /// The checks recorded in this round of verification.
    async fn findings(&self) -> Vec<Finding> {
        let findings = self.0.state.verifying().map(|it| it.findings.as_slice());
        findings
            .unwrap_or_default()
            .iter()
            .map(Finding::from)
            .collect()
    }

    /// Documents handed in by `attachDocument`, in order.
    #[expect(clippy::unused_async, reason = "async-graphql's resolvers are async")]
    async fn documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Document>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let caller = Visit::of(ctx)?.caller()?;
        let binding = Binding::new("documents", &self.0.id, caller);
        let page = args.parse(&binding)?;
        Ok(Connection::of_grown(&self.0.documents, &page, &binding))
    }

    /// The next check verification wants; null if none or if it is not being verified.
    async fn next_check(&self, ctx: &Context<'_>) -> Result<Option<Check>, ApiError> {
        let State::Verifying(verifying) = &self.0.state else {
            return Ok(None);
        };
        let scheme = Visit::of(ctx)?.scheme(self.0.scheme).await?;
        Ok(scheme
            .and_then(|scheme| verifying.next_check(&scheme.checks))
            .map(Check::from))
    }

    /// The reasons that were given for where it stands: correction wanted, questions, refusal,
    /// failure, withdrawal, recovery.
    async fn reasons(&self) -> Vec<String> {
        reasons(&self.0)
    }

    /// Objections, in order.
    #[expect(clippy::unused_async, reason = "async-graphql's resolvers are async")]
    async fn objections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Objection>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let caller = Visit::of(ctx)?.caller()?;
        let binding = Binding::new("objections", &self.0.id, caller);
        let page = args.parse(&binding)?;
        let objections = self.0.objections.iter();
        let objections: Vec<_> = objections.map(|it| Objection::of(self.0.id, it)).collect();
        Ok(Connection::of_grown(&objections, &page, &binding))
    }

    /// The refusal, with its letter and the appeal against it; of several the last: the others' appeals were upheld.
    async fn refusal(&self) -> Option<Refusal> {
        self.0.refusals.last().map(Refusal::from)
    }

    /// The letter that is owed to the household, as it is to be printed; null where none is owed, or where it cannot
    /// be written (`issueRefusalLetter` says why).
    async fn refusal_letter_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The legal day on which it is handed over; today if left out.")]
        delivered_on: Option<Date>,
    ) -> Result<Option<RefusalLetterPreview>, ApiError> {
        let visit = Visit::of(ctx)?;
        let desk = &visit.office.desk;
        let delivered_on = delivered_on.map_or_else(|| legal_day(desk.clock().now()), |it| it.0);
        let letter = desk
            .refusal_letter(visit.caller()?, &self.0, delivered_on)
            .await?;
        Ok(letter
            .and_then(Result::ok)
            .as_ref()
            .map(RefusalLetterPreview::from))
    }

    /// The notice that was posted.
    async fn notice(&self) -> Option<Notice> {
        self.0
            .state
            .notice()
            .map(|open| Notice::of(self.0.id, open))
    }

    /// The notice as it would be posted now, for a verified claim.
    async fn notice_preview(&self, ctx: &Context<'_>) -> Result<Option<NoticePreview>, ApiError> {
        let visit = Visit::of(ctx)?;
        let line = visit
            .office
            .desk
            .notice_preview(visit.caller()?, &self.0)
            .await?;
        Ok(line.as_ref().map(NoticePreview::from))
    }

    /// The last payment.
    async fn payout(&self, ctx: &Context<'_>) -> Result<Option<Payout>, ApiError> {
        Ok(self.all_payouts(Visit::of(ctx)?).await?.pop())
    }

    /// Every payment up to this version, the oldest first; a new one follows only on one that failed or came
    /// back.
    async fn payments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Payout>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let binding = Binding::new("payments", &self.0.id, visit.caller()?);
        let page = args.parse(&binding)?;
        let payouts = self.all_payouts(visit).await?;
        Ok(Connection::of_grown(&payouts, &page, &binding))
    }

    /// The recovery of a wrong payment, if one was begun.
    async fn recovery(&self) -> Option<Recovery> {
        Recovery::of(&self.0.state)
    }

    /// What came back of a wrong payment, in order.
    #[expect(clippy::unused_async, reason = "async-graphql's resolvers are async")]
    async fn recovery_instalments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<RecoveryInstalment>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let caller = Visit::of(ctx)?.caller()?;
        let binding = Binding::new("recoveryInstalments", &self.0.id, caller);
        let page = args.parse(&binding)?;
        let recovering = self.0.state.recovering();
        let instalments = recovering.map_or(&[][..], |it| &it.instalments);
        Ok(Connection::of_grown(instalments, &page, &binding))
    }

    /// Every public notice up to this version, the oldest first; a new one follows on an objection that was
    /// upheld or on another payee.
    async fn notices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Notice>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let binding = Binding::new("notices", &self.0.id, visit.caller()?);
        let page = args.parse(&binding)?;
        let notices = match self.0.state.status() {
            lifecycle::Status::Draft | lifecycle::Status::Referred => Vec::new(),
            _ => Notice::all(&visit.events(Stretch::Notices, self.whole()).await?),
        };
        Ok(Connection::of_grown(&notices, &page, &binding))
    }

    /// What happened up to this version, in order.
    async fn timeline(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<ClaimEvent>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let caller = Visit::of(ctx)?.caller()?;
        let binding = Binding::new("timeline", &self.0.id, caller);
        let page = args.parse(&binding)?;
        let window = Window::of(self.0.version, &page);
        let span = Span {
            claim: self.0.id,
            after: window.after,
            upto: window.upto,
        };
        let events = Visit::of(ctx)?.events(Stretch::Whole, span).await?;
        let rows = events
            .iter()
            .map(|it| (Window::key(it.version), ClaimEvent::from(it)));
        Ok(Connection::of(rows, window.more, &page, &binding))
    }

    /// What the caller may do now, by status and duty. Whether each goes through depends on facts
    /// that are read when it is done.
    async fn available_actions(&self, ctx: &Context<'_>) -> Result<Vec<ClaimAction>, ApiError> {
        let visit = Visit::of(ctx)?;
        let actions = self.actions(visit).await?;
        Ok(actions.into_iter().map(ClaimAction::from).collect())
    }

    /// What stands in the way of the available actions now, by the very guards of their mutations: for
    /// each action the first thing in its way. An action that is not named would go through as far as
    /// claim and facts are concerned; what hangs on the caller's own input, a mutation's `preview: true`
    /// tells. Empty for a claim that has moved on since it was read.
    async fn blockers(&self, ctx: &Context<'_>) -> Result<Vec<ClaimBlocker>, ApiError> {
        let visit = Visit::of(ctx)?;
        let (caller, language) = (visit.caller()?, visit.language);
        let blockers = visit.blockers(&self.0).await?;
        let mut told = Vec::new();
        for action in self.actions(visit).await? {
            // The door comes first, then the guards.
            if permit_command(caller, action).is_err() {
                let code = UserErrorCode::SecondFactorRequired;
                told.push(ClaimBlocker::at_the_door(action, code, language));
            } else if let Some(blocker) = blockers.iter().find(|it| it.action == action) {
                told.extend(ClaimBlocker::of(blocker, language));
            }
        }
        Ok(told)
    }

    /// The legal day by which something is due, if a term runs; while an objection is open none does.
    async fn due_on(&self) -> Option<Date> {
        self.0.due_on().map(Date)
    }

    /// Whose desk the claim lay on, in legal days; null if its history or scheme is out of reach.
    async fn days_used(&self, ctx: &Context<'_>) -> Result<Option<DaysUsed>, ApiError> {
        let visit = Visit::of(ctx)?;
        let Some(scheme) = visit.scheme(self.0.scheme).await? else {
            return Ok(None);
        };
        let history = visit.events(Stretch::Whole, self.whole()).await?;
        let events = history.iter().map(|recorded| &recorded.event);
        let now = visit.office.desk.clock().now();
        let stays = ledger(events, scheme.county_review, now);
        Ok((!stays.is_empty()).then(|| DaysUsed::of(&stays)))
    }

    /// When it was begun; null if its history is out of reach.
    async fn opened_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime>, ApiError> {
        let visit = Visit::of(ctx)?;
        if let State::Draft(draft) = &self.0.state
            && self.0.version == 1
        {
            return Ok(Some(DateTime(draft.drafted.at)));
        }
        let span = Span {
            claim: self.0.id,
            after: 0,
            upto: 1,
        };
        let first = visit.events(Stretch::Whole, span).await?;
        Ok(first.first().map(|first| DateTime(first.event.stamp.at)))
    }
}

fn reasons(claim: &Claim) -> Vec<String> {
    let one = |reason: &String| vec![reason.clone()];
    match &claim.state {
        State::Returned(returned) => returned.reasons.clone(),
        State::Verifying(verifying) => match &verifying.reopened {
            Some(Reopened::Questions(questions)) => questions.clone(),
            Some(Reopened::Objection | Reopened::PayeeChanged { .. } | Reopened::Appeal) | None => {
                Vec::new()
            }
        },
        State::Ineligible(_)
        | State::Rejected(_)
        | State::Appealed(_)
        | State::AppealDismissed(_)
        | State::RefusalClosed(_) => {
            let lines = claim.refusals.last().map(|it| it.lines.as_slice());
            let lines = lines.unwrap_or_default().iter();
            lines
                .map(|line| format!("{}:{}", line.code.zh(), line.facts))
                .collect()
        }
        State::PayUnknown(unknown) => one(&unknown.reason),
        State::PayFailed(failed) => one(&failed.reason),
        State::Recovering(recovering) => one(&recovering.reason),
        State::Recovered(recovered) => one(&recovered.recovering.reason),
        State::WrittenOff(written_off) => vec![
            written_off.recovering.reason.clone(),
            written_off.write_off.reason.clone(),
        ],
        State::Withdrawn(withdrawn) => one(&withdrawn.reason),
        State::Draft(_)
        | State::Referred(_)
        | State::Accepted(_)
        | State::Verified(_)
        | State::NoticeOpen(_)
        | State::NoticeClosed(_)
        | State::AwaitingFunds(_)
        | State::Approved(_)
        | State::Instructed(_)
        | State::Paid(_)
        | State::PayReturned(_)
        | State::Closed(_) => Vec::new(),
    }
}

impl ClaimNode {
    /// The history up to this version.
    fn whole(&self) -> Span {
        Span {
            claim: self.0.id,
            after: 0,
            upto: self.0.version,
        }
    }

    /// Every payment up to this version, from the log: what was answered once is answered again.
    async fn all_payouts(&self, visit: &Visit) -> Result<Vec<Payout>, ApiError> {
        if self.0.instructions == 0 {
            return Ok(Vec::new());
        }
        let events = visit.events(Stretch::Payments, self.whole()).await?;
        Ok(Payout::all(self.0.household, &events))
    }
}
