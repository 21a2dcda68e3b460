//! The wire's own types. Core types derive no GraphQL; conversion stands here.

pub mod assessment;
pub mod bank;
pub mod bulk;
pub mod claim;
pub mod connection;
pub mod days;
pub mod disclosure;
pub mod enums;
pub mod event;
pub mod hooks;
pub mod household;
pub mod identity;
pub mod notice;
pub mod pool;
pub mod refusal;
pub mod scalars;
pub mod scheme;
pub mod staff;

use async_graphql::{ID, Interface};

/// Anything that has a node id and can be fetched by it with `node`.
#[derive(Interface, Clone)]
#[graphql(
    name = "Node",
    field(
        name = "id",
        ty = "ID",
        desc = "The node id: opaque, never sequential."
    )
)]
pub enum Node {
    /// A claim.
    Claim(claim::ClaimNode),
    /// A household.
    Household(household::HouseholdNode),
    /// A scheme.
    Scheme(scheme::SchemeNode),
    /// A member of a household.
    Member(household::Member),
    /// A payee version of a household.
    Payee(household::Payee),
    /// A person of staff in the caller's own organisation.
    Colleague(staff::Colleague),
    /// An objection to a claim.
    Objection(notice::Objection),
    /// A public notice of a claim.
    Notice(notice::Notice),
    /// A payment of a claim.
    Payout(claim::Payout),
    /// An event of a claim.
    Event(event::ClaimEvent),
    /// An export that the caller asked for.
    Bulk(bulk::BulkOperation),
}
