//! Speak it: GraphQL over HTTP, the product's face to insurers, offices and reporting tools.
//!
//! **Owns** the schema, the messages, node ids and cursors, the guard before execution, the HTTP
//! layer. **Never** contains a business rule, a transaction, SQL. **Start here**: [`router`] is
//! what the server mounts; `mutation/mod.rs` has the one way to the desk; `guard.rs` stands before
//! everything, `service.rs` leads an operation from there to its answer.

mod authority;
mod batch;
mod budget;
mod cursor;
mod door;
mod errors;
mod export;
mod feed;
mod guard;
mod hooks;
mod http;
mod messages;
mod mutation;
mod node_id;
mod nulls;
mod order;
mod pages;
mod prices;
mod query;
mod schema;
mod service;
mod socket;
mod sse;
mod subscription;
#[cfg(test)]
mod tests;
mod types;
mod visit;

pub use authority::authority_markdown;
pub use budget::{ALLOWANCE, Allowance};
pub use guard::{Admitted, COST_MAX, Guard, Refusal};
pub use hooks::HttpCourier;
pub use http::router;
pub use messages::{codes_markdown, words};
pub use pages::pages;
pub use schema::sdl;
pub use service::Settings;
