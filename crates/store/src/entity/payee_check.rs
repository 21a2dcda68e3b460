//! A check of a payee's name.

use super::Id;
use chrono::NaiveDate;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payee_check")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) county_code: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) payee_id: Id,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) position: i32,
    pub(crate) id: Id,
    pub(crate) means: String,
    pub(crate) result: String,
    pub(crate) checked_by: Id,
    pub(crate) checked_for: Option<Id>,
    pub(crate) checked_on: NaiveDate,
    pub(crate) sha256: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
