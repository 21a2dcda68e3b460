//! Tests of the contract: the schema, its documents, its HTTP behaviour.

mod contract;
