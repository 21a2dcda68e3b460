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
        heads,
    } = report;
    if json {
        let heads: Vec<_> = heads
            .iter()
            .map(|head| {
                serde_json::json!({
                    "county": head.county, "event": head.event, "eventHash": head.event_hash,
                    "disclosure": head.disclosure, "disclosureHash": head.disclosure_hash,
                    "order": head.order, "orderHash": head.order_hash,
                })
            })
            .collect();
        say!(
            "{}",
            serde_json::json!({
                "events": events, "claims": claims, "payments": payments, "pools": pools, "orders": orders, "disclosures": disclosures,
                "paidFen": paid.get(), "faults": faults, "heads": heads,
            })
        );
    } else {
        say!(
            "events {events} · claims {claims} · payments {payments} · pools {pools} · orders {orders} · disclosures {disclosures} · paid {paid} yuan"
        );
        for head in &heads {
            let engine::audit::Head {
                county,
                event,
                event_hash,
                disclosure,
                disclosure_hash,
                order,
                order_hash,
            } = head;
            say!("county {county} ends at event {event} {event_hash}");
            if *disclosure > 0 {
                say!("  its disclosures end at {disclosure} {disclosure_hash}");
            }
            if *order > 0 {
                say!("  its orders of pools end at {order} {order_hash}");
            }
        }
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
