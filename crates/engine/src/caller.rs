//! Who is calling: a person of an organisation, with duties, in a region.

use crate::household::Household;
use lifecycle::{AccountId, Actor, Claim, CountyCode, Door, Duty, OrgId, PersonId, RegionCode};

/// What a caller may see: the claims of a region, and for an insurer only its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The county: the tenant.
    pub county: CountyCode,
    /// The region (辖区): county, township or village.
    pub region: RegionCode,
    /// For an insurer's people: only claims of this insurer.
    pub insurer: Option<OrgId>,
}

impl Scope {
    /// Whether a claim lies in the scope.
    pub fn covers(&self, claim: &Claim) -> bool {
        self.covers_claims_of(claim.county, &claim.village, claim.insurer)
    }

    /// Whether a household lives in the scope: one that has moved away is not shown, though a claim of it is.
    pub fn covers_household(&self, household: &Household) -> bool {
        household.county == self.county && self.region.covers(&household.village)
    }

    /// Whether an insurer's books of a county lie in the scope (pools, payments): the whole county does.
    pub fn covers_books_of(&self, county: CountyCode, insurer: OrgId) -> bool {
        county == self.county
            && self.region == self.region.county()
            && self.insurer.is_none_or(|own| own == insurer)
    }

    /// Whether the claims of a village with an insurer lie in the scope.
    pub fn covers_claims_of(
        &self,
        county: CountyCode,
        village: &RegionCode,
        insurer: OrgId,
    ) -> bool {
        county == self.county
            && self.region.covers(village)
            && self.insurer.is_none_or(|own| own == insurer)
    }
}

/// What a credential is good for. A session holds all of it; an API key what it was opened with.
/// It narrows the duties, it never adds to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// `READ`: queries and subscriptions.
    Read,
    /// `ACT`: mutations.
    Act,
    /// `BULK`: exports and batches.
    Bulk,
    /// `SCHEMA`: introspection.
    Schema,
    /// `REVEAL`: private data in plain, one field a call, with its purpose.
    Reveal,
}

impl Grant {
    /// Every grant: what a session holds.
    pub const ALL: &'static [Self] = &[
        Self::Read,
        Self::Act,
        Self::Bulk,
        Self::Schema,
        Self::Reveal,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Act => "ACT",
            Self::Bulk => "BULK",
            Self::Schema => "SCHEMA",
            Self::Reveal => "REVEAL",
        }
    }

    /// The grant of a code; `None` for a code that does not exist.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|grant| grant.code() == code)
    }
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account that signed in; idempotency keys belong to it.
    pub account: AccountId,
    /// The person behind it.
    pub person: PersonId,
    /// The person's name (staff, not household).
    pub name: String,
    /// The person in whose place, if delegated.
    pub on_behalf_of: Option<PersonId>,
    /// The organisation.
    pub org: OrgId,
    /// The organisation's name.
    pub org_name: String,
    /// The duties held.
    pub duties: Vec<Duty>,
    /// What may be seen.
    pub scope: Scope,
    /// Person or system.
    pub door: Door,
    /// What the credential is good for.
    pub grants: Vec<Grant>,
    /// Whether a second factor was shown in this session.
    pub second_factor: bool,
    /// Whether this installation asks for one where money moves.
    pub second_factor_wanted: bool,
}

impl Caller {
    /// The actor the state machine judges.
    pub fn actor(&self) -> Actor {
        Actor {
            person: self.person,
            on_behalf_of: self.on_behalf_of,
            duties: self.duties.clone(),
            door: self.door,
        }
    }

    /// Whether the credential is good for this.
    pub fn may(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
    }

    /// Whether a second factor is asked for where money moves, and was not shown.
    pub fn lacks_second_factor(&self) -> bool {
        self.second_factor_wanted && !self.second_factor
    }

    /// Whether a duty is held.
    pub fn holds(&self, duty: Duty) -> bool {
        self.duties.contains(&duty)
    }
}
