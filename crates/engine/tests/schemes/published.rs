//! The published cases of `tests/cases/published.csv`: what a county said it paid, against what the
//! county's file pays. The verdict in the file is what is computed here, or the test fails.

use crate::files::{COUNTIES, read, root, scheme};
use benefits::{BandBase, BandMode, Fen};
use engine::quote::{QuoteCase, QuoteFault, parse_case, quote};
use lifecycle::Scheme;
use serde::Deserialize;
use std::fmt;

/// A published case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    /// Its number in the field's list.
    #[serde(rename = "published_case")]
    number: u8,
    county: String,
    year: u16,
    source: String,
    /// The case as `fangpin scheme quote` reads it; empty where the figures are not printed.
    input: String,
    /// Empty where no payout is printed.
    paid_yuan: String,
    /// Empty where the county ships no file.
    scheme_file: String,
    reading: String,
    verdict: String,
    why: String,
}

/// What a case turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Agrees,
    FitsOnly(BandBase, BandMode),
    InputsMissing,
    Disagrees(Fen),
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agrees => write!(out, "agrees"),
            Self::FitsOnly(base, mode) => {
                write!(out, "fits only reading {}", reading(*base, *mode))
            }
            Self::InputsMissing => write!(out, "inputs missing"),
            Self::Disagrees(benefit) => write!(out, "disagrees: {benefit}"),
        }
    }
}

fn reading(base: BandBase, mode: BandMode) -> String {
    let base = match base {
        BandBase::ExcessOverDeductible => "excess_over_deductible",
        BandBase::WholeLoss => "whole_loss",
    };
    let mode = match mode {
        BandMode::Progressive => "progressive",
        BandMode::Flat => "flat",
    };
    format!("{base} {mode}")
}

/// A table whose rule is unknown, and of which only the cap is printed.
const CAP_ALONE: &str = "the cap alone";

impl Published {
    fn paid(&self) -> Option<Fen> {
        let paid = self.paid_yuan.as_str();
        (!paid.is_empty()).then(|| Fen::parse_yuan(paid).expect("an amount in yuan"))
    }

    fn scheme(&self) -> Scheme {
        scheme(&format!("{COUNTIES}/{}", self.scheme_file))
    }

    fn case(&self) -> QuoteCase {
        parse_case(&self.input).unwrap_or_else(|it| panic!("{}: {it:?}", self.number))
    }

    fn judge(&self) -> Verdict {
        if self.input.is_empty() || self.scheme_file.is_empty() {
            return Verdict::InputsMissing;
        }
        let case = self.case();
        let quote = match quote(&self.scheme(), &case) {
            Ok(quote) => quote,
            Err(QuoteFault::Unknown { .. }) => return Verdict::InputsMissing,
            Err(
                fault @ (QuoteFault::PerilNotCovered { .. }
                | QuoteFault::GroupNotCovered { .. }
                | QuoteFault::GroupNeeded { .. }
                | QuoteFault::NoAdvance
                | QuoteFault::Case(_)),
            ) => panic!("{}: {fault}", self.number),
        };
        let benefit = quote.assessment.benefit;
        let Some(paid) = self.paid() else {
            // No payout: what is published is what the layers leave, and the slip's sum check,
            // without which there is no quote, has agreed to it.
            assert!(case.loss.stated_eligible.is_some(), "{}", self.number);
            return Verdict::Agrees;
        };
        if benefit == paid {
            return Verdict::Agrees;
        }
        let mut others = quote.other_readings.iter();
        others
            .find(|it| it.benefit == paid)
            .map_or(Verdict::Disagrees(benefit), |it| {
                Verdict::FitsOnly(it.base, it.mode)
            })
    }

    /// What the column says beside the verdict.
    fn reading(&self, verdict: &Verdict) -> String {
        match verdict {
            Verdict::FitsOnly(base, mode) => reading(*base, *mode),
            Verdict::InputsMissing if self.is_the_cap() => CAP_ALONE.to_owned(),
            Verdict::Agrees | Verdict::InputsMissing | Verdict::Disagrees(_) => String::new(),
        }
    }

    /// Whether what was paid is the one cap that is printed.
    fn is_the_cap(&self) -> bool {
        if self.input.is_empty() || self.scheme_file.is_empty() {
            return false;
        }
        let (scheme, case) = (self.scheme(), self.case());
        let terms = scheme.terms(case.peril).expect("covered");
        let table = terms.schedule(&case.group, false).expect("served");
        let caps: Vec<Fen> = table.caps.iter().map(|cap| cap.limit).collect();
        self.paid().is_some_and(|paid| caps == [paid])
    }
}

fn published() -> Vec<Published> {
    let path = root().join("tests/cases/published.csv");
    let mut rows = csv::Reader::from_path(path).expect("published.csv");
    let rows: Result<Vec<Published>, _> = rows.deserialize().collect();
    rows.expect("published.csv")
}

#[test]
fn every_published_case_is_judged_as_the_file_says() {
    let mut wrong = Vec::new();
    for row in published() {
        let verdict = row.judge();
        let reading = row.reading(&verdict);
        if row.verdict != verdict.to_string() || row.reading != reading {
            wrong.push(format!(
                "case {}: \"{verdict}\", reading \"{reading}\"; the file says \"{}\", \"{}\"",
                row.number, row.verdict, row.reading
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The README counts them as they are.
#[test]
fn the_readme_counts_the_verdicts() {
    let rows = published();
    let agree = rows
        .iter()
        .filter(|it| it.judge() == Verdict::Agrees)
        .count();
    let missing = rows
        .iter()
        .filter(|it| it.judge() == Verdict::InputsMissing)
        .count();
    let readme = read("README.md");
    let all = rows.len();
    assert_eq!(
        agree + missing,
        all,
        "say in the README how many fit only one reading"
    );
    assert!(readme.contains(&format!("{agree} of {all} published cases agree")));
    assert!(readme.contains(&format!("for {missing} the county has not published")));
}

/// Every worked case of the field's list stands in the file, once, with its reasons.
#[test]
fn no_published_case_is_left_out() {
    let rows = published();
    let numbers: Vec<u8> = rows.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 4, 8, 9, 13, 19, 20, 22, 27, 31, 34]);
    for row in &rows {
        let texts = [&row.county, &row.source, &row.why];
        assert!(texts.iter().all(|it| !it.trim().is_empty()), "{row:?}");
        assert!((2017..=2026).contains(&row.year), "{row:?}");
    }
}

/// The judge can say each verdict: 40,000 self-paid under the unnamed county's table.
#[test]
fn each_verdict_can_be_given() {
    let layers: Vec<String> = ["基本医疗报销", "大病保险", "医疗救助", "商业补充保险"]
        .iter()
        .map(|name| format!("{{\"name\": \"{name}\", \"paidYuan\": 0}}"))
        .collect();
    let told = |peril: &str, paid: &str| {
        let row = Published {
            number: 0,
            county: String::new(),
            year: 2022,
            source: String::new(),
            input: format!(
                "{{\"peril\": \"{peril}\", \"submittedYuan\": 40000, \"layers\": [{}]}}",
                layers.join(", ")
            ),
            paid_yuan: paid.to_owned(),
            scheme_file: "r1-u-table-progressive.toml".to_owned(),
            reading: String::new(),
            verdict: String::new(),
            why: String::new(),
        };
        row.judge().to_string()
    };
    assert_eq!(told("ILLNESS", "20,500"), "agrees");
    assert_eq!(
        told("ILLNESS", "31,500"),
        "fits only reading excess_over_deductible flat"
    );
    assert_eq!(
        told("ILLNESS", "36,000"),
        "fits only reading whole_loss flat"
    );
    assert_eq!(
        told("ILLNESS", "25,000"),
        "fits only reading whole_loss progressive"
    );
    assert_eq!(told("ILLNESS", "20,500.01"), "disagrees: 20,500.00");
    assert_eq!(told("SCHOOLING", "20,500"), "inputs missing");
}
