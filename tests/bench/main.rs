//! The benchmark: one transition as an authenticated GraphQL mutation with everything switched on, against the
//! floor (pgbench doing the same writes as one prepared statement), in the same run, at 1, 32 and 128 clients.
//!
//! The transition is `assignSurvey` on a claim under verification: it may be repeated for ever. Server, database
//! and this driver are separate processes. `tests/run bench` starts the database and builds everything.

mod http;
mod load;
mod processes;
mod request;

use load::{Load, Target};
use processes::{Cpu, Server};
use serde_json::json;
use std::process::Command;
use std::time::Duration;

/// How many clients at once.
const CLIENTS: [usize; 3] = [1, 32, 128];
/// Claims the clients share out; more than the largest number of clients.
const CLAIMS: usize = 256;
/// Seconds of one measurement, and of the warming up before it.
const SECONDS: u64 = 10;
const WARM_UP_SECONDS: u64 = 2;

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Row {
    what: String,
    clients: usize,
    per_second: u64,
    p50_us: u64,
    p99_us: u64,
    cpu: Option<Cpu>,
    memory_kib: u64,
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(measure())
}

/// Everything, or what the argument names: `postgres` (with the floor), `sqlite`, or `request`.
async fn measure() -> Result<(), Failure> {
    let only = std::env::args().nth(1);
    let wanted = |what: &str| only.as_deref().is_none_or(|only| only == what);
    let mut rows = Vec::new();
    if wanted("postgres") {
        let database = processes::new_database("bench")?;
        product("GraphQL mutation, PostgreSQL", Some(&database), &mut rows).await?;
        processes::psql(&database, "CREATE SEQUENCE floor_seq START 1000000000")?;
        for floor in ["floor", "floor-without-head"] {
            for clients in CLIENTS {
                rows.push(pgbench(&database, floor, clients)?);
            }
        }
    }
    if wanted("sqlite") {
        product("GraphQL mutation, SQLite", None, &mut rows).await?;
    }
    print(&rows);
    if wanted("request") {
        request::measure().await?;
    }
    Ok(())
}

async fn product(what: &str, database: Option<&str>, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let server = Server::start(database)?;
    let load = Load::prepare(&server.address, CLAIMS).await?;
    for clients in CLIENTS {
        load.run(clients, Duration::from_secs(WARM_UP_SECONDS))
            .await?;
        let before = server.cpu(database.is_some())?;
        let done = load.run(clients, Duration::from_secs(SECONDS)).await?;
        let cpu = server.cpu(database.is_some())?.since(&before, done.count);
        rows.push(Row {
            what: what.to_owned(),
            clients,
            per_second: done.count / SECONDS,
            p50_us: done.percentile(50),
            p99_us: done.percentile(99),
            cpu: Some(cpu),
            memory_kib: server.memory_kib()?,
        });
        eprintln!("{what}, {clients} clients: {}/s", done.count / SECONDS);
    }
    let sound = server.audit()?;
    eprintln!("{what}: {sound}");
    Ok(())
}

/// The floor. `floor` does exactly the product's writes of this transition, the county's chain head among them;
/// `floor-without-head` leaves the head out, so that its clients never wait for one another.
fn pgbench(database: &str, script: &str, clients: usize) -> Result<Row, Failure> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("bench/{script}.sql"));
    let output = Command::new(processes::tool("pgbench"))
        .args([
            "-n",
            "-M",
            "prepared",
            "-j",
            "2",
            "-c",
            &clients.to_string(),
            "-T",
            &SECONDS.to_string(),
        ])
        .arg("-D")
        .arg(format!("claims={CLAIMS}"))
        .arg("-D")
        .arg(format!("clients={clients}"))
        .arg("-f")
        .arg(&file)
        .arg(database)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let figure = |key: &str| {
        text.lines()
            .find(|line| line.starts_with(key))
            .and_then(|line| {
                line.split_whitespace()
                    .find_map(|word| word.split('.').next()?.parse::<u64>().ok())
            })
    };
    let per_second = figure("tps").unwrap_or(0);
    eprintln!("{script}, {clients} clients: {per_second}/s");
    Ok(Row {
        what: format!("pgbench, {script}"),
        clients,
        per_second,
        p50_us: figure("latency average").unwrap_or(0) * 1_000,
        p99_us: 0,
        cpu: None,
        memory_kib: 0,
    })
}

fn print(rows: &[Row]) {
    let floor = |clients: usize, what: &str| {
        rows.iter()
            .find(|row| row.clients == clients && row.what == what)
            .map_or(0, |row| row.per_second)
    };
    println!(
        "\n| what | clients | per second | of the floor | of the floor without head | p50 us | p99 us | CPU us per transition: server, database, driver | server MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let ratio = |what: &str| {
            let floor = floor(row.clients, what);
            (row.per_second * 100)
                .checked_div(floor)
                .map_or_else(|| "-".to_owned(), hundredths)
        };
        let cpu = row
            .cpu
            .as_ref()
            .map_or_else(|| "-".to_owned(), ToString::to_string);
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {cpu} | {} |",
            row.what,
            row.clients,
            row.per_second,
            ratio("pgbench, floor"),
            ratio("pgbench, floor-without-head"),
            row.p50_us,
            row.p99_us,
            row.memory_kib / 1_024,
        );
    }
    println!(
        "{}",
        json!({ "rows": rows.iter().map(|row| json!({
        "what": row.what, "clients": row.clients, "perSecond": row.per_second,
        "p50Us": row.p50_us, "p99Us": row.p99_us, "memoryKib": row.memory_kib,
    })).collect::<Vec<_>>() })
    );
}

fn hundredths(value: u64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

impl Target {
    /// The body of the measured mutation.
    pub fn body(&self, key: uuid::Uuid) -> String {
        json!({
            "query": load::ASSIGN,
            "variables": { "input": {
                "claimId": self.claim, "expectedVersion": self.version, "idempotencyKey": key,
                "surveyorId": self.surveyor,
            } },
        })
        .to_string()
    }
}
