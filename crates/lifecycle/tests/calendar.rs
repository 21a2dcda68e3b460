//! Legal days: natural and working days, terms that roll, years nobody has read (failures 16, 17,
//! 18 and 20). The sample years follow the State Council's notices for 2020 and 2021 as far as the
//! examples need them.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeZone, Utc};
use lifecycle::calendar::{Count, DayKind, Rolling, YearDays, end_of, legal_day, start_of};
use lifecycle::{Calendar, CalendarFault, CalendarWarning, Counting, Term};
use std::collections::BTreeMap;

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a day")
}

fn utc(year: i32, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> DateTime<Utc> {
    let at = Utc.with_ymd_and_hms(year, month, day, hour, minute, second);
    at.single().expect("an instant")
}

/// 2020: the dragon boat festival 25 to 27 June, 28 June worked; National Day 1 to 8 October, 27
/// September and 10 October worked. 2021: New Year 1 to 3 January.
fn calendar() -> Calendar {
    let days = |year, from: (u32, u32), length: u64| {
        let first = day(year, from.0, from.1);
        (0..length).map(move |it| first + Days::new(it))
    };
    let year_2020 = YearDays {
        holidays: days(2020, (6, 25), 3)
            .chain(days(2020, (10, 1), 8))
            .collect(),
        workdays: [day(2020, 6, 28), day(2020, 9, 27), day(2020, 10, 10)].into(),
        notice: "国办发明电〔2019〕16号".into(),
        other_notices: [(day(2020, 6, 27), "国办发明电〔2020〕99号(虚构)".into())].into(),
    };
    let year_2021 = YearDays {
        holidays: days(2021, (1, 1), 3).collect(),
        notice: "国办发明电〔2020〕27号".into(),
        ..YearDays::default()
    };
    Calendar::new(BTreeMap::from([(2020, year_2020), (2021, year_2021)]))
}

const fn natural(days: u16, rolls: bool) -> Term {
    Term {
        days,
        counting: Counting::CalendarDays,
        rolls,
    }
}

const fn working(days: u16) -> Term {
    Term {
        days,
        counting: Counting::WorkingDays,
        rolls: false,
    }
}

#[test]
fn the_day_of_posting_is_not_counted() {
    let five = calendar().last_day(day(2020, 6, 5), natural(5, false));
    assert_eq!(five, Ok(day(2020, 6, 10)));
    let one = calendar().last_day(day(2020, 6, 5), natural(1, false));
    assert_eq!(one, Ok(day(2020, 6, 6)));
}

#[test]
fn a_term_that_ends_on_a_rest_day_rolls_where_the_scheme_says_so() {
    // Posted on a Monday, five days end on a Saturday: on to Monday.
    let from = day(2020, 6, 8);
    assert_eq!(
        calendar().last_day(from, natural(5, false)),
        Ok(day(2020, 6, 13))
    );
    assert_eq!(
        calendar().last_day(from, natural(5, true)),
        Ok(day(2020, 6, 15))
    );
    // Into the festival: past its three days and on to the Sunday that is worked.
    assert_eq!(
        calendar().last_day(day(2020, 6, 20), natural(5, true)),
        Ok(day(2020, 6, 28))
    );
    // Over the end of the year: New Year's holiday, then Monday the 4th.
    assert_eq!(
        calendar().last_day(day(2020, 12, 27), natural(5, true)),
        Ok(day(2021, 1, 4))
    );
}

/// Failure 17: a working day is a day, not so many hours.
#[test]
fn working_days_skip_weekends_and_holidays_and_count_days_worked_instead() {
    // Friday 5 June: the first counted day is Monday.
    assert_eq!(
        calendar().last_day(day(2020, 6, 5), working(5)),
        Ok(day(2020, 6, 12))
    );
    // Tuesday 23 June: 24, then the festival, Sunday 28 is worked, 29, 30, 1 July.
    assert_eq!(
        calendar().last_day(day(2020, 6, 23), working(5)),
        Ok(day(2020, 7, 1))
    );
    // Wednesday 30 September: eight days of holiday, 9, then Saturday 10 is worked.
    assert_eq!(
        calendar().last_day(day(2020, 9, 30), working(2)),
        Ok(day(2020, 10, 10))
    );
    assert_eq!(calendar().is_working_day(day(2020, 9, 27)), Ok(true));
    assert_eq!(calendar().is_working_day(day(2020, 10, 8)), Ok(false));
}

/// Failure 18: a year nobody has read is an error, never "all days are working days".
#[test]
fn a_missing_year_is_an_error() {
    let missing = Err(CalendarFault::MissingYear(2022));
    assert_eq!(calendar().last_day(day(2021, 12, 30), working(5)), missing);
    assert_eq!(
        calendar().last_day(day(2021, 12, 30), natural(5, false)),
        missing
    );
    // Only the rolling needs the next year.
    assert_eq!(
        calendar().last_day(day(2021, 12, 24), natural(1, true)),
        Ok(day(2021, 12, 27))
    );
    let saturday = Calendar::new(BTreeMap::from([(2022, YearDays::default())]));
    assert_eq!(
        saturday.last_day(day(2022, 12, 30), natural(1, true)),
        Err(CalendarFault::MissingYear(2023))
    );
    let year = calendar().is_working_day(day(2019, 6, 1));
    assert_eq!(year, Err(CalendarFault::MissingYear(2019)));
    let years: Vec<i32> = calendar().years().map(|(year, _)| year).collect();
    assert_eq!(years, [2020, 2021]);
}

#[test]
fn a_day_beyond_all_dates_is_an_error() {
    let end = NaiveDate::MAX;
    let never = calendar().last_day(end, natural(1, false));
    assert_eq!(never, Err(CalendarFault::OutOfRange));
}

/// Failure 16: the server's day is not the village's day, and nothing is lost to microseconds.
#[test]
fn legal_days_begin_at_sixteen_hours_utc() {
    let last = utc(2020, 6, 5, 15, 59, 59) + chrono::Duration::nanoseconds(999_999_999);
    assert_eq!(legal_day(last), day(2020, 6, 5));
    assert_eq!(legal_day(utc(2020, 6, 5, 16, 0, 0)), day(2020, 6, 6));
    assert_eq!(legal_day(utc(2020, 6, 5, 0, 0, 0)), day(2020, 6, 5));
    // The year's last evening in UTC is New Year's morning in the village.
    assert_eq!(legal_day(utc(2020, 12, 31, 16, 0, 0)), day(2021, 1, 1));
    assert_eq!(start_of(day(2020, 6, 6)), utc(2020, 6, 5, 16, 0, 0));
    assert_eq!(end_of(day(2020, 6, 6)), utc(2020, 6, 6, 16, 0, 0));
}

/// Failure 20: every date from 2018 to 2027.
#[test]
fn days_are_half_open_and_follow_each_other_without_gap() {
    let mut date = day(2018, 1, 1);
    while date < day(2028, 1, 1) {
        let next = date + Days::new(1);
        assert_eq!(end_of(date), start_of(next));
        assert_eq!(legal_day(start_of(date)), date);
        assert_eq!(legal_day(end_of(date)), next);
        assert_eq!(
            legal_day(end_of(date) - chrono::Duration::nanoseconds(1)),
            date
        );
        date = next;
    }
}

/// A longer term never ends earlier, and never on its own first day.
#[test]
fn longer_terms_end_later() {
    let from = day(2020, 1, 1);
    for offset in 0..360 {
        let posted = from + Days::new(offset);
        for term in [natural, |days, _| working(days)] as [fn(u16, bool) -> Term; 2] {
            let ends: Vec<NaiveDate> = (1..=7)
                .map(|days| {
                    calendar()
                        .last_day(posted, term(days, true))
                        .expect("both years")
                })
                .collect();
            assert!(ends[0] > posted && ends.is_sorted(), "{posted}: {ends:?}");
        }
    }
}

/// How every day of a term counted, as `day of the month, kind, count`.
fn told(from: NaiveDate, term: Term) -> (Vec<(u32, DayKind, Count)>, Rolling, NaiveDate) {
    let closing = calendar().explain(from, term).expect("both years");
    assert_eq!(closing.closes_at, end_of(closing.last_day));
    assert_eq!(calendar().last_day(from, term), Ok(closing.last_day));
    let days = closing.days.iter();
    let days = days.map(|it| (it.day.day(), it.kind.expect("held"), it.count));
    (days.collect(), closing.rolling, closing.last_day)
}

#[test]
fn a_term_of_natural_days_is_explained() {
    use Count::{Nth, PassedOver, PostingDay, RolledTo};
    use DayKind::{Holiday, MakeUpWorkday, Weekend, WorkingDay};
    // Saturday 20 June, five days, into the dragon boat festival.
    let counted = [
        (20, Weekend, PostingDay),
        (21, Weekend, Nth(1)),
        (22, WorkingDay, Nth(2)),
        (23, WorkingDay, Nth(3)),
        (24, WorkingDay, Nth(4)),
        (25, Holiday, Nth(5)),
    ];
    let from = day(2020, 6, 20);
    assert_eq!(
        told(from, natural(5, false)),
        (counted.to_vec(), Rolling::NotAsked, day(2020, 6, 25))
    );
    let rolled = [
        (26, Holiday, PassedOver),
        (27, Holiday, PassedOver),
        (28, MakeUpWorkday, RolledTo),
    ];
    assert_eq!(
        told(from, natural(5, true)),
        (
            [&counted[..], &rolled[..]].concat(),
            Rolling::From(day(2020, 6, 25)),
            day(2020, 6, 28)
        )
    );
    // One day less ends on a working day.
    assert_eq!(
        told(from, natural(4, true)),
        (counted[..5].to_vec(), Rolling::NotNeeded, day(2020, 6, 24))
    );
}

#[test]
fn a_term_of_working_days_is_explained() {
    use Count::{Nth, PostingDay, RestDay};
    use DayKind::{Holiday, MakeUpWorkday, WorkingDay};
    let days = vec![
        (24, WorkingDay, PostingDay),
        (25, Holiday, RestDay),
        (26, Holiday, RestDay),
        (27, Holiday, RestDay),
        (28, MakeUpWorkday, Nth(1)),
        (29, WorkingDay, Nth(2)),
    ];
    assert_eq!(
        told(day(2020, 6, 24), working(2)),
        (days.clone(), Rolling::NotAsked, day(2020, 6, 29))
    );
    // It always ends on a working day, so there is never anything to roll.
    let rolls = Term {
        rolls: true,
        ..working(2)
    };
    assert_eq!(
        told(day(2020, 6, 24), rolls),
        (days, Rolling::NotNeeded, day(2020, 6, 29))
    );
}

#[test]
fn a_day_names_the_notice_that_set_it() {
    let calendar = calendar();
    for (date, notice) in [
        (day(2020, 6, 26), Some("国办发明电〔2019〕16号")),
        (day(2020, 6, 27), Some("国办发明电〔2020〕99号(虚构)")),
        (day(2020, 6, 28), Some("国办发明电〔2019〕16号")),
        (day(2020, 6, 29), None),
        (day(2022, 1, 1), None),
    ] {
        assert_eq!(calendar.notice_of(date), notice, "{date}");
    }
}

/// Every counted day needs its year, natural days too; the day of posting is not counted.
#[test]
fn only_counted_days_need_their_year() {
    let eve = calendar()
        .explain(day(2019, 12, 31), natural(5, false))
        .expect("no day of 2019 is counted");
    assert_eq!(eve.last_day, day(2020, 1, 5));
    assert_eq!(eve.days[0].kind, None);
    assert_eq!(
        calendar().explain(day(2019, 12, 30), natural(5, false)),
        Err(CalendarFault::MissingYear(2019))
    );
}

/// Failure 18: a missing year is told before terms reach it.
#[test]
fn missing_years_are_warned_of_in_time() {
    use CalendarWarning::{NextYearMissing, YearMissing};
    for (today, warnings) in [
        (day(2020, 12, 31), vec![]),
        (day(2021, 1, 1), vec![]),
        // Nobody can have read the notice for 2022 before autumn.
        (day(2021, 9, 30), vec![]),
        (day(2021, 10, 1), vec![NextYearMissing(2022)]),
        (day(2021, 12, 31), vec![NextYearMissing(2022)]),
        (day(2022, 1, 1), vec![YearMissing(2022)]),
        (day(2022, 9, 30), vec![YearMissing(2022)]),
        (
            day(2022, 10, 1),
            vec![YearMissing(2022), NextYearMissing(2023)],
        ),
        // The year before the first one held.
        (day(2019, 12, 31), vec![YearMissing(2019)]),
    ] {
        assert_eq!(calendar().warnings(today), warnings, "{today}");
    }
    assert!(NextYearMissing(2022).to_string().contains("2022"));
    assert!(YearMissing(2022).to_string().contains("2022"));
}

/// Failure 19: a term that stood still goes on with what was left of it.
#[test]
fn a_term_goes_on_where_it_stood_still() {
    let term = |days, counting| Term {
        days,
        counting,
        rolls: false,
    };
    let june = |on| day(2020, 6, on);
    let natural = term(5, Counting::CalendarDays);
    let working = term(5, Counting::WorkingDays);
    let resumed = |term, last_day, stopped, today| {
        calendar().resumed(term, june(last_day), june(stopped), june(today))
    };
    // Three of five days were left; the days of the objection are not counted.
    assert_eq!(resumed(natural, 6, 3, 10), Ok(june(13)));
    // Of five working days from Monday the 15th two are left on the 18th; Saturday and Sunday are none.
    assert_eq!(resumed(working, 22, 18, 19), Ok(june(23)));
    // The festival of the 25th to 27th; the 28th is worked.
    assert_eq!(resumed(working, 22, 18, 24), Ok(june(29)));
    // It had run out before, or on the very day.
    assert_eq!(resumed(natural, 2, 3, 10), Ok(june(2)));
    assert_eq!(resumed(natural, 3, 3, 10), Ok(june(3)));
    // A status that began while the clock stood has its whole term left.
    assert_eq!(resumed(natural, 20, 3, 15), Ok(june(20)));
    assert_eq!(
        calendar().resumed(working, day(2022, 1, 9), day(2021, 12, 30), day(2022, 1, 3)),
        Err(CalendarFault::MissingYear(2022))
    );
    assert_eq!(
        calendar().counted(june(15), june(22), Counting::WorkingDays),
        Ok(5)
    );
    assert_eq!(
        calendar().counted(june(22), june(15), Counting::CalendarDays),
        Ok(0)
    );
}
