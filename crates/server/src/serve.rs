//! Gateway, console, timers and webhooks on one listener, until a signal says stop.

use crate::cli::Ending;
use crate::config::{Config, Introspection};
use crate::{health, wiring};
use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use engine::access::{ADDRESS_HEADER, Office};
use engine::deadline::Reminded;
use engine::hooks::address::AddressCheck;
use engine::hooks::inbox::keep_applying;
use engine::hooks::relay::Relay;
use engine::timer::CalendarWatch;
use engine::{Clock, SystemClock, sight};
use lifecycle::calendar::legal_day;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::request_id::{
    MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::timeout::TimeoutLayer;

/// The longest a request may take: more than the fifteen seconds of the gateway, which then answers in the
/// form its clients read.
const REQUEST_SECONDS_MAX: u64 = 20;
/// Answers below this are sent as they are: it costs more than it saves.
const COMPRESSED_BYTES_MIN: u64 = 1_024;
/// How long open requests are waited for after a signal.
const DRAIN_SECONDS_MAX: u64 = 10;

/// `fangpin serve`.
pub async fn run(config: &Config) -> Ending {
    let store = wiring::open(config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let office = wiring::office(config, &store, clock)?;
    if store.counties().await?.is_empty() {
        eprintln!(
            "No county is loaded yet: `fangpin county load FILE`, then `fangpin scheme publish FILE`."
        );
    }
    let set_up = match config.signing_in.oidc {
        None => office.access.open_set_up().await?,
        Some(_) => None,
    };
    let note = config.data.join(SET_UP_NOTE);
    if set_up.is_none() && note.exists() {
        std::fs::remove_file(&note)?;
    }
    let public_url = config.signing_in.public_url.clone();
    listen(config, office, |address| {
        if let Some((token, ends_at)) = set_up {
            let base = public_url.unwrap_or_else(|| format!("http://{address}"));
            let link = format!("{}/setup/{token}", base.trim_end_matches('/'));
            tell_set_up(&note, &link, &ends_at.to_rfc3339())?;
        }
        eprintln!("fangpin: console http://{address}/ · GraphQL http://{address}/graphql · docs http://{address}/docs/graphql");
        Ok(())
    })
    .await
}

/// Where the link of the first administrator stands, for a server without a terminal.
const SET_UP_NOTE: &str = "first-administrator.txt";

/// To a terminal, or into a file of its owner: never where a log collects it, for whoever reads it becomes
/// administrator.
fn tell_set_up(note: &Path, link: &str, ends_at: &str) -> std::io::Result<()> {
    let once = format!("Make the first administrator, once, before {ends_at}");
    if std::io::stderr().is_terminal() {
        eprintln!("Nobody can sign in yet. {once}:\n  {link}");
        return Ok(());
    }
    if let Some(folder) = note.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    writeln!(options.open(note)?, "{link}")?;
    eprintln!(
        "Nobody can sign in yet. {once}: the link stands in {}",
        note.display()
    );
    Ok(())
}

/// Binds, says so, serves until a signal, then lets open requests end.
pub async fn listen(
    config: &Config,
    office: Office,
    ready: impl FnOnce(SocketAddr) -> std::io::Result<()>,
) -> Ending {
    // Before anybody is told of the address: whoever knows it may already ask for an orderly stop.
    let asked_to_stop = signals()?;
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|fault| format!("cannot listen on {}: {fault}", config.listen))?;
    let mut calendar = CalendarWatch::default();
    warn_of_calendar(&office, &mut calendar);
    let (stop, stopped) = watch::channel(false);
    let timers = tokio::spawn(sight::system(timers(
        office.clone(),
        calendar,
        config.timer_seconds,
        stopped.clone(),
    )));
    let courier = Arc::new(gateway::HttpCourier::new(config.webhook_allow.clone())?);
    let addresses: Arc<dyn AddressCheck> = courier.clone();
    let relay = Arc::new(Relay::new(office.desk.clone(), courier));
    let webhooks = tokio::spawn(sight::system(relay.run(stopped.clone())));
    let messages = keep_applying(office.desk.clone(), stopped.clone());
    let messages = tokio::spawn(sight::system(messages));
    let health = match config.health_listen {
        Some(address) => Some(health::listen(address, office.clone(), stopped.clone())?),
        None => None,
    };
    let mut draining = stopped.clone();
    let kept = office.clone();
    let router = router(office, config, addresses, stopped)?;
    ready(listener.local_addr()?)?;
    if let Some(address) = health {
        tracing::info!(%address, "health");
    }
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        let _ = draining.changed().await;
    });
    let server = tokio::spawn(server.into_future());
    asked_to_stop.await;
    tracing::info!("stopping");
    let _ = stop.send(true);
    if tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS_MAX), server)
        .await
        .is_err()
    {
        tracing::warn!("some requests did not end in time");
    }
    for work in [timers, webhooks, messages] {
        let _ = work.await;
    }
    if let Err(fault) = sight::system(kept.desk.store().settle()).await {
        tracing::warn!(%fault, "what was written stays beside the database, in its -wal file");
    }
    Ok(ExitCode::SUCCESS)
}

fn router(
    office: Office,
    config: &Config,
    addresses: Arc<dyn AddressCheck>,
    stopped: watch::Receiver<bool>,
) -> Result<Router, console::OidcProblem> {
    let front = console::Front {
        words: Some(gateway::words),
        addresses: Some(addresses),
        ..config.signing_in.front()?
    };
    let behind_proxy = config.signing_in.behind_proxy;
    let settings = gateway::Settings {
        cost_max: config.cost_max,
        allowance: gateway::Allowance {
            max: config.cost_budget,
            refill_per_second: config.cost_refill,
        },
        webhook_allow: config.webhook_allow.clone(),
        open_introspection: config.introspection == Introspection::Open,
        stopped,
    };
    // Streams of events are not compressed, nor is what is small.
    let compression = CompressionLayer::new()
        .compress_when(SizeAbove::new(COMPRESSED_BYTES_MIN).and(NotForContentType::SSE));
    let router = Router::new()
        .route("/readyz", get(health::ready))
        .with_state(office.clone())
        .merge(gateway::router(office.clone(), settings))
        .merge(gateway::pages(config.explorer.as_deref()))
        .merge(console::router_with(office, front))
        .layer(compression)
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            Duration::from_secs(REQUEST_SECONDS_MAX),
        ))
        .layer(middleware::from_fn(log_request))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            note_address(behind_proxy, request, next)
        }));
    Ok(router)
}

/// Notes where a request comes from, for whoever counts attempts. A proxy of one's own adds the address
/// it saw at the end; what stands before it anybody could have written.
async fn note_address(behind_proxy: bool, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|it| it.0.ip().to_string());
    let forwarded = request
        .headers()
        .get_all("x-forwarded-for")
        .iter()
        .next_back();
    let forwarded = forwarded
        .filter(|_| behind_proxy)
        .and_then(|it| it.to_str().ok())
        .and_then(|it| it.rsplit(',').next())
        .map(|it| it.trim().to_owned());
    let headers = request.headers_mut();
    headers.remove(ADDRESS_HEADER);
    if let Some(address) = forwarded.or(peer).and_then(|it| it.parse().ok()) {
        headers.insert(ADDRESS_HEADER, address);
    }
    if !behind_proxy {
        headers.remove("x-forwarded-proto");
    }
    next.run(request).await
}

/// One line per request: method, route, status, milliseconds, request id. Never a body, a variable or
/// a token, and of the path only the route it met: somebody may have pasted an identity number into it.
#[expect(
    clippy::disallowed_methods,
    reason = "measures the request, decides nothing"
)]
async fn log_request(request: Request, next: Next) -> Response {
    let began = std::time::Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map_or_else(
        || "(no route)".to_owned(),
        |route| route.as_str().to_owned(),
    );
    let id = request
        .extensions()
        .get::<RequestId>()
        .and_then(|id| id.header_value().to_str().ok());
    let id = id.unwrap_or_default().to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let ms = began.elapsed().as_millis();
    tracing::info!(%method, %path, status, ms, request_id = %id, "request");
    response
}

/// A year that the calendar lacks, at the start and once a day.
fn warn_of_calendar(office: &Office, calendar: &mut CalendarWatch) {
    for warning in calendar.look(office.desk.calendar(), office.desk.clock().now()) {
        tracing::warn!(%warning, "calendar");
    }
}

async fn timers(
    office: Office,
    mut calendar: CalendarWatch,
    seconds: u64,
    mut stopped: watch::Receiver<bool>,
) {
    let mut every = tokio::time::interval(Duration::from_secs(seconds));
    let clock = office.desk.clock();
    let mut pace = engine::timer::Pace::new(clock.now(), uptime());
    let mut reminded_on = None;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stopped.changed() => return,
        }
        warn_of_calendar(&office, &mut calendar);
        if let Some(ahead) = pace.look(clock.now(), uptime()) {
            tracing::error!(
                minutes = ahead.num_minutes(),
                "the clock was set ahead: no notice is closed until the clock is right and fangpin is started again"
            );
            continue;
        }
        match engine::timer::close_due_notices(&office.desk).await {
            Ok(0) => {}
            Ok(closed) => tracing::info!(closed, "notices whose term has run"),
            Err(fault) => tracing::error!(%fault, "closing due notices"),
        }
        // Deadlines are days: a look a day is enough.
        let today = legal_day(clock.now());
        if reminded_on != Some(today) && remind(&office).await {
            reminded_on = Some(today);
        }
    }
}

/// Reminds of deadlines; whether it was done.
async fn remind(office: &Office) -> bool {
    match engine::deadline::remind(&office.desk).await {
        Ok(Reminded { told, lacks }) => {
            if told > 0 {
                tracing::info!(told, "reminders of deadlines");
            }
            if let Some(fault) = lacks {
                tracing::error!(%fault, "nothing is told to be due soon");
            }
            true
        }
        Err(fault) => {
            tracing::error!(%fault, "reminding of deadlines");
            false
        }
    }
}

/// How long the machine has run, sleep included: a counter that nobody can set.
#[expect(
    clippy::disallowed_methods,
    reason = "the kernel's uptime; a process's monotonic clock stands while the machine sleeps"
)]
fn uptime() -> chrono::Duration {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let seconds = std::fs::read_to_string("/proc/uptime")
        .ok()
        .and_then(|text| {
            let (whole, _) = text.split_once('.')?;
            whole.parse().ok()
        });
    seconds.map_or_else(
        || {
            let began = BEGAN.get_or_init(std::time::Instant::now);
            chrono::Duration::from_std(began.elapsed()).unwrap_or_default()
        },
        chrono::Duration::seconds,
    )
}

/// From now on SIGINT and SIGTERM ask for an orderly stop; the future ends when one came, even before it was asked.
fn signals() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
}
