//! The command line.

use crate::config::{Config, KEYS, LogFormat, Overrides};
use crate::{calendar, demo, explorer, keys, pool, rehearse, scheme, serve, user, verify, wiring};
use clap::{CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// What a command ends with: an exit code, or an error for people.
pub type Ending = Result<ExitCode, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Debug, Parser)]
#[command(name = "fangpin", version, about = "防贫险理赔 · anti-poverty insurance claims", long_about = None)]
struct Cli {
    /// Configuration file (TOML); see `fangpin config`
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Folder of the SQLite file and of files for people
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The main job on the sample county, then console and GraphQL
    Demo {
        /// Address and port to listen on
        #[arg(long)]
        listen: Option<String>,
        /// Do the job, print, and end
        #[arg(long)]
        no_serve: bool,
        /// Print one JSON object instead of a table
        #[arg(long)]
        json: bool,
        /// Where the served demo's clock begins, such as 2020-07-01T09:00:00+08:00
        #[arg(long)]
        now: Option<chrono::DateTime<chrono::Utc>>,
    },
    /// Gateway, console and timers
    Serve {
        /// Address and port to listen on
        #[arg(long)]
        listen: Option<String>,
    },
    /// Steps of the database schema
    Migrate {
        #[command(subcommand)]
        step: Migrate,
    },
    /// Prints the GraphQL schema
    Schema,
    /// Lists the configuration keys
    Config,
    /// Accounts and API keys
    User {
        #[command(subcommand)]
        action: user::Action,
    },
    /// Loads a county: regions, organisations, people
    County {
        #[command(subcommand)]
        action: user::CountyAction,
    },
    /// A county's scheme: check, quote, publish; the reference of the file
    Scheme {
        #[command(subcommand)]
        action: scheme::Action,
    },
    /// The pool of a contract year: its statement
    Pool {
        #[command(subcommand)]
        action: pool::Action,
    },
    /// How days are counted: the end of a term, and why
    Calendar {
        #[command(subcommand)]
        action: calendar::Action,
    },
    /// Reads a spreadsheet
    Import {
        #[command(subcommand)]
        what: user::Import,
    },
    /// Keys of the private values: list, make, go over to the newest, retire
    Keys {
        #[command(subcommand)]
        action: keys::Action,
    },
    /// Verification of the books
    Audit {
        #[command(subcommand)]
        action: Audit,
    },
    /// An interactive explorer of the GraphQL API, to be served at /explorer
    Explorer {
        #[command(subcommand)]
        action: explorer::Action,
    },
    /// Shell completions
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Subcommand)]
enum Migrate {
    /// Applies the steps that are missing
    Up,
    /// Takes the last steps back; this drops their tables
    Down {
        /// How many steps
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// Lists the steps and whether they are applied
    Status,
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Re-folds every claim, re-sums what is paid, checks the hash chain and every notice
    Verify {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Parses the command line and runs it; errors go to stderr, for people.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ending = match runtime {
        // The command line is the system's own work; what comes in by a server's doors is not.
        Ok(runtime) => runtime.block_on(engine::sight::system(dispatch(cli))),
        Err(fault) => Err(fault.into()),
    };
    ending.unwrap_or_else(|fault| {
        eprintln!("fangpin: {fault}");
        let mut source = fault.source();
        while let Some(cause) = source {
            eprintln!("  because: {cause}");
            source = cause.source();
        }
        ExitCode::FAILURE
    })
}

async fn dispatch(cli: Cli) -> Ending {
    let overrides = |listen: Option<String>| Overrides {
        config: cli.config.clone(),
        data: cli.data.clone(),
        listen,
        database_url: None,
    };
    let configured = |listen| -> Result<Config, Box<dyn std::error::Error + Send + Sync>> {
        let config = Config::load(&overrides(listen))?;
        log(&config);
        Ok(config)
    };
    match cli.command {
        Command::Demo {
            listen,
            no_serve,
            json,
            now,
        } => {
            Box::pin(demo::run(
                &configured(listen)?.of_demo(),
                no_serve,
                json,
                now,
            ))
            .await
        }
        Command::Serve { listen } => serve::run(&configured(listen)?).await,
        Command::Migrate { step } => {
            let config = configured(None)?;
            match step {
                Migrate::Up => wiring::migrate_up(&config).await,
                Migrate::Down { steps } => wiring::migrate_down(&config, steps).await,
                Migrate::Status => wiring::migrate_status(&config).await,
            }
        }
        Command::Schema => {
            crate::say::write(format_args!("{}", gateway::sdl()));
            Ok(ExitCode::SUCCESS)
        }
        Command::Config => {
            for (key, what) in KEYS {
                say!("{key:25}{what}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::User { action } => user::run(&configured(None)?, action).await,
        Command::County { action } => user::county(&configured(None)?, action).await,
        Command::Scheme { action } => match action {
            scheme::Action::Check { file } => {
                scheme::check(&file, wiring::calendar(&configured(None)?)?.as_ref())
            }
            scheme::Action::Quote {
                file,
                case,
                json,
                plain,
            } => scheme::quote(&file, &case, json, plain),
            scheme::Action::Publish {
                file,
                fund_fen,
                fund_reference,
            } => {
                let config = configured(None)?;
                let calendar = wiring::calendar(&config)?;
                let fund = fund_fen.zip(fund_reference);
                scheme::publish(&config, &file, &calendar, fund).await
            }
            scheme::Action::Schema => scheme::schema(),
            scheme::Action::Rehearse(order) => rehearse::run(&configured(None)?, &order).await,
        },
        Command::Pool {
            action: pool::Action::Statement { scheme, year, json },
        } => pool::statement(&configured(None)?, &scheme, year, json).await,
        Command::Calendar { action } => calendar::run(&configured(None)?, action),
        Command::Import { what } => user::import(&configured(None)?, what).await,
        Command::Audit {
            action: Audit::Verify { json },
        } => verify::run(&configured(None)?, json).await,
        Command::Explorer { action } => explorer::run(action).await,
        Command::Keys { action } => keys::run(&configured(None)?, action).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "fangpin", &mut script);
            crate::say::write(format_args!("{}", String::from_utf8_lossy(&script)));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Log lines go to stderr, so that stdout stays for results.
fn log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::new(&config.log);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false);
    match config.log_format {
        LogFormat::Text => builder.compact().init(),
        LogFormat::Json => builder.json().init(),
    }
}
