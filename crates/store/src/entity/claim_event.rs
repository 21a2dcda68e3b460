//! An entry of a county's log.

use super::Id;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "claim_event")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) county_code: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) county_seq: i64,
    pub(crate) claim_id: Id,
    pub(crate) version: i32,
    pub(crate) kind: String,
    pub(crate) actor_id: Id,
    pub(crate) at: DateTimeUtc,
    pub(crate) event: String,
    pub(crate) seen: String,
    pub(crate) previous_hash: String,
    pub(crate) hash: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
