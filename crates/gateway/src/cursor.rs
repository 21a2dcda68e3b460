//! Cursors of connections: opaque, and bound to the list, its filter and the scope they were made
//! under.

use crate::errors::ApiError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::{Caller, ids};
use std::fmt::Debug;

const VERSION: char = '1';
const BINDING_CHARS: usize = 16;

/// What a cursor is bound to: the list, its filter, the caller's scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding(String);

impl Binding {
    /// The binding of a list under a filter for a caller.
    pub fn new(list: &str, filter: &impl Debug, caller: &Caller) -> Self {
        let mut hash = ids::sha256(format!("{list}\n{filter:?}\n{:?}", caller.scope));
        hash.truncate(BINDING_CHARS);
        Self(hash)
    }

    /// The cursor of a row's key.
    pub fn cursor(&self, key: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{VERSION}{}{key}", self.0))
    }

    /// The key of a cursor that was made under this binding.
    pub fn key(&self, cursor: &str) -> Result<String, ApiError> {
        URL_SAFE_NO_PAD
            .decode(cursor)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| {
                let rest = text.strip_prefix(VERSION)?;
                Some(rest.strip_prefix(&self.0)?.to_owned())
            })
            .ok_or_else(|| ApiError::invalid("the cursor does not belong to this list"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_of_another_filter_is_refused() {
        let binding = |text: &str| Binding(ids::sha256(text)[..BINDING_CHARS].to_owned());
        let cursor = binding("a").cursor("130304-2020-00001");
        assert_eq!(
            binding("a").key(&cursor).ok().as_deref(),
            Some("130304-2020-00001")
        );
        assert!(binding("b").key(&cursor).is_err());
        assert!(binding("a").key("").is_err());
        assert!(binding("a").key("MTIz").is_err());
    }
}
