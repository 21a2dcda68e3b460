//! `fangpin audit verify`.

use crate::cli::Ending;
use crate::config::Config;
use crate::wiring;
use std::process::ExitCode;

pub async fn run(config: &Config, json: bool) -> Ending {
    let keys = wiring::keys(config)?;
    let store = store::connect_snapshot(&config.database_url, keys).await?;
    store.expect_current_schema().await?;
    // Without the keys nothing private can be compared, and that is no verification.
    store.expect_keys().await?;
    let report = engine::audit::verify(&store).await?;
    if report.counties == 0 {
        return Err("no county is loaded in this database: there are no books to verify".into());
    }
    let engine::audit::Report {
        counties: _,
        events,
        claims,
        payments,
        pools,
        orders,
        disclosures,
        paid,
        faults,
    } = report;
    if json {
        say!(
            "{}",
            serde_json::json!({
                "events": events, "claims": claims, "payments": payments, "pools": pools, "orders": orders, "disclosures": disclosures,
                "paidFen": paid.get(), "faults": faults,
            })
        );
    } else {
        say!(
            "events {events} · claims {claims} · payments {payments} · pools {pools} · orders {orders} · disclosures {disclosures} · paid {paid} yuan"
        );
        for fault in &faults {
            say!("FAULT {fault}");
        }
        say!(
            "{}",
            if faults.is_empty() {
                "the books are sound"
            } else {
                "THE BOOKS ARE NOT SOUND"
            }
        );
    }
    Ok(if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
