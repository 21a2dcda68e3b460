//! `fangpin user`, `fangpin county`, `fangpin import`.

use crate::cli::Ending;
use crate::config::Config;
use crate::wiring;
use chrono::Duration;
use clap::Subcommand;
use engine::registry::Account;
use engine::{Clock, SystemClock, access};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Lists logins with organisation, region and duties
    List {
        /// County code, where several are loaded
        #[arg(long)]
        county: Option<u32>,
    },
    /// Sets a password, read from standard input, at least 12 characters; ends the login's sessions
    /// and API keys
    Password { login: String },
    /// Ends every session and API key of a login
    Revoke { login: String },
    /// Opens an API key for a login and prints the secret once
    Key {
        login: String,
        /// What the key is for
        #[arg(long)]
        label: String,
        /// Days until it ends, 1 to 366
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=366))]
        days: i64,
    },
}

#[derive(Debug, Subcommand)]
pub enum CountyAction {
    /// Loads regions, organisations and people from a county file; existing accounts keep their
    /// password, new ones have none until `fangpin user password`
    Load { file: PathBuf },
}

#[derive(Debug, Subcommand)]
pub enum Import {
    /// A referral list (.xlsx) of the poverty office
    Referrals {
        file: PathBuf,
        /// The login in whose name the list is read
        #[arg(long)]
        login: String,
        /// The scheme's code, such as haigang-2020
        #[arg(long)]
        scheme: String,
        /// Where to write the rows that must be corrected
        #[arg(long, default_value = "待更正.xlsx")]
        errors: PathBuf,
        /// Read and check only
        #[arg(long)]
        dry_run: bool,
    },
}

pub async fn run(config: &Config, action: Action) -> Ending {
    let store = wiring::open(config).await?;
    match action {
        Action::List { county } => {
            let county = wiring::county(store.as_ref(), county).await?;
            let people = store.people(county).await?;
            let orgs = store.orgs(county).await?;
            for account in store.accounts(county).await? {
                let Some(person) = people.iter().find(|it| it.id == account.person) else {
                    continue;
                };
                let org = orgs
                    .iter()
                    .find(|it| it.id == person.org)
                    .map_or("", |it| &it.name);
                let duties: Vec<&str> = person.duties.iter().map(|duty| duty.code()).collect();
                println!(
                    "{}\t{}\t{org}\t{}\t{}",
                    account.login,
                    person.name,
                    person.region,
                    duties.join(",")
                );
            }
        }
        Action::Password { login } => {
            let (county, account) = find(store.as_ref(), &login).await?;
            let mut password = String::new();
            std::io::stdin().read_line(&mut password)?;
            let password_hash = access::hash_password(password.trim_end_matches(['\r', '\n']))?;
            let office = wiring::office(config, &store, Arc::new(SystemClock))?;
            let ended = office
                .access
                .set_password(county, account, password_hash)
                .await?;
            println!("{login}: the password is set; {ended} sessions and API keys ended");
        }
        Action::Revoke { login } => {
            let (county, account) = find(store.as_ref(), &login).await?;
            let office = wiring::office(config, &store, Arc::new(SystemClock))?;
            let ended = office.access.end_all(county, account.id).await?;
            println!("{login}: {ended} sessions and API keys ended");
        }
        Action::Key { login, label, days } => {
            let (county, account) = find(store.as_ref(), &login).await?;
            let office = wiring::office(config, &store, Arc::new(SystemClock))?;
            let expires_at = SystemClock.now() + Duration::days(days);
            println!(
                "{}",
                office
                    .access
                    .open_key(county, account.id, &label, expires_at)
                    .await?
            );
            eprintln!("ends {}; it is not shown again", expires_at.to_rfc3339());
        }
    }
    Ok(ExitCode::SUCCESS)
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn find(
    store: &dyn engine::Store,
    login: &str,
) -> Result<(lifecycle::CountyCode, Account), Failure> {
    store
        .account(login)
        .await?
        .ok_or_else(|| format!("there is no login {login:?}").into())
}

pub async fn county(config: &Config, action: CountyAction) -> Ending {
    let CountyAction::Load { file } = action;
    let text =
        std::fs::read_to_string(&file).map_err(|fault| format!("{}: {fault}", file.display()))?;
    let county = engine::county_file::parse_county(&text).map_err(|faults| {
        let lines: Vec<String> = faults
            .iter()
            .map(|it| format!("  {}: {it}", file.display()))
            .collect();
        format!("the county file is not sound:\n{}", lines.join("\n"))
    })?;
    let store = wiring::open(config).await?;
    engine::county_file::load_county(store.as_ref(), &county, "").await?;
    println!(
        "county {}: {} regions, {} organisations, {} people; set passwords with `fangpin user password LOGIN`",
        county.county,
        county.regions.len(),
        county.orgs.len(),
        county.people.len()
    );
    Ok(ExitCode::SUCCESS)
}

pub async fn import(config: &Config, what: Import) -> Ending {
    let Import::Referrals {
        file,
        login,
        scheme,
        errors,
        dry_run,
    } = what;
    let bytes = std::fs::read(&file).map_err(|fault| format!("{}: {fault}", file.display()))?;
    let store = wiring::open(config).await?;
    let (county, account) = find(store.as_ref(), &login).await?;
    let office = wiring::office(config, &store, Arc::new(SystemClock))?;
    // The operator of this machine acts in the login's name through a credential that ends at once.
    let token = office
        .access
        .open_key(
            county,
            account.id,
            "fangpin import",
            SystemClock.now() + Duration::hours(1),
        )
        .await?;
    let caller = office
        .access
        .caller(&token)
        .await?
        .ok_or("the login has no person")?;
    let schemes = store.schemes(county).await?;
    let found = schemes
        .iter()
        .filter(|it| it.code == scheme)
        .max_by_key(|it| it.version)
        .ok_or_else(|| format!("scheme {scheme:?} is not published"))?;
    let done = console::import::workbook(&office.desk, &caller, &bytes, found.id, dry_run).await;
    office.access.log_out(&token).await?;
    let done = done?;
    println!("{done}");
    if let Some(sheet) = &done.faulty {
        std::fs::write(&errors, sheet)?;
        println!("rows to correct: {}", errors.display());
        return Ok(ExitCode::from(2));
    }
    Ok(ExitCode::SUCCESS)
}
