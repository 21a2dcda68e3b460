//! Entities: private to the store, for reading. Writes go through JSON rows (see `dialect`), whose
//! types are those of the table on either database.

pub(crate) mod account;
pub(crate) mod claim;
pub(crate) mod claim_event;
pub(crate) mod household;
pub(crate) mod member;
pub(crate) mod org;
pub(crate) mod payee;
pub(crate) mod payee_check;
pub(crate) mod person;
pub(crate) mod pool_account;
pub(crate) mod region;
pub(crate) mod scheme;

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value};
use uuid::Uuid;

/// An id as a column: `uuid` in `PostgreSQL`, lower-case text in `SQLite`. Read by either; as a
/// parameter use `Dialect::id`, which knows which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id(pub(crate) Uuid);

impl From<Id> for Value {
    fn from(id: Id) -> Self {
        Self::Uuid(Some(id.0))
    }
}

impl TryGetable for Id {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        if let Ok(id) = Uuid::try_get_by(row, index) {
            return Ok(Self(id));
        }
        let text = String::try_get_by(row, index)?;
        Uuid::try_parse(&text)
            .map(Self)
            .map_err(|fault| TryGetError::DbErr(DbErr::Type(fault.to_string())))
    }
}

impl ValueType for Id {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <Uuid as ValueType>::try_from(value).map(Self)
    }

    fn type_name() -> String {
        "Id".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::Uuid
    }

    fn column_type() -> ColumnType {
        ColumnType::Uuid
    }
}

impl Nullable for Id {
    fn null() -> Value {
        Value::Uuid(None)
    }
}

impl TryFromU64 for Id {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Id"))
    }
}
