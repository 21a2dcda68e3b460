//! Legal days (自然日, 工作日) in Asia/Shanghai, and the last day of a term.
//!
//! The day of posting is not counted. A year the calendar does not hold is an error, never
//! "all days are working days" (invariant 11, failure 18).

use crate::coded::coded;
use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveTime, TimeZone, Utc, Weekday};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

coded! {
    /// How the days of a term are counted.
    Counting {
        CalendarDays = "CALENDAR_DAYS" "自然日",
        WorkingDays = "WORKING_DAYS" "工作日",
    }
}

/// A term of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Number of days, at least 1.
    pub days: u16,
    /// Natural or working days.
    pub counting: Counting,
    /// Whether a term that ends on a rest day moves on to the next working day (民法典 art. 203).
    pub rolls: bool,
}

/// Statutory holidays (法定节假日) and make-up working days (调休上班) of one year.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct YearDays {
    /// Rest days by the State Council's notice.
    pub holidays: BTreeSet<NaiveDate>,
    /// Saturdays and Sundays that are worked.
    pub workdays: BTreeSet<NaiveDate>,
}

/// The calendar: the years somebody has read the State Council's notice for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    years: BTreeMap<i32, YearDays>,
}

/// Why a day could not be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarFault {
    /// The calendar holds no days of this year.
    MissingYear(i32),
    /// A day beyond what a date can express.
    OutOfRange,
}

impl fmt::Display for CalendarFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingYear(year) => write!(out, "the calendar holds no holidays for {year}"),
            Self::OutOfRange => out.write_str("the day lies beyond what a date can express"),
        }
    }
}

impl std::error::Error for CalendarFault {}

const fn shanghai() -> FixedOffset {
    match FixedOffset::east_opt(8 * 3600) {
        Some(offset) => offset,
        None => unreachable!(),
    }
}

/// The legal day of an instant, in Asia/Shanghai (no daylight saving since 1991).
pub fn legal_day(instant: DateTime<Utc>) -> NaiveDate {
    instant.with_timezone(&shanghai()).date_naive()
}

/// The instant at which a legal day begins.
pub fn start_of(day: NaiveDate) -> DateTime<Utc> {
    match shanghai().from_local_datetime(&day.and_time(NaiveTime::MIN)) {
        chrono::LocalResult::Single(at) | chrono::LocalResult::Ambiguous(at, _) => {
            at.with_timezone(&Utc)
        }
        chrono::LocalResult::None => DateTime::<Utc>::MAX_UTC,
    }
}

/// The first instant after a legal day: days are half open, nothing is lost to microseconds
/// (failure 16).
pub fn end_of(day: NaiveDate) -> DateTime<Utc> {
    day.succ_opt().map_or(DateTime::<Utc>::MAX_UTC, start_of)
}

impl Calendar {
    /// A calendar of these years.
    pub const fn new(years: BTreeMap<i32, YearDays>) -> Self {
        Self { years }
    }

    /// The years it holds.
    pub fn years(&self) -> impl Iterator<Item = i32> + '_ {
        self.years.keys().copied()
    }

    /// Whether `day` is worked.
    pub fn is_working_day(&self, day: NaiveDate) -> Result<bool, CalendarFault> {
        let year = self
            .years
            .get(&day.year())
            .ok_or(CalendarFault::MissingYear(day.year()))?;
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        Ok(!year.holidays.contains(&day) && (!weekend || year.workdays.contains(&day)))
    }

    /// The last day of a term that begins with the event of `from` (that day is not counted).
    pub fn last_day(&self, from: NaiveDate, term: Term) -> Result<NaiveDate, CalendarFault> {
        let next = |day: NaiveDate| day.succ_opt().ok_or(CalendarFault::OutOfRange);
        let mut last = match term.counting {
            Counting::CalendarDays => from
                .checked_add_days(Days::new(u64::from(term.days)))
                .ok_or(CalendarFault::OutOfRange)?,
            Counting::WorkingDays => {
                let mut day = from;
                let mut left = term.days;
                while left > 0 {
                    day = next(day)?;
                    if self.is_working_day(day)? {
                        left -= 1;
                    }
                }
                day
            }
        };
        if !self.years.contains_key(&last.year()) {
            return Err(CalendarFault::MissingYear(last.year()));
        }
        while term.rolls && !self.is_working_day(last)? {
            last = next(last)?;
        }
        Ok(last)
    }
}
