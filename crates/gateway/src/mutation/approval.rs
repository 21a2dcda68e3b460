//! APPROVAL (审批).

use crate::mutation::claim_mutations;
use crate::mutation::input::{self, UpliftInput};
use crate::types::scalars::Fen;
use lifecycle::Command;

claim_mutations! {
    /// Mutations of APPROVAL.
    ApprovalMutations {
        "Records the county's review of a claim whose notice closed (县级审定)."
        codes "DUTY_CONFLICT"
        county_review_claim(CountyReviewClaimInput {}) -> CountyReviewClaimPayload = |_ids| Ok(Command::CountyReviewClaim);

        "Approves the claim and reserves the money; above one approver's limit it is a first approval; while the pool lacks money, or others wait for it, the claim is AWAITING_FUNDS (审批通过)."
        codes "DUTY_CONFLICT, PERIOD_INCOMPLETE, PROOF_MISSING, CONTENT_CHANGED, OBJECTION_OPEN, REVIEW_REQUIRED, OUTSIDE_POLICY_YEAR, EVIDENCE_MISSING, OVER_ASSESSMENT, ASSESSMENT_STALE, OVER_LIMIT, BEYOND_AUTHORITY, NO_BENEFIT, CAP_EXCEEDED, POOL_INSUFFICIENT, PAYEE_UNKNOWN, PAYEE_DECEASED, ACCOUNT_NAME_MISMATCH, ACCOUNT_SHARED"
        approve_claim(ApproveClaimInput {
            /// The assessed benefit that was seen: an echo, checked, never a correction.
            benefit_fen: Fen,
            /// An uplift, if any.
            uplift: Option<UpliftInput>,
        }) -> ApproveClaimPayload = |_ids| Ok(Command::ApproveClaim {
            benefit: benefit_fen.0,
            uplift: input::uplift(uplift)?,
        });

        "Gives the second approval above the limit and reserves the money, or the claim is AWAITING_FUNDS (复核审批)."
        codes "NO_FIRST_APPROVAL, DUTY_CONFLICT, MISMATCH, PERIOD_INCOMPLETE, PROOF_MISSING, CONTENT_CHANGED, OBJECTION_OPEN, REVIEW_REQUIRED, OUTSIDE_POLICY_YEAR, EVIDENCE_MISSING, OVER_ASSESSMENT, ASSESSMENT_STALE, BEYOND_AUTHORITY, CAP_EXCEEDED, POOL_INSUFFICIENT, PAYEE_UNKNOWN, PAYEE_DECEASED, ACCOUNT_NAME_MISMATCH, ACCOUNT_SHARED"
        second_approve_claim(SecondApproveClaimInput {
            /// The amount of the first approval that was seen: an echo.
            amount_fen: Fen,
        }) -> SecondApproveClaimPayload = |_ids| Ok(Command::SecondApproveClaim {
            amount: amount_fen.0,
        });

        "Reserves the pool's money for the first claim that waits for it; everything is judged again as of today (待资金预留)."
        codes "NOT_FIRST, POOL_INSUFFICIENT, MISMATCH, DUTY_CONFLICT, PERIOD_INCOMPLETE, PROOF_MISSING, CONTENT_CHANGED, OBJECTION_OPEN, REVIEW_REQUIRED, OUTSIDE_POLICY_YEAR, EVIDENCE_MISSING, OVER_ASSESSMENT, ASSESSMENT_STALE, CAP_EXCEEDED, PAYEE_UNKNOWN, PAYEE_DECEASED, ACCOUNT_NAME_MISMATCH, ACCOUNT_SHARED"
        reserve_waiting(ReserveWaitingInput {
            /// The approved amount that was seen: an echo.
            amount_fen: Fen,
        }) -> ReserveWaitingPayload = |_ids| Ok(Command::ReserveWaiting {
            amount: amount_fen.0,
        });

        "Ends the claim with a reason; a letter is due (拒赔)."
        codes "DUTY_CONFLICT, CALENDAR_MISSING"
        reject_claim(RejectClaimInput {
            /// The reason, as the letter will quote it.
            reason: String,
        }) -> RejectClaimPayload = |_ids| Ok(Command::RejectClaim {
            reason: input::prose("reason", reason)?,
        });

        "Sends the claim back to verification with questions (退回复查)."
        codes "none"
        send_back_claim(SendBackClaimInput {
            /// The questions; at least one.
            questions: Vec<String>,
        }) -> SendBackClaimPayload = |_ids| Ok(Command::SendBackClaim {
            questions: input::proses("questions", questions)?,
        });
    }
}
