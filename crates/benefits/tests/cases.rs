//! The cases of `tests/cases/*.csv`: what a policy officer expects, against what is computed.
//!
//! Each file is judged by the schedule of `schedules.toml` that bears its name. The expectations
//! were computed apart from this crate; where they differ, find out which one is wrong.

use benefits::{EventTotals, Fen, Layer, Loss, RunningTotals, Schedule, UnitCount, assess};
use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};

/// One form for all files; what a case has no use for stays empty.
const HEADER: [&str; 15] = [
    "case(案例)",
    "submitted_yuan(申报金额_元)",
    "layers_yuan(各层已报销_元)",
    "grants_yuan(助学金_元)",
    "loans_yuan(助学贷款_元)",
    "outcome(情形)",
    "heads(人数)",
    "units(数量)",
    "income_per_head_yuan(人均收入_元)",
    "prior_person_loss_yuan(本人本年度此前自付_元)",
    "prior_household_loss_yuan(全家本年度此前自付_元)",
    "used_person_year_yuan(本人本年度已赔付_元)",
    "used_household_year_yuan(全家本年度已赔付_元)",
    "expected_benefit_yuan(应赔金额_元)",
    "why(理由)",
];

/// Files that begin with this column hold published cases, which are judged elsewhere.
const PUBLISHED: &str = "published_case";

type Doubt = Box<dyn Error>;

#[derive(serde::Deserialize)]
struct Schedules {
    schedule: Vec<Schedule>,
}

#[test]
fn every_case_of_the_policy_officer_holds() -> Result<(), Doubt> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let Schedules {
        schedule: schedules,
    } = toml::from_str(include_str!("../../../tests/cases/schedules.toml"))?;
    let mut failures = Vec::new();
    let mut judged = BTreeSet::new();
    for file in case_files(&folder)? {
        if is_published(&file)? {
            continue;
        }
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let schedule = schedules
            .iter()
            .find(|schedule| schedule.id == name)
            .ok_or_else(|| format!("{name}.csv: schedules.toml has no schedule of that id"))?;
        assert_eq!(schedule.check(), [], "{name}");
        let cases = check_file(&file, schedule, &mut failures)?;
        assert!(cases > 0, "{name}.csv has no case");
        judged.insert(name);
    }
    let ids: BTreeSet<String> = schedules.into_iter().map(|schedule| schedule.id).collect();
    assert_eq!(judged, ids, "files with cases, and schedules");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    Ok(())
}

fn case_files(folder: &Path) -> Result<Vec<PathBuf>, Doubt> {
    let mut files = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn is_published(file: &Path) -> Result<bool, Doubt> {
    let mut rows = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(file)?;
    Ok(rows.headers()?.get(0) == Some(PUBLISHED))
}

/// Notes what differs, and returns how many cases the file has.
fn check_file(
    file: &Path,
    schedule: &Schedule,
    failures: &mut Vec<String>,
) -> Result<usize, Doubt> {
    let mut rows = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(file)?;
    assert_eq!(
        rows.headers()?,
        HEADER.as_slice(),
        "header of {}",
        file.display()
    );
    let file = file.file_name().unwrap_or_default().display();
    let mut cases = 0;
    for row in rows.records() {
        let row = row?;
        let line = row.position().map_or(0, csv::Position::line);
        let place = format!("{file}:{line} {}", row.get(0).unwrap_or_default());
        let (expected, got) = judge(&row, schedule).map_err(|doubt| format!("{place}: {doubt}"))?;
        if expected != got {
            failures.push(format!("{place}: expected {expected}, got {got}"));
        }
        cases += 1;
    }
    Ok(cases)
}

fn judge(row: &csv::StringRecord, schedule: &Schedule) -> Result<(Fen, Fen), Doubt> {
    let column = |index: usize| row.get(index).unwrap_or_default();
    let filled = |index: usize| Some(column(index)).filter(|text| !text.is_empty());
    let amount = |index: usize| filled(index).map_or(Ok(Fen::ZERO), Fen::parse_yuan);
    let loss = Loss {
        submitted: Fen::parse_yuan(column(1))?,
        layers: layers(column(2))?,
        grants: amount(3)?,
        loans: amount(4)?,
        outcome: filled(5).map(str::to_owned),
        heads: filled(6).map(str::parse).transpose()?,
        units: units(column(7))?,
        income_per_head: filled(8).map(Fen::parse_yuan).transpose()?,
        ..Loss::default()
    };
    let used = RunningTotals {
        person_year_loss: amount(9)?,
        household_year_loss: amount(10)?,
        person_year: amount(11)?,
        household_year: amount(12)?,
        event: EventTotals::default(),
    };
    Ok((
        Fen::parse_yuan(column(13))?,
        assess(schedule, &loss, &used)?.benefit,
    ))
}

/// `基本医保:12000;大病保险:3000`.
fn layers(text: &str) -> Result<Vec<Layer>, Doubt> {
    pairs(text)?
        .into_iter()
        .map(|(name, paid)| {
            Ok(Layer {
                name: name.to_owned(),
                paid: Fen::parse_yuan(paid)?,
            })
        })
        .collect()
}

/// `猪:2;羊:3`.
fn units(text: &str) -> Result<Vec<UnitCount>, Doubt> {
    pairs(text)?
        .into_iter()
        .map(|(unit, count)| {
            Ok(UnitCount {
                unit: unit.to_owned(),
                count: count.parse()?,
            })
        })
        .collect()
}

/// Names with what belongs to them, also with full-width colon and semicolon.
fn pairs(text: &str) -> Result<Vec<(&str, &str)>, Doubt> {
    text.split([';', '\u{ff1b}'])
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair
                .split_once([':', '\u{ff1a}'])
                .ok_or_else(|| format!("\"{pair}\" has no colon"))?;
            Ok((name.trim(), value.trim()))
        })
        .collect()
}
