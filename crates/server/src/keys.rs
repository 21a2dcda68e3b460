//! `fangpin keys`: the keys of the private values.

use crate::cli::Ending;
use crate::config::Config;
use crate::wiring;
use clap::Subcommand;
use std::process::ExitCode;
use store::KeyId;

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Lists the keys and what each is used for
    List,
    /// Makes a key: the first one, or a newer one to go over to
    New,
    /// Goes over to the newest key, beside a server at work; interrupted, it is simply called again
    Rotate,
    /// Takes a key that nothing uses any more out of the key file
    Retire {
        /// The key's name, as `keys list` shows it
        key: String,
    },
}

pub async fn run(config: &Config, action: Action) -> Ending {
    match action {
        Action::List => list(config).await,
        Action::New => new(config),
        Action::Rotate => rotate(config).await,
        Action::Retire { key } => retire(config, &KeyId::named(&key)).await,
    }
}

async fn list(config: &Config) -> Ending {
    let keys = wiring::keys(config)?;
    let held = keys.names();
    let store = store::connect_snapshot(&config.database_url, keys).await?;
    store.expect_current_schema().await?;
    let uses = store.key_uses().await?;
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(["key", "made", "county", "values", "used for"]);
    for (key, made) in &held {
        let own: Vec<_> = uses.iter().filter(|it| it.key == *key).collect();
        if own.is_empty() {
            table.add_row([key.as_str(), made, "-", "0", "nothing"]);
        }
        for one in own {
            let what = match (one.seals, one.indexes) {
                (true, true) => "new values, indexes",
                (true, false) => "new values",
                (false, true) => "indexes",
                (false, false) => "older values",
            };
            let (county, values) = (one.county.to_string(), one.values.to_string());
            table.add_row([key.as_str(), made, &county, &values, what]);
        }
    }
    say!("{table}");
    let mut missing = uses
        .iter()
        .filter(|it| held.iter().all(|(key, _)| it.key != *key));
    Ok(match missing.next() {
        None => ExitCode::SUCCESS,
        Some(one) => {
            say!("NOT HERE: key {} of county {}", one.key, one.county);
            ExitCode::FAILURE
        }
    })
}

fn new(config: &Config) -> Ending {
    if config.key.is_some() {
        return Err("the keys come from FANGPIN_KEY: add 32 random bytes in base64 there, after a comma, in \
                    every process (openssl rand -base64 32), then `fangpin keys rotate`"
            .into());
    }
    let file = wiring::key_file(config);
    let place = file.display();
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|fault| format!("the folder {} cannot be made: {fault}", folder.display()))?;
    }
    if store::make_key_file(&file, &wiring::today())? {
        say!("{place} holds the first key. Back it up, apart from the database.");
    } else {
        let key = store::add_key(&file, &wiring::today())?;
        say!(
            "{place} holds key {key} as well. Back it up, and give it to every process of this database; \
             then `fangpin keys rotate` goes over to it."
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(config: &Config) -> Ending {
    let store = wiring::connect(config).await?;
    store.migrate().await?;
    let counties: std::collections::BTreeSet<_> =
        store.key_uses().await?.iter().map(|it| it.county).collect();
    for county in counties {
        let store::Rotated { values, indexes } = store.rotate(county).await?;
        say!("county {county}: {values} values sealed anew, {indexes} indexes made anew");
    }
    say!(
        "The newest key is in use. Older keys: `fangpin keys list`, then `fangpin keys retire KEY`."
    );
    Ok(ExitCode::SUCCESS)
}

async fn retire(config: &Config, key: &KeyId) -> Ending {
    let keys = wiring::keys(config)?;
    let store = store::connect_snapshot(&config.database_url, keys).await?;
    store.expect_current_schema().await?;
    if let Some(one) = store.key_uses().await?.iter().find(|it| it.key == *key) {
        return Err(format!(
            "key {key} is still used in county {} ({} values): `fangpin keys rotate` first",
            one.county, one.values
        )
        .into());
    }
    if config.key.is_some() {
        say!("Nothing uses key {key}: take it out of FANGPIN_KEY.");
        return Ok(ExitCode::SUCCESS);
    }
    let file = wiring::key_file(config);
    store::remove_key(&file, key)?;
    say!(
        "{} does not hold key {key} any more. Backups of the database from before still need it.",
        file.display()
    );
    Ok(ExitCode::SUCCESS)
}
