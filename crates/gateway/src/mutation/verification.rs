//! VERIFICATION (核查).

use crate::mutation::claim_mutations;
use crate::mutation::input::{
    self, BillInput, EvidenceInput, FlagInput, IncomeInput, LayerInput, RefusalLineInput,
    UnitInput, VotesInput,
};
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
        codes "CHECK_ORDER, DUTY_CONFLICT, EVIDENCE_MISSING, FLAG_STANDS, QUORUM_MISSING"
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
            /// Exclusions that were found (疑点); a check is passed only if each was rebutted.
            flags: Option<Vec<FlagInput>>,
        }) -> RecordFindingPayload = |_ids| Ok(Command::RecordFinding {
            check: check.into(),
            on: on.0,
            passed,
            votes: input::votes(votes)?,
            evidence: input::evidence(evidence)?,
            flags: input::flags(flags)?,
        });

        "Hands in a document (补充材料): the scheme says which kinds are due at which step."
        codes "none"
        attach_document(AttachDocumentInput {
            /// The document.
            evidence: EvidenceInput,
        }) -> AttachDocumentPayload = |_ids| Ok(Command::AttachDocument {
            evidence: input::one_evidence(evidence)?,
        });

        "Accepts the facts of the loss; the server computes the benefit (核定理算)."
        codes "DUTY_CONFLICT, CHECK_ORDER, ADVANCE_STANDS, PAYEE_UNCONFIRMED, INSURED_DECEASED, NOT_COVERED, EVIDENCE_MISSING, OUTSIDE_POLICY_YEAR, INCOME_WINDOW, OVER_INCOME_LINE, OTHER_COMPENSATION_REQUIRED, BILL_TAKEN, ASSESSMENT_FAILED, NO_BENEFIT"
        record_verification(RecordVerificationInput {
            /// The bills; their sum is the loss. A bill is compensated once ever.
            bills: Vec<BillInput>,
            /// What other layers reimbursed, in order.
            layers: Vec<LayerInput>,
            /// What anybody else compensated; "0" if nothing, null if nobody asked.
            other_compensation_fen: Option<Fen>,
            /// The outcome a fixed sum depends on (本科, 专科).
            outcome: Option<String>,
            /// What the settlement slip says the household bore itself; must equal bills less layers.
            stated_eligible_fen: Option<Fen>,
            /// Grants (助学金) against school fees.
            grants_fen: Option<Fen>,
            /// Loans (助学贷款) against school fees.
            loans_fen: Option<Fen>,
            /// Persons hit, for sums per head; null for the whole household.
            heads: Option<i32>,
            /// Units lost, for values per unit.
            units: Option<Vec<UnitInput>>,
            /// The income looked into; needed where the scheme has an income line.
            income: Option<IncomeInput>,
            /// Evidence; the scheme names the kinds it needs.
            evidence: Vec<EvidenceInput>,
        }) -> RecordVerificationPayload = |_ids| Ok(Command::RecordVerification {
            facts: LossFacts {
                bills: input::bills(bills)?,
                layers: input::layers(layers)?,
                other_compensation: other_compensation_fen.map(|fen| fen.0),
                outcome: outcome.map(|it| input::text("outcome", it)).transpose()?,
                stated_eligible: stated_eligible_fen.map(|fen| fen.0),
                grants: grants_fen.map_or(benefits::Fen::ZERO, |fen| fen.0),
                loans: loans_fen.map_or(benefits::Fen::ZERO, |fen| fen.0),
                heads: input::heads(heads)?,
                units: input::units(units)?,
                income: input::income(income),
                evidence: input::evidence(evidence)?,
            },
        });

        "Refuses the claim: the household does not qualify; a letter is due (认定不符合)."
        codes "DUTY_CONFLICT, CLAUSE_UNKNOWN, CALENDAR_MISSING"
        declare_ineligible(DeclareIneligibleInput {
            /// The reasons, at least one: the letter tells each.
            lines: Vec<RefusalLineInput>,
        }) -> DeclareIneligiblePayload = |_ids| Ok(Command::DeclareIneligible { lines: input::refusal_lines(lines)? });
    }
}
