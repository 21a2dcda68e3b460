//! Queries. Every read is within the caller's scope; unknown and forbidden are the same answer.

pub mod bank;
pub mod bulk;
pub mod claims;
pub mod deadlines;
pub mod disclosures;
pub mod hooks;
pub mod households;
pub mod identity;
pub mod pool;
pub mod preview;
pub mod work_queue;

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::node_id::{self, Kind, Named};
use crate::types::Node;
use crate::types::bulk::BulkOperation;
use crate::types::claim::{ClaimNode, Payout};
use crate::types::connection::{Connection, PageArgs};
use crate::types::enums::Duty;
use crate::types::household::{HouseholdNode, Member, Payee};
use crate::types::notice::{Notice, Objection};
use crate::types::scheme::SchemeNode;
use crate::types::staff::{Colleague, RegionName, Viewer};
use crate::visit::{Stretch, Visit, sees_scheme};
use async_graphql::{Context, ID, MergedObject, Object, OutputType};
use engine::authority::{self, Place};
use engine::household::IdNumber;
use engine::registry::Person;
use engine::{Recorded, Span};
use lifecycle::calendar::legal_day;
use lifecycle::{ClaimId, HouseholdId, SchemeId};
use std::sync::Arc;
use uuid::Uuid;

/// Ids of one `nodes` query.
const NODES_MAX: usize = 50;

/// Reading. Whatever the caller may not see does not exist.
#[derive(MergedObject, Default)]
pub struct Query(
    SingleQueries,
    bank::BankQueries,
    bulk::BulkQueries,
    claims::ClaimQueries,
    deadlines::DeadlineQueries,
    disclosures::DisclosureQueries,
    hooks::HookQueries,
    households::HouseholdQueries,
    identity::IdentityQueries,
    pool::PoolQueries,
    preview::PreviewQueries,
    work_queue::WorkQueueQueries,
);

/// Single things and reference data.
#[derive(Default)]
pub struct SingleQueries;

/// The node of an id, if there is one in the caller's scope, of a type the caller may read.
async fn find(visit: &Visit, id: &ID) -> Result<Option<Node>, ApiError> {
    let found = Box::pin(look(visit, id)).await?;
    Ok(found.filter(|node| {
        let row = authority::row(Place::Node, &node.introspection_type_name());
        authority::permit(visit.caller().ok(), row).is_ok()
    }))
}

/// The node of an id, if there is one in the caller's scope.
async fn look(visit: &Visit, id: &ID) -> Result<Option<Node>, ApiError> {
    let caller = visit.caller()?;
    let desk = &visit.office.desk;
    let Some(named) = node_id::decode(id) else {
        return Ok(None);
    };
    let claim = async |id| desk.store().claim(&caller.scope, ClaimId(id)).await;
    let household = async |id| desk.household(caller, HouseholdId(id)).await;
    let Named { kind, whole, own } = named;
    Ok(match kind {
        Kind::Claim => claim(own).await?.map(|claim| Node::Claim(claim.into())),
        Kind::Household => (household(own).await?)
            .map(|household| Node::Household(HouseholdNode(Arc::new(household)))),
        Kind::Scheme => visit
            .scheme(SchemeId(own))
            .await?
            .map(|scheme| Node::Scheme(SchemeNode(scheme))),
        Kind::Person => (visit.people().await?.iter())
            .find(|person| person.id.0 == own && person.org == caller.org)
            .map(|person| Node::Colleague(person.into())),
        Kind::Member => household(whole).await?.and_then(|home| {
            let member = home.members.iter().find(|it| it.id.0 == own)?;
            Some(Node::Member(Member::of(home.id, member)))
        }),
        Kind::Payee => household(whole).await?.and_then(|home| {
            let payee = home.payees.iter().find(|it| it.id.0 == own)?;
            Some(Node::Payee(Payee::of(home.id, payee)))
        }),
        Kind::Objection => claim(whole).await?.and_then(|claim| {
            let objection = claim.objections.iter().find(|it| it.id.0 == own)?;
            Some(Node::Objection(Objection::of(claim.id, objection)))
        }),
        Kind::Notice => {
            let events = part_events(visit, whole, Stretch::Notices).await?;
            let id = node_id::encode_part(kind, whole, own);
            let found = Notice::all(&events).into_iter().find(|it| it.id == id);
            found.map(Node::Notice)
        }
        Kind::Payment => {
            let events = part_events(visit, whole, Stretch::Payments).await?;
            let Some(claim) = claim(whole).await? else {
                return Ok(None);
            };
            let id = node_id::encode_part(kind, whole, own);
            let mut payouts = Payout::all(claim.household, &events).into_iter();
            payouts.find(|it| it.id == id).map(Node::Payout)
        }
        Kind::Bulk => BulkOperation::find(visit, own).await?.map(Node::Bulk),
        Kind::Event => {
            let events = part_events(visit, whole, Stretch::Whole).await?;
            let place = own.as_u128();
            let mut events = events.iter();
            events
                .find(|it| u128::from(it.version) == place)
                .map(|it| Node::Event(it.into()))
        }
        Kind::Pass
        | Kind::Assignment
        | Kind::Substitution
        | Kind::PoolOrder
        | Kind::PaymentBatch
        | Kind::BankFile
        | Kind::Endpoint
        | Kind::Delivery
        | Kind::Message => None,
    })
}

/// Events of a claim in the caller's scope.
async fn part_events(
    visit: &Visit,
    claim: Uuid,
    stretch: Stretch,
) -> Result<Arc<Vec<Recorded>>, ApiError> {
    let span = Span {
        claim: ClaimId(claim),
        after: 0,
        upto: u32::MAX >> 1,
    };
    visit.events(stretch, span).await
}

#[Object]
impl SingleQueries {
    /// Who is signed in; null with an error if nobody is.
    #[expect(clippy::unused_async, reason = "async-graphql's resolvers are async")]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>, ApiError> {
        Ok(Some(Viewer::from(Visit::of(ctx)?.caller()?)))
    }

    /// Where `claimEvents` goes on after what has happened so far in the caller's scope: take it, read
    /// what you need, then subscribe after it, and nothing is missed. "" if nothing has happened yet;
    /// null with an error if nobody is signed in.
    async fn claim_event_cursor(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        let visit = Visit::of(ctx)?;
        let scope = &visit.caller()?.scope;
        let last = visit.office.desk.store().last_event(scope).await?;
        Ok(Some(last.map_or_else(String::new, |last| {
            crate::feed::cursor(last.claim, last.version)
        })))
    }

    /// Anything by its node id; null with `NOT_FOUND` if there is no such thing in the caller's scope.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The node id.")] id: ID,
    ) -> Result<Option<Node>, ApiError> {
        let found = find(Visit::of(ctx)?, &id).await?;
        found.map(Some).ok_or_else(ApiError::not_found)
    }

    /// Several things by their node ids, in the same order; null where there is no such thing in
    /// the caller's scope.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Node ids, at most 50.")] ids: Vec<ID>,
    ) -> Result<Option<Vec<Option<Node>>>, ApiError> {
        if ids.len() > NODES_MAX {
            return Err(ApiError::invalid("at most 50 ids"));
        }
        let visit = Visit::of(ctx)?;
        visit.caller()?;
        let mut nodes = Vec::with_capacity(ids.len());
        for id in &ids {
            nodes.push(find(visit, id).await?);
        }
        Ok(Some(nodes))
    }

    /// One claim by node id or by number; null with `NOT_FOUND` if there is none in the caller's
    /// scope.
    async fn claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The node id; either this or `number`.")] id: Option<ID>,
        #[graphql(desc = "The number, as people say it; either this or `id`.")] number: Option<
            String,
        >,
    ) -> Result<Option<ClaimNode>, ApiError> {
        let visit = Visit::of(ctx)?;
        let scope = &visit.caller()?.scope;
        let store = visit.office.desk.store();
        let claim = match (id, number) {
            (Some(id), None) => match node_id::decode_as(Kind::Claim, &id) {
                Some(uuid) => store.claim(scope, ClaimId(uuid)).await?,
                None => None,
            },
            (None, Some(number)) => store.claim_by_number(scope, &number).await?,
            (None, None) | (Some(_), Some(_)) => {
                return Err(ApiError::invalid("give exactly one of id and number"));
            }
        };
        let found = claim.map(ClaimNode::from);
        found.map(Some).ok_or_else(ApiError::not_found)
    }

    /// One household; null with `NOT_FOUND` if there is none in the caller's scope.
    async fn household(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The node id.")] id: ID,
    ) -> Result<Option<HouseholdNode>, ApiError> {
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let id = node_id::decode_as(Kind::Household, &id).ok_or_else(ApiError::not_found)?;
        let found = visit.office.desk.household(caller, HouseholdId(id)).await?;
        let found = found.map(|household| HouseholdNode(Arc::new(household)));
        found.map(Some).ok_or_else(ApiError::not_found)
    }

    /// The household a member with this identity number belongs to; null with `NOT_FOUND` if there
    /// is none in the caller's scope. By POST only, so that the number stands in no address.
    async fn household_of(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Identity number (公民身份号码) of 18 characters; send it as a variable.",
            secret
        )]
        id_number: String,
    ) -> Result<Option<HouseholdNode>, ApiError> {
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        if visit.is_by_get() {
            return Err(ApiError::invalid("send an identity number by POST only"));
        }
        let id_number = IdNumber::parse(&id_number)
            .map_err(|_| ApiError::invalid("this is no identity number"))?;
        let desk = &visit.office.desk;
        let found = desk
            .store()
            .household_of(caller.scope.county, &id_number)
            .await?;
        let id = found.ok_or_else(ApiError::not_found)?.id;
        let household = desk.household(caller, id).await?;
        let household = household.ok_or_else(ApiError::not_found)?;
        Ok(Some(HouseholdNode(Arc::new(household))))
    }

    /// One scheme version; null with `NOT_FOUND` if there is none in the caller's scope.
    async fn scheme(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The node id.")] id: ID,
    ) -> Result<Option<SchemeNode>, ApiError> {
        let visit = Visit::of(ctx)?;
        visit.caller()?;
        let id = node_id::decode_as(Kind::Scheme, &id).ok_or_else(ApiError::not_found)?;
        let found = visit.scheme(SchemeId(id)).await?.map(SchemeNode);
        found.map(Some).ok_or_else(ApiError::not_found)
    }

    /// The scheme versions of the caller's county, by code and version; an insurer sees those it
    /// runs. Null with an error if they cannot be read.
    async fn schemes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<SchemeNode>>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let binding = Binding::new("schemes", &(), caller);
        let page = args.parse(&binding)?;
        let store = visit.office.desk.store();
        let mut rows: Vec<_> = (store.schemes(caller.scope.county).await?)
            .into_iter()
            .filter(|scheme| sees_scheme(caller, scheme))
            .map(|it| {
                (
                    format!("{}/{:010}/{}", it.code, it.version, it.id),
                    SchemeNode(it),
                )
            })
            .collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Some(Connection::of_keyed(rows, &page, &binding)))
    }

    /// The regions within the caller's own, by code; null with an error if they cannot be read.
    async fn regions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<RegionName>>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let binding = Binding::new("regions", &(), caller);
        let page = args.parse(&binding)?;
        let own = &caller.scope.region;
        let mut rows: Vec<_> = (visit.regions().await?.iter())
            .filter(|region| own.covers(&region.code))
            .map(|region| (region.code.to_string(), RegionName::from(region)))
            .collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Some(Connection::of_keyed(rows, &page, &binding)))
    }

    /// Staff of the caller's own organisation who hold a duty today, a standing one or one for a time: whom
    /// a task can be given. Null with an error if they cannot be read.
    async fn colleagues(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The duty they hold.")] duty: Duty,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Colleague>>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let duty = lifecycle::Duty::from(duty);
        let binding = Binding::new("colleagues", &duty, caller);
        let page = args.parse(&binding)?;
        let today = legal_day(visit.office.desk.clock().now());
        let assigned = visit.office.desk.store().assignments(caller.scope.county);
        let mut assigned = assigned.await?;
        assigned.retain(|it| it.duty == duty && it.holds_on(today));
        let holds = |person: &Person| {
            person.duties.contains(&duty) || assigned.iter().any(|it| it.person == person.id)
        };
        let mut rows: Vec<_> = (visit.people().await?.iter())
            .filter(|person| person.org == caller.org && holds(person))
            .map(|person| (person.id.to_string(), Colleague::from(person)))
            .collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Some(Connection::of_keyed(rows, &page, &binding)))
    }
}
