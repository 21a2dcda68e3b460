//! Households, members and payees. Identity numbers and accounts leave masked only.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::query::claims;
use crate::types::connection::{ClaimConnection, Connection, PageArgs};
use crate::types::enums::{NameCheckMeans, PayeeRelation};
use crate::types::event::count;
use crate::types::scalars::Date;
use crate::types::staff::RegionName;
use crate::visit::Visit;
use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use engine::ClaimFilter;
use engine::household::Household;
use lifecycle::{HouseholdId, PersonId};
use std::sync::Arc;

/// A member of a household (家庭成员).
#[derive(SimpleObject, Debug, Clone)]
pub struct Member {
    /// The node id: what inputs want as `memberId`.
    #[graphql(owned)]
    pub id: ID,
    /// Name.
    name: String,
    /// Relation to the head (与户主关系): 户主, 配偶, 子, 女.
    relation: String,
    /// Identity number, masked: three and two digits.
    id_number_masked: String,
    /// Day of death, if known.
    died_on: Option<Date>,
    /// Day of the last check against the register of the living; null if never.
    checked_on: Option<Date>,
}

impl Member {
    /// A member of a household.
    pub fn of(household: HouseholdId, member: &engine::household::Member) -> Self {
        let engine::household::Member {
            id,
            name,
            id_number,
            relation,
            died_on,
            checked_on,
        } = member;
        Self {
            id: node_id::encode_part(Kind::Member, household.0, id.0),
            name: name.clone(),
            relation: relation.clone(),
            id_number_masked: id_number.masked(),
            died_on: died_on.map(Date),
            checked_on: checked_on.map(Date),
        }
    }
}

/// The papers that show an heir (继承材料), each by the SHA-256 of its content.
#[derive(SimpleObject, Debug, Clone)]
pub struct HeirPapers {
    /// The death certificate (死亡证明) of the insured.
    death_certificate: String,
    /// The proof of relation (亲属关系证明).
    relation_proof: String,
    /// The heirs' agreement with their identity documents (继承人协议).
    heirs_agreement: String,
}

/// A check of the name of an account (户名核验). It is never changed or deleted.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct PayeeCheck {
    /// By which means.
    means: NameCheckMeans,
    /// Whether the names agree.
    passed: bool,
    /// The day.
    checked_on: Date,
    /// SHA-256 of what was seen, if it was kept.
    sha256: Option<String>,
    #[graphql(skip)]
    by: PersonId,
}

#[ComplexObject]
impl PayeeCheck {
    /// The name of the person who checked; of a comparison by the program, who entered the payee.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        Visit::of(ctx)?.person_name(self.by).await
    }
}

impl From<&engine::household::PayeeCheck> for PayeeCheck {
    fn from(check: &engine::household::PayeeCheck) -> Self {
        Self {
            means: check.means.into(),
            passed: check.passed,
            checked_on: Date(check.on),
            sha256: check.sha256.clone(),
            by: check.by,
        }
    }
}

/// One immutable version of a payee (收款人). Another account is another payee.
#[derive(SimpleObject, Debug, Clone)]
pub struct Payee {
    /// The node id: what inputs want as `payeeId`.
    #[graphql(owned)]
    pub id: ID,
    /// The member who is paid.
    member_id: ID,
    /// In what relation to the insured.
    relation: PayeeRelation,
    /// The papers of an heir; null for everybody else.
    heir_papers: Option<HeirPapers>,
    /// The latest check of the account's name; null if it was never checked.
    name_check: Option<PayeeCheck>,
    /// The account holder's name as the bank has it.
    holder_name: String,
    /// Bank.
    bank: String,
    /// Account number, masked: the last four digits.
    account_masked: String,
}

impl From<&Self> for Payee {
    fn from(payee: &Self) -> Self {
        payee.clone()
    }
}

impl Payee {
    /// A payee of a household.
    pub fn of(household: HouseholdId, payee: &engine::household::Payee) -> Self {
        let engine::household::Payee {
            id,
            member,
            relation,
            papers,
            holder_name,
            bank,
            account,
            entered_by: _,
            entered_for: _,
            checks,
        } = payee;
        Self {
            id: node_id::encode_part(Kind::Payee, household.0, id.0),
            member_id: node_id::encode_part(Kind::Member, household.0, member.0),
            relation: (*relation).into(),
            heir_papers: papers.as_ref().map(|it| HeirPapers {
                death_certificate: it.death_certificate.clone(),
                relation_proof: it.relation_proof.clone(),
                heirs_agreement: it.heirs_agreement.clone(),
            }),
            name_check: checks.last().map(PayeeCheck::from),
            holder_name: holder_name.clone(),
            bank: bank.clone(),
            account_masked: account.masked(),
        }
    }
}

/// A household (农户) in the caller's region. An insurer sees it only through a claim of its own.
#[derive(Clone)]
pub struct HouseholdNode(pub Arc<Household>);

/// A household (农户) in the caller's region. An insurer sees it only through a claim of its own.
#[Object(name = "Household")]
impl HouseholdNode {
    /// The node id.
    pub async fn id(&self) -> ID {
        node_id::encode(Kind::Household, self.0.id.0)
    }

    /// Village.
    async fn village(&self, ctx: &Context<'_>) -> Result<RegionName, ApiError> {
        RegionName::find(Visit::of(ctx)?, &self.0.village).await
    }

    /// Household type (户类型) as the national list names it.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Day of the village's decision to monitor it; null while it is not on the list.
    async fn listed_on(&self) -> Option<Date> {
        self.0.listed_on.map(Date)
    }

    /// The head of household's name.
    async fn head_name(&self) -> &str {
        self.0.head_name()
    }

    /// Number of persons by the police register; may exceed the members known by name.
    async fn persons(&self) -> i32 {
        count(self.0.persons)
    }

    /// Phone (联系电话), masked: 138****0000. Null if none is on record.
    async fn phone_masked(&self) -> Option<String> {
        self.0.phone.as_ref().map(engine::household::Phone::masked)
    }

    /// Members known by name, at most 50.
    async fn members(&self) -> Vec<Member> {
        let members = self.0.members.iter();
        members.map(|it| Member::of(self.0.id, it)).collect()
    }

    /// Payees, every version, the oldest first.
    #[expect(clippy::unused_async, reason = "async-graphql's resolvers are async")]
    async fn payees(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Payee>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let caller = Visit::of(ctx)?.caller()?;
        let binding = Binding::new("payees", &self.0.id, caller);
        let page = args.parse(&binding)?;
        let payees: Vec<_> = self
            .0
            .payees
            .iter()
            .map(|it| Payee::of(self.0.id, it))
            .collect();
        Ok(Connection::of_grown(&payees, &page, &binding))
    }

    /// Claims of the household that the caller may see, by claim number.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<ClaimConnection, ApiError> {
        let filter = ClaimFilter {
            household: Some(self.0.id),
            ..ClaimFilter::default()
        };
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        claims::page(Visit::of(ctx)?, filter, args).await
    }
}
