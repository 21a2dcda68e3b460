//! APPROVAL (审批).

use crate::mutation::claim_mutations;
use crate::mutation::input::{self, RefusalLineInput, UpliftInput};
use crate::types::scalars::Fen;
use async_graphql::ID;
use lifecycle::Command;

claim_mutations! {
    /// Mutations of APPROVAL.
    ApprovalMutations {
        "Records the county's review of a claim whose notice closed (县级审定)."
        codes "DUTY_CONFLICT"
        county_review_claim(CountyReviewClaimInput {}) -> CountyReviewClaimPayload = |_ids| Ok(Command::CountyReviewClaim);

        "Approves the claim and reserves the money; above one approver's limit, for the claim or for what the household was approved in twelve months, it is a first approval; while the pool lacks money, or others wait for it, the claim is AWAITING_FUNDS (审批通过)."
        codes "DUTY_CONFLICT, ADVANCE_STANDS, MISMATCH, PERIOD_INCOMPLETE, PROOF_MISSING, CONTENT_CHANGED, OBJECTION_OPEN, REVIEW_REQUIRED, OUTSIDE_POLICY_YEAR, EVIDENCE_MISSING, OVER_ASSESSMENT, ASSESSMENT_STALE, OVER_LIMIT, BEYOND_AUTHORITY, OVER_TWELVE_MONTH_LIMIT, BEYOND_TWELVE_MONTH_AUTHORITY, NO_BENEFIT, CAP_EXCEEDED, POOL_INSUFFICIENT, PAYEE_UNKNOWN, PAYEE_DECEASED, ACCOUNT_NAME_MISMATCH, NAME_CHECK_DUE, ACCOUNT_SHARED, RELATION_MISMATCH, HEIR_REQUIRED"
        approve_claim(ApproveClaimInput {
            /// The assessed benefit that was seen: an echo, checked, never a correction.
            benefit_fen: Fen,
            /// An uplift, if any.
            uplift: Option<UpliftInput>,
            /// The payee that was seen: an echo.
            payee_id: ID,
            /// `Claim.dossierHash` of the dossier that was seen. The hash of an earlier version is answered by
            /// `STALE_VERSION` with what changed since.
            dossier_hash: String,
        }) -> ApproveClaimPayload = |_ids| Ok(Command::ApproveClaim {
            benefit: benefit_fen.0,
            uplift: input::uplift(uplift)?,
            payee: input::payee(&payee_id)?,
            dossier: dossier_hash,
        });

        "Gives the second approval above the limit and reserves the money, or the claim is AWAITING_FUNDS (复核审批)."
        codes "NO_FIRST_APPROVAL, ADVANCE_STANDS, DOSSIER_CHANGED, DUTY_CONFLICT, MISMATCH, PERIOD_INCOMPLETE, PROOF_MISSING, CONTENT_CHANGED, OBJECTION_OPEN, REVIEW_REQUIRED, OUTSIDE_POLICY_YEAR, EVIDENCE_MISSING, OVER_ASSESSMENT, ASSESSMENT_STALE, BEYOND_AUTHORITY, BEYOND_TWELVE_MONTH_AUTHORITY, NO_BENEFIT, CAP_EXCEEDED, POOL_INSUFFICIENT, PAYEE_UNKNOWN, PAYEE_DECEASED, ACCOUNT_NAME_MISMATCH, NAME_CHECK_DUE, ACCOUNT_SHARED, RELATION_MISMATCH, HEIR_REQUIRED"
        second_approve_claim(SecondApproveClaimInput {
            /// The amount of the first approval that was seen: an echo.
            amount_fen: Fen,
            /// The payee that was seen: an echo.
            payee_id: ID,
            /// `Claim.dossierHash` of the dossier that was seen, which must be the first approver's.
            dossier_hash: String,
        }) -> SecondApproveClaimPayload = |_ids| Ok(Command::SecondApproveClaim {
            amount: amount_fen.0,
            payee: input::payee(&payee_id)?,
            dossier: dossier_hash,
        });

        "Reserves the pool's money for the first claim that waits for it; everything is judged again as of today (待资金预留)."
        codes "NOT_FIRST, POOL_INSUFFICIENT, MISMATCH, DOSSIER_CHANGED, DUTY_CONFLICT, PERIOD_INCOMPLETE, PROOF_MISSING, CONTENT_CHANGED, OBJECTION_OPEN, REVIEW_REQUIRED, OUTSIDE_POLICY_YEAR, EVIDENCE_MISSING, OVER_ASSESSMENT, ASSESSMENT_STALE, NO_BENEFIT, CAP_EXCEEDED, PAYEE_UNKNOWN, PAYEE_DECEASED, ACCOUNT_NAME_MISMATCH, NAME_CHECK_DUE, ACCOUNT_SHARED, RELATION_MISMATCH, HEIR_REQUIRED"
        reserve_waiting(ReserveWaitingInput {
            /// The approved amount that was seen: an echo.
            amount_fen: Fen,
        }) -> ReserveWaitingPayload = |_ids| Ok(Command::ReserveWaiting {
            amount: amount_fen.0,
        });

        "Refuses the claim with reasons; a letter is due (拒赔)."
        codes "DUTY_CONFLICT, CLAUSE_UNKNOWN, CALENDAR_MISSING"
        reject_claim(RejectClaimInput {
            /// The reasons, at least one: the letter tells each.
            lines: Vec<RefusalLineInput>,
        }) -> RejectClaimPayload = |_ids| Ok(Command::RejectClaim { lines: input::refusal_lines(lines)? });

        "Sends the claim back to verification with questions (退回复查)."
        codes "none"
        send_back_claim(SendBackClaimInput {
            /// The questions; at least one.
            questions: Vec<String>,
        }) -> SendBackClaimPayload = |_ids| Ok(Command::SendBackClaim {
            questions: input::texts("questions", questions)?,
        });
    }
}
