//! Puts the parts together.

use crate::cli::Ending;
use crate::config::Config;
use engine::access::{Access, Office};
use engine::{Clock, Desk, Store};
use lifecycle::Calendar;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use store::SqlStore;

/// Holidays and make-up working days, as dated data.
const CALENDAR: &str = include_str!("../calendar/cn.toml");

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The county's own calendar where one is configured, else the one that ships with the binary.
pub fn calendar(config: &Config) -> Result<Arc<Calendar>, Failure> {
    let (place, text) = match &config.calendar {
        None => ("shipped".to_owned(), CALENDAR.to_owned()),
        Some(file) => {
            let place = file.display().to_string();
            let text = std::fs::read_to_string(file)
                .map_err(|fault| format!("the calendar {place} cannot be read: {fault}"))?;
            (place, text)
        }
    };
    let read = engine::calendar_file::parse_calendar(&text).map_err(|faults| {
        let lines: Vec<String> = faults
            .iter()
            .map(|fault| format!("  {place}: {fault}"))
            .collect();
        format!("the calendar is not sound:\n{}", lines.join("\n"))
    })?;
    Ok(Arc::new(read))
}

/// Connects, making the data folder if the SQLite file is to live there.
pub async fn connect(config: &Config) -> Result<SqlStore, Failure> {
    if config.database_url.starts_with("sqlite:") {
        std::fs::create_dir_all(&config.data).map_err(|fault| {
            format!(
                "the folder {} cannot be made: {fault}",
                config.data.display()
            )
        })?;
        warn_of_readers(&config.data);
    }
    Ok(store::connect_serving(&config.database_url).await?)
}

/// Identity numbers, accounts and password hashes lie in the data folder. What fangpin makes is its
/// owner's alone (`main`); a folder or file that was there before may be open to others.
fn warn_of_readers(data: &Path) {
    let open_to_others =
        |path: &Path| std::fs::metadata(path).is_ok_and(|it| it.permissions().mode() & 0o077 != 0);
    let mut inside = std::fs::read_dir(data).into_iter().flatten().flatten();
    if open_to_others(data) || inside.any(|it| open_to_others(&it.path())) {
        tracing::warn!(
            "others can read the private data in {0}; close it: chmod -R go= '{0}'",
            data.display()
        );
    }
}

/// Connects and applies the missing schema steps.
pub async fn open(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    let store = connect(config).await?;
    store.migrate().await?;
    Ok(Arc::new(store))
}

/// Desk and access on a store.
pub fn office(
    config: &Config,
    store: &Arc<dyn Store>,
    clock: Arc<dyn Clock>,
) -> Result<Office, Failure> {
    let desk = Desk::new(Arc::clone(store), Arc::clone(&clock), calendar(config)?);
    Ok(Office {
        desk,
        access: Arc::new(Access::new(Arc::clone(store), clock).with_rules(config.signing_in.rules)),
    })
}

pub async fn migrate_up(config: &Config) -> Ending {
    connect(config).await?.migrate().await?;
    migrate_status(config).await
}

pub async fn migrate_down(config: &Config, steps: u32) -> Ending {
    connect(config).await?.migrate_down(steps).await?;
    migrate_status(config).await
}

pub async fn migrate_status(config: &Config) -> Ending {
    // Only looks: what is not there is not made.
    let store = store::connect_snapshot(&config.database_url).await?;
    for step in store.migrations().await? {
        say!(
            "{} {}",
            if step.applied { "applied" } else { "pending" },
            step.name
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The county a command is about: the one named, or the only one there is.
pub async fn county(
    store: &dyn Store,
    named: Option<u32>,
) -> Result<lifecycle::CountyCode, Failure> {
    if let Some(code) = named {
        return Ok(lifecycle::CountyCode::new(code)?);
    }
    let counties = store.counties().await?;
    if let [county] = counties.as_slice() {
        return Ok(*county);
    }
    Err(format!(
        "{} counties are loaded; name one with --county",
        counties.len()
    )
    .into())
}
