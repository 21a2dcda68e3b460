//! The calendar against a table that was computed independently (issue 3): every start date of 2018 to 2026, terms of
//! 5 and 7 natural and of 5 working days, with and without rolling.

use crate::support::{python, root, run};
use lifecycle::{CalendarFault, Counting, Term};

/// Start dates, times three terms, times with and without rolling.
const ROWS: usize = 3_287 * 3 * 2;

#[test]
fn calendar_agrees_with_an_independent_table() {
    let file = std::fs::read_to_string(root().join("crates/server/calendar/cn.toml")).unwrap();
    let calendar = engine::calendar_file::parse_calendar(&file).unwrap();
    let table = run(python().arg(root().join("tests/calendar/independent.py")));
    let (mut rows, mut missing, mut wrong) = (0, 0, Vec::new());
    for row in table.lines() {
        let fields: Vec<&str> = row.split(',').collect();
        let [from, counting, days, rolls, last_day] = fields[..] else {
            panic!("not a row: {row}");
        };
        let term = Term {
            days: days.parse().unwrap(),
            counting: Counting::from_code(counting).unwrap(),
            rolls: rolls == "1",
        };
        let expected = match last_day.strip_prefix("MISSING ") {
            None => Ok(last_day.parse().unwrap()),
            Some(year) => Err(CalendarFault::MissingYear(year.parse().unwrap())),
        };
        let found = calendar.last_day(from.parse().unwrap(), term);
        if found != expected {
            wrong.push(format!("{row}: {found:?}"));
        }
        rows += 1;
        missing += usize::from(expected.is_err());
    }
    assert!(wrong.is_empty(), "{} of {rows}: {wrong:#?}", wrong.len());
    assert_eq!(rows, ROWS);
    assert!(missing > 0, "no term of the table ends in a missing year");
}
