//! One visit (request): who calls, in which language, and what was already read for this answer.

use crate::batch::Batcher;
use crate::errors::{ApiError, ErrorCode};
use crate::messages::Language;
use async_graphql::Context;
use engine::access::Office;
use engine::household::Household;
use engine::outlook::Blocker;
use engine::registry::{Org, Person, Region};
use engine::{Caller, Recorded, Span};
use lifecycle::{Claim, ClaimId, EventKind, HouseholdId, PersonId, RegionCode, Scheme, SchemeId};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Mutex, OnceCell};

/// A request on its way through the resolvers.
pub struct Visit {
    /// Desk and access.
    pub office: Office,
    /// The language of messages.
    pub language: Language,
    caller: Option<Caller>,
    token: Option<String>,
    by_get: bool,
    address: Option<String>,
    replayed: AtomicBool,
    regions: OnceCell<Vec<Region>>,
    people: OnceCell<Vec<Person>>,
    schemes: Mutex<HashMap<SchemeId, Option<Arc<Scheme>>>>,
    households: Batcher<HouseholdId, Arc<Household>>,
    diagnosed: Batcher<ClaimId, ()>,
    events: Batcher<(Stretch, Span), Arc<Vec<Recorded>>>,
    blockers: Batcher<Version, Arc<Vec<Blocker>>>,
    orgs: OnceCell<Vec<Org>>,
}

/// One version of a claim, as a key.
#[derive(Clone)]
struct Version(Arc<Claim>);

impl Version {
    fn key(&self) -> (ClaimId, u32) {
        (self.0.id, self.0.version)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Which events of a history are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stretch {
    /// All.
    Whole,
    /// Those of payments.
    Payments,
    /// Those of public notices.
    Notices,
}

impl Stretch {
    const ALL: [Self; 3] = [Self::Whole, Self::Payments, Self::Notices];

    /// The kinds; none for all.
    const fn kinds(self) -> &'static [EventKind] {
        match self {
            Self::Whole => &[],
            Self::Payments => &[
                EventKind::PayoutInstructed,
                EventKind::PayoutConfirmed,
                EventKind::PayoutFailed,
                EventKind::PayoutReturned,
                EventKind::PayoutUnknown,
                EventKind::RecoveryCompleted,
                EventKind::RecoveryWrittenOff,
            ],
            Self::Notices => &[EventKind::PublicNoticeOpened, EventKind::PublicationProved],
        }
    }
}

impl Visit {
    /// A visit of a caller (or of nobody yet) with the token that was presented.
    pub fn new(
        office: Office,
        language: Language,
        caller: Option<Caller>,
        token: Option<String>,
        by_get: bool,
    ) -> Self {
        Self {
            office,
            language,
            caller,
            token,
            by_get,
            address: None,
            replayed: AtomicBool::new(false),
            regions: OnceCell::new(),
            people: OnceCell::new(),
            schemes: Mutex::default(),
            households: Batcher::default(),
            diagnosed: Batcher::default(),
            events: Batcher::default(),
            blockers: Batcher::default(),
            orgs: OnceCell::new(),
        }
    }

    /// The visit a resolver runs in.
    pub fn of<'a>(ctx: &'a Context<'_>) -> Result<&'a Self, ApiError> {
        ctx.data_opt::<Arc<Self>>()
            .map(AsRef::as_ref)
            .ok_or_else(|| ApiError::new(ErrorCode::Internal, "internal error"))
    }

    /// The caller; whoever has not signed in gets no further.
    pub fn caller(&self) -> Result<&Caller, ApiError> {
        self.caller
            .as_ref()
            .ok_or_else(|| ApiError::new(ErrorCode::Unauthenticated, "sign in first"))
    }

    /// The same from an address, as the server noted it.
    #[must_use]
    pub fn coming_from(mut self, address: Option<String>) -> Self {
        self.address = address;
        self
    }

    /// The address it came from, if it is known.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// The token that was presented.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether the arguments stand in an address, where proxies and histories keep them.
    pub const fn is_by_get(&self) -> bool {
        self.by_get
    }

    /// Notes that an earlier answer is given again.
    pub fn note_replay(&self) {
        self.replayed.store(true, Ordering::Relaxed);
    }

    /// Whether an earlier answer is given again.
    pub fn is_replay(&self) -> bool {
        self.replayed.load(Ordering::Relaxed)
    }

    /// The regions of the caller's county.
    pub async fn regions(&self) -> Result<&[Region], ApiError> {
        let county = self.caller()?.scope.county;
        let read = || self.office.desk.store().regions(county);
        Ok(self.regions.get_or_try_init(read).await?)
    }

    /// A region by its code.
    pub async fn region(&self, code: &RegionCode) -> Result<Option<&Region>, ApiError> {
        let regions = self.regions().await?;
        Ok(regions.iter().find(|region| region.code == *code))
    }

    /// The staff of the caller's county.
    pub async fn people(&self) -> Result<&[Person], ApiError> {
        let county = self.caller()?.scope.county;
        let read = || self.office.desk.store().people(county);
        Ok(self.people.get_or_try_init(read).await?)
    }

    /// A person's name; the timer has one too.
    pub async fn person_name(&self, id: PersonId) -> Result<Option<String>, ApiError> {
        let caller = self.caller()?;
        if caller.person == id {
            return Ok(Some(caller.name.clone()));
        }
        let timer = engine::timer::timer_caller(caller.scope.county);
        if let Some(timer) = timer.filter(|timer| timer.person == id) {
            return Ok(Some(timer.name));
        }
        let people = self.people().await?;
        Ok(people
            .iter()
            .find(|person| person.id == id)
            .map(|person| person.name.clone()))
    }

    /// A scheme of the caller's county; an insurer sees only those it runs.
    pub async fn scheme(&self, id: SchemeId) -> Result<Option<Arc<Scheme>>, ApiError> {
        let caller = self.caller()?;
        let mut known = self.schemes.lock().await;
        if let Some(scheme) = known.get(&id) {
            return Ok(scheme.clone());
        }
        let scheme = self.office.desk.scheme(caller, id).await?;
        let scheme = scheme.filter(|scheme| sees_scheme(caller, scheme));
        known.insert(id, scheme.clone());
        Ok(scheme)
    }

    /// The household of a claim that the caller sees, under the rule of `Desk::household`.
    pub async fn household_of(&self, claim: &Claim) -> Result<Option<Arc<Household>>, ApiError> {
        let caller = self.caller()?;
        let (desk, scope) = (self.office.desk.clone(), caller.scope.clone());
        let read = async move |ids: Vec<HouseholdId>| {
            let store = desk.store();
            let found = store.households_by_ids(scope.county, &ids).await?;
            let near = found.into_iter().filter(|it| scope.covers_household(it));
            Ok(near.map(|it| (it.id, Arc::new(it))).collect())
        };
        self.households.load(claim.household, read).await
    }

    /// Whether a diagnosis is on record for a claim that the caller sees.
    pub async fn is_diagnosed(&self, claim: ClaimId) -> Result<bool, ApiError> {
        let (desk, county) = (self.office.desk.clone(), self.caller()?.scope.county);
        let read = async move |ids: Vec<ClaimId>| {
            let found = desk.store().diagnosed(county, &ids).await?;
            Ok(found.into_iter().map(|id| (id, ())).collect())
        };
        Ok(self.diagnosed.load(claim, read).await?.is_some())
    }

    /// The name of the organisation a person belongs to; the timer has none.
    pub async fn organisation_of(&self, person: PersonId) -> Result<Option<String>, ApiError> {
        let caller = self.caller()?;
        if caller.person == person {
            return Ok(Some(caller.org_name.clone()));
        }
        let people = self.people().await?;
        let Some(person) = people.iter().find(|it| it.id == person) else {
            return Ok(None);
        };
        let read = || self.office.desk.store().orgs(caller.scope.county);
        let orgs = self.orgs.get_or_try_init(read).await?;
        let org = orgs.iter().find(|it| it.id == person.org);
        Ok(org.map(|it| it.name.clone()))
    }

    /// What stands in the way of the caller's actions on a claim.
    pub async fn blockers(&self, claim: &Arc<Claim>) -> Result<Arc<Vec<Blocker>>, ApiError> {
        let (desk, caller) = (self.office.desk.clone(), self.caller()?.clone());
        let read = async move |claims: Vec<Version>| {
            let mut schemes: HashMap<SchemeId, Arc<Scheme>> = HashMap::new();
            let mut pairs = Vec::with_capacity(claims.len());
            for Version(claim) in &claims {
                let scheme = match schemes.get(&claim.scheme) {
                    Some(scheme) => Arc::clone(scheme),
                    None => match desk.scheme(&caller, claim.scheme).await? {
                        Some(scheme) => {
                            schemes.insert(claim.scheme, Arc::clone(&scheme));
                            scheme
                        }
                        None => continue,
                    },
                };
                pairs.push((Arc::clone(claim), scheme));
            }
            let found = desk.blockers(&caller, &pairs).await?;
            let claims = pairs.into_iter().map(|(claim, _)| Version(claim));
            Ok(claims.zip(found.into_iter().map(Arc::new)).collect())
        };
        let found = self.blockers.load(Version(Arc::clone(claim)), read).await?;
        Ok(found.unwrap_or_default())
    }

    /// Events of a claim that the caller sees, in order.
    pub async fn events(
        &self,
        stretch: Stretch,
        span: Span,
    ) -> Result<Arc<Vec<Recorded>>, ApiError> {
        if span.after >= span.upto {
            return Ok(Arc::default());
        }
        let (desk, scope) = (self.office.desk.clone(), self.caller()?.scope.clone());
        let read = async move |wanted: Vec<(Stretch, Span)>| {
            let mut found = HashMap::new();
            for stretch in Stretch::ALL {
                let spans = wanted.iter().filter(|(of, _)| *of == stretch);
                let spans: Vec<Span> = spans.map(|(_, span)| *span).collect();
                if spans.is_empty() {
                    continue;
                }
                let store = desk.store();
                let events = store.events(&scope, &spans, stretch.kinds()).await?;
                let mut by_claim: HashMap<ClaimId, Vec<Recorded>> = HashMap::new();
                for event in events {
                    by_claim.entry(event.claim).or_default().push(event);
                }
                for span in spans {
                    let own = by_claim.get(&span.claim).into_iter().flatten();
                    let mut own: Vec<Recorded> = own
                        .filter(|it| it.version > span.after && it.version <= span.upto)
                        .cloned()
                        .collect();
                    // Two stretches of one claim may overlap and bring an event twice.
                    own.dedup_by_key(|it| it.version);
                    found.insert((stretch, span), Arc::new(own));
                }
            }
            Ok(found)
        };
        let found = self.events.load((stretch, span), read).await?;
        Ok(found.unwrap_or_default())
    }
}

/// Whether a caller sees a scheme of its county.
pub fn sees_scheme(caller: &Caller, scheme: &Scheme) -> bool {
    caller
        .scope
        .insurer
        .is_none_or(|insurer| insurer == scheme.insurer)
}
