//! One version of a payee.

use super::Id;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payee")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) county_code: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Id,
    pub(crate) household_id: Id,
    pub(crate) position: i32,
    pub(crate) member_id: Id,
    pub(crate) holder_name: String,
    pub(crate) bank: String,
    pub(crate) account_index: String,
    pub(crate) fingerprint: String,
    pub(crate) account_no: Option<String>,
    pub(crate) relation: String,
    pub(crate) death_certificate: Option<String>,
    pub(crate) relation_proof: Option<String>,
    pub(crate) heirs_agreement: Option<String>,
    pub(crate) entered_by: Option<Id>,
    pub(crate) entered_for: Option<Id>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
