//! Typed configuration from flags, environment and file, in that order; every problem at once.

use crate::front::SigningIn;
use engine::hooks::address::AllowList;
use engine::limits::{REMIND_WORKDAYS, REMIND_WORKDAYS_MAX, REVEALS_PER_DAY_MAX};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use figment::value::{Dict, Value};
use secrecy::SecretString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What the command line says; it wins over environment and file.
#[derive(Debug, Default, Clone)]
pub struct Overrides {
    pub config: Option<PathBuf>,
    pub data: Option<PathBuf>,
    pub listen: Option<String>,
    pub database_url: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Who may ask for the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introspection {
    /// Whoever has signed in.
    SignedIn,
    /// Anybody.
    Open,
}

/// The configuration of one process.
#[derive(Debug, Clone)]
pub struct Config {
    /// SQLite file and files for people live here.
    pub data: PathBuf,
    /// `postgres://…` or `sqlite://…`; by default the SQLite file in `data`.
    pub database_url: String,
    pub listen: SocketAddr,
    /// A filter of tracing-subscriber, such as `info` or `info,sqlx=warn`.
    pub log: String,
    pub log_format: LogFormat,
    /// Seconds between two looks at due deadlines, 1 to 3600.
    pub timer_seconds: u64,
    /// Working days before a deadline from which on it is due soon, 0 to 20.
    pub remind_workdays: u16,
    /// The county's own calendar file; by default the one that ships with the binary.
    pub calendar: Option<PathBuf>,
    /// Keys of the private values, handed over in the environment.
    pub key: Option<SecretString>,
    /// The file of the keys; by default `keys.toml` in `data`.
    pub key_file: Option<PathBuf>,
    /// Private values one account may read in the clear in a day.
    pub reveals_per_day: u32,
    /// The folder of an installed explorer, served at `/explorer`.
    pub explorer: Option<PathBuf>,
    /// Sessions, second factor, sign-in service.
    pub signing_in: SigningIn,
    /// A listener of its own for `/readyz` and `/healthz`.
    pub health_listen: Option<SocketAddr>,
    /// What one GraphQL request may cost, 100 to 1,000,000.
    pub cost_max: u32,
    /// What a caller may spend at once; at least `cost_max`.
    pub cost_budget: u32,
    /// What flows back into it in a second.
    pub cost_refill: u32,
    /// Who may ask for the schema.
    pub introspection: Introspection,
    /// Networks of the county's own to which webhooks may be sent.
    pub webhook_allow: AllowList,
}

/// Everything that is wrong with the configuration.
#[derive(Debug)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "configuration:")?;
        self.0
            .iter()
            .try_for_each(|problem| write!(out, "\n  - {problem}"))
    }
}

impl std::error::Error for Problems {}

/// The keys, each with what it is; an unknown key is a problem, not a silence.
pub const KEYS: &[(&str, &str)] = &[
    (
        "data",
        "folder of the SQLite file and files for people; FANGPIN_DATA, --data",
    ),
    (
        "database_url",
        "postgres:// or sqlite:// URL; DATABASE_URL wins over the file in data",
    ),
    (
        "listen",
        "address and port, 127.0.0.1:8080; FANGPIN_LISTEN, --listen",
    ),
    ("log", "log filter, info; FANGPIN_LOG"),
    ("log_format", "text or json; FANGPIN_LOG_FORMAT"),
    (
        "timer_seconds",
        "seconds between two looks at deadlines, 1 to 3600; FANGPIN_TIMER_SECONDS",
    ),
    (
        "remind_workdays",
        "working days before a deadline from which on it is due soon, 0 to 20; FANGPIN_REMIND_WORKDAYS",
    ),
    (
        "calendar",
        "file of holidays and make-up working days, else the one built in; FANGPIN_CALENDAR",
    ),
    (
        "key_file",
        "file of the keys of the private values, else keys.toml in data; FANGPIN_KEY_FILE",
    ),
    (
        "key",
        "the keys themselves, only as FANGPIN_KEY: base64 of 32 bytes, several with commas, the newest last",
    ),
    (
        "reveals_per_day",
        "private values one account may read in the clear in a day, 0 to 10000; FANGPIN_REVEALS_PER_DAY",
    ),
    (
        "explorer",
        "folder made by `fangpin explorer install`, served at /explorer; FANGPIN_EXPLORER",
    ),
    (
        "session_idle_minutes",
        "minutes after which an unused session ends, 30; FANGPIN_SESSION_IDLE_MINUTES",
    ),
    (
        "session_hours",
        "hours after which a session ends whatever happens, 12; FANGPIN_SESSION_HOURS",
    ),
    (
        "session_renew_minutes",
        "minutes after which a browser's session gets another secret, 15; FANGPIN_SESSION_RENEW_MINUTES",
    ),
    (
        "second_factor",
        "optional, money (to approve and pay) or required; FANGPIN_SECOND_FACTOR",
    ),
    (
        "public_url",
        "where people reach this installation; https makes cookies secure; FANGPIN_PUBLIC_URL",
    ),
    (
        "behind_proxy",
        "true if a proxy of one's own says in X-Forwarded-For where requests come from; FANGPIN_BEHIND_PROXY",
    ),
    (
        "oidc_issuer",
        "OpenID provider whose people may sign in; FANGPIN_OIDC_ISSUER",
    ),
    ("oidc_client_id", "our name there; FANGPIN_OIDC_CLIENT_ID"),
    (
        "oidc_client_secret",
        "our secret there; FANGPIN_OIDC_CLIENT_SECRET",
    ),
    (
        "oidc_client_secret_file",
        "the same in a file; FANGPIN_OIDC_CLIENT_SECRET_FILE",
    ),
    (
        "oidc_claim",
        "which claim is the login here: preferred_username, email or sub; FANGPIN_OIDC_CLAIM",
    ),
    ("oidc_label", "what its button says; FANGPIN_OIDC_LABEL"),
    (
        "health_listen",
        "address and port of a listener for /readyz and /healthz alone; FANGPIN_HEALTH_LISTEN",
    ),
    (
        "cost_max",
        "what one GraphQL request may cost, 2000; FANGPIN_COST_MAX",
    ),
    (
        "cost_budget",
        "what a caller may spend at once, 10000; FANGPIN_COST_BUDGET",
    ),
    (
        "cost_refill",
        "what flows back into it in a second, 200; FANGPIN_COST_REFILL",
    ),
    (
        "introspection",
        "who may ask for the schema, signed_in or open; FANGPIN_INTROSPECTION",
    ),
    (
        "webhook_allow",
        "networks of one's own to which webhooks may go, also without TLS, such as 10.20.0.0/16; FANGPIN_WEBHOOK_ALLOW",
    ),
];

impl Config {
    pub fn load(flags: &Overrides) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut figment = Figment::new();
        if let Some(file) = &flags.config {
            if !file.is_file() {
                problems.push(format!(
                    "--config {}: there is no such file",
                    file.display()
                ));
            }
            figment = figment.merge(Toml::file(file));
        }
        figment = figment
            .merge(Env::prefixed("FANGPIN_").filter(|key| !key.starts_with("test_")))
            .merge(Env::raw().only(&["DATABASE_URL"]));
        let mut dict: Dict = match figment.extract() {
            Ok(dict) => dict,
            Err(wrong) => {
                problems.extend(wrong.into_iter().map(|one| one.to_string()));
                Dict::new()
            }
        };
        // Where a value came from, so that it is mended there.
        let source = |key: &str, flag: bool| -> String {
            if flag {
                return format!("--{key}");
            }
            match figment.find_metadata(key) {
                None => key.to_owned(),
                Some(from) => match &from.source {
                    Some(file) => format!("{key} (in {file})"),
                    None if key == "database_url" => "DATABASE_URL".to_owned(),
                    None => format!("FANGPIN_{}", key.to_uppercase()),
                },
            }
        };
        let mut text = |key: &str| {
            dict.remove(key).map(|value| match value {
                Value::String(_, text) => text,
                Value::Num(_, number) => match (number.to_u128(), number.to_i128()) {
                    (Some(it), _) => it.to_string(),
                    (None, Some(it)) => it.to_string(),
                    (None, None) => "a fraction".into(),
                },
                Value::Bool(_, value) => value.to_string(),
                Value::Char(_, value) => value.to_string(),
                Value::Empty(..) | Value::Dict(..) | Value::Array(..) => String::new(),
            })
        };
        // Every key is taken out of the dictionary, also where a flag overrides it: what stays is unknown.
        let below_flags = (text("data"), text("listen"), text("database_url"));
        let data = flags
            .data
            .clone()
            .or_else(|| below_flags.0.map(PathBuf::from))
            .or_else(data_home);
        let listen = flags.listen.clone().or(below_flags.1);
        let listen = listen.unwrap_or_else(|| "127.0.0.1:8080".into());
        let database_url = flags.database_url.clone().or(below_flags.2);
        let log = text("log").unwrap_or_else(|| "info,sqlx=warn,sea_orm=warn".into());
        let log_format = text("log_format").unwrap_or_else(|| "text".into());
        let timer = text("timer_seconds").unwrap_or_else(|| "60".into());
        let remind = text("remind_workdays").unwrap_or_else(|| REMIND_WORKDAYS.to_string());
        let calendar = text("calendar").map(PathBuf::from);
        let key = text("key").map(SecretString::from);
        let key_file = text("key_file").map(PathBuf::from);
        let reveals = text("reveals_per_day").unwrap_or_else(|| REVEALS_PER_DAY_MAX.to_string());
        let explorer = text("explorer").map(PathBuf::from);
        let mut wrong = Vec::new();
        let signing_in = SigningIn::read(&mut text, &mut |key, what| {
            wrong.push(format!("{}: {what}", source(key, false)));
        });
        problems.extend(wrong);
        let health_listen = text("health_listen");
        let [cost_max, cost_budget, cost_refill] =
            ["cost_max", "cost_budget", "cost_refill"].map(|key| (key, text(key)));
        let introspection = text("introspection").unwrap_or_else(|| "signed_in".into());
        let webhook_allow = text("webhook_allow").unwrap_or_default();

        for key in dict.keys() {
            let known: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
            problems.push(format!(
                "{}: unknown key; known are {}",
                source(key, false),
                known.join(", ")
            ));
        }
        let listen = listen.parse().map_err(|_| {
            let from = source("listen", flags.listen.is_some());
            problems.push(format!("{from}: {listen:?} is not an address and port"));
        });
        let log_format = match log_format.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => {
                let from = source("log_format", false);
                problems.push(format!("{from}: {other:?} is neither text nor json"));
                Err(())
            }
        };
        let timer_seconds = timer
            .parse()
            .ok()
            .filter(|it| (1..=3600).contains(it))
            .ok_or_else(|| {
                let from = source("timer_seconds", false);
                problems.push(format!("{from}: {timer:?} is not a number from 1 to 3600"));
            });
        let remind_workdays = remind
            .parse()
            .ok()
            .filter(|it| (0..=REMIND_WORKDAYS_MAX).contains(it))
            .ok_or_else(|| {
                let from = source("remind_workdays", false);
                problems.push(format!("{from}: {remind:?} is not a number from 0 to 20"));
            });
        // A configuration file may be open to others; a key file is checked for that.
        if let Some(from) = figment
            .find_metadata("key")
            .and_then(|from| from.source.as_ref())
        {
            problems.push(format!(
                "key (in {from}): a key stands in a key_file or in FANGPIN_KEY"
            ));
        }
        if key.is_some() && key_file.is_some() {
            problems.push("key_file: FANGPIN_KEY is set as well; give one of them".into());
        }
        let reveals_per_day = reveals
            .parse()
            .ok()
            .filter(|it| (0..=10_000).contains(it))
            .ok_or_else(|| {
                let from = source("reveals_per_day", false);
                problems.push(format!(
                    "{from}: {reveals:?} is not a number from 0 to 10000"
                ));
            });
        let health_listen = health_listen
            .map(|address| address.parse())
            .transpose()
            .map_err(|_| {
                let from = source("health_listen", false);
                problems.push(format!("{from}: not an address and port"));
            });
        let mut figure = |(key, text): (&str, Option<String>), default: u32, min: u32| {
            let Some(text) = text else {
                return Ok(default);
            };
            let number = text.parse().ok();
            number
                .filter(|it| (min..=1_000_000_000).contains(it))
                .ok_or_else(|| {
                    let from = source(key, false);
                    problems.push(format!(
                        "{from}: {text:?} is not a number from {min} to 1000000000"
                    ));
                })
        };
        let cost_max = figure(cost_max, gateway::COST_MAX, 100);
        // A request that costs more than a full bucket would wait for ever.
        let cost_budget = figure(
            cost_budget,
            gateway::ALLOWANCE.max,
            cost_max.unwrap_or(gateway::COST_MAX),
        );
        let cost_refill = figure(cost_refill, gateway::ALLOWANCE.refill_per_second, 1);
        let introspection = match introspection.as_str() {
            "signed_in" => Ok(Introspection::SignedIn),
            "open" => Ok(Introspection::Open),
            other => {
                let from = source("introspection", false);
                problems.push(format!("{from}: {other:?} is neither signed_in nor open"));
                Err(())
            }
        };
        let webhook_allow = AllowList::read(&webhook_allow).map_err(|wrong| {
            let from = source("webhook_allow", false);
            problems.push(format!(
                "{from}: {wrong:?} is not a network such as 10.20.0.0/16"
            ));
        });
        if let Err(wrong) = tracing_subscriber::EnvFilter::try_new(&log) {
            let from = source("log", false);
            problems.push(format!("{from}: {log:?} is not a log filter ({wrong})"));
        }
        if let Some(folder) = &explorer
            && !folder.join("index.html").is_file()
        {
            let from = source("explorer", false);
            problems.push(format!(
                "{from}: {} holds no explorer; `fangpin explorer install` puts one there",
                folder.display()
            ));
        }
        let data =
            data.ok_or_else(|| problems.push("data: no home folder is known; name one".into()));
        let database_url = match (database_url, &data) {
            (Some(url), _) if url.starts_with("postgres") || url.starts_with("sqlite:") => Ok(url),
            // The value may hold a password and is not repeated.
            (Some(_), _) => {
                let from = source("database_url", flags.database_url.is_some());
                problems.push(format!("{from}: must begin with postgres:// or sqlite:"));
                Err(())
            }
            (None, Ok(data)) => Ok(sqlite_url(data)),
            (None, Err(())) => Err(()),
        };
        match (data, database_url, listen, log_format, timer_seconds) {
            (Ok(data), Ok(database_url), Ok(listen), Ok(log_format), Ok(timer_seconds))
                if problems.is_empty() =>
            {
                let (
                    Ok(health_listen),
                    Ok(cost_max),
                    Ok(cost_budget),
                    Ok(cost_refill),
                    Ok(introspection),
                    Ok(reveals_per_day),
                    Ok(remind_workdays),
                    Ok(webhook_allow),
                ) = (
                    health_listen,
                    cost_max,
                    cost_budget,
                    cost_refill,
                    introspection,
                    reveals_per_day,
                    remind_workdays,
                    webhook_allow,
                )
                else {
                    return Err(Problems(problems));
                };
                Ok(Self {
                    data,
                    database_url,
                    listen,
                    log,
                    log_format,
                    timer_seconds,
                    remind_workdays,
                    calendar,
                    key,
                    key_file,
                    reveals_per_day,
                    explorer,
                    signing_in,
                    health_listen,
                    cost_max,
                    cost_budget,
                    cost_refill,
                    introspection,
                    webhook_allow,
                })
            }
            _ => Err(Problems(problems)),
        }
    }
}

impl Config {
    /// The same for the demo: unless a folder or database is named, a folder of its own beside the real one.
    #[must_use]
    pub fn of_demo(self) -> Self {
        match data_home() {
            Some(home) if self.data == home && self.database_url == sqlite_url(&home) => {
                let data = home.join("demo");
                Self {
                    database_url: sqlite_url(&data),
                    data,
                    ..self
                }
            }
            _ => self,
        }
    }
}

fn sqlite_url(data: &std::path::Path) -> String {
    format!(
        "sqlite://{}?mode=rwc",
        data.join("fangpin.sqlite").display()
    )
}

fn data_home() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "fangpin").map(|dirs| dirs.data_dir().to_path_buf())
}
