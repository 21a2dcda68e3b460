//! `fangpin scheme check|quote|publish|schema`.

use crate::cli::Ending;
use crate::config::Config;
use crate::wiring;
use benefits::{BandBase, BandMode, Fen, Reading};
use clap::Subcommand;
use engine::pool::fund_pool;
use engine::quote::{Quote, parse_case};
use engine::registry::OrgKind;
use engine::scheme_file::{Finding, check_scheme, unknown_tables};
use lifecycle::{Calendar, Scheme};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Is this scheme sound? Every fault and warning with line, field and reason
    Check { file: PathBuf },
    /// Computes one benefit and prints the derivation; needs no database
    Quote {
        file: PathBuf,
        /// The case, as JSON
        case: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        /// Print the explanation for the household, in plain Chinese
        #[arg(long, conflicts_with = "json")]
        plain: bool,
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
    /// Prints the reference of the scheme file as JSON Schema, for editors
    Schema,
    /// Runs a draft over a year's recorded claims; changes nothing
    Rehearse(crate::rehearse::Order),
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|fault| {
        let advice = if fault.kind() == std::io::ErrorKind::InvalidData {
            "文件不是 UTF-8 编码,请另存为 UTF-8 / the file is not UTF-8: save it as UTF-8"
        } else {
            ""
        };
        format!("{}: {fault} {advice}", file.display())
            .trim_end()
            .into()
    })
}

/// `FILE:LINE: field: reason`, one a line.
fn listed(file: &Path, findings: &[Finding]) -> String {
    let lines: Vec<String> = findings
        .iter()
        .map(|it| format!("{}:{it}", file.display()))
        .collect();
    lines.join("\n")
}

fn load(file: &Path, calendar: Option<&Calendar>) -> Result<(Scheme, Vec<Finding>), Failure> {
    let report = check_scheme(&read(file)?, calendar);
    let count = report.faults.len();
    let refused = || -> Failure {
        let faults = listed(file, &report.faults);
        format!("方案有误 the scheme is not sound ({count}):\n{faults}").into()
    };
    let scheme = report.scheme.ok_or_else(refused)?;
    Ok((scheme, report.warnings))
}

pub fn check(file: &Path, calendar: &Calendar) -> Ending {
    let (scheme, warnings) = load(file, Some(calendar))?;
    say!("方案无误 sound: {} version {}", scheme.code, scheme.version);
    if !warnings.is_empty() {
        say!("请留意 warnings ({}):", warnings.len());
        say!("{}", listed(file, &warnings));
    }
    Ok(ExitCode::SUCCESS)
}

pub fn schema() -> Ending {
    let schema = serde_json::to_string_pretty(&engine::scheme_file::schema())?;
    say!("{schema}");
    Ok(ExitCode::SUCCESS)
}

pub fn quote(file: &Path, case: &Path, json: bool, plain: bool) -> Ending {
    let (scheme, _) = load(file, None)?;
    let at_fault = |faults: Vec<String>| -> Failure {
        let lines: Vec<String> = faults
            .iter()
            .map(|fault| format!("{}: {fault}", case.display()))
            .collect();
        format!("案例有误 the case cannot be quoted:\n{}", lines.join("\n")).into()
    };
    let read = parse_case(&read(case)?).map_err(at_fault)?;
    let quote = engine::quote::quote(&scheme, &read).map_err(|fault| match fault.field() {
        Some(field) => at_fault(vec![format!("{field}: {fault}")]),
        None => format!("{}: {fault}", file.display()).into(),
    })?;
    if json {
        say!("{}", as_json(&quote));
    } else if plain {
        say!("{}", quote.assessment.plain_words());
    } else {
        print(&quote);
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(quote: &Quote) -> serde_json::Value {
    let assessment = &quote.assessment;
    let steps: Vec<_> = assessment
        .steps()
        .iter()
        .map(|it| {
            serde_json::json!({
                "labelZh": it.label_zh, "labelEn": it.label_en,
                "working": it.working, "amountFen": it.amount.get(),
            })
        })
        .collect();
    let readings: Vec<_> = quote
        .other_readings
        .iter()
        .map(|it| {
            serde_json::json!({
                "base": it.base, "mode": it.mode,
                "benefitFen": it.benefit.get(), "differenceFen": it.difference.get(),
            })
        })
        .collect();
    serde_json::json!({
        "benefitFen": assessment.benefit.get(),
        "scheme": quote.code, "version": quote.version, "group": quote.group,
        "tableId": assessment.schedule_id, "clause": assessment.clause,
        "steps": steps, "assessment": assessment, "otherReadings": readings,
        "upliftMaxFen": quote.uplift_max.get(),
        "aloneMaxFen": quote.alone_max().get(),
        "oneApproverIsEnough": quote.one_approver_is_enough(),
        "plainWords": assessment.plain_words(),
    })
}

fn print(quote: &Quote) {
    let assessment = &quote.assessment;
    say!("{} · {} version {}", quote.name, quote.code, quote.version);
    if !quote.group.is_empty() {
        say!("人群 group: {}", quote.group);
    }
    say!(
        "标准 table: {} · {}",
        assessment.schedule_id,
        assessment.source
    );
    say!("条款 clause: {}", assessment.clause);
    say!("{}", derivation(assessment));
    if !quote.other_readings.is_empty() {
        say!("另外的读法 other readings of the same bands, with the difference in yuan:");
        say!("{}", readings(&quote.other_readings));
    }
    say!(
        "可再提标 an uplift of up to {} yuan could be approved on top, by two approvers",
        quote.uplift_max
    );
    let who = if quote.one_approver_is_enough() {
        "一人可批 one approver is enough"
    } else {
        "须两人审批 a second approver must confirm"
    };
    say!("{who}; alone: up to {} yuan", quote.alone_max());
}

fn readings(readings: &[Reading]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::UTF8_FULL_CONDENSED);
    table.set_header(["读法", "reading", "赔付(元)", "相差(元)"]);
    for reading in readings {
        let (base_zh, base) = match reading.base {
            BandBase::ExcessOverDeductible => ("超过起付线的部分", "excess over deductible"),
            BandBase::WholeLoss => ("全额", "whole loss"),
        };
        let (mode_zh, mode) = match reading.mode {
            BandMode::Progressive => ("分段累进", "progressive"),
            BandMode::Flat => ("全额套档", "flat"),
        };
        let sign = if reading.difference > Fen::ZERO {
            "+"
        } else {
            ""
        };
        table.add_row([
            format!("{base_zh},{mode_zh}"),
            format!("{base}, {mode}"),
            reading.benefit.to_string(),
            format!("{sign}{}", reading.difference),
        ]);
    }
    table
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

pub async fn publish(
    config: &Config,
    file: &Path,
    calendar: &Calendar,
    fund: Option<(i64, String)>,
) -> Ending {
    let (scheme, _) = load(file, Some(calendar))?;
    let unknown: Vec<String> = unknown_tables(&scheme)
        .into_iter()
        .map(|(table, missing)| format!("{}: {table}: missing: {missing}", file.display()))
        .collect();
    if !unknown.is_empty() {
        let tables = unknown.join("\n");
        let refused =
            "未发布 not published: nothing can be paid by tables whose figures are unknown";
        return Err(format!("{refused}:\n{tables}").into());
    }
    let store = wiring::open(config).await?;
    // What is published stays, so that what would lead nowhere is refused before.
    if !store.counties().await?.contains(&scheme.county) {
        let county = scheme.county;
        return Err(format!(
            "未发布 not published: county {county} is not loaded; `fangpin county load FILE` first"
        )
        .into());
    }
    let orgs = store.orgs(scheme.county).await?;
    let insurer = orgs.iter().find(|it| it.id == scheme.insurer);
    if insurer.is_none_or(|it| it.kind != OrgKind::Insurer) {
        return Err("未发布 not published: insurer: must be the code of an insurer (kind INSURER) of the county file".into());
    }
    store.put_scheme(&scheme).await?;
    // A later version draws on the pool of the year's first one.
    let published = store.scheme(scheme.county, scheme.id).await?;
    let pool_id = published.map_or(scheme.id, |published| published.pool_id);
    if let Some((fen, reference)) = fund {
        let now = engine::Clock::now(&engine::SystemClock);
        let amount = Fen::new(fen);
        let funded = fund_pool(
            store.as_ref(),
            scheme.county,
            pool_id,
            amount,
            &reference,
            now,
        );
        funded
            .await?
            .map_err(|blocked| format!("资金未录入 the pool is not funded: {}", blocked.code()))?;
    }
    let pool = store.pool(scheme.county, pool_id).await?;
    say!(
        "{} version {} is published; the pool holds {} yuan",
        scheme.code,
        scheme.version,
        pool.available
    );
    Ok(ExitCode::SUCCESS)
}
