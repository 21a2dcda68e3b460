//! `fangpin calendar close|years`.

use crate::cli::Ending;
use crate::config::Config;
use crate::wiring;
use chrono::{Datelike, NaiveDate, SecondsFormat, Weekday};
use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use lifecycle::calendar::{Count, DayKind, Rolling, legal_day};
use lifecycle::{Calendar, CalendarFault, CalendarWarning, Closing, Counting, Term};
use serde_json::json;
use std::collections::BTreeSet;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum Action {
    /// The last day of a term, and how every day counted
    Close {
        /// The day of posting, such as 2026-09-28; it is not counted
        from: NaiveDate,
        #[command(flatten)]
        length: Length,
        /// A term that ends on a rest day moves on to the next working day
        #[arg(long)]
        roll: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// The years the calendar holds, by which notices, and what it lacks
    Years {
        /// Warn as on this day; today if left out
        #[arg(long)]
        on: Option<NaiveDate>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Length {
    /// Natural days
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    days: Option<u16>,
    /// Working days
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    working_days: Option<u16>,
}

/// `fangpin calendar`.
pub fn run(config: &Config, action: Action) -> Ending {
    let calendar = wiring::calendar(config)?;
    match action {
        Action::Close {
            from,
            length,
            roll,
            json,
        } => {
            let (days, counting) = match (length.days, length.working_days) {
                (Some(days), _) => (days, Counting::CalendarDays),
                (None, Some(days)) => (days, Counting::WorkingDays),
                (None, None) => return Err("name --days or --working-days".into()),
            };
            let term = Term {
                days,
                counting,
                rolls: roll,
            };
            let closing = calendar.explain(from, term).map_err(fault)?;
            if json {
                println!("{}", close_json(&calendar, from, term, &closing));
            } else {
                print_close(&calendar, term, &closing);
            }
        }
        Action::Years { on, json } => {
            let today = on.unwrap_or_else(|| legal_day(engine::Clock::now(&engine::SystemClock)));
            if json {
                println!("{}", years_json(&calendar, today));
            } else {
                print_years(&calendar, today);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn fault(fault: CalendarFault) -> String {
    match fault {
        CalendarFault::MissingYear(year) => format!(
            "日历没有 {year} 年,不能推算期限 · {fault}; enter that year's notice in the calendar file"
        ),
        CalendarFault::OutOfRange => format!("日期超出范围 · {fault}"),
    }
}

/// What a day is, in both languages.
const fn kind_words(kind: DayKind) -> &'static str {
    match kind {
        DayKind::WorkingDay => "工作日 working day",
        DayKind::MakeUpWorkday => "调休上班日 make-up working day",
        DayKind::Holiday => "节假日 holiday",
        DayKind::Weekend => "周末 weekend",
    }
}

fn count_words(count: Count) -> String {
    match count {
        Count::PostingDay => "张贴日,不计入 posting day, not counted".into(),
        Count::Nth(number) => format!("第 {number} 日 day {number}"),
        Count::RestDay => "休息日,不计入 rest day, not counted".into(),
        Count::PassedOver => "顺延跳过 rolled past".into(),
        Count::RolledTo => "顺延至此 rolled to".into(),
    }
}

const fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "周一 Mon",
        Weekday::Tue => "周二 Tue",
        Weekday::Wed => "周三 Wed",
        Weekday::Thu => "周四 Thu",
        Weekday::Fri => "周五 Fri",
        Weekday::Sat => "周六 Sat",
        Weekday::Sun => "周日 Sun",
    }
}

fn print_close(calendar: &Calendar, term: Term, closing: &Closing) {
    let last_day = closing.last_day;
    let opens = legal_day(closing.closes_at);
    let (length_zh, length_en) = match term.counting {
        Counting::CalendarDays => ("自然日", "natural days"),
        Counting::WorkingDays => ("工作日", "working days"),
    };
    let (rolling_zh, rolling_en) = match closing.rolling {
        Rolling::NotAsked => (
            "不顺延:未要求(--roll)".into(),
            "not rolled: not asked for (--roll)".into(),
        ),
        Rolling::NotNeeded => (
            "不需顺延:最后一日是工作日".into(),
            "not rolled: it ends on a working day".into(),
        ),
        Rolling::From(day) => (
            format!(
                "顺延:第 {} 日 {day} 是休息日,顺延至下一工作日(民法典第203条)",
                term.days
            ),
            format!(
                "rolled: day {}, {day}, is a rest day; on to the next working day (Civil Code art. 203)",
                term.days
            ),
        ),
    };
    println!(
        "期限最后一日 {last_day} {};{opens} 00:00(北京时间)起方可期满",
        weekday(last_day.weekday())
    );
    println!("last day {last_day}; may close from {opens}T00:00:00+08:00");
    println!(
        "{} 个{length_zh},张贴日不计入(民法典第201条);{rolling_zh}",
        term.days
    );
    println!(
        "{} {length_en}, the day of posting is not counted (Civil Code art. 201); {rolling_en}",
        term.days
    );
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(["日期 day", "星期", "日别 kind", "计数 count", "依据 notice"]);
    for it in &closing.days {
        table.add_row([
            it.day.to_string(),
            weekday(it.day.weekday()).into(),
            it.kind
                .map_or("日历未载 not in the calendar", kind_words)
                .into(),
            count_words(it.count),
            calendar.notice_of(it.day).unwrap_or_default().into(),
        ]);
    }
    println!("{table}");
}

fn close_json(
    calendar: &Calendar,
    from: NaiveDate,
    term: Term,
    closing: &Closing,
) -> serde_json::Value {
    let (rolling, rolled_from) = match closing.rolling {
        Rolling::NotAsked => ("NOT_ASKED", None),
        Rolling::NotNeeded => ("NOT_NEEDED", None),
        Rolling::From(day) => ("ROLLED", Some(day)),
    };
    let days: Vec<_> = closing
        .days
        .iter()
        .map(|it| {
            let (count, number) = match it.count {
                Count::PostingDay => ("POSTING_DAY", None),
                Count::Nth(number) => ("COUNTED", Some(number)),
                Count::RestDay => ("REST_DAY", None),
                Count::PassedOver => ("PASSED_OVER", None),
                Count::RolledTo => ("ROLLED_TO", None),
            };
            json!({
                "day": it.day, "kind": it.kind, "count": count, "number": number,
                "notice": calendar.notice_of(it.day),
            })
        })
        .collect();
    json!({
        "from": from, "termDays": term.days, "counting": term.counting, "rolls": term.rolls,
        "lastDay": closing.last_day,
        "closesAt": closing.closes_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        "rolling": rolling, "rolledFrom": rolled_from, "days": days,
    })
}

fn warning_words(warning: CalendarWarning) -> String {
    match warning {
        CalendarWarning::YearMissing(year) => {
            format!("日历没有今年({year} 年),不能开始公示 · {warning}")
        }
        CalendarWarning::NextYearMissing(year) => {
            format!("日历没有明年({year} 年),请录入国务院办公厅通知 · {warning}")
        }
    }
}

/// The notices of a year: its own, then those that set single days.
fn notices(year: &lifecycle::calendar::YearDays) -> Vec<&str> {
    let others: BTreeSet<&str> = year.other_notices.values().map(String::as_str).collect();
    std::iter::once(year.notice.as_str())
        .chain(others)
        .collect()
}

fn print_years(calendar: &Calendar, today: NaiveDate) {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header([
        "年份 year",
        "通知 notices",
        "放假日 holidays",
        "调休上班日 make-up days",
    ]);
    for (number, year) in calendar.years() {
        table.add_row([
            number.to_string(),
            notices(year).join("\n"),
            year.holidays.len().to_string(),
            year.workdays.len().to_string(),
        ]);
    }
    println!("{table}");
    for warning in calendar.warnings(today) {
        println!("警告 warning: {}", warning_words(warning));
    }
}

fn years_json(calendar: &Calendar, today: NaiveDate) -> serde_json::Value {
    let years: Vec<_> = calendar
        .years()
        .map(|(number, year)| {
            json!({
                "year": number, "notices": notices(year), "holidays": year.holidays,
                "workdays": year.workdays,
            })
        })
        .collect();
    let warnings: Vec<_> = calendar
        .warnings(today)
        .into_iter()
        .map(|warning| {
            let (code, year) = match warning {
                CalendarWarning::YearMissing(year) => ("YEAR_MISSING", year),
                CalendarWarning::NextYearMissing(year) => ("NEXT_YEAR_MISSING", year),
            };
            json!({ "code": code, "year": year, "message": warning.to_string() })
        })
        .collect();
    json!({ "on": today, "years": years, "warnings": warnings })
}
