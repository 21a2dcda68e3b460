//! A county's scheme as a TOML file.
//!
//! `text` is the form people write, and the reference of it; `reader` turns it into a scheme; `check`
//! says what makes no sense; `lines` knows where each field stands.

mod check;
mod lines;
mod reader;
mod text;

pub use text::schema;

use crate::ids;
use chrono::NaiveDate;
use lifecycle::{Calendar, CountyCode, OrgId, Scheme};
use lines::{Lines, line_at};
use serde::{Deserialize, Deserializer, de};
use std::fmt;

/// What is wrong with a file, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// Where: a line for a syntax fault, a field otherwise.
    pub place: String,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.reason)
    }
}

/// A day as people write it in the files.
pub(crate) fn day<'de, D: Deserializer<'de>>(file: D) -> Result<NaiveDate, D::Error> {
    let text = match text::DayText::deserialize(file)? {
        text::DayText::Date(date) => date.to_string(),
        text::DayText::Text(text) => text,
    };
    text.parse()
        .map_err(|_| de::Error::custom(format!("{text:?} is not a day such as 2020-01-31")))
}

/// The organisation id that belongs to an insurer's code in a county.
pub fn org_id(county: CountyCode, code: &str) -> OrgId {
    OrgId(ids::named("org", &format!("{county}/{code}")))
}

pub(crate) fn syntax(text: &str, fault: &toml::de::Error) -> FileFault {
    let line = fault.span().map_or(0, |span| {
        text.get(..span.start)
            .map_or(0, |before| before.matches('\n').count() + 1)
    });
    FileFault {
        place: format!("line {line}"),
        reason: fault.message().to_owned(),
    }
}

/// A fault or a warning of a scheme file, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line, from 1.
    pub line: usize,
    /// The field, such as `perils[1].tables[0].rule.bands[2].from`; empty for the text as a whole.
    /// Items are counted from 0.
    pub field: String,
    /// What is the matter, and what to do.
    pub reason: String,
}

impl Finding {
    fn place(&self) -> String {
        if self.field.is_empty() {
            self.line.to_string()
        } else {
            format!("{}: {}", self.line, self.field)
        }
    }
}

/// `12: notice.days: a notice runs at least 5 days`; with the file's name and a colon before it, a
/// place that editors jump to.
impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place(), self.reason)
    }
}

/// What a scheme file says, and what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The scheme; `None` where there are faults.
    pub scheme: Option<Scheme>,
    /// Why it is refused, by line.
    pub faults: Vec<Finding>,
    /// What a county should know before it signs, by line.
    pub warnings: Vec<Finding>,
}

#[derive(Debug, Default)]
struct Findings {
    faults: Vec<Finding>,
    warnings: Vec<Finding>,
}

impl Findings {
    fn fault_at(&mut self, line: usize, field: &str, reason: impl Into<String>) {
        self.faults.push(Finding {
            line,
            field: field.to_owned(),
            reason: reason.into(),
        });
    }

    fn fault(&mut self, lines: &Lines<'_>, field: &str, reason: impl Into<String>) {
        self.fault_at(lines.line(field), field, reason);
    }

    fn warn(&mut self, lines: &Lines<'_>, field: &str, reason: impl Into<String>) {
        self.warnings.push(Finding {
            line: lines.line(field),
            field: field.to_owned(),
            reason: reason.into(),
        });
    }
}

/// Reads and checks a scheme file: every fault and every warning at once. Terms in working days are
/// measured by `calendar` where one is given.
pub fn check_scheme(text: &str, calendar: Option<&Calendar>) -> Report {
    let mut findings = Findings::default();
    let lines = Lines::parse(text, &mut findings);
    // What stands behind a syntax fault may have been misread.
    let mut scheme = None;
    if findings.faults.is_empty() {
        let document = lines.document(&mut findings);
        match text::SchemeText::deserialize(document) {
            Ok(file) => scheme = reader::read(file, &lines, calendar, &mut findings),
            Err(fault) => {
                let at = fault.span().map_or(0, |span| span.start);
                findings.fault_at(line_at(text, at), &lines.path_at(at), fault.message());
            }
        }
    }
    findings.faults.sort_by_key(|it| it.line);
    findings.warnings.sort_by_key(|it| it.line);
    Report {
        scheme,
        faults: findings.faults,
        warnings: findings.warnings,
    }
}

/// Reads and checks a scheme file; every fault at once.
pub fn parse_scheme(text: &str) -> Result<Scheme, Vec<FileFault>> {
    let report = check_scheme(text, None);
    let fault = |it: Finding| FileFault {
        place: it.place(),
        reason: it.reason,
    };
    report
        .scheme
        .ok_or_else(|| report.faults.into_iter().map(fault).collect())
}

/// The tables whose figures are not known, by id, and what is missing: nothing may be paid by them, so
/// that a scheme with one is not to be published.
pub fn unknown_tables(scheme: &Scheme) -> Vec<(&str, &str)> {
    let tables = scheme.perils.iter().flat_map(|terms| &terms.tables);
    tables
        .filter_map(|table| Some((table.schedule.id.as_str(), table.schedule.unknown()?)))
        .collect()
}

#[cfg(test)]
mod tests;
