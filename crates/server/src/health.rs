//! Whether the server can answer: `/readyz`, and where `health_listen` says so a listener of its own.
//!
//! That listener has a thread and a runtime of its own: it answers on time, whatever holds up the
//! requests; and it says "not ready" when the others do not get their turn.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::access::Office;
use lifecycle::calendar::legal_day;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// How long the database, and the requests' runtime, may take to say that they are there.
const READY_TIME: Duration = Duration::from_secs(2);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// `/readyz`: whether the database answers, and what the calendar lacks.
pub async fn ready(State(office): State<Office>) -> Response {
    match office.desk.store().ready().await {
        Ok(()) => {
            let today = legal_day(office.desk.clock().now());
            let warnings = office.desk.calendar().warnings(today).into_iter();
            let warnings = warnings.map(|it| format!("warning: {it}\n"));
            format!("ready\n{}", warnings.collect::<String>()).into_response()
        }
        Err(fault) => {
            tracing::error!(%fault, "not ready");
            not_ready("not ready\n")
        }
    }
}

fn not_ready(why: &'static str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

/// Listens on a thread of its own until the server stops; the address it listens on.
pub fn listen(
    address: SocketAddr,
    office: Office,
    mut stopped: watch::Receiver<bool>,
) -> Result<SocketAddr, Failure> {
    let listener = std::net::TcpListener::bind(address)
        .map_err(|fault| format!("cannot listen on {address}: {fault}"))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let requests = Handle::current();
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(async move || ask(&requests, office).await));
    let runtime = Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("health".into())
        .spawn(move || {
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let stop = async move {
                    let _ = stopped.wait_for(|stopped| *stopped).await;
                };
                axum::serve(listener, router)
                    .with_graceful_shutdown(stop)
                    .await
            })
        })?;
    Ok(address)
}

/// Asks on the requests' own runtime, so that the answer is theirs.
async fn ask(requests: &Handle, office: Office) -> Response {
    let asked = requests.spawn(ready(State(office)));
    match tokio::time::timeout(READY_TIME, asked).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => not_ready("not ready\n"),
        Err(_) => not_ready("not ready: busy\n"),
    }
}
