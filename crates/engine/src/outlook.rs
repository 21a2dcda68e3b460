//! Outlook: what a command would do now, and what still stands in the way, judged by the same
//! judge as the command itself, on the same facts, without writing anything.

use crate::caller::Caller;
use crate::desk::{Desk, Submission};
use crate::free_text::private_in;
use crate::ids;
use crate::ports::Fault;
use lifecycle::calendar::legal_day;
use lifecycle::phase::payout::BankOutcome;
use lifecycle::phase::refusal::{Delivery, RefusalCode, RefusalLine};
use lifecycle::phase::verification::{Bill, Evidence, LossFacts, Votes};
use lifecycle::{
    BillKey, Blocked, Check, Claim, Command, CommandKind, Event, NoticeId, ObjectionId,
    ObjectionStatus, PaymentId, Scheme, available_actions,
};
use std::sync::Arc;
use uuid::Uuid;

/// What a command would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outlook {
    /// It would be done.
    Would {
        /// The claim as it would be.
        claim: Box<Claim>,
        /// The event it would make.
        event: Box<Event>,
    },
    /// It would be refused.
    Blocked(Blocked),
    /// The claim has moved on.
    Stale {
        /// Its version.
        current: u32,
    },
    /// There is no such claim in the caller's scope.
    NotFound,
}

/// The first thing that stands in the way of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// The action.
    pub action: CommandKind,
    /// Why it would be refused now.
    pub blocked: Blocked,
}

/// Stands for a text that the caller would give.
const SOME_TEXT: &str = "-";

/// The command of a kind as the caller would most likely give it: echoes repeat what the claim says,
/// texts are filled in. `None` where only the caller can know what to say.
fn probe(
    claim: &Claim,
    scheme: &Scheme,
    kind: CommandKind,
    caller: &Caller,
    now: chrono::DateTime<chrono::Utc>,
) -> Option<Command> {
    use CommandKind as K;
    let text = || SOME_TEXT.to_owned();
    let evidence = || Evidence {
        kind: text(),
        sha256: ids::sha256(SOME_TEXT),
    };
    let refusal = || {
        let (clause, _) = scheme.all_clauses().next()?;
        Some(RefusalLine {
            code: RefusalCode::Other,
            facts: text(),
            clause: clause.to_owned(),
        })
    };
    let instruction = claim.state.instructed().map(|it| &it.instruction);
    let approval = claim.state.approved().map(|it| &it.approval);
    let benefit = claim.assessment().map(|it| it.benefit);
    let dossier = lifecycle::dossier::hash(claim);
    Some(match kind {
        K::DraftReferral | K::AssignSurvey | K::ChangePayee => return None,
        K::AmendReferral => Command::AmendReferral {
            case: claim.case.clone(),
        },
        K::ReferCase => Command::ReferCase,
        K::ReturnReferral => Command::ReturnReferral {
            reasons: vec![text()],
        },
        K::AcceptReferral => Command::AcceptReferral,
        K::RecordFinding => {
            let verifying = claim.state.verifying()?;
            let check = verifying
                .next_check(&scheme.checks)
                .or(scheme.checks.last().copied())?;
            // Another check's recorder is no recorder of this one.
            if !caller.holds(check.duty()) {
                return None;
            }
            let present = scheme.evaluation.present_min.max(1);
            Command::RecordFinding {
                check,
                on: legal_day(now),
                passed: true,
                votes: (check == Check::VillageEvaluation).then_some(Votes {
                    present,
                    agree: present,
                    against: 0,
                }),
                evidence: vec![evidence()],
                flags: Vec::new(),
            }
        }
        K::AttachDocument => Command::AttachDocument {
            evidence: evidence(),
        },
        K::RecordVerification => Command::RecordVerification {
            facts: LossFacts {
                bills: vec![Bill {
                    key: BillKey::of(SOME_TEXT, &claim.id.to_string()),
                    amount: claim.case.submitted,
                    on: Some(claim.case.event_on),
                }],
                other_compensation: Some(benefits::Fen::ZERO),
                ..LossFacts::default()
            },
        },
        K::DeclareIneligible => Command::DeclareIneligible {
            lines: vec![refusal()?],
        },
        K::PreviewNotice => Command::PreviewNotice {
            content_hash: text(),
        },
        K::OpenPublicNotice => Command::OpenPublicNotice {
            notice: NoticeId(Uuid::nil()),
        },
        K::RecordPublicationProof => Command::RecordPublicationProof {
            content_hash: claim.state.notice()?.notice.content_hash.clone(),
            evidence: evidence(),
        },
        K::RaiseObjection => Command::RaiseObjection {
            objection: ObjectionId(Uuid::nil()),
            grounds: text(),
        },
        K::ResolveObjection => {
            let mut objections = claim.objections.iter();
            let open = objections.find(|it| it.status == ObjectionStatus::Open);
            Command::ResolveObjection {
                objection: open.map_or(ObjectionId(Uuid::nil()), |it| it.id),
                upheld: false,
                findings: text(),
            }
        }
        K::CloseNotice => Command::CloseNotice,
        K::CountyReviewClaim => Command::CountyReviewClaim,
        K::ApproveClaim => Command::ApproveClaim {
            benefit: benefit?,
            uplift: None,
            payee: claim.case.payee,
            dossier: dossier?,
        },
        K::SecondApproveClaim => Command::SecondApproveClaim {
            amount: match &claim.state {
                lifecycle::State::NoticeClosed(closed) => closed
                    .first_approval
                    .as_ref()
                    .map_or(benefit?, |it| it.amount),
                _ => return None,
            },
            payee: claim.case.payee,
            dossier: dossier?,
        },
        K::RejectClaim => Command::RejectClaim {
            lines: vec![refusal()?],
        },
        K::SendBackClaim => Command::SendBackClaim {
            questions: vec![text()],
        },
        K::ConfirmPayee => Command::ConfirmPayee {
            payee: claim.case.payee,
        },
        K::InstructPayout => Command::InstructPayout {
            payment: PaymentId(Uuid::nil()),
            amount: approval?.amount,
            payee: approval?.payee,
        },
        K::ConfirmPayout => Command::ConfirmPayout {
            instruction_no: instruction?.instruction_no.clone(),
            amount: instruction?.amount,
            bank_ref: text(),
        },
        K::ReportPayoutFailure => Command::ReportPayoutFailure {
            instruction_no: instruction?.instruction_no.clone(),
            reason: text(),
        },
        K::ReportPayoutReturned => Command::ReportPayoutReturned {
            instruction_no: instruction?.instruction_no.clone(),
            amount: instruction?.amount,
            bank_ref: text(),
        },
        K::MarkPayoutUnknown => Command::MarkPayoutUnknown { reason: text() },
        K::ReconcilePayout => Command::ReconcilePayout {
            outcome: BankOutcome::Failed { bank_ref: text() },
        },
        K::ReinstatePayout => Command::ReinstatePayout {
            payee: approval?.payee,
        },
        K::WithdrawClaim => Command::WithdrawClaim { reason: text() },
        K::CloseClaim => Command::CloseClaim { archive_no: text() },
        K::StartRecovery => Command::StartRecovery { reason: text() },
        K::ReserveWaiting => Command::ReserveWaiting {
            amount: lifecycle::pool::Waiting::of(claim)?.amount,
        },
        K::RecordRecovery => Command::RecordRecovery {
            amount: claim.outstanding()?,
            bank_ref: text(),
        },
        K::IssueRefusalLetter => Command::IssueRefusalLetter {
            content_hash: text(),
            delivered_on: legal_day(now),
            delivery: Delivery::HandedOver,
            handed_to: text(),
        },
        K::LodgeAppeal => Command::LodgeAppeal { grounds: text() },
        K::DecideAppeal => Command::DecideAppeal {
            upheld: false,
            findings: text(),
        },
        K::WriteOffRecovery => Command::WriteOffRecovery {
            amount: claim.outstanding()?,
            reason: text(),
        },
        K::ConfirmWriteOff => Command::ConfirmWriteOff {
            amount: claim.outstanding()?,
        },
    })
}

/// Whether a refusal is about what was filled in, not about claim and facts: the caller's own input
/// would meet or mend it, and `Desk::preview` tells.
fn is_of_the_filling(action: CommandKind, blocked: &Blocked) -> bool {
    if let Blocked::Validation { .. } = blocked {
        return true;
    }
    match action {
        CommandKind::PreviewNotice | CommandKind::IssueRefusalLetter => {
            matches!(blocked, Blocked::ContentChanged {})
        }
        CommandKind::RecordFinding => matches!(blocked, Blocked::EvidenceMissing { .. }),
        CommandKind::RecordVerification => matches!(
            blocked,
            Blocked::AssessmentFailed { .. }
                | Blocked::NoBenefit {}
                | Blocked::IncomeWindow { .. }
                | Blocked::OutsidePolicyYear { .. }
                | Blocked::OtherCompensationRequired {}
                | Blocked::BillTaken { .. }
        ),
        _ => false,
    }
}

impl Desk {
    /// What a submission would do now. Nothing is written, not even the refusal; the idempotency key
    /// is not used up.
    pub async fn preview(&self, caller: &Caller, submission: Submission) -> Result<Outlook, Fault> {
        if let Some(field) = private_in(&submission.command) {
            return Ok(Outlook::Blocked(Blocked::PrivateInText { field }));
        }
        let Some((mut ask, judge)) = self.prepared(caller, submission) else {
            return Ok(Outlook::NotFound);
        };
        ask.key = Uuid::nil();
        let outlooks = self.store().consider(vec![(ask, judge)]).await?;
        Ok(outlooks.into_iter().next().unwrap_or(Outlook::NotFound))
    }

    /// For each claim, what stands in the way of the actions that status and duties leave this caller:
    /// for each action the first thing its guard meets. An action that is not named would go through
    /// now, as far as the claim and the facts are concerned. A claim that has moved on has none.
    pub async fn blockers(
        &self,
        caller: &Caller,
        claims: &[(Arc<Claim>, Arc<Scheme>)],
    ) -> Result<Vec<Vec<Blocker>>, Fault> {
        let now = self.clock().now();
        let actor = caller.actor();
        let mut asked = Vec::new();
        let mut asks = Vec::new();
        for (index, (claim, scheme)) in claims.iter().enumerate() {
            for action in available_actions(claim, &actor, scheme) {
                let Some(command) = probe(claim, scheme, action, caller, now) else {
                    continue;
                };
                let submission = Submission {
                    claim: Some((claim.id, claim.version)),
                    key: Uuid::nil(),
                    command,
                };
                if let Some(ask) = self.prepared(caller, submission) {
                    asks.push(ask);
                    asked.push((index, action));
                }
            }
        }
        let outlooks = self.store().consider(asks).await?;
        let mut blockers = vec![Vec::new(); claims.len()];
        for ((index, action), outlook) in asked.into_iter().zip(outlooks) {
            match outlook {
                Outlook::Blocked(blocked) if !is_of_the_filling(action, &blocked) => {
                    blockers[index].push(Blocker { action, blocked });
                }
                Outlook::Blocked(_)
                | Outlook::Would { .. }
                | Outlook::Stale { .. }
                | Outlook::NotFound => {}
            }
        }
        Ok(blockers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{Expect, Role, TestDesk, yuan};
    use std::collections::BTreeMap;

    async fn blockers(
        desk: &TestDesk,
        role: Role,
        claim: &Claim,
    ) -> BTreeMap<&'static str, &'static str> {
        let caller = role.caller();
        let scheme = desk.desk.scheme(&caller, claim.scheme).await;
        let scheme = scheme.expect("reading").expect("it is published");
        let claims = [(Arc::new(claim.clone()), scheme)];
        let found = desk.desk.blockers(&caller, &claims).await.expect("reading");
        let found = found.into_iter().flatten();
        found
            .map(|it| (it.action.code(), it.blocked.code()))
            .collect()
    }

    /// What a claim waits for is told by the guards themselves, and goes away when it is mended.
    #[tokio::test]
    async fn what_stands_in_the_way_is_what_the_guard_says() {
        let desk = TestDesk::in_memory().await;
        let household = desk.world.household("石门寨");
        let draft = desk.draft(household).without_basis().await;
        let seen = blockers(&desk, Role::Shimenzhai, &draft).await;
        assert_eq!(seen.get("REFER_CASE"), Some(&"MISSING_BASIS"));
        desk.on(&draft)
            .refer()
            .expect_blocked("MISSING_BASIS")
            .await;

        let other = desk.world.household("驻操营");
        let open = desk
            .refer(other)
            .through_verification(yuan(41_200))
            .preview()
            .open_notice();
        let open = open.await;
        let seen = blockers(&desk, Role::Supervisor, &open).await;
        assert_eq!(seen.get("CLOSE_NOTICE"), Some(&"PERIOD_INCOMPLETE"));
        desk.pass_days(6);
        let seen = blockers(&desk, Role::Supervisor, &open).await;
        assert_eq!(seen.get("CLOSE_NOTICE"), Some(&"PROOF_MISSING"));
        let proved = desk.on(&open).prove().await;
        let seen = blockers(&desk, Role::Supervisor, &proved).await;
        assert_eq!(seen.get("CLOSE_NOTICE"), None, "{seen:?}");
        // A claim that has moved on tells nothing.
        assert!(blockers(&desk, Role::Supervisor, &open).await.is_empty());
        let log = desk.log().await.len();
        let closed = desk.on(&proved).close_notice().await;
        assert_eq!(desk.log().await.len(), log + 1, "looking wrote nothing");
        let seen = blockers(&desk, Role::Approver, &closed).await;
        assert_eq!(seen.get("APPROVE_CLAIM"), None, "{seen:?}");
        let approved = desk.on(&closed).approve().await;
        approved.expect_status(lifecycle::Status::Approved);
    }
}
