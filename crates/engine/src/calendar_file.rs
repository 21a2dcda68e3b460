//! The calendar as a TOML file: holidays and make-up working days by year, as the State Council's
//! notices set them. One ships with the program; a county can bring its own.

use crate::scheme_file::{FileFault, day, syntax};
use chrono::{Datelike, NaiveDate, Weekday};
use lifecycle::Calendar;
use lifecycle::calendar::YearDays;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarText {
    year: Vec<YearText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct YearText {
    year: Spanned<i32>,
    source: Spanned<String>,
    holidays: Spanned<Vec<Spanned<Day>>>,
    workdays: Vec<Spanned<Day>>,
    #[serde(default)]
    other: Vec<OtherText>,
}

/// Days of a year that another notice set than the year's own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherText {
    source: Spanned<String>,
    days: Vec<Spanned<Day>>,
}

#[derive(Debug, Deserialize)]
struct Day(#[serde(deserialize_with = "day")] NaiveDate);

/// Reads and checks a calendar file; every fault at once, each with its line.
pub fn parse_calendar(text: &str) -> Result<Calendar, Vec<FileFault>> {
    let file: CalendarText = toml::from_str(text).map_err(|fault| vec![syntax(text, &fault)])?;
    let mut found = Found {
        text,
        faults: Vec::new(),
    };
    if file.year.is_empty() {
        found.fault(0, "a calendar holds at least one year".into());
    }
    let mut years = BTreeMap::new();
    for entry in file.year {
        let year = *entry.year.as_ref();
        if years.contains_key(&year) {
            let at = entry.year.span().start;
            found.fault(at, format!("the year {year} stands twice"));
        }
        years.insert(year, found.year(entry));
    }
    if found.faults.is_empty() {
        Ok(Calendar::new(years))
    } else {
        Err(found.faults)
    }
}

/// The faults of a text so far.
struct Found<'a> {
    text: &'a str,
    faults: Vec<FileFault>,
}

impl Found<'_> {
    /// A fault at a byte of the text.
    fn fault(&mut self, at: usize, reason: String) {
        let before = self.text.get(..at).unwrap_or_default();
        self.faults.push(FileFault {
            place: format!("line {}", before.matches('\n').count() + 1),
            reason,
        });
    }

    fn year(&mut self, entry: YearText) -> YearDays {
        let year = entry.year.into_inner();
        // A year without a holiday is one whose notice nobody has read; taken at its word, it would
        // make every weekday of the year a working day (failure 18).
        if entry.holidays.as_ref().is_empty() {
            let at = entry.holidays.span().start;
            self.fault(at, format!("{year} without a holiday: leave the year out"));
        }
        let notice = self.source(entry.source);
        let holidays = self.days(year, entry.holidays.into_inner());
        let workdays = self.days(year, entry.workdays);
        for (day, at) in &workdays {
            if holidays.contains_key(day) {
                self.fault(*at, format!("{day} is a holiday and a working day"));
            }
            if !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
                self.fault(
                    *at,
                    format!(
                        "{day} is a {}: only a Saturday or Sunday is made up",
                        day.format("%A")
                    ),
                );
            }
        }
        let mut other_notices = BTreeMap::new();
        for other in entry.other {
            let notice = self.source(other.source);
            for (day, at) in self.days(year, other.days) {
                if !holidays.contains_key(&day) && !workdays.contains_key(&day) {
                    self.fault(at, format!("{day} is neither in holidays nor in workdays"));
                }
                if other_notices.insert(day, notice.clone()).is_some() {
                    self.fault(at, format!("{day} stands twice"));
                }
            }
        }
        let days =
            |it: BTreeMap<NaiveDate, usize>| -> BTreeSet<NaiveDate> { it.into_keys().collect() };
        YearDays {
            holidays: days(holidays),
            workdays: days(workdays),
            notice,
            other_notices,
        }
    }

    fn source(&mut self, source: Spanned<String>) -> String {
        if source.as_ref().trim().is_empty() {
            let reason = "source: name the notice that was read".into();
            self.fault(source.span().start, reason);
        }
        source.into_inner()
    }

    /// The days of a list, each with where it stands.
    fn days(&mut self, year: i32, list: Vec<Spanned<Day>>) -> BTreeMap<NaiveDate, usize> {
        let mut days = BTreeMap::new();
        for entry in list {
            let at = entry.span().start;
            let Day(day) = entry.into_inner();
            if day.year() != year {
                self.fault(at, format!("{day} does not lie in {year}"));
            }
            if days.insert(day, at).is_some() {
                self.fault(at, format!("{day} stands twice"));
            }
        }
        days
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::world::day;

    const SHIPPED: &str = include_str!("../../server/calendar/cn.toml");

    const SAMPLE: &str = r#"
[[year]]
year = 2020
source = "国办发明电〔2019〕16号"
holidays = [
    "2020-01-01",
    2020-10-01, "2020-10-02",
]
workdays = ["2020-10-10"]

[[year.other]]
source = "国办发明电〔2020〕1号"
days = ["2020-10-02"]

[[year]]
year = 2021
source = "国办发明电〔2020〕27号"
holidays = ["2021-01-01"]
workdays = []
"#;

    fn faults(text: &str) -> Vec<String> {
        let faults = parse_calendar(text).expect_err("a faulty calendar");
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sound_file_says_what_it_says() {
        let calendar = parse_calendar(SAMPLE).expect("sound");
        let notices = calendar.years().map(|(year, days)| (year, &*days.notice));
        assert_eq!(
            notices.collect::<Vec<_>>(),
            [
                (2020, "国办发明电〔2019〕16号"),
                (2021, "国办发明电〔2020〕27号")
            ]
        );
        assert_eq!(calendar.is_working_day(day(2020, 10, 1)), Ok(false));
        assert_eq!(calendar.is_working_day(day(2020, 10, 10)), Ok(true));
        for (date, notice) in [
            (day(2020, 10, 1), Some("国办发明电〔2019〕16号")),
            (day(2020, 10, 2), Some("国办发明电〔2020〕1号")),
            (day(2020, 10, 10), Some("国办发明电〔2019〕16号")),
            (day(2020, 10, 11), None),
            (day(2022, 1, 1), None),
        ] {
            assert_eq!(calendar.notice_of(date), notice, "{date}");
        }
    }

    /// Dates as TOML has them, and as a spreadsheet would quote them.
    #[test]
    fn days_are_read_quoted_or_not() {
        let calendar = |day: &str| {
            let text = format!(
                "[[year]]\nyear = 2020\nsource = \"N\"\nholidays = [{day}]\nworkdays = []\n"
            );
            parse_calendar(&text)
        };
        assert_eq!(calendar("2020-01-01"), calendar("\"2020-01-01\""));
        let read = calendar("2020-01-01").expect("sound");
        assert_eq!(read.is_working_day(day(2020, 1, 1)), Ok(false));
        for wrong in ["2020-02-30", "\"2020-02-30\"", "\"1 January\"", "20200101"] {
            let told = calendar(wrong).expect_err(wrong);
            assert!(told[0].place == "line 4", "{told:?}");
        }
    }

    /// Each reason, produced once, alone, with its line.
    #[test]
    fn each_fault_is_told_with_its_line() {
        for (find, replace, fault) in [
            (
                "year = 2021",
                "year = 2020",
                "line 16: the year 2020 stands twice",
            ),
            (
                "    2020-10-01, ",
                "    2019-10-01, ",
                "line 7: 2019-10-01 does not lie in 2020",
            ),
            (
                "workdays = [\"2020-10-10\"]",
                "workdays = [\"2021-10-10\"]",
                "line 9: 2021-10-10 does not lie in 2020",
            ),
            (
                "workdays = [\"2020-10-10\"]",
                "workdays = [\"2020-10-09\"]",
                "line 9: 2020-10-09 is a Friday: only a Saturday or Sunday is made up",
            ),
            (
                "\"2020-10-02\",\n]",
                "\"2020-10-02\", 2020-10-10,\n]",
                "line 9: 2020-10-10 is a holiday and a working day",
            ),
            (
                "\"2020-10-02\",\n]",
                "\"2020-10-02\", 2020-10-01,\n]",
                "line 7: 2020-10-01 stands twice",
            ),
            (
                "days = [\"2020-10-02\"]",
                "days = [\"2020-10-03\"]",
                "line 13: 2020-10-03 is neither in holidays nor in workdays",
            ),
            (
                "source = \"国办发明电〔2020〕27号\"",
                "source = \" \"",
                "line 17: source: name the notice that was read",
            ),
            (
                "holidays = [\"2021-01-01\"]",
                "holidays = []",
                "line 18: 2021 without a holiday: leave the year out",
            ),
        ] {
            assert!(SAMPLE.contains(find), "{find}");
            let mut text = SAMPLE.replacen(find, replace, 1);
            if find == "year = 2021" {
                text = text.replacen("[\"2021-01-01\"]", "[\"2020-01-01\"]", 1);
            }
            assert_eq!(faults(&text), [fault]);
        }
        assert_eq!(
            faults("year = []\n"),
            ["line 1: a calendar holds at least one year"]
        );
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let text = SAMPLE
            .replace("year = 2021", "year = 2020")
            .replace("2020-10-10", "2020-10-12");
        assert_eq!(
            faults(&text),
            [
                "line 9: 2020-10-12 is a Monday: only a Saturday or Sunday is made up",
                "line 16: the year 2020 stands twice",
                "line 18: 2021-01-01 does not lie in 2020",
            ]
        );
    }

    /// A fault of syntax names its line; a word nobody reads is a fault (failure 34).
    #[test]
    fn syntax_is_told_with_its_line() {
        for (find, replace, line) in [
            ("workdays = [\"2020-10-10\"]", "workday = []", "line 9: "),
            ("year = 2021", "year = ?", "line 16: "),
            ("source = \"国办发明电〔2020〕27号\"\n", "", "line 15: "),
        ] {
            let told = faults(&SAMPLE.replacen(find, replace, 1));
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with(line), "{told:?}");
        }
    }

    /// The calendar that is shipped: 2020's eve of the Dragon Boat holiday, its make-up Sunday,
    /// and a year nobody has read the notice for (failure 18).
    #[test]
    fn shipped_calendar_is_read() {
        let calendar = parse_calendar(SHIPPED);
        let calendar = calendar.expect("sound");
        let years: Vec<i32> = calendar.years().map(|(year, _)| year).collect();
        assert_eq!(years, (2018..=2026).collect::<Vec<_>>());
        assert_eq!(calendar.is_working_day(day(2020, 6, 24)), Ok(true));
        assert_eq!(calendar.is_working_day(day(2020, 6, 25)), Ok(false));
        assert_eq!(calendar.is_working_day(day(2020, 6, 28)), Ok(true));
        let unknown = day(2018 - 1, 6, 1);
        assert!(calendar.is_working_day(unknown).is_err());
    }

    /// A day before New Year is set by the next year's notice; an amendment names its days.
    #[test]
    fn shipped_days_name_the_notice_that_set_them() {
        let calendar = parse_calendar(SHIPPED).expect("sound");
        for (date, notice) in [
            (day(2018, 10, 1), "国办发明电〔2017〕12号"),
            (day(2018, 12, 29), "国办发明电〔2018〕15号"),
            (day(2018, 12, 31), "国办发明电〔2018〕15号"),
            (day(2019, 5, 1), "国办发明电〔2019〕3号"),
            (day(2019, 5, 5), "国办发明电〔2019〕3号"),
            (day(2020, 1, 30), "国办发明电〔2019〕16号"),
            (day(2020, 1, 31), "国办发明电〔2020〕1号"),
            (day(2022, 12, 31), "国办发明电〔2022〕16号"),
            (day(2023, 12, 31), "国办发明电〔2023〕7号"),
            (day(2026, 10, 1), "国办发明电〔2025〕7号"),
        ] {
            assert_eq!(calendar.notice_of(date), Some(notice), "{date}");
        }
    }
}
