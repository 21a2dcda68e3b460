//! Legal days (自然日, 工作日) in Asia/Shanghai, and the last day of a term.
//!
//! The day of posting is not counted. A year the calendar does not hold is an error, never
//! "all days are working days" (invariant 11, failure 18).

use crate::coded;
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, TimeZone, Utc, Weekday};
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

coded! {
    /// What a day is by the calendar.
    DayKind {
        WorkingDay = "WORKING_DAY" "工作日",
        MakeUpWorkday = "MAKE_UP_WORKDAY" "调休上班日",
        Holiday = "HOLIDAY" "节假日",
        Weekend = "WEEKEND" "周末",
    }
}

impl DayKind {
    /// Whether people work on such a day.
    pub const fn is_worked(self) -> bool {
        match self {
            Self::WorkingDay | Self::MakeUpWorkday => true,
            Self::Holiday | Self::Weekend => false,
        }
    }
}

/// How a day counted in a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// The day of posting, which is not counted (民法典 art. 201).
    PostingDay,
    /// A day of the term, numbered from 1.
    Nth(u16),
    /// A rest day within a term of working days, not counted.
    RestDay,
    /// A rest day behind the last counted day, passed over by the rolling.
    PassedOver,
    /// The working day that the term rolled on to.
    RolledTo,
}

/// One day of a term, from the day of posting on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCounted {
    /// The day.
    pub day: NaiveDate,
    /// What it is by the calendar. The day of posting is not counted, so it alone may lie in a year
    /// that the calendar does not hold; it is `None` then.
    pub kind: Option<DayKind>,
    /// How it counted.
    pub count: Count,
}

/// Whether a term rolled (顺延), and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rolling {
    /// The scheme does not let it roll.
    NotAsked,
    /// It ends on a working day as it is.
    NotNeeded,
    /// It ended on this rest day, and so moved on to the next working day (民法典 art. 203).
    From(NaiveDate),
}

/// The end of a term, and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The last day of the term, in Asia/Shanghai.
    pub last_day: NaiveDate,
    /// The first instant at which the term is over: midnight after the last day, Asia/Shanghai.
    pub closes_at: DateTime<Utc>,
    /// Every day from the day of posting to the last day.
    pub days: Vec<DayCounted>,
    /// Whether it rolled.
    pub rolling: Rolling,
}

/// Statutory holidays (法定节假日) and make-up working days (调休上班) of one year.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct YearDays {
    /// Rest days by the State Council's notice.
    pub holidays: BTreeSet<NaiveDate>,
    /// Saturdays and Sundays that are worked.
    pub workdays: BTreeSet<NaiveDate>,
    /// The notice (国务院办公厅通知) for the year, by its number.
    pub notice: String,
    /// Days above that another notice set: an amendment, or the next year's for the days before
    /// New Year.
    pub other_notices: BTreeMap<NaiveDate, String>,
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

/// What must be seen to before claims stand still for want of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarWarning {
    /// The year that runs is missing: no notice can be opened, whatever its term.
    YearMissing(i32),
    /// The next year is missing, and its notice is due or out.
    NextYearMissing(i32),
}

impl fmt::Display for CalendarWarning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::YearMissing(year) => write!(
                out,
                "the calendar lacks {year}, the year that runs: no public notice can be opened"
            ),
            Self::NextYearMissing(year) => write!(
                out,
                "the calendar lacks {year}: enter the State Council's notice for it before terms \
                 reach that year"
            ),
        }
    }
}

/// From this month on the next year is waited for: its notice comes between October and December.
const NEXT_YEAR_FROM_MONTH: u32 = 10;

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

    /// The years it holds, in order.
    pub fn years(&self) -> impl Iterator<Item = (i32, &YearDays)> {
        self.years.iter().map(|(year, days)| (*year, days))
    }

    /// The notice that made `day` a holiday or a make-up working day; `None` for any other day.
    pub fn notice_of(&self, day: NaiveDate) -> Option<&str> {
        let year = self.years.get(&day.year())?;
        let set = year.holidays.contains(&day) || year.workdays.contains(&day);
        set.then(|| {
            year.other_notices
                .get(&day)
                .unwrap_or(&year.notice)
                .as_str()
        })
    }

    /// What to warn of on this day. A missing next year is no fault before October: nobody could
    /// have entered it.
    pub fn warnings(&self, today: NaiveDate) -> Vec<CalendarWarning> {
        let this_year = today.year();
        let next_year = this_year + 1;
        let waited_for = today.month() >= NEXT_YEAR_FROM_MONTH;
        let mut warnings = Vec::new();
        if !self.years.contains_key(&this_year) {
            warnings.push(CalendarWarning::YearMissing(this_year));
        }
        if waited_for && !self.years.contains_key(&next_year) {
            warnings.push(CalendarWarning::NextYearMissing(next_year));
        }
        warnings
    }

    /// What `day` is.
    pub fn kind_of(&self, day: NaiveDate) -> Result<DayKind, CalendarFault> {
        let year = self
            .years
            .get(&day.year())
            .ok_or(CalendarFault::MissingYear(day.year()))?;
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        Ok(if year.holidays.contains(&day) {
            DayKind::Holiday
        } else if !weekend {
            DayKind::WorkingDay
        } else if year.workdays.contains(&day) {
            DayKind::MakeUpWorkday
        } else {
            DayKind::Weekend
        })
    }

    /// Whether `day` is worked.
    pub fn is_working_day(&self, day: NaiveDate) -> Result<bool, CalendarFault> {
        self.kind_of(day).map(DayKind::is_worked)
    }

    /// The last day of a term that begins with the event of `from` (that day is not counted).
    pub fn last_day(&self, from: NaiveDate, term: Term) -> Result<NaiveDate, CalendarFault> {
        self.explain(from, term).map(|closing| closing.last_day)
    }

    /// The days after `from`, up to and with `to`, that count; 0 if `to` is not after `from`.
    pub fn counted(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        counting: Counting,
    ) -> Result<u32, CalendarFault> {
        let mut counted = 0;
        for day in from.iter_days().skip(1).take_while(|day| *day <= to) {
            counted += u32::from(match counting {
                Counting::CalendarDays => true,
                Counting::WorkingDays => self.is_working_day(day)?,
            });
        }
        Ok(counted)
    }

    /// The last day of a term that would have ended on `last_day`, but stood still from the end of `stopped_on`
    /// to the end of `today`: what was left of it runs from tomorrow. One that had run out by then stays as it is.
    pub fn resumed(
        &self,
        term: Term,
        last_day: NaiveDate,
        stopped_on: NaiveDate,
        today: NaiveDate,
    ) -> Result<NaiveDate, CalendarFault> {
        if last_day <= stopped_on {
            return Ok(last_day);
        }
        let left = self.counted(stopped_on, last_day, term.counting)?;
        // A status that began while the clock stood has its whole term left, and never more.
        let days = u16::try_from(left).map_or(term.days, |left| left.min(term.days));
        self.last_day(today, Term { days, ..term })
    }

    /// The last day of a term that begins with the event of `from`, and how every day counted.
    /// Every counted day must lie in a year the calendar holds, natural days too.
    pub fn explain(&self, from: NaiveDate, term: Term) -> Result<Closing, CalendarFault> {
        let next = |day: NaiveDate| day.succ_opt().ok_or(CalendarFault::OutOfRange);
        let mut days = vec![DayCounted {
            day: from,
            kind: self.kind_of(from).ok(),
            count: Count::PostingDay,
        }];
        let mut last_day = from;
        let mut counted = 0;
        while counted < term.days {
            last_day = next(last_day)?;
            let kind = self.kind_of(last_day)?;
            let counts = match term.counting {
                Counting::CalendarDays => true,
                Counting::WorkingDays => kind.is_worked(),
            };
            counted += u16::from(counts);
            days.push(DayCounted {
                day: last_day,
                kind: Some(kind),
                count: if counts {
                    Count::Nth(counted)
                } else {
                    Count::RestDay
                },
            });
        }
        let ended_on = last_day;
        let mut worked = self.is_working_day(ended_on)?;
        let rolling = match (term.rolls, worked) {
            (false, true | false) => Rolling::NotAsked,
            (true, true) => Rolling::NotNeeded,
            (true, false) => Rolling::From(ended_on),
        };
        while term.rolls && !worked {
            last_day = next(last_day)?;
            let kind = self.kind_of(last_day)?;
            worked = kind.is_worked();
            days.push(DayCounted {
                day: last_day,
                kind: Some(kind),
                count: if worked {
                    Count::RolledTo
                } else {
                    Count::PassedOver
                },
            });
        }
        Ok(Closing {
            last_day,
            closes_at: end_of(last_day),
            days,
            rolling,
        })
    }
}
