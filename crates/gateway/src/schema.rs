//! The schema, and its text.

use crate::mutation::Mutation;
use crate::query::Query;
use crate::subscription::Subscription;
use async_graphql::{SDLExportOptions, Schema, SchemaBuilder};

/// The schema of the gateway.
pub type ApiSchema = Schema<Query, Mutation, Subscription>;

/// Begins the schema. What a resolver needs comes with each request.
pub fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription).disable_suggestions()
}

/// The schema.
pub fn schema() -> ApiSchema {
    builder().finish()
}

/// The schema as SDL, as it is committed in `graphql/schema.graphql`.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().use_space_ident();
    let text = schema().sdl_with_options(options);
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    let mut text = lines.join("\n").trim().to_owned();
    text.push('\n');
    text
}
