//! REFERRAL (推送).

use crate::mutation::claim_mutations;
use crate::mutation::input::{self, BasisInput};
use crate::node_id::Kind;
use crate::types::enums::Peril;
use crate::types::scalars::{Date, Fen};
use async_graphql::ID;
use lifecycle::phase::referral::Case;
use lifecycle::{ClaimId, Command, DraftReferral, HouseholdId, SchemeId};

claim_mutations! {
    /// Mutations of REFERRAL.
    ReferralMutations {
        "Begins a claim: the office drafts a referral (拟稿)."
        codes "DUPLICATE_EVENT, DUPLICATE_ELSEWHERE, ADVANCE_STANDS, PAYEE_UNKNOWN"
        draft_referral(DraftReferralInput {
            /// The scheme version the claim will keep.
            scheme_id: ID,
            /// The household.
            household_id: ID,
            /// The member concerned (patient, student).
            insured_member_id: ID,
            /// Cause of loss.
            peril: Peril,
            /// Day of the event.
            event_on: Date,
            /// Self-paid cost as the household states it (申报).
            submitted_fen: Fen,
            /// Who is to be paid.
            payee_id: ID,
            /// The village decision; a draft may still lack it.
            basis: Option<BasisInput>,
            /// Whether money is wanted before there are bills (先行救助), where the scheme has a table for it for the household's group (else
            /// VALIDATION, `NOT_IN_SCHEME`); a claim that goes on with another is none (FOLLOWS). Left out: no.
            is_advance: Option<bool>,
            /// The earlier claim of the same event that this one goes on with (前案): a paid advance, a paid claim with further
            /// costs, or one that ended without money; each is followed once. An advance is netted. Reasons of VALIDATION: UNKNOWN,
            /// `ANOTHER_EVENT` (member, peril and day are those of the earlier claim), `ANOTHER_INSURER`, `NOT_ENDED`, `FOLLOWED_ALREADY`.
            follows_claim_id: Option<ID>,
        }) begins claim -> DraftReferralPayload = |ids| Ok(Command::DraftReferral(DraftReferral {
            id: ids.claim(),
            scheme: SchemeId(input::uuid("schemeId", Kind::Scheme, &scheme_id)?),
            household: HouseholdId(input::uuid("householdId", Kind::Household, &household_id)?),
            case: Case {
                insured: input::member("insuredMemberId", &insured_member_id)?,
                peril: peril.into(),
                event_on: event_on.0,
                submitted: submitted_fen.0,
                payee: input::payee(&payee_id)?,
                basis: input::basis(basis)?,
                advance: is_advance.unwrap_or_default(),
            },
            follows: (follows_claim_id.as_ref())
                .map(|id| input::uuid("followsClaimId", Kind::Claim, id))
                .transpose()?
                .map(ClaimId),
        }));

        "Replaces what a draft or returned referral claims (修改推送)."
        codes "DUPLICATE_EVENT, DUPLICATE_ELSEWHERE, ADVANCE_STANDS, PAYEE_UNKNOWN"
        amend_referral(AmendReferralInput {
            /// The member concerned (patient, student).
            insured_member_id: ID,
            /// Cause of loss.
            peril: Peril,
            /// Day of the event.
            event_on: Date,
            /// Self-paid cost as the household states it (申报).
            submitted_fen: Fen,
            /// Who is to be paid.
            payee_id: ID,
            /// The village decision; a draft may still lack it.
            basis: Option<BasisInput>,
            /// Whether money is wanted before there are bills (先行救助), where the scheme has a table for it; left out: no.
            is_advance: Option<bool>,
        }) -> AmendReferralPayload = |_ids| Ok(Command::AmendReferral {
            case: Case {
                insured: input::member("insuredMemberId", &insured_member_id)?,
                peril: peril.into(),
                event_on: event_on.0,
                submitted: submitted_fen.0,
                payee: input::payee(&payee_id)?,
                basis: input::basis(basis)?,
                advance: is_advance.unwrap_or_default(),
            },
        });

        "Refers the case to the insurer (推送)."
        codes "MISSING_BASIS, HOUSEHOLD_NOT_LISTED, OUTSIDE_POLICY_YEAR, EVIDENCE_MISSING, DUPLICATE_EVENT, DUPLICATE_ELSEWHERE, PAYEE_UNKNOWN"
        refer_case(ReferCaseInput {}) -> ReferCasePayload = |_ids| Ok(Command::ReferCase);

        "Returns a referral to the office for correction (退回补正)."
        codes "none"
        return_referral(ReturnReferralInput {
            /// What must be corrected; at least one.
            reasons: Vec<String>,
        }) -> ReturnReferralPayload = |_ids| Ok(Command::ReturnReferral {
            reasons: input::texts("reasons", reasons)?,
        });

        "Accepts a referral (受理)."
        codes "NOT_COVERED, OUTSIDE_POLICY_YEAR"
        accept_referral(AcceptReferralInput {}) -> AcceptReferralPayload = |_ids| Ok(Command::AcceptReferral);

        "Withdraws a claim that is not yet instructed (撤回); reserved money is released."
        codes "none"
        withdraw_claim(WithdrawClaimInput {
            /// Why.
            reason: String,
        }) -> WithdrawClaimPayload = |_ids| Ok(Command::WithdrawClaim {
            reason: input::text("reason", reason)?,
        });
    }
}
