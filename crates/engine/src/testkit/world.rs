//! w
pub struct W;
