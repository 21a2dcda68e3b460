//! Decoding. An impossible row is a [`Fault::Inconsistency`], never a default, never a panic.

use chrono::{DateTime, NaiveDate, Utc};
use engine::Fault;
use lifecycle::{CountyCode, IdFault, PersonId, RegionCode, Stamp};
use sea_orm::{DbErr, QueryResult, SqlErr, TryGetable, Value};
use serde::de::DeserializeOwned;
use std::fmt::Display;
use uuid::Uuid;

/// A county as a parameter.
pub(crate) fn county(county: CountyCode) -> Value {
    county_number(county).into()
}

/// A county's number as the database has it. Six digits fit.
pub(crate) fn county_number(county: CountyCode) -> i32 {
    i32::try_from(county.get()).unwrap_or(i32::MAX)
}

/// A count as a parameter.
pub(crate) fn count(limit: u32) -> Value {
    i64::from(limit).into()
}

/// A column of a row.
pub(crate) fn get<T: TryGetable>(row: &QueryResult, column: &'static str) -> Result<T, Fault> {
    row.try_get("", column)
        .map_err(|fault| Fault::store(format!("reading column {column}"), fault))
}

/// An id in its text form.
pub(crate) fn id(row: &QueryResult, column: &'static str) -> Result<Option<Uuid>, Fault> {
    let text: Option<String> = get(row, column)?;
    text.map(|text| parse_id(column, &text)).transpose()
}

/// Who acted, in whose place, when; nothing while nobody has.
pub(crate) fn stamp(
    row: &QueryResult,
    by: &'static str,
    on_behalf_of: &'static str,
    at: &'static str,
) -> Result<Option<Stamp>, Fault> {
    let by = id(row, by)?.map(PersonId);
    let on_behalf_of = id(row, on_behalf_of)?.map(PersonId);
    let at: Option<DateTime<Utc>> = get(row, at)?;
    Ok(by.zip(at).map(|(by, at)| Stamp {
        by,
        on_behalf_of,
        at,
    }))
}

/// An id in its text form that must be there.
pub(crate) fn sure_id(row: &QueryResult, column: &'static str) -> Result<Uuid, Fault> {
    let text: String = get(row, column)?;
    parse_id(column, &text)
}

pub(crate) fn parse_id(column: &'static str, text: &str) -> Result<Uuid, Fault> {
    Uuid::try_parse(text).map_err(|fault| impossible("", column, &"?", fault))
}

/// A day in its text form.
pub(crate) fn day(row: &QueryResult, column: &'static str) -> Result<Option<NaiveDate>, Fault> {
    let text: Option<String> = get(row, column)?;
    text.map(|text| {
        text.parse()
            .map_err(|fault| impossible("", column, &"?", fault))
    })
    .transpose()
}

/// A JSON text.
pub(crate) fn json<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    row: &dyn Display,
    text: &str,
) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|fault| impossible(table, column, row, fault))
}

/// The value of a stable code.
pub(crate) fn code<T>(
    table: &'static str,
    column: &'static str,
    row: &dyn Display,
    text: &str,
    from_code: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Fault> {
    from_code(text).ok_or_else(|| impossible(table, column, row, "no such code"))
}

/// A whole number that must fit.
pub(crate) fn whole<N, T>(
    table: &'static str,
    column: &'static str,
    row: &dyn Display,
    number: N,
) -> Result<T, Fault>
where
    T: TryFrom<N>,
    T::Error: Display,
{
    T::try_from(number).map_err(|fault| impossible(table, column, row, fault))
}

/// A region code.
pub(crate) fn region(
    table: &'static str,
    column: &'static str,
    row: &dyn Display,
    text: String,
) -> Result<RegionCode, Fault> {
    RegionCode::new(text).map_err(|fault: IdFault| impossible(table, column, row, fault.expected))
}

/// A county code.
pub(crate) fn county_of(table: &'static str, number: i32) -> Result<CountyCode, Fault> {
    let code: u32 = whole(table, "county_code", &number, number)?;
    CountyCode::new(code).map_err(|fault| impossible(table, "county_code", &number, fault))
}

/// A row that cannot be.
pub(crate) fn impossible(
    table: &'static str,
    column: &'static str,
    row: &dyn Display,
    reason: impl Display,
) -> Fault {
    Fault::Inconsistency {
        table,
        column,
        row: row.to_string(),
        reason: reason.to_string(),
    }
}

/// A row that must be there and is not.
pub(crate) fn missing(table: &'static str, row: impl Display) -> Fault {
    impossible(table, "", &row, "the row is missing")
}

/// What a write says that the database refused: a unique key is a conflict.
pub(crate) fn refused(context: &'static str, fault: DbErr) -> Fault {
    match fault.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Fault::Conflict(context),
        Some(_) | None => Fault::store(context, fault),
    }
}

/// Every row must be touched, no more and no less.
pub(crate) fn sure(context: &'static str, touched: u64, expected: usize) -> Result<(), Fault> {
    if usize::try_from(touched) == Ok(expected) {
        Ok(())
    } else {
        Err(impossible(
            context,
            "",
            &"",
            format!("{touched} rows written instead of {expected}"),
        ))
    }
}
