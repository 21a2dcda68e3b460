//! Queries. Every read is within the caller's scope; unknown and forbidden are the same answer.

pub mod claims;
pub mod disclosures;
pub mod preview;
pub mod work_queue;

use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::Node;
use crate::types::claim::ClaimNode;
use crate::types::enums::Duty;
use crate::types::household::HouseholdNode;
use crate::types::scheme::SchemeNode;
use crate::types::staff::{Colleague, RegionName, Viewer};
use crate::visit::{Visit, sees_scheme};
use async_graphql::{Context, ID, MergedObject, Object, OutputType};
use engine::authority::{self, Place};
use engine::household::IdNumber;
use lifecycle::{ClaimId, HouseholdId, SchemeId};
use std::sync::Arc;

/// Ids of one `nodes` query.
const NODES_MAX: usize = 50;

/// Reading. Whatever the caller may not see does not exist.
#[derive(MergedObject, Default)]
pub struct Query(
    SingleQueries,
    claims::ClaimQueries,
    disclosures::DisclosureQueries,
    preview::PreviewQueries,
    work_queue::WorkQueueQueries,
);

/// Single things and reference data.
#[derive(Default)]
pub struct SingleQueries;

/// The node of an id, if there is one in the caller's scope, of a type the caller may read.
async fn find(visit: &Visit, id: &ID) -> Result<Option<Node>, ApiError> {
    let found = look(visit, id).await?;
    Ok(found.filter(|node| {
        let row = authority::row(Place::Node, &node.introspection_type_name());
        authority::permit(visit.caller().ok(), row).is_ok()
    }))
}

/// The node of an id, if there is one in the caller's scope.
async fn look(visit: &Visit, id: &ID) -> Result<Option<Node>, ApiError> {
    let caller = visit.caller()?;
    let desk = &visit.office.desk;
    Ok(match node_id::decode(id) {
        Some((Kind::Claim, uuid)) => desk
            .store()
            .claim(&caller.scope, ClaimId(uuid))
            .await?
            .map(|claim| Node::Claim(claim.into())),
        Some((Kind::Household, uuid)) => desk
            .household(caller, HouseholdId(uuid))
            .await?
            .map(|household| Node::Household(HouseholdNode(Arc::new(household)))),
        Some((Kind::Scheme, uuid)) => visit
            .scheme(SchemeId(uuid))
            .await?
            .map(|scheme| Node::Scheme(SchemeNode(scheme))),
        Some((Kind::Member | Kind::Payee | Kind::Person | Kind::Objection | Kind::Payment, _))
        | None => None,
    })
}

#[Object]
impl SingleQueries {
    /// Who is signed in; null with an error if nobody is.
    #[expect(clippy::unused_async, reason = "async-graphql's resolvers are async")]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>, ApiError> {
        Ok(Some(Viewer::from(Visit::of(ctx)?.caller()?)))
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
        match find(Visit::of(ctx)?, &id).await? {
            Some(Node::Household(household)) => Ok(Some(household)),
            Some(Node::Claim(_) | Node::Scheme(_)) | None => Err(ApiError::not_found()),
        }
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
        match find(Visit::of(ctx)?, &id).await? {
            Some(Node::Scheme(scheme)) => Ok(Some(scheme)),
            Some(Node::Claim(_) | Node::Household(_)) | None => Err(ApiError::not_found()),
        }
    }

    /// The scheme versions of the caller's county; an insurer sees those it runs. Null with an
    /// error if they cannot be read.
    async fn schemes(&self, ctx: &Context<'_>) -> Result<Option<Vec<SchemeNode>>, ApiError> {
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let schemes = visit
            .office
            .desk
            .store()
            .schemes(caller.scope.county)
            .await?;
        Ok(Some(
            schemes
                .into_iter()
                .filter(|scheme| sees_scheme(caller, scheme))
                .map(SchemeNode)
                .collect(),
        ))
    }

    /// The regions within the caller's own, by code; null with an error if they cannot be read.
    async fn regions(&self, ctx: &Context<'_>) -> Result<Option<Vec<RegionName>>, ApiError> {
        let visit = Visit::of(ctx)?;
        let own = &visit.caller()?.scope.region;
        let regions = visit.regions().await?;
        Ok(Some(
            regions
                .iter()
                .filter(|region| own.covers(&region.code))
                .map(RegionName::from)
                .collect(),
        ))
    }

    /// Staff of the caller's own organisation who hold a duty: whom a task can be given. Null with
    /// an error if they cannot be read.
    async fn colleagues(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The duty they hold.")] duty: Duty,
    ) -> Result<Option<Vec<Colleague>>, ApiError> {
        let visit = Visit::of(ctx)?;
        let org = visit.caller()?.org;
        let duty = lifecycle::Duty::from(duty);
        let people = visit.people().await?;
        Ok(Some(
            people
                .iter()
                .filter(|person| person.org == org && person.duties.contains(&duty))
                .map(Colleague::from)
                .collect(),
        ))
    }
}
