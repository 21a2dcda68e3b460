//! APPROVAL (审批).

use crate::mutation::claim_mutations;
use crate::mutation::input::{self, RefusalLineInput, UpliftInput};
use crate::types::scalars::Fen;
use lifecycle::Command;

claim_mutations! {
    /// Mutations of APPROVAL.
    ApprovalMutations {
        "Records the county's review of a claim whose notice closed (县级审定)."
        codes "DUTY_CONFLICT"
        county_review_claim(CountyReviewClaimInput {}) -> CountyReviewClaimPayload = |_ids| Ok(Command::CountyReviewClaim);

        "Approves the claim and reserves the money; above one approver's limit it is a first approval (审批通过)."
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

        "Gives the second approval above the limit and reserves the money (复核审批)."
        codes "NO_FIRST_APPROVAL, DUTY_CONFLICT, MISMATCH, PERIOD_INCOMPLETE, PROOF_MISSING, CONTENT_CHANGED, OBJECTION_OPEN, REVIEW_REQUIRED, OUTSIDE_POLICY_YEAR, EVIDENCE_MISSING, OVER_ASSESSMENT, ASSESSMENT_STALE, BEYOND_AUTHORITY, CAP_EXCEEDED, POOL_INSUFFICIENT, PAYEE_UNKNOWN, PAYEE_DECEASED, ACCOUNT_NAME_MISMATCH, ACCOUNT_SHARED"
        second_approve_claim(SecondApproveClaimInput {
            /// The amount of the first approval that was seen: an echo.
            amount_fen: Fen,
        }) -> SecondApproveClaimPayload = |_ids| Ok(Command::SecondApproveClaim {
            amount: amount_fen.0,
        });

        "Refuses the claim with reasons; a letter is due (拒赔)."
        codes "DUTY_CONFLICT, CLAUSE_UNKNOWN, CALENDAR_MISSING"
        reject_claim(RejectClaimInput {
            /// What 0.1.0 asked for.
            #[graphql(deprecation = "say it in `lines`: this is not read any more; removed on or after 2027-11-27")]
            reason: Option<String>,
            /// The reasons, at least one: the letter tells each.
            lines: Option<Vec<RefusalLineInput>>,
        }) -> RejectClaimPayload = |_ids| {
            drop(reason);
            Ok(Command::RejectClaim { lines: input::refusal_lines(lines)? })
        };

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
