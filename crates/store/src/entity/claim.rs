//! A claim: the columns that queries look at, and the aggregate.

use super::Id;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "claim")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) county_code: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Id,
    pub(crate) number: String,
    pub(crate) version: i32,
    pub(crate) status: String,
    pub(crate) peril: String,
    pub(crate) scheme_id: Id,
    pub(crate) insurer_id: Id,
    pub(crate) household_id: Id,
    pub(crate) village: String,
    pub(crate) event_on: Date,
    pub(crate) submitted_fen: i64,
    pub(crate) assessed_fen: Option<i64>,
    pub(crate) approved_fen: Option<i64>,
    pub(crate) due_on: Option<Date>,
    pub(crate) opened_at: DateTimeUtc,
    pub(crate) body: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
