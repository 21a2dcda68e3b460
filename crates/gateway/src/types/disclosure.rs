//! Who has read which private value, when and why.

use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::scalars::DateTime;
use crate::visit::Visit;
use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use engine::disclosure::Disclosed;
use lifecycle::PersonId;

/// A private field of a household. In every answer it is masked; in the clear it leaves through
/// `revealHouseholdField` only.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "engine::disclosure::PrivateField")]
pub enum PrivateField {
    /// 公民身份号码: of a member.
    IdNumber,
    /// 银行账号: of a payee.
    Account,
    /// 联系电话: of the household.
    Phone,
    /// 患病情况: behind a claim.
    Diagnosis,
}

/// What a private value is read for.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "engine::disclosure::Purpose")]
pub enum DisclosurePurpose {
    /// 核查: an identity or a fact is checked.
    Verification,
    /// 付款: a payment is made or traced.
    Payment,
    /// 联系: the family is reached.
    Contact,
    /// 异议: an objection or appeal is heard.
    Objection,
    /// 更正: an entry is put right.
    Correction,
    /// 监督: audit, supervision, or a duty by law.
    Supervision,
}

/// One private value read in the clear by one person (查看记录). It was on record before the value
/// left, and stays.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct Disclosure {
    /// Place in the county's record, from 1, without a gap.
    seq: i64,
    /// The household.
    household_id: ID,
    /// The field.
    field: PrivateField,
    /// Whose value: the member, payee, household or claim.
    subject_id: ID,
    /// What for.
    purpose: DisclosurePurpose,
    /// The reason in the reader's own words.
    reason: String,
    /// The person who read.
    person_id: ID,
    /// When.
    at: DateTime,
    #[graphql(skip)]
    person: PersonId,
}

#[ComplexObject]
impl Disclosure {
    /// The reader's name; null if the person is not in the county's register.
    async fn person_name(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        Visit::of(ctx)?.person_name(self.person).await
    }
}

impl From<&Disclosed> for Disclosure {
    fn from(entry: &Disclosed) -> Self {
        use engine::disclosure::PrivateSubject as S;
        let what = &entry.what;
        Self {
            seq: entry.seq,
            household_id: node_id::encode(Kind::Household, what.household.0),
            field: what.subject.field().into(),
            subject_id: match what.subject {
                S::IdNumber(id) => node_id::encode(Kind::Member, id.0),
                S::Account(id) => node_id::encode(Kind::Payee, id.0),
                S::Phone(id) => node_id::encode(Kind::Household, id.0),
                S::Diagnosis(id) => node_id::encode(Kind::Claim, id.0),
            },
            purpose: what.purpose.into(),
            reason: what.reason.clone(),
            person_id: node_id::encode(Kind::Person, what.person.0),
            at: what.at.into(),
            person: what.person,
        }
    }
}
