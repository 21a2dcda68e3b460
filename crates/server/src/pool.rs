//! `fangpin pool statement`.

use crate::cli::Ending;
use crate::config::Config;
use crate::wiring;
use benefits::Fen;
use clap::Subcommand;
use comfy_table::Table;
use engine::Clock;
use engine::pool::{PoolBook, Side};
use lifecycle::scheme::{Shortage, Surplus};
use lifecycle::{Movement, PoolAccount};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum Action {
    /// The statement of a contract year (年度核算表): what came in, what was paid, the fee, what is left
    Statement {
        /// The scheme's code
        #[arg(long)]
        scheme: String,
        /// The contract year
        #[arg(long)]
        year: i32,
        /// Print one JSON array, an object for each pool
        #[arg(long)]
        json: bool,
    },
}

pub async fn statement(config: &Config, code: &str, year: i32, json: bool) -> Ending {
    let store = wiring::open(config).await?;
    let now = engine::SystemClock.now();
    let mut books = Vec::new();
    for county in store.counties().await? {
        for scheme in store.schemes(county).await? {
            let is_first = scheme.pool_id == scheme.id;
            if is_first && scheme.code == code && scheme.year.year == year {
                books.extend(PoolBook::read(store.as_ref(), county, scheme.id, now).await?);
            }
        }
    }
    if books.is_empty() {
        return Err(format!("没有这个资金池 there is no pool of {code} for {year}").into());
    }
    if json {
        let list: Vec<_> = books.iter().map(as_json).collect();
        say!("{}", serde_json::Value::Array(list));
    } else {
        books.iter().for_each(print);
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(book: &PoolBook) -> serde_json::Value {
    let terms = &book.scheme.pool;
    let moved: serde_json::Map<String, serde_json::Value> = Movement::ALL
        .iter()
        .map(|it| (it.code().to_owned(), book.flows.of(*it).get().into()))
        .collect();
    let balances: serde_json::Map<String, serde_json::Value> = PoolAccount::ALL
        .iter()
        .map(|it| (it.code().to_owned(), book.flows.balance(*it).get().into()))
        .collect();
    let (outcome, forecast) = (&book.outcome, &book.forecast);
    serde_json::json!({
        "scheme": book.scheme.code, "year": book.scheme.year.year, "settled": book.is_settled(),
        "headcount": terms.headcount, "headcountBasis": terms.headcount_basis,
        "premiumTotalFen": terms.premium_total().get(),
        "movedFen": moved, "balancesFen": balances,
        "reservedClaims": book.claims.reserved, "inFlightClaims": book.claims.in_flight,
        "cameInFen": book.sum(Side::In).get(), "wentOutFen": book.sum(Side::Out).get(),
        "heldFen": book.sum(Side::Held).get(), "differenceFen": book.difference().get(),
        "netPaidFen": outcome.net_paid.get(), "feeFen": outcome.fee.get(),
        "feeWorking": outcome.fee_working(), "feeTakenFen": outcome.fee_taken.get(),
        "shortageFen": outcome.shortage.get(), "shortageRule": outcome.made_up_by.code(),
        "surplusFen": outcome.surplus.get(), "surplusRule": outcome.surplus_rule.code(),
        "writtenOffFen": outcome.written_off.get(),
        "waitingClaims": book.claims.waiting, "waitingFen": forecast.waiting.get(),
        "openClaims": book.claims.open, "openAssessedFen": forecast.assessed.get(),
        "runsOutOn": forecast.runs_out_on, "lackingFen": forecast.lacking.get(),
    })
}

fn print(book: &PoolBook) {
    let scheme = &book.scheme;
    say!("{} · {} · {}", scheme.name, scheme.code, scheme.year.year);
    let terms = &scheme.pool;
    say!(
        "应缴保费 premium due: {} × {} = {} ({})",
        terms.headcount,
        terms.premium,
        terms.premium_total(),
        terms.headcount_basis
    );
    let outcome = &book.outcome;
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::UTF8_FULL_CONDENSED);
    table.set_header(["", "账户 account", "金额(元)"]);
    for side in Side::ALL {
        for (account, fen) in book.lines(*side) {
            table.add_row([side.zh(), account.zh(), &fen.to_string()]);
        }
        let total = format!("{}合计 {}", side.zh(), side.code());
        table.add_row([side.zh(), &total, &book.sum(*side).to_string()]);
    }
    let total = "差额 difference: in - out - held";
    table.add_row(["", total, &book.difference().to_string()]);
    say!("{table}");
    say!(
        "赔付 paid {} - 退票 returned {} - 追回 recovered {} = 净赔付 net paid {}",
        outcome.paid,
        outcome.returned,
        outcome.recovered,
        outcome.net_paid
    );
    say!("应计服务费 fee due: {}", outcome.fee_working());
    if book.is_settled() {
        say!("本年度已核算 the year is settled");
        return;
    }
    let what_is_left = match (
        outcome.shortage > Fen::ZERO,
        outcome.made_up_by,
        outcome.surplus_rule,
    ) {
        (true, Shortage::CountyTopsUp, _) => {
            format!(
                "核算缺口 shortage: {} 县级补足 the county tops up",
                outcome.shortage
            )
        }
        (true, Shortage::InsurerBears, _) => {
            let fen = outcome.shortage;
            format!("核算缺口 shortage: {fen} 保险公司承担 the insurer bears it")
        }
        (false, _, Surplus::CarriedOver) => {
            format!(
                "核算结余 surplus: {} 结转下年 carried over",
                outcome.surplus
            )
        }
        (false, _, Surplus::Returned) => {
            format!("核算结余 surplus: {} 退回县级 returned", outcome.surplus)
        }
    };
    say!("{what_is_left}");
    let (claims, forecast) = (&book.claims, &book.forecast);
    say!(
        "待批案件 open claims: {} 件, 核定 assessed {}",
        claims.open,
        forecast.assessed
    );
    if claims.waiting > 0 {
        say!(
            "待资金案件 claims that wait for money: {} 件, {}",
            claims.waiting,
            forecast.waiting
        );
    }
    match forecast.runs_out_on {
        Some(day) if forecast.lacking > Fen::ZERO => say!(
            "预测 forecast: 待资金和待批案件即超出可用资金 {} 元 the waiting and open claims alone exceed the pool ({day})",
            forecast.lacking
        ),
        Some(day) => say!("预测 forecast: {day} 起资金不足 the pool runs out"),
        None => say!("预测 forecast: 本年度内够用 not this year"),
    }
}
