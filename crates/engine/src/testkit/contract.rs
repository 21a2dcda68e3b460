//! The promises every store keeps.
