//! The cases of `tests/cases/*.csv`: what a policy officer expects, against what is computed.
//!
//! Each file is judged by the schedule of `schedules.toml` that bears its name. The expectations
//! were computed apart from this crate; where they differ, find out which one is wrong.

use benefits::{Fen, Layer, Loss, RunningTotals, Schedule, assess};
use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};

const HEADER: [&str; 6] = [
    "case(案例)",
    "submitted_yuan(申报金额_元)",
    "layers_yuan(各层已报销_元)",
    "used_person_year_yuan(本年度已赔付_元)",
    "expected_benefit_yuan(应赔金额_元)",
    "why(理由)",
];

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
    let loss = Loss {
        submitted: Fen::parse_yuan(column(1))?,
        layers: layers(column(2))?,
        outcome: None,
    };
    let used = RunningTotals {
        person_year: Fen::parse_yuan(column(3))?,
        ..RunningTotals::default()
    };
    Ok((
        Fen::parse_yuan(column(4))?,
        assess(schedule, &loss, &used)?.benefit,
    ))
}

/// `基本医保:12000;大病保险:3000`, also with full-width colon and semicolon.
fn layers(text: &str) -> Result<Vec<Layer>, Doubt> {
    text.split([';', '\u{ff1b}'])
        .filter(|layer| !layer.is_empty())
        .map(|layer| {
            let (name, paid) = layer
                .split_once([':', '\u{ff1a}'])
                .ok_or_else(|| format!("the layer \"{layer}\" has no colon"))?;
            Ok(Layer {
                name: name.trim().to_owned(),
                paid: Fen::parse_yuan(paid)?,
            })
        })
        .collect()
}
