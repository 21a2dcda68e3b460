//! `fangpin scheme check|quote|publish`.

use crate::cli::Ending;
use crate::config::Config;
use crate::wiring;
use benefits::{Fen, Layer, Loss, RunningTotals, assess};
use clap::Subcommand;
use lifecycle::{Peril, Scheme};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Is this scheme sound? Every fault with place and reason
    Check { file: PathBuf },
    /// Computes one benefit and prints the derivation; needs no database
    Quote {
        file: PathBuf,
        /// The case, as JSON
        case: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Publishes a scheme version; it can never change afterwards
    Publish {
        file: PathBuf,
        /// What the county puts into the pool now, in fen
        #[arg(long, requires = "fund_reference")]
        fund_fen: Option<i64>,
        /// The transfer's reference: the same one funds the pool once, however often it is given
        #[arg(long)]
        fund_reference: Option<String>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    peril: Peril,
    submitted_fen: Fen,
    #[serde(default)]
    layers: Vec<CaseLayer>,
    outcome: Option<String>,
    #[serde(default)]
    used_person_year_fen: Fen,
    #[serde(default)]
    used_household_year_fen: Fen,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CaseLayer {
    name: String,
    paid_fen: Fen,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|fault| format!("{}: {fault}", file.display()).into())
}

fn load(file: &Path) -> Result<Scheme, Failure> {
    engine::scheme_file::parse_scheme(&read(file)?).map_err(|faults| {
        let lines: Vec<String> = faults
            .iter()
            .map(|fault| format!("  {}: {fault}", file.display()))
            .collect();
        format!("the scheme is not sound:\n{}", lines.join("\n")).into()
    })
}

pub fn check(file: &Path) -> Ending {
    let scheme = load(file)?;
    println!("{} version {}: sound", scheme.code, scheme.version);
    Ok(ExitCode::SUCCESS)
}

pub fn quote(file: &Path, case: &Path, json: bool) -> Ending {
    let scheme = load(file)?;
    let case: Case = serde_json::from_str(&read(case)?)
        .map_err(|fault| format!("{}: {fault}", case.display()))?;
    let terms = scheme
        .terms(case.peril)
        .ok_or_else(|| format!("{} does not cover {}", scheme.code, case.peril))?;
    let loss = Loss {
        submitted: case.submitted_fen,
        layers: case
            .layers
            .into_iter()
            .map(|it| Layer {
                name: it.name,
                paid: it.paid_fen,
            })
            .collect(),
        outcome: case.outcome,
    };
    let used = RunningTotals {
        person_year: case.used_person_year_fen,
        household_year: case.used_household_year_fen,
    };
    let assessment = assess(&terms.schedule, &loss, &used)?;
    let steps = assessment.steps();
    if json {
        let steps: Vec<_> = steps
            .iter()
            .map(|it| {
                serde_json::json!({
                    "labelZh": it.label_zh, "labelEn": it.label_en,
                    "working": it.working, "amountFen": it.amount.get(),
                })
            })
            .collect();
        println!(
            "{}",
            serde_json::json!({
                "benefitFen": assessment.benefit.get(), "scheme": scheme.code,
                "version": scheme.version, "steps": steps, "assessment": assessment,
            })
        );
    } else {
        println!("{} · {}", scheme.name, scheme.source);
        println!("{}", derivation(&assessment));
    }
    Ok(ExitCode::SUCCESS)
}

/// The derivation as a table for people.
pub fn derivation(assessment: &benefits::Assessment) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::UTF8_FULL_CONDENSED);
    table.set_header(["步骤", "step", "算式 working", "金额(元)"]);
    for step in assessment.steps() {
        table.add_row([
            step.label_zh,
            step.label_en,
            step.working,
            step.amount.to_string(),
        ]);
    }
    table
}

pub async fn publish(config: &Config, file: &Path, fund: Option<(i64, String)>) -> Ending {
    let scheme = load(file)?;
    let store = wiring::open(config).await?;
    store.put_scheme(&scheme).await?;
    if let Some((fen, reference)) = fund {
        let now = engine::Clock::now(&engine::SystemClock);
        store
            .fund_pool(
                scheme.county,
                scheme.id,
                Fen::new(fen),
                engine::ids::named("fund", &reference),
                now,
            )
            .await?;
    }
    let pool = store.pool(scheme.county, scheme.id).await?;
    println!(
        "{} version {} is published; the pool holds {} yuan",
        scheme.code, scheme.version, pool.available
    );
    Ok(ExitCode::SUCCESS)
}
