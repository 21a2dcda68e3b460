//! Speak it: GraphQL over HTTP, the product's face to insurers, offices and reporting tools.
//!
//! **Owns** the schema, the messages, node ids and cursors, the guard before execution, the HTTP
//! layer. **Never** contains a business rule, a transaction, SQL. **Start here**: [`router`] is
//! what the server mounts; `mutation/mod.rs` has the one way to the desk; `guard.rs` stands before
//! everything.

mod authority;
mod batch;
mod cursor;
mod errors;
mod guard;
mod http;
mod messages;
mod mutation;
mod node_id;
mod nulls;
mod pages;
mod query;
mod schema;
#[cfg(test)]
mod tests;
mod types;
mod visit;

pub use authority::authority_markdown;
pub use http::router;
pub use messages::codes_markdown;
pub use pages::pages;
pub use schema::sdl;
