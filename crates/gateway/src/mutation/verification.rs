//! VERIFICATION (核查).

use crate::mutation::claim_mutations;
use crate::mutation::input::{self, BillInput, EvidenceInput, LayerInput, VotesInput};
use crate::node_id::Kind;
use crate::types::enums::Check;
use crate::types::scalars::{Date, Fen};
use async_graphql::ID;
use lifecycle::phase::verification::LossFacts;
use lifecycle::{Command, PersonId};

claim_mutations! {
    /// Mutations of VERIFICATION.
    VerificationMutations {
        "Gives the survey to a surveyor, or to another one (派查勘)."
        codes "NOT_QUALIFIED, CONFLICT_OF_INTEREST, DUTY_CONFLICT"
        assign_survey(AssignSurveyInput {
            /// The surveyor: a colleague with the duty SURVEYOR.
            surveyor_id: ID,
        }) -> AssignSurveyPayload = |_ids| Ok(Command::AssignSurvey {
            surveyor: PersonId(input::uuid("surveyorId", Kind::Person, &surveyor_id)?),
        });

        "Records one check of verification, in the scheme's order (登记核查)."
        codes "CHECK_ORDER, DUTY_CONFLICT, EVIDENCE_MISSING"
        record_finding(RecordFindingInput {
            /// Which check.
            check: Check,
            /// The day it was made.
            on: Date,
            /// Whether the household passed.
            passed: bool,
            /// The votes; for a village evaluation only.
            votes: Option<VotesInput>,
            /// Evidence; a field visit needs some.
            evidence: Vec<EvidenceInput>,
        }) -> RecordFindingPayload = |_ids| Ok(Command::RecordFinding {
            check: check.into(),
            on: on.0,
            passed,
            votes: input::votes(votes)?,
            evidence: input::evidence(evidence)?,
        });

        "Accepts the facts of the loss; the server computes the benefit (核定理算)."
        codes "DUTY_CONFLICT, CHECK_ORDER, PAYEE_UNCONFIRMED, INSURED_DECEASED, NOT_COVERED, EVIDENCE_MISSING, OTHER_COMPENSATION_REQUIRED, BILL_TAKEN, ASSESSMENT_FAILED, NO_BENEFIT"
        record_verification(RecordVerificationInput {
            /// The bills; their sum is the loss. A bill is compensated once ever.
            bills: Vec<BillInput>,
            /// What other layers reimbursed, in order.
            layers: Vec<LayerInput>,
            /// What anybody else compensated; "0" if nothing, null if nobody asked.
            other_compensation_fen: Option<Fen>,
            /// The outcome a fixed sum depends on (本科, 专科).
            outcome: Option<String>,
            /// Evidence; the scheme names the kinds it needs.
            evidence: Vec<EvidenceInput>,
        }) -> RecordVerificationPayload = |_ids| Ok(Command::RecordVerification {
            facts: LossFacts {
                bills: input::bills(bills)?,
                layers: input::layers(layers)?,
                other_compensation: other_compensation_fen.map(|fen| fen.0),
                outcome: outcome.map(|it| input::text("outcome", it)).transpose()?,
                evidence: input::evidence(evidence)?,
            },
        });

        "Ends the claim: the household does not qualify; a letter is due (认定不符合)."
        codes "DUTY_CONFLICT, CALENDAR_MISSING"
        declare_ineligible(DeclareIneligibleInput {
            /// The reason, as the letter will quote it.
            reason: String,
        }) -> DeclareIneligiblePayload = |_ids| Ok(Command::DeclareIneligible {
            reason: input::text("reason", reason)?,
        });
    }
}
