//! The SQL store against real databases: `SQLite` files and a `PostgreSQL` server.

mod guards;
mod journey;
mod lawful;
mod orders;
mod private;
mod rounds;
mod schema;
mod sight;
mod support;
mod tampering;
mod traps;
