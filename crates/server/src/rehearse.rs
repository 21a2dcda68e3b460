//! `fangpin scheme rehearse FILE --against recorded`: what would this draft have made of a year's
//! claims? Reads only.

use crate::cli::Ending;
use crate::config::Config;
use crate::wiring;
use benefits::Fen;
use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use engine::rehearse::{
    CaseLine, PoolEffect, RecordedYear, Rehearsal, Side, Stuck, Sums, VillageLine, YearAccount,
};
use lifecycle::Scheme;
use lifecycle::scheme::{Shortage, Surplus};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Claim numbers named beside a reason before the rest is only counted.
const NAMED_MAX: usize = 5;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Args)]
pub struct Order {
    /// The draft
    file: PathBuf,
    /// What it is run over
    #[arg(long, value_enum)]
    against: Against,
    /// The policy year; without it the newest that has claims
    #[arg(long)]
    year: Option<i32>,
    /// List every claim
    #[arg(long)]
    claims: bool,
    /// Print one JSON object
    #[arg(long, conflicts_with = "claims")]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Against {
    /// The claims in the database
    Recorded,
}

pub async fn run(config: &Config, order: &Order) -> Ending {
    let draft = draft(order)?;
    let recorded = match order.against {
        Against::Recorded => recorded(config, &draft, order.year).await?,
    };
    let rehearsal = engine::rehearse::rehearse(&draft, &recorded);
    if order.json {
        say!("{}", as_json(&draft, &recorded, &rehearsal));
    } else {
        print(&draft, &rehearsal);
        if order.claims {
            say!("\n{}", claims(&recorded, &rehearsal));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn draft(order: &Order) -> Result<Scheme, Failure> {
    let file = order.file.display();
    let text = std::fs::read_to_string(&order.file).map_err(|fault| format!("{file}: {fault}"))?;
    engine::scheme_file::parse_scheme(&text).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|it| format!("{file}:{it}")).collect();
        let count = lines.len();
        let lines = lines.join("\n");
        format!("方案有误 the scheme is not sound ({count}):\n{lines}").into()
    })
}

/// Reads one snapshot. A file is opened so that nothing can be written to it, and none is made.
async fn recorded(
    config: &Config,
    draft: &Scheme,
    year: Option<i32>,
) -> Result<RecordedYear, Failure> {
    let url = config.database_url.replace("mode=rwc", "mode=ro");
    let store = store::connect_snapshot(&url, wiring::keys(config)?).await?;
    if store.migrations().await?.iter().any(|step| !step.applied) {
        let first = "数据库结构未更新 the database lacks steps of the schema";
        return Err(format!("{first}: fangpin migrate up").into());
    }
    let county = draft.county;
    let recorded = engine::rehearse::recorded_year(&store, county, year).await?;
    let recorded =
        recorded.ok_or_else(|| format!("没有案件 no claims of county {county} are on record"))?;
    if recorded.claims.is_empty() {
        let year = recorded.year;
        let years: Vec<String> = recorded.years.iter().map(i32::to_string).collect();
        let others = years.join(", ");
        return Err(format!("{year}年没有案件 no claims of {year}; there are: {others}").into());
    }
    Ok(recorded)
}

fn under(rehearsal: &Rehearsal) -> String {
    let schemes: Vec<String> = rehearsal
        .recorded_under
        .iter()
        .map(|(code, version)| format!("{code} v{version}"))
        .collect();
    schemes.join(", ")
}

fn print(draft: &Scheme, rehearsal: &Rehearsal) {
    let Rehearsal {
        year,
        moved_years,
        recorded_under: _,
        cases,
        ended,
        under_way,
        approved: _,
        computed: _,
        open: _,
        pool,
        villages,
        never_held,
    } = rehearsal;
    say!("{} · {} v{}", draft.name, draft.code, draft.version);
    say!(
        "试算(只读,不改动任何数据) rehearsal (reads only, changes nothing) · 保单年度 policy year {year} · \
         原方案 recorded under {}",
        under(rehearsal)
    );
    if *moved_years != 0 {
        say!(
            "方案的各期间平移{moved_years:+}年:试算的是规则,不是日期 \
             the draft's periods are moved by {moved_years:+} years: its rules are rehearsed, not its dates"
        );
    }
    say!(
        "比较 compared {} 件 · 未赔结案 ended without money {ended} 件 · 尚未核定 not yet verified {under_way} 件",
        cases.len()
    );
    say!("\n{}", money(rehearsal));
    say!("\n资金池 pool\n{}", account(pool));
    say!("{}", at_the_years_end(pool));
    say!("\n各村农户 households by village");
    let lines = villages.iter();
    let mut table = table(
        &[
            "村 village",
            "增加户 better",
            "增加(元) gain",
            "减少户 worse",
            "减少(元) loss",
            "不变 same",
            "待定户 open",
            "原(元) old",
        ],
        1,
    );
    for (code, line) in lines {
        let name = if line.name.is_empty() {
            code.as_str()
        } else {
            &line.name
        };
        table.add_row(village(name, line));
    }
    if villages.len() > 1 {
        table.add_row(village("合计 all", &rehearsal.households()));
    }
    say!("{table}");
    let stuck = rehearsal.stuck();
    if stuck.is_empty() {
        say!("\n没有案件会卡住 no claim would get stuck");
    } else {
        say!(
            "\n会卡住的案件 claims that would get stuck\n{}",
            reasons(&stuck)
        );
    }
    for (check, claims) in never_held {
        say!(
            "{}:{claims}件未做过,视为通过 {check}: never held in {claims} claims, taken as passed",
            check.zh()
        );
    }
}

/// A table whose first `words` columns are words and the others figures.
fn table(header: &[&str], words: usize) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(header.iter().copied());
    for column in table.column_iter_mut().skip(words) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A difference, with its sign.
fn signed(difference: Fen) -> String {
    let sign = if difference > Fen::ZERO { "+" } else { "" };
    format!("{sign}{difference}")
}

/// A difference, or nothing where there is none.
fn side(side: Side) -> [String; 2] {
    if side.households == 0 {
        return ["0".into(), "—".into()];
    }
    [side.households.to_string(), signed(side.difference)]
}

fn village(name: &str, line: &VillageLine) -> Vec<String> {
    let open = if line.open == 0 {
        "—".to_owned()
    } else {
        line.open_old.to_string()
    };
    [name.to_owned()]
        .into_iter()
        .chain(side(line.better))
        .chain(side(line.worse))
        .chain([line.same.to_string(), line.open.to_string(), open])
        .collect()
}

fn money(rehearsal: &Rehearsal) -> Table {
    let header = [
        "案件",
        "claims",
        "件数 count",
        "原(元) old",
        "新(元) new",
        "差额(元) difference",
    ];
    let mut table = table(&header, 2);
    for (zh, en, sums) in [
        (
            "已审批(含预留、已付)",
            "approved (reserved or paid)",
            rehearsal.approved,
        ),
        (
            "已核定未审批",
            "computed, not yet approved",
            rehearsal.computed,
        ),
    ] {
        table.add_row([
            zh.to_owned(),
            en.to_owned(),
            sums.claims.to_string(),
            sums.old.to_string(),
            sums.new.to_string(),
            signed(sums.difference()),
        ]);
    }
    let open = rehearsal.open;
    if open.claims > 0 {
        table.add_row([
            "待定(不计入新方案)".to_owned(),
            "open (not counted as new)".to_owned(),
            open.claims.to_string(),
            open.old.to_string(),
            "—".to_owned(),
            "—".to_owned(),
        ]);
    }
    table
}

fn account(pool: &PoolEffect) -> Table {
    let header = [
        "项目",
        "item",
        "原(元) old",
        "新(元) new",
        "差额(元) difference",
    ];
    let mut table = table(&header, 2);
    let difference = |old: Fen, new: Fen| {
        let difference = new.checked_sub(old);
        difference.map_or_else(|| "—".to_owned(), signed)
    };
    let YearAccount {
        premium,
        paid,
        fee,
        balance,
    } = pool.old;
    for (zh, en, old, new) in [
        ("保费", "premium", premium, pool.new.premium),
        ("赔付(含预留)", "paid or reserved", paid, pool.new.paid),
        ("服务费", "fee", fee, pool.new.fee),
        (
            "年末余额",
            "balance at the year's end",
            balance,
            pool.new.balance,
        ),
    ] {
        table.add_row([
            zh.to_owned(),
            en.to_owned(),
            old.to_string(),
            new.to_string(),
            difference(old, new),
        ]);
    }
    table
}

fn at_the_years_end(pool: &PoolEffect) -> String {
    let balance = pool.new.balance;
    let (zh, en) = if balance.is_negative() {
        match pool.shortage {
            Shortage::CountyTopsUp => ("缺口由县级补足", "the county tops the shortage up"),
            Shortage::InsurerBears => ("缺口由保险公司承担", "the insurer bears the shortage"),
        }
    } else {
        match pool.surplus {
            Surplus::CarriedOver => ("余额结转下年", "the surplus is carried over"),
            Surplus::Returned => ("余额退还", "the surplus is returned"),
        }
    };
    let year_end = format!("{zh} {en}: {balance}");
    match &pool.first_short {
        None => year_end,
        Some(number) => format!(
            "{year_end}\n保费自案件{number}审批起不足 the premium does not suffice from the approval of {number} on"
        ),
    }
}

fn reasons(stuck: &std::collections::BTreeMap<&'static str, Vec<&CaseLine>>) -> Table {
    let header = [
        "原因",
        "reason",
        "结果 result",
        "件数 count",
        "原(元) old",
        "案件 claims",
    ];
    let mut table = table(&header, 3);
    for (code, cases) in stuck {
        let Some(reason) = cases.first().and_then(|case| case.stuck.as_ref()) else {
            continue;
        };
        let (zh, en) = kind(reason);
        let old = cases
            .iter()
            .try_fold(Fen::ZERO, |sum, case| sum.checked_add(case.old));
        let mut named: Vec<String> = cases
            .iter()
            .take(NAMED_MAX)
            .map(|case| {
                let what = detail(case.stuck.as_ref());
                format!("{} {what}", case.number).trim_end().to_owned()
            })
            .collect();
        if let Some(more) = cases.len().checked_sub(NAMED_MAX).filter(|it| *it > 0) {
            named.push(format!("… +{more} (--claims)"));
        }
        table.add_row([
            zh.to_owned(),
            format!("{en} ({code})"),
            result(reason).to_owned(),
            cases.len().to_string(),
            old.map_or_else(|| "—".to_owned(), |old| old.to_string()),
            named.join("\n"),
        ]);
    }
    if let Some(column) = table.column_mut(5) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    table
}

/// What becomes of a claim that is stuck.
fn result(stuck: &Stuck) -> &'static str {
    if matches!(stuck, Stuck::PoolEmpty { .. }) {
        "等资金 waits"
    } else if stuck.refuses() {
        "不赔 unpaid"
    } else {
        "待定 open"
    }
}

const fn kind(stuck: &Stuck) -> (&'static str, &'static str) {
    match stuck {
        Stuck::NotListed => (
            "推送时未纳入监测",
            "not on the monitored list when referred",
        ),
        Stuck::Peril => ("致贫原因不在保障内", "peril not covered"),
        Stuck::Group { .. } => ("人群不在保障内", "group not covered"),
        Stuck::Period { .. } => ("事发日期不在保障期内", "event outside the period"),
        Stuck::Year { .. } => ("归属日期不在保单年度内", "outside the policy year"),
        Stuck::Evaluation => ("民主评议不能通过", "the evaluation's votes do not pass"),
        Stuck::OverIncome { .. } => ("收入高于保障线", "income above the line"),
        Stuck::Zero => ("理算为零", "the benefit is nothing"),
        Stuck::Documents { .. } => ("材料不齐", "documents not on file"),
        Stuck::Proofs { .. } => ("公示证明不足", "too few proofs of the notice"),
        Stuck::Facts { .. } => ("核定事实不足或不符", "facts missing or not fitting"),
        Stuck::Unknown { .. } => ("方案数字不详", "figures of the table unknown"),
        Stuck::Authority { .. } => ("超出所有审批权限", "beyond every authority"),
        Stuck::TwelveMonths { .. } => (
            "超出所有近十二个月审批权限",
            "beyond every authority over twelve months",
        ),
        Stuck::PoolEmpty { .. } => ("资金池不足", "the pool does not suffice"),
    }
}

/// What is particular to one claim.
fn detail(stuck: Option<&Stuck>) -> String {
    let Some(stuck) = stuck else {
        return String::new();
    };
    match stuck {
        Stuck::NotListed | Stuck::Peril | Stuck::Evaluation | Stuck::Zero => String::new(),
        Stuck::Group { group } => group.clone(),
        Stuck::Period { from, to } => format!("{from}–{to}"),
        Stuck::Year { date, from, to } => format!("{} {from}–{to}", date.zh()),
        Stuck::OverIncome { line } => format!("> {line}"),
        Stuck::Documents { kinds } => kinds.join("、"),
        Stuck::Proofs { have, need } => format!("{have}/{need}"),
        Stuck::Facts { what } => what.clone(),
        Stuck::Unknown { missing } => missing.clone(),
        Stuck::Authority { amount, limit } => format!("{amount} > {limit}"),
        Stuck::TwelveMonths { sum, limit } => format!("{sum} > {limit}"),
        Stuck::PoolEmpty { lacking } => format!("-{lacking}"),
    }
}

fn claims(recorded: &RecordedYear, rehearsal: &Rehearsal) -> Table {
    let header = [
        "案件 claim",
        "村 village",
        "类别 peril",
        "状态 status",
        "卡住原因 stuck",
        "原(元) old",
        "新(元) new",
        "差额(元) difference",
    ];
    let mut table = table(&header, 5);
    for case in &rehearsal.cases {
        let place = recorded.places.get(&case.village);
        let figure = |fen: Option<Fen>| fen.map_or_else(|| "—".to_owned(), |fen| fen.to_string());
        let stuck = case.stuck.as_ref().map_or_else(String::new, |stuck| {
            format!("{} {}", kind(stuck).0, detail(Some(stuck)))
        });
        table.add_row([
            case.number.clone(),
            place.cloned().unwrap_or_default(),
            case.peril.zh().to_owned(),
            case.status.zh().to_owned(),
            stuck.trim_end().to_owned(),
            case.old.to_string(),
            figure(case.new),
            case.difference().map_or_else(|| "—".to_owned(), signed),
        ]);
    }
    table
}

fn as_json(draft: &Scheme, recorded: &RecordedYear, rehearsal: &Rehearsal) -> Value {
    let sums = |sums: Sums| {
        json!({
            "claims": sums.claims, "oldFen": sums.old.get(), "newFen": sums.new.get(),
            "differenceFen": sums.difference().get(),
        })
    };
    let account = |account: YearAccount| {
        json!({
            "premiumFen": account.premium.get(), "paidFen": account.paid.get(),
            "feeFen": account.fee.get(), "balanceFen": account.balance.get(),
        })
    };
    let side = |side: Side| json!({ "households": side.households, "differenceFen": side.difference.get() });
    let line = |line: &VillageLine| {
        json!({
            "better": side(line.better), "worse": side(line.worse), "same": line.same,
            "open": { "households": line.open, "oldFen": line.open_old.get() },
        })
    };
    let case = |case: &CaseLine| {
        let stuck = case.stuck.as_ref().map(|stuck| {
            let (zh, en) = kind(stuck);
            json!({
                "code": stuck.code(), "refuses": stuck.refuses(), "zh": zh, "en": en,
                "detail": detail(Some(stuck)),
            })
        });
        json!({
            "number": case.number, "village": recorded.places.get(&case.village),
            "peril": case.peril.code(), "status": case.status.code(), "approved": case.approved,
            "oldFen": case.old.get(), "newFen": case.new.map(Fen::get),
            "differenceFen": case.difference().map(Fen::get), "stuck": stuck,
        })
    };
    let villages: Vec<Value> = rehearsal
        .villages
        .iter()
        .map(|(code, it)| json!({ "code": code.as_str(), "name": it.name, "households": line(it) }))
        .collect();
    let schemes: Vec<Value> = rehearsal
        .recorded_under
        .iter()
        .map(|(code, version)| json!({ "code": code, "version": version }))
        .collect();
    let stuck: Vec<Value> = rehearsal
        .stuck()
        .into_iter()
        .map(|(code, cases)| json!({ "code": code, "claims": cases.len() }))
        .collect();
    let never_held: Vec<Value> = rehearsal
        .never_held
        .iter()
        .map(|(check, claims)| json!({ "check": check.code(), "claims": claims }))
        .collect();
    let pool = &rehearsal.pool;
    json!({
        "draft": { "code": draft.code, "version": draft.version },
        "year": rehearsal.year, "movedYears": rehearsal.moved_years, "recordedUnder": schemes,
        "approved": sums(rehearsal.approved), "computed": sums(rehearsal.computed),
        "open": sums(rehearsal.open), "ended": rehearsal.ended,
        "underWay": rehearsal.under_way,
        "pool": {
            "old": account(pool.old), "new": account(pool.new),
            "surplus": pool.surplus.code(), "shortage": pool.shortage.code(),
            "firstShort": pool.first_short,
        },
        "households": line(&rehearsal.households()), "villages": villages, "stuck": stuck,
        "neverHeld": never_held,
        "claims": rehearsal.cases.iter().map(case).collect::<Vec<_>>(),
    })
}
