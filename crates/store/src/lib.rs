//! Remember it: claims, log, registry, in `SQLite` or `PostgreSQL`.
//!
//! **Owns** connections, transactions, SQL, entities; the promise that an acknowledged command is
//! durable. **Never** contains a rule of the business, nor a public entity: rows are not claims.
//! **Start here**: [`connect`] gives a [`SqlStore`]; `transact` is the one write path of claims
//! (group commit), with `gather` before the judges and `write` after them; `read` and `registry`
//! implement the other ports, `household` and `keys` what is private.
#![warn(missing_docs)]

mod bank;
mod bulk;
mod connect;
mod dialect;
mod entity;
mod gather;
mod hooks;
mod household;
mod identity;
mod keys;
mod lane;
#[cfg(test)]
mod plans;
mod pool;
mod read;
mod registry;
mod rows;
mod seal;
mod transact;
mod write;

pub use connect::{
    MigrationState, SqlStore, connect, connect_serving, connect_snapshot, writer_for_tests,
};
pub use keys::{KeyUse, Rotated};
pub use seal::{KeyId, Keyring, Place, add_key, fresh_key, make_key_file, remove_key};
