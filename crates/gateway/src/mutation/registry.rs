//! The registry: payees and liveness checks of a household.

use crate::errors::ApiError;
use crate::messages::{UserError, UserErrorCode};
use crate::mutation::key_reused;
use crate::node_id::{self, Kind};
use crate::types::enums::{NameCheckMeans, PayeeRelation};
use crate::types::household::{HouseholdNode, Member, Payee};
use crate::types::scalars::{Date, Uuid};
use crate::visit::Visit;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::NaiveDate;
use engine::household::{self, BankAccount, Household, PRIVATE, entered};
use engine::{Caller, Desk};
use lifecycle::calendar::legal_day;
use lifecycle::{HouseholdId, MemberId, Param, PayeeId};
use std::sync::Arc;

/// Input. Registers a payee version of a household.
#[derive(InputObject)]
pub struct RegisterPayeeInput {
    /// Made by the client: the same key with the same input acts once and answers the same.
    idempotency_key: Uuid,
    /// The household.
    household_id: ID,
    /// The member who is paid.
    member_id: ID,
    /// The account holder's name as the bank has it.
    holder_name: String,
    /// Bank.
    bank: String,
    /// Account number, 8 to 32 digits. It leaves the server masked only.
    #[graphql(secret)]
    account: String,
    /// In what relation to the insured; left out: the head of the household, or another member of it.
    relation: Option<PayeeRelation>,
    /// The papers of an heir: with HEIR, and only then.
    heir_papers: Option<HeirPapersInput>,
}

/// The papers that show an heir (继承材料), each by the SHA-256 of its content.
#[derive(InputObject)]
pub struct HeirPapersInput {
    /// The death certificate (死亡证明) of the insured.
    death_certificate: String,
    /// The proof of relation (亲属关系证明).
    relation_proof: String,
    /// The heirs' agreement with their identity documents (继承人协议).
    heirs_agreement: String,
}

/// Input. Records a check of the name of a payee's account.
#[derive(InputObject)]
pub struct RecordPayeeCheckInput {
    /// Made by the client, best a UUID of version 7: the same key with the same check records it once.
    idempotency_key: Uuid,
    /// The household.
    household_id: ID,
    /// The payee.
    payee_id: ID,
    /// By which means: `DOCUMENT_SEEN` or `BANK_REPLY`. Names are compared by the program, when a payee is entered.
    means: NameCheckMeans,
    /// Whether the account is in the payee's name.
    passed: bool,
    /// SHA-256 of what was seen: the bank's reply, a copy of the document.
    sha256: Option<String>,
}

/// Answer. Records a check of the name of a payee's account.
#[derive(SimpleObject)]
pub struct RecordPayeeCheckPayload {
    /// The payee after the check.
    payee: Option<Payee>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Answer. Registers a payee version of a household.
#[derive(SimpleObject)]
pub struct RegisterPayeePayload {
    /// The payee.
    payee: Option<Payee>,
    /// The household.
    household: Option<HouseholdNode>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Input. Records a check of a member against the register of the living.
#[derive(InputObject)]
pub struct RecordLivenessCheckInput {
    /// Made by the client; the same check recorded twice is one check.
    idempotency_key: Uuid,
    /// The household.
    household_id: ID,
    /// The member.
    member_id: ID,
    /// The day of the check.
    checked_on: Date,
    /// The day of death, if the register says so.
    died_on: Option<Date>,
}

/// Answer. Records a check of a member against the register of the living.
#[derive(SimpleObject)]
pub struct RecordLivenessCheckPayload {
    /// The member after the check.
    member: Option<Member>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of the registry.
#[derive(Default)]
pub struct RegistryMutations;

/// Why an entry is refused: the field and the reason.
pub(super) struct Refused(pub(super) &'static str, pub(super) &'static str);

impl Refused {
    pub(super) fn told(&self, visit: &Visit) -> Vec<UserError> {
        let text = |text: &str| Param::Text(text.to_owned());
        let Self(field, reason) = self;
        if *reason == PRIVATE {
            let params = [("field", text(field))];
            return vec![UserError::new(
                UserErrorCode::PrivateInText,
                &params,
                visit.language,
            )];
        }
        let params = [("field", text(field)), ("reason", text(reason))];
        vec![UserError::new(
            UserErrorCode::Validation,
            &params,
            visit.language,
        )]
    }
}

/// The household of an input, if it is in the caller's scope.
pub(super) async fn household(visit: &Visit, id: &ID) -> Result<Household, ApiError> {
    let uuid = node_id::decode_as(Kind::Household, id).ok_or_else(ApiError::not_found)?;
    let desk = &visit.office.desk;
    let household = desk.household(visit.caller()?, HouseholdId(uuid)).await?;
    household.ok_or_else(ApiError::not_found)
}

/// The member of an input, who must be of the household.
fn member(household: &Household, id: &ID) -> Result<MemberId, Refused> {
    node_id::decode_as(Kind::Member, id)
        .map(MemberId)
        .filter(|id| Desk::member(household, *id).is_some())
        .ok_or(Refused("memberId", "NOT_OF_HOUSEHOLD"))
}

pub(super) fn named(field: &'static str, text: &str) -> Result<String, Refused> {
    entered(text).map_err(|reason| Refused(field, reason))
}

fn payee_of(
    caller: &Caller,
    household: &Household,
    input: &RegisterPayeeInput,
    today: NaiveDate,
) -> Result<household::Payee, Refused> {
    let paid = member(household, &input.member_id)?;
    let relation = input.relation.map_or_else(
        || household::Payee::plain_relation(household, paid),
        lifecycle::PayeeRelation::from,
    );
    let mut payee = household::Payee {
        id: PayeeId(Desk::ids(caller, input.idempotency_key.0).made("payee")),
        member: paid,
        relation,
        papers: papers(relation, input.heir_papers.as_ref())?,
        holder_name: named("holderName", &input.holder_name)?,
        bank: named("bank", &input.bank)?,
        account: BankAccount::parse(&input.account).ok_or(Refused("account", "NOT_AN_ACCOUNT"))?,
        entered_by: Some(caller.person),
        entered_for: caller.on_behalf_of,
        checks: Vec::new(),
    };
    let compared = Desk::member(household, paid).map(|it| payee.compared(it, today, caller.person));
    payee.checks.extend(compared);
    Ok(payee)
}

/// The papers of an heir: there when they must be, and only then.
fn papers(
    relation: lifecycle::PayeeRelation,
    input: Option<&HeirPapersInput>,
) -> Result<Option<household::HeirPapers>, Refused> {
    let heir = relation == lifecycle::PayeeRelation::Heir;
    let papers = match input {
        None if heir => return Err(Refused("heirPapers", "MISSING")),
        Some(_) if !heir => return Err(Refused("heirPapers", "NOT_OF_AN_HEIR")),
        None => return Ok(None),
        Some(papers) => papers,
    };
    let hash = |field, text: &str| sha256(text).ok_or(Refused(field, "NOT_A_SHA256"));
    Ok(Some(household::HeirPapers {
        death_certificate: hash("deathCertificate", &papers.death_certificate)?,
        relation_proof: hash("relationProof", &papers.relation_proof)?,
        heirs_agreement: hash("heirsAgreement", &papers.heirs_agreement)?,
    }))
}

fn sha256(text: &str) -> Option<String> {
    let digits = text.len() == 64 && text.bytes().all(|it| it.is_ascii_hexdigit());
    digits.then(|| text.to_ascii_lowercase())
}

/// The payee of an input, and the check.
fn name_check(
    visit: &Visit,
    caller: &Caller,
    household: &Household,
    input: &RecordPayeeCheckInput,
) -> Result<(PayeeId, household::PayeeCheck), Vec<UserError>> {
    let refused = |field, reason| Refused(field, reason).told(visit);
    let id = node_id::decode_as(Kind::Payee, &input.payee_id).map(PayeeId);
    let payee = household.payees.iter().find(|it| Some(it.id) == id);
    let payee = payee.ok_or_else(|| refused("payeeId", "NOT_OF_HOUSEHOLD"))?;
    if input.means == NameCheckMeans::NamesCompared {
        return Err(refused("means", "MADE_BY_THE_PROGRAM"));
    }
    let seen = input.sha256.as_deref();
    let seen = seen.map(|it| sha256(it).ok_or_else(|| refused("sha256", "NOT_A_SHA256")));
    let check = household::PayeeCheck {
        id: Desk::ids(caller, input.idempotency_key.0).made("payee-check"),
        means: input.means.into(),
        passed: input.passed,
        by: caller.person,
        on_behalf_of: caller.on_behalf_of,
        on: legal_day(visit.office.desk.clock().now()),
        sha256: seen.transpose()?,
    };
    if !payee.takes(&check) {
        let code = UserErrorCode::SecondPersonRequired;
        return Err(vec![UserError::new(code, &[], visit.language)]);
    }
    Ok((payee.id, check))
}

fn check_of(
    visit: &Visit,
    household: &Household,
    input: &RecordLivenessCheckInput,
) -> Result<MemberId, Refused> {
    let member = member(household, &input.member_id)?;
    if input.checked_on.0 > legal_day(visit.office.desk.clock().now()) {
        return Err(Refused("checkedOn", "IN_THE_FUTURE"));
    }
    if input.died_on.is_some_and(|day| day.0 > input.checked_on.0) {
        return Err(Refused("diedOn", "AFTER_THE_CHECK"));
    }
    Ok(member)
}

#[Object]
impl RegistryMutations {
    /// Registers a payee (收款人) of a household in the caller's scope. A payee version is
    /// immutable; another account is another payee. The program compares the names of account and member and
    /// records that check. Codes: VALIDATION,
    /// `PRIVATE_IN_TEXT`.
    async fn register_payee(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The payee and the account.")] input: RegisterPayeeInput,
    ) -> Result<RegisterPayeePayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let mut household = household(visit, &input.household_id).await?;
        let today = legal_day(visit.office.desk.clock().now());
        let payee = match payee_of(visit.caller()?, &household, &input, today) {
            Ok(payee) => payee,
            Err(refused) => {
                return Ok(RegisterPayeePayload {
                    payee: None,
                    household: Some(HouseholdNode(Arc::new(household))),
                    user_errors: refused.told(visit),
                });
            }
        };
        match household.payees.iter().find(|known| known.id == payee.id) {
            Some(known) if known.is_version(&payee) => visit.note_replay(),
            Some(_) => return Err(key_reused()),
            None => {
                let store = visit.office.desk.store();
                store
                    .put_payee(household.county, household.id, &payee)
                    .await?;
                household.payees.push(payee.clone());
            }
        }
        Ok(RegisterPayeePayload {
            payee: Some(Payee::of(household.id, &payee)),
            household: Some(HouseholdNode(Arc::new(household))),
            user_errors: Vec::new(),
        })
    }

    /// Records that somebody checked whether an account is in the payee's name (户名核验): another person than
    /// entered the payee. The latest check counts. Codes: VALIDATION, `SECOND_PERSON_REQUIRED`.
    async fn record_payee_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The payee and what was found.")] input: RecordPayeeCheckInput,
    ) -> Result<RecordPayeeCheckPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let before = household(visit, &input.household_id).await?;
        let (payee, check) = match name_check(visit, visit.caller()?, &before, &input) {
            Ok(found) => found,
            Err(user_errors) => {
                return Ok(RecordPayeeCheckPayload {
                    payee: None,
                    user_errors,
                });
            }
        };
        let mut known = before.payees.iter().flat_map(|it| &it.checks);
        match known.find(|it| it.id == check.id) {
            Some(known) if known.says(&check) => visit.note_replay(),
            Some(_) => return Err(key_reused()),
            None => {
                let store = visit.office.desk.store();
                store.put_payee_check(before.county, payee, &check).await?;
            }
        }
        let after = household(visit, &input.household_id).await?;
        let payee = after.payees.iter().find(|it| it.id == payee);
        Ok(RecordPayeeCheckPayload {
            payee: payee.map(|it| Payee::of(after.id, it)),
            user_errors: Vec::new(),
        })
    }

    /// Records a check of a member against the register of the living (生存核验). Codes:
    /// VALIDATION.
    async fn record_liveness_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member and what the register says.")] input: RecordLivenessCheckInput,
    ) -> Result<RecordLivenessCheckPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let before = household(visit, &input.household_id).await?;
        let member = match check_of(visit, &before, &input) {
            Ok(member) => member,
            Err(refused) => {
                return Ok(RecordLivenessCheckPayload {
                    member: None,
                    user_errors: refused.told(visit),
                });
            }
        };
        let store = visit.office.desk.store();
        let died_on = input.died_on.map(|day| day.0);
        store
            .record_liveness(before.county, member, input.checked_on.0, died_on)
            .await?;
        let after = household(visit, &input.household_id).await?;
        Ok(RecordLivenessCheckPayload {
            member: Desk::member(&after, member).map(|it| Member::of(after.id, it)),
            user_errors: Vec::new(),
        })
    }
}
