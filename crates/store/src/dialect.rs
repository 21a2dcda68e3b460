//! What differs between `SQLite` and `PostgreSQL`: the form of ids and instants, rows from JSON.
//!
//! A list of rows travels as one JSON text in one parameter, so that a statement keeps its text,
//! whatever the number of rows, and is prepared once.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use sea_orm::{DbBackend, Statement, Value};
use uuid::Uuid;

/// One of the two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// An instant as it stands in JSON, and in `SQLite`: UTC, six places, so that it sorts.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl Dialect {
    pub(crate) const fn backend(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
        }
    }

    /// An id as a parameter.
    pub(crate) fn id(self, id: Uuid) -> Value {
        match self {
            Self::Sqlite => Value::String(Some(id.to_string())),
            Self::Postgres => Value::Uuid(Some(id)),
        }
    }

    /// An id as a parameter, or nothing.
    pub(crate) fn id_or_null(self, id: Option<Uuid>) -> Value {
        match self {
            Self::Sqlite => Value::String(id.map(|id| id.to_string())),
            Self::Postgres => Value::Uuid(id),
        }
    }

    /// The texts of the JSON array in a parameter, as what `IN` looks among.
    pub(crate) fn texts(self, parameter: u8) -> String {
        match self {
            Self::Sqlite => format!("(SELECT value FROM json_each(${parameter}))"),
            Self::Postgres => format!("(SELECT jsonb_array_elements_text(${parameter}::jsonb))"),
        }
    }

    /// An instant as a parameter.
    pub(crate) fn at(self, at: DateTime<Utc>) -> Value {
        match self {
            Self::Sqlite => Value::String(Some(instant(at))),
            Self::Postgres => Value::ChronoDateTimeUtc(Some(at)),
        }
    }

    /// An instant as a parameter, or nothing.
    pub(crate) fn at_or_null(self, at: Option<DateTime<Utc>>) -> Value {
        match self {
            Self::Sqlite => Value::String(at.map(instant)),
            Self::Postgres => Value::ChronoDateTimeUtc(at),
        }
    }

    /// A day as a parameter.
    pub(crate) fn day(self, day: NaiveDate) -> Value {
        match self {
            Self::Sqlite => Value::String(Some(day.to_string())),
            Self::Postgres => Value::ChronoDate(Some(day)),
        }
    }

    /// A statement with parameters.
    pub(crate) fn statement(self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }

    /// A table of rows out of the JSON array in a parameter, typed as the columns of `table`.
    pub(crate) fn rows(self, parameter: u8, table: &str, columns: &[&str]) -> String {
        match self {
            Self::Sqlite => {
                let columns: Vec<String> = columns
                    .iter()
                    .map(|column| format!("value ->> '{column}' AS {column}"))
                    .collect();
                format!(
                    "(SELECT {} FROM json_each(${parameter}))",
                    columns.join(", ")
                )
            }
            Self::Postgres => {
                format!("jsonb_populate_recordset(NULL::{table}, ${parameter}::jsonb)")
            }
        }
    }

    /// Inserts the rows of a JSON array.
    pub(crate) fn insert(self, parameter: u8, table: &str, columns: &[&str]) -> String {
        let list = columns.join(", ");
        let rows = self.rows(parameter, table, columns);
        format!("INSERT INTO {table} ({list}) SELECT {list} FROM {rows} AS r WHERE true")
    }

    /// Updates `set` from the rows of a JSON array where the `key` columns are the same.
    /// `condition` may look at the table by name and at the row as `r`.
    pub(crate) fn update(
        self,
        parameter: u8,
        table: &str,
        key: &[&str],
        set: &[(&str, &str)],
        read: &[&str],
        condition: &str,
    ) -> String {
        let mut columns: Vec<&str> = key.to_vec();
        columns.extend(read);
        let rows = self.rows(parameter, table, &columns);
        let set: Vec<String> = set
            .iter()
            .map(|(column, value)| format!("{column} = {value}"))
            .collect();
        let same: Vec<String> = key
            .iter()
            .map(|column| format!("{table}.{column} = r.{column}"))
            .collect();
        format!(
            "UPDATE {table} SET {} FROM {rows} AS r WHERE {} AND {condition}",
            set.join(", "),
            same.join(" AND ")
        )
    }
}
