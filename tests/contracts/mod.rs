//! The store contract: memory, SQLite and a real PostgreSQL server keep the same promises.
