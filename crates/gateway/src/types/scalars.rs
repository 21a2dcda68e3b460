//! Scalars: money as text of whole fen, instants in UTC, legal days. No floating point.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{NaiveDate, SecondsFormat, Utc};

/// An instant as the wire has it: RFC 3339 in UTC, `2020-06-10T01:02:03Z`.
pub fn instant_text(at: chrono::DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Whole fen (分) as a decimal string, such as "620800" for 6,208 yuan. The currency is CNY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fen(pub benefits::Fen);

/// Whole fen (分) as a decimal string, such as "620800" for 6,208 yuan. The currency is CNY.
#[Scalar(name = "Fen")]
impl ScalarType for Fen {
    fn parse(value: Value) -> InputValueResult<Self> {
        fen(&value).map(Self).ok_or_else(|| {
            InputValueError::custom("whole fen as a decimal string, such as \"620800\"")
        })
    }

    fn is_valid(value: &Value) -> bool {
        fen(value).is_some()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.get().to_string())
    }
}

fn fen(value: &Value) -> Option<benefits::Fen> {
    let Value::String(text) = value else {
        return None;
    };
    let digits = text.strip_prefix('-').unwrap_or(text);
    let lawful = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    let fen = text.parse().ok().map(benefits::Fen::new);
    fen.filter(|_| lawful)
}

impl From<benefits::Fen> for Fen {
    fn from(fen: benefits::Fen) -> Self {
        Self(fen)
    }
}

/// An instant in UTC, RFC 3339, such as "2020-06-10T01:02:03Z". The server sets all decision times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// An instant in UTC, RFC 3339, such as "2020-06-10T01:02:03Z". The server sets all decision times.
#[Scalar(name = "DateTime")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        instant(&value)
            .map(Self)
            .ok_or_else(|| InputValueError::custom("an instant in RFC 3339"))
    }

    fn is_valid(value: &Value) -> bool {
        instant(value).is_some()
    }

    fn to_value(&self) -> Value {
        Value::String(instant_text(self.0))
    }
}

fn instant(value: &Value) -> Option<chrono::DateTime<Utc>> {
    let Value::String(text) = value else {
        return None;
    };
    let at = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(at.with_timezone(&Utc))
}

impl From<chrono::DateTime<Utc>> for DateTime {
    fn from(at: chrono::DateTime<Utc>) -> Self {
        Self(at)
    }
}

/// A legal day in Asia/Shanghai, such as "2020-06-10".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(pub NaiveDate);

/// A legal day in Asia/Shanghai, such as "2020-06-10".
#[Scalar(name = "Date")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        day(&value)
            .map(Self)
            .ok_or_else(|| InputValueError::custom("a day such as \"2020-06-10\""))
    }

    fn is_valid(value: &Value) -> bool {
        day(value).is_some()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

fn day(value: &Value) -> Option<NaiveDate> {
    let Value::String(text) = value else {
        return None;
    };
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    day.filter(|_| text.len() == 10)
}

impl From<NaiveDate> for Date {
    fn from(day: NaiveDate) -> Self {
        Self(day)
    }
}

/// A UUID, such as an idempotency key the client made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uuid(pub uuid::Uuid);

/// A UUID, such as an idempotency key the client made.
#[Scalar(name = "UUID")]
impl ScalarType for Uuid {
    fn parse(value: Value) -> InputValueResult<Self> {
        uuid(&value)
            .map(Self)
            .ok_or_else(|| InputValueError::custom("a UUID"))
    }

    fn is_valid(value: &Value) -> bool {
        uuid(value).is_some()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

fn uuid(value: &Value) -> Option<uuid::Uuid> {
    match value {
        Value::String(text) => uuid::Uuid::parse_str(text).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_whole_fen_as_text() {
        let read = |text: &str| fen(&Value::from(text)).map(benefits::Fen::get);
        assert_eq!(read("620800"), Some(620_800));
        assert_eq!(read("-5"), Some(-5));
        assert_eq!(read("0"), Some(0));
        for wrong in [
            "",
            "-",
            "007",
            "1.5",
            "+3",
            "1e3",
            " 1",
            "99999999999999999999",
            "６",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(fen(&Value::from(5)), None);
    }
}
