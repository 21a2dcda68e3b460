//! Private values: written down, and read in the clear, one at a time, on record.

use crate::errors::ApiError;
use crate::messages::{UserError, UserErrorCode};
use crate::mutation::registry::{Refused, household};
use crate::node_id::{self, Kind};
use crate::types::claim::ClaimNode;
use crate::types::disclosure::{Disclosure, DisclosurePurpose, PrivateField};
use crate::types::household::HouseholdNode;
use crate::types::scalars::Uuid;
use crate::visit::Visit;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use engine::disclosure::{PrivateSubject, Revealed};
use engine::household::{Diagnosis, Household, PRIVATE, Phone, PrivateDetails, holds_private};
use engine::limits::{REASON_CHARS_MIN, TEXT_CHARS_MAX};
use lifecycle::{Claim, ClaimId, Param};
use std::sync::Arc;

/// Input. Writes down the phone of a household, and what illness is behind a claim of it.
#[derive(InputObject)]
pub struct RecordPrivateDetailsInput {
    /// Made by the client; the same details written down twice stand once.
    idempotency_key: Uuid,
    /// The household.
    household_id: ID,
    /// Phone (联系电话), 7 to 12 digits; it leaves the server masked only. Left out, what is on record
    /// stays.
    #[graphql(secret)]
    phone: Option<String>,
    /// The claim the diagnosis is about; only with `diagnosis`.
    claim_id: Option<ID>,
    /// What illness it is (患病情况), at most 200 characters; of itself it is never shown.
    #[graphql(secret)]
    diagnosis: Option<String>,
}

/// Answer. Writes down the phone of a household, and what illness is behind a claim of it.
#[derive(SimpleObject)]
pub struct RecordPrivateDetailsPayload {
    /// The household after it.
    household: Option<HouseholdNode>,
    /// The claim, if a diagnosis was given.
    claim: Option<ClaimNode>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Input. Reads one private value in the clear.
#[derive(InputObject)]
pub struct RevealHouseholdFieldInput {
    /// The household.
    household_id: ID,
    /// The field.
    field: PrivateField,
    /// The member; for `ID_NUMBER` and only there.
    member_id: Option<ID>,
    /// The payee; for ACCOUNT and only there.
    payee_id: Option<ID>,
    /// The claim; for DIAGNOSIS and only there.
    claim_id: Option<ID>,
    /// What the value is read for.
    purpose: DisclosurePurpose,
    /// The reason, in a few words: who looks at the record must understand it. It may hold no private
    /// value itself.
    reason: String,
}

/// Answer. Reads one private value in the clear.
#[derive(SimpleObject)]
pub struct RevealHouseholdFieldPayload {
    /// The value in the clear; null when refused. Do not keep it.
    value: Option<String>,
    /// What stands on record of this reading; null when refused.
    disclosure: Option<Disclosure>,
    /// Why it was refused; empty when it was told.
    user_errors: Vec<UserError>,
}

/// Mutations of private values.
#[derive(Default)]
pub struct PrivateMutations;

/// A claim of the household that the caller sees.
async fn claim_of(visit: &Visit, household: &Household, id: &ID) -> Result<Claim, ApiError> {
    let id = node_id::decode_as(Kind::Claim, id).ok_or_else(ApiError::not_found)?;
    let store = visit.office.desk.store();
    let claim = store.claim(&visit.caller()?.scope, ClaimId(id)).await?;
    claim
        .filter(|claim| claim.household == household.id)
        .ok_or_else(ApiError::not_found)
}

/// What is to be written down.
struct Details {
    phone: Option<Phone>,
    diagnosis: Option<(ID, Diagnosis)>,
}

fn details(input: RecordPrivateDetailsInput) -> Result<Details, Refused> {
    let RecordPrivateDetailsInput {
        idempotency_key: _,
        household_id: _,
        phone,
        claim_id,
        diagnosis,
    } = input;
    if phone.is_none() && diagnosis.is_none() {
        return Err(Refused("phone", "MISSING"));
    }
    let phone = phone
        .map(|text| Phone::parse(&text).ok_or(Refused("phone", "NOT_A_PHONE")))
        .transpose()?;
    let diagnosis = match (claim_id, diagnosis) {
        (Some(claim), Some(text)) => {
            let read = Diagnosis::parse(&text);
            let reason = if text.trim().is_empty() {
                "EMPTY"
            } else {
                "TOO_LONG"
            };
            Some((claim, read.ok_or(Refused("diagnosis", reason))?))
        }
        (None, None) => None,
        (None, Some(_)) => return Err(Refused("claimId", "MISSING")),
        (Some(_), None) => return Err(Refused("diagnosis", "MISSING")),
    };
    Ok(Details { phone, diagnosis })
}

/// Which value is asked for: the id that goes with the field, and no other.
fn subject(input: &RevealHouseholdFieldInput, home: &Household) -> Result<PrivateSubject, Refused> {
    let ids = [
        (
            PrivateField::IdNumber,
            "memberId",
            Kind::Member,
            &input.member_id,
        ),
        (
            PrivateField::Account,
            "payeeId",
            Kind::Payee,
            &input.payee_id,
        ),
        (
            PrivateField::Diagnosis,
            "claimId",
            Kind::Claim,
            &input.claim_id,
        ),
    ];
    let mut found = home.id.0;
    for (field, name, kind, id) in ids {
        match (field == input.field, id) {
            (true, Some(id)) => {
                found = node_id::decode_as(kind, id).ok_or(Refused(name, "UNKNOWN"))?;
            }
            (true, None) => return Err(Refused(name, "MISSING")),
            (false, Some(_)) => return Err(Refused(name, "NOT_OF_THIS_FIELD")),
            (false, None) => {}
        }
    }
    Ok(PrivateSubject::new(input.field.into(), found))
}

fn reason(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    let length = text.chars().count();
    if length < REASON_CHARS_MIN {
        return Err(Refused("reason", "TOO_SHORT"));
    }
    if length > TEXT_CHARS_MAX {
        return Err(Refused("reason", "TOO_LONG"));
    }
    if holds_private(text) {
        return Err(Refused("reason", PRIVATE));
    }
    Ok(text.to_owned())
}

fn refused(user_errors: Vec<UserError>) -> RevealHouseholdFieldPayload {
    RevealHouseholdFieldPayload {
        value: None,
        disclosure: None,
        user_errors,
    }
}

#[Object]
impl PrivateMutations {
    /// Writes down the phone of a household, and what illness is behind a claim of it (登记联系电话和
    /// 患病情况). Both are stored sealed, stand in no log, and are shown masked or not at all. Codes:
    /// VALIDATION.
    async fn record_private_details(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the diagnosis, or both.")] input: RecordPrivateDetailsInput,
    ) -> Result<RecordPrivateDetailsPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let home = household(visit, &input.household_id).await?;
        let id = input.household_id.clone();
        let details = match details(input) {
            Ok(details) => details,
            Err(refused) => {
                return Ok(RecordPrivateDetailsPayload {
                    household: Some(HouseholdNode(Arc::new(home))),
                    claim: None,
                    user_errors: refused.told(visit),
                });
            }
        };
        let store = visit.office.desk.store();
        let mut claim = None;
        let mut diagnosis = None;
        if let Some((id, text)) = details.diagnosis {
            let found = claim_of(visit, &home, &id).await?;
            diagnosis = Some((found.id, text));
            claim = Some(ClaimNode::from(found));
        }
        let details = PrivateDetails {
            county: home.county,
            household: home.id,
            phone: details.phone,
            diagnosis,
            by: visit.caller()?.person,
            at: visit.office.desk.clock().now(),
        };
        store.put_private_details(&details).await?;
        let after = household(visit, &id).await?;
        Ok(RecordPrivateDetailsPayload {
            household: Some(HouseholdNode(Arc::new(after))),
            claim,
            user_errors: Vec::new(),
        })
    }

    /// Reads one private value in the clear (查看明文). It stands on record, with person, purpose and
    /// reason, before the value leaves; each call is a disclosure of its own, so there is no
    /// idempotency key. Only duties whose work needs the field, a limited number a day; an API key
    /// must be good for it. Codes: `DUTY_MISSING`, VALIDATION, `PRIVATE_IN_TEXT`, `NOTHING_RECORDED`,
    /// `REVEALS_EXHAUSTED`.
    async fn reveal_household_field(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which value, and what for.")] input: RevealHouseholdFieldInput,
    ) -> Result<RevealHouseholdFieldPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let home = household(visit, &input.household_id).await?;
        let asked = reason(&input.reason).and_then(|why| Ok((subject(&input, &home)?, why)));
        let (subject, why) = match asked {
            Ok(asked) => asked,
            Err(fault) => return Ok(refused(fault.told(visit))),
        };
        let desk = &visit.office.desk;
        let revealed = desk
            .reveal(visit.caller()?, home.id, subject, input.purpose.into(), why)
            .await?
            .ok_or_else(ApiError::not_found)?;
        let error = |code, params: &[(&'static str, Param)]| {
            refused(vec![UserError::new(code, params, visit.language)])
        };
        Ok(match revealed {
            Revealed::Told { entry, value } => RevealHouseholdFieldPayload {
                value: Some(value.reveal().to_owned()),
                disclosure: Some(Disclosure::from(entry.as_ref())),
                user_errors: Vec::new(),
            },
            Revealed::DutyMissing => {
                let what = Param::Text("REVEAL_HOUSEHOLD_FIELD".to_owned());
                error(UserErrorCode::DutyMissing, &[("command", what)])
            }
            Revealed::Absent => error(UserErrorCode::NothingRecorded, &[]),
            Revealed::Exhausted { limit } => error(
                UserErrorCode::RevealsExhausted,
                &[("limit", Param::Number(i64::from(limit)))],
            ),
        })
    }
}
