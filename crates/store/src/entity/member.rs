//! A member of a household.

use super::Id;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "member")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) county_code: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Id,
    pub(crate) household_id: Id,
    pub(crate) position: i32,
    pub(crate) name: String,
    pub(crate) id_index: String,
    pub(crate) relation: String,
    pub(crate) died_on: Option<Date>,
    pub(crate) checked_on: Option<Date>,
    pub(crate) id_number: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
