//! Puts the parts together.

use crate::cli::Ending;
use crate::config::Config;
use engine::access::{Access, KeyOrder, Office};
use engine::{Caller, Clock, Desk, Fault, Store, SystemClock};
use lifecycle::Calendar;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use store::{Keyring, SqlStore};

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

/// The file of the keys, unless they come through the environment.
pub fn key_file(config: &Config) -> PathBuf {
    let own = config.key_file.clone();
    own.unwrap_or_else(|| config.data.join("keys.toml"))
}

/// The keys that are there; none where there is no file.
pub fn keys(config: &Config) -> Result<Arc<Keyring>, Failure> {
    let file = key_file(config);
    Ok(Arc::new(match &config.key {
        Some(text) => Keyring::of_text(text)?,
        None if config.key_file.is_some() || file.exists() => Keyring::of_file(&file)?,
        None => Keyring::none(),
    }))
}

/// The keys to begin with. A SQLite file that has none is given its own; processes that share a
/// PostgreSQL database must be given the same ones, so there somebody has to say so.
async fn keys_to_write(config: &Config) -> Result<Arc<Keyring>, Failure> {
    let file = key_file(config);
    if config.key.is_some() || config.key_file.is_some() || file.exists() {
        return keys(config);
    }
    let place = file.display();
    let needed = match store::connect_snapshot(&config.database_url, keys(config)?).await {
        Ok(store) => store.keys_needed().await?,
        // There is no database yet.
        Err(Fault::Unusable(_)) if is_sqlite(config) => Vec::new(),
        Err(fault) => return Err(fault.into()),
    };
    if !needed.is_empty() {
        let needed: Vec<String> = needed.iter().map(ToString::to_string).collect();
        return Err(format!(
            "the private values of this database are sealed under {}, and there is no key file at {place}: \
             put the right one back there, or name it (key_file, FANGPIN_KEY_FILE)",
            needed.join(", ")
        )
        .into());
    }
    if !is_sqlite(config) {
        return Err(format!(
            "no key for the private values is configured: `fangpin keys new` makes one in {place}; every \
             process of this database needs the same (key_file, FANGPIN_KEY_FILE, or FANGPIN_KEY)"
        )
        .into());
    }
    if store::make_key_file(&file, &today())? {
        eprintln!(
            "fangpin: made the key of the private values, {place}. Back this file up, apart from the \
             database: without it the private values cannot be read."
        );
    }
    keys(config)
}

fn is_sqlite(config: &Config) -> bool {
    config.database_url.starts_with("sqlite:")
}

/// The day, for people who read a key file.
pub fn today() -> String {
    lifecycle::calendar::legal_day(SystemClock.now()).to_string()
}

/// Connects, making the data folder if the SQLite file is to live there.
pub async fn connect(config: &Config) -> Result<SqlStore, Failure> {
    if is_sqlite(config) {
        std::fs::create_dir_all(&config.data).map_err(|fault| {
            format!(
                "the folder {} cannot be made: {fault}",
                config.data.display()
            )
        })?;
        warn_of_readers(&config.data);
    }
    let keys = keys_to_write(config).await?;
    Ok(store::connect_serving(&config.database_url, keys).await?)
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
    let desk = Desk::new(Arc::clone(store), Arc::clone(&clock), calendar(config)?)
        .reveals_per_day(config.reveals_per_day)
        .reminding(config.remind_workdays)
        .with_outside(Arc::new(SystemClock));
    let access = Access::new(Arc::clone(store), clock)
        .with_rules(config.signing_in.rules)
        .with_telephones(Arc::new(SystemClock));
    Ok(Office {
        desk,
        access: Arc::new(access),
    })
}

/// Whoever stands at this machine acts in a login's name, through a credential that has ended when this
/// returns; no password is asked for.
pub async fn in_the_name_of(office: &Office, login: &str) -> Result<Caller, Failure> {
    let opened = office
        .access
        .open_key(&KeyOrder::whole(login, "fangpin", 1))
        .await?;
    let (token, _) = opened.map_err(|_| format!("there is no login {login:?}"))?;
    let caller = office.access.caller(&token).await?;
    office.access.log_out(&token).await?;
    caller.ok_or_else(|| format!("{login} holds no duty now").into())
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
    let store = store::connect_snapshot(&config.database_url, keys(config)?).await?;
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
