//! What crosses claims and changes rarely: regions, organisations, people, households, schemes,
//! pools; sessions and the like are `identity`. Every write here is idempotent by its id.

use crate::ports::Fault;
use async_trait::async_trait;
use lifecycle::{
    AccountId, CountyCode, Duty, HouseholdId, OrgId, PersonId, RegionCode, Scheme, SchemeId,
};
use std::sync::Arc;

/// A county, township or village.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Code of 6, 9 or 12 digits.
    pub code: RegionCode,
    /// Name.
    pub name: String,
}

/// What an organisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgKind {
    /// The county's poverty office or a township (扶贫办, 乡镇).
    Office,
    /// An insurer (保险公司), or a branch of one.
    Insurer,
    /// Whoever audits (审计机关).
    Auditor,
}

impl OrgKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Office, Self::Insurer, Self::Auditor];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Office => "OFFICE",
            Self::Insurer => "INSURER",
            Self::Auditor => "AUDITOR",
        }
    }

    /// The kind of a code; `None` for a code that does not exist.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

/// An organisation (机构).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Id.
    pub id: OrgId,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: OrgKind,
    /// The organisation it is under, of the same kind: the county office of a township's, the insurer
    /// of a branch.
    pub parent: Option<OrgId>,
}

/// A person of staff with duties in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Id.
    pub id: PersonId,
    /// Name.
    pub name: String,
    /// Organisation.
    pub org: OrgId,
    /// Region (辖区) in which the duties are held.
    pub region: RegionCode,
    /// Duties.
    pub duties: Vec<Duty>,
    /// Households the person belongs to or declared an interest in (回避).
    pub interests: Vec<HouseholdId>,
}

/// A login of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Id.
    pub id: AccountId,
    /// Login name, unique in the installation.
    pub login: String,
    /// Argon2 hash in PHC form; empty for an account that cannot sign in with a password.
    pub password_hash: String,
    /// The person.
    pub person: PersonId,
}

/// A county's reference data.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Writes a county, township or village.
    async fn put_region(&self, county: CountyCode, region: &Region) -> Result<(), Fault>;
    /// Regions of a county, by code.
    async fn regions(&self, county: CountyCode) -> Result<Vec<Region>, Fault>;
    /// The counties of this installation.
    async fn counties(&self) -> Result<Vec<CountyCode>, Fault>;
    /// Writes an organisation.
    async fn put_org(&self, county: CountyCode, org: &Org) -> Result<(), Fault>;
    /// Organisations of a county.
    async fn orgs(&self, county: CountyCode) -> Result<Vec<Org>, Fault>;
    /// Writes a person with duties and interests (replacing the earlier ones).
    async fn put_person(&self, county: CountyCode, person: &Person) -> Result<(), Fault>;
    /// People of a county.
    async fn people(&self, county: CountyCode) -> Result<Vec<Person>, Fault>;
    /// Publishes a scheme version and opens its pool; a published one with other contents is
    /// `Fault::Conflict` (immutable).
    async fn put_scheme(&self, scheme: &Scheme) -> Result<(), Fault>;
    /// A scheme.
    async fn scheme(&self, county: CountyCode, id: SchemeId) -> Result<Option<Arc<Scheme>>, Fault>;
    /// Schemes of a county.
    async fn schemes(&self, county: CountyCode) -> Result<Vec<Arc<Scheme>>, Fault>;
}
