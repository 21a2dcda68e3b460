//! `fangpin user`, `fangpin county`, `fangpin import`.

use crate::cli::Ending;
use crate::config::Config;
use crate::wiring;
use clap::Subcommand;
use engine::access::{KeyOrder, Refusal};
use engine::registry::Account;
use engine::{Grant, SystemClock, access};
use lifecycle::{Duty, RegionCode};
use std::io::Write;
use std::path::{Path, PathBuf};
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
    /// Prints a one-time link with which a login's owner sets a password
    Invite { login: String },
    /// Takes a login's second factor away, where telephone and recovery codes are lost; ends its sessions
    ResetSecondFactor { login: String },
    /// Ends every session and API key of a login
    Revoke { login: String },
    /// Opens an API key for a login and prints the secret once
    Key {
        login: String,
        /// What the key is for
        #[arg(long)]
        label: String,
        /// Days until it ends, 1 to 400
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=400))]
        days: i64,
        /// What it is good for: some of READ,ACT,BULK,SCHEMA,REVEAL
        #[arg(long, value_delimiter = ',', value_parser = grant, default_value = "READ,ACT")]
        grants: Vec<Grant>,
        /// Only these of the person's duties, such as CASHIER,AUDITOR; else all
        #[arg(long, value_delimiter = ',', value_parser = duty)]
        duties: Option<Vec<Duty>>,
        /// Only this region; else the person's own
        #[arg(long, value_parser = region)]
        region: Option<RegionCode>,
    },
}

#[derive(Debug, Subcommand)]
pub enum CountyAction {
    /// Loads regions, organisations and people from a county file; existing accounts keep their
    /// password, new ones have none until `fangpin user invite`
    Load { file: PathBuf },
}

#[derive(Debug, Subcommand)]
pub enum Import {
    /// A referral list (.xlsx or .csv) of the poverty office
    Referrals {
        file: PathBuf,
        /// The login in whose name the list is read
        #[arg(long)]
        login: String,
        /// The scheme's code, such as haigang-2020
        #[arg(long)]
        scheme: String,
        /// Where to write the rows that must be corrected; a file that is there is never
        /// overwritten. Without this: beside FILE, under a name of its own
        #[arg(long)]
        errors: Option<PathBuf>,
        /// Read and check only: nothing is stored, and a sheet written only if --errors names one
        #[arg(long)]
        dry_run: bool,
    },
}

fn grant(text: &str) -> Result<Grant, String> {
    Grant::from_code(text).ok_or_else(|| one_of(Grant::ALL.iter().map(|it| it.code())))
}

fn duty(text: &str) -> Result<Duty, String> {
    Duty::from_code(text).ok_or_else(|| one_of(Duty::ALL.iter().map(|it| it.code())))
}

fn region(text: &str) -> Result<RegionCode, String> {
    RegionCode::new(text).map_err(|fault| fault.to_string())
}

fn one_of<'a>(codes: impl Iterator<Item = &'a str>) -> String {
    format!("must be one of {}", codes.collect::<Vec<_>>().join(", "))
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
                say!(
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
            let password = password.trim_end_matches(['\r', '\n']);
            access::check_password(password, &[login.as_str()])?;
            let password_hash = access::hash_password(password)?;
            let office = wiring::office(config, &store, Arc::new(SystemClock))?;
            let ended = office
                .access
                .set_password(county, account, password_hash)
                .await?;
            say!("{login}: the password is set; {ended} sessions and API keys ended");
        }
        Action::Invite { login } => {
            let (county, account) = find(store.as_ref(), &login).await?;
            let office = wiring::office(config, &store, Arc::new(SystemClock))?;
            let made = office
                .access
                .make_link(county, account.id, account.person, None);
            let (token, ends_at) = made.await?;
            let base = config.signing_in.public_url.clone();
            let base = base.unwrap_or_else(|| format!("http://{}", config.listen));
            say!("{}/invite/{token}", base.trim_end_matches('/'));
            eprintln!("for {login}, once, before {}", ends_at.to_rfc3339());
            if config.signing_in.public_url.is_none() {
                eprintln!(
                    "public_url is not set (`fangpin config`): the link leads where this machine listens, which \
                     people elsewhere may not reach"
                );
            }
        }
        Action::ResetSecondFactor { login } => {
            let (county, account) = find(store.as_ref(), &login).await?;
            let office = wiring::office(config, &store, Arc::new(SystemClock))?;
            office
                .access
                .drop_second_factor(county, account.id, account.person)
                .await?;
            say!("{login}: no second factor any more; its sessions ended");
        }
        Action::Revoke { login } => {
            let (county, account) = find(store.as_ref(), &login).await?;
            let office = wiring::office(config, &store, Arc::new(SystemClock))?;
            let ended = office.access.end_all(county, account.id).await?;
            say!("{login}: {ended} sessions and API keys ended");
        }
        Action::Key {
            login,
            label,
            days,
            grants,
            duties,
            region,
        } => {
            find(store.as_ref(), &login).await?;
            let office = wiring::office(config, &store, Arc::new(SystemClock))?;
            let order = KeyOrder {
                login,
                label,
                grants,
                duties,
                region,
                days,
            };
            let (secret, ends_at) = match office.access.open_key(&order).await? {
                Ok(opened) => opened,
                Err(Refusal::Invalid { field, reason }) => {
                    return Err(format!("{field}: {reason}").into());
                }
                Err(refusal) => return Err(format!("no key was made: {refusal:?}").into()),
            };
            say!("{secret}");
            eprintln!("ends {}; it is not shown again", ends_at.to_rfc3339());
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
    say!(
        "county {}: {} regions, {} organisations, {} people; invite them with `fangpin user invite LOGIN`",
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
    let office = wiring::office(config, &store, Arc::new(SystemClock))?;
    let caller = wiring::in_the_name_of(&office, &login).await?;
    let schemes = store.schemes(caller.scope.county).await?;
    let found = schemes
        .iter()
        .filter(|it| it.code == scheme)
        .max_by_key(|it| it.version)
        .ok_or_else(|| format!("scheme {scheme:?} is not published"))?;
    let done = console::import::workbook(&office.desk, &caller, &bytes, found.id, dry_run).await?;
    say!("{done}");
    let Some(sheet) = &done.faulty else {
        return Ok(ExitCode::SUCCESS);
    };
    let written = match errors {
        Some(named) => Some(returned_sheet(&named, sheet)?),
        None if dry_run => None,
        None => Some(returned_beside(&file, sheet)?),
    };
    match written {
        Some(path) => say!("待更正的行 rows to correct: {}", path.display()),
        None => say!("检查而已,未写文件 checked only; --errors FILE writes the rows to correct"),
    }
    Ok(ExitCode::from(2))
}

/// Sheets tried beside a list before giving up.
const RETURNED_MAX: u32 = 999;

/// Writes the rows to correct as a new file that only its owner may read: it holds identity numbers,
/// and what stands there may be somebody's corrections.
fn returned_sheet(path: &Path, sheet: &[u8]) -> Result<PathBuf, Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(path)
        .map_err(|fault| format!("{}: not written: {fault}", path.display()))?;
    file.write_all(sheet)?;
    Ok(path.to_owned())
}

/// The same beside the list, as `名单-待更正.xlsx`, or the next free number.
fn returned_beside(list: &Path, sheet: &[u8]) -> Result<PathBuf, Failure> {
    let stem = list.file_stem().unwrap_or_default().to_string_lossy();
    for number in 1..=RETURNED_MAX {
        let name = match number {
            1 => format!("{stem}-待更正.xlsx"),
            more => format!("{stem}-待更正-{more}.xlsx"),
        };
        let path = list.with_file_name(name);
        if !path.exists() {
            return returned_sheet(&path, sheet);
        }
    }
    Err("too many sheets to correct lie beside the list; name a file with --errors".into())
}
