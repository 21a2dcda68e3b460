//! Node ids: base64url of a version byte, a type tag and a UUID. Opaque to clients, never
//! sequential.
//!
//! Version 1 carries no message authentication code; a later version appends one, and both can be
//! told apart by the first byte.

use async_graphql::ID;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

const VERSION: u8 = 1;

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A claim.
    Claim,
    /// A household.
    Household,
    /// A member of a household.
    Member,
    /// A payee version.
    Payee,
    /// A scheme version.
    Scheme,
    /// A person of staff.
    Person,
    /// An objection.
    Objection,
    /// A payment.
    Payment,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Claim,
        Self::Household,
        Self::Member,
        Self::Payee,
        Self::Scheme,
        Self::Person,
        Self::Objection,
        Self::Payment,
    ];

    const fn tag(self) -> u8 {
        match self {
            Self::Claim => b'C',
            Self::Household => b'H',
            Self::Member => b'M',
            Self::Payee => b'Y',
            Self::Scheme => b'S',
            Self::Person => b'P',
            Self::Objection => b'O',
            Self::Payment => b'T',
        }
    }
}

/// The node id of a thing.
pub fn encode(kind: Kind, uuid: Uuid) -> ID {
    let mut bytes = vec![VERSION, kind.tag()];
    bytes.extend_from_slice(uuid.as_bytes());
    ID(URL_SAFE_NO_PAD.encode(bytes))
}

/// What a node id names; `None` if it is not an id of ours.
pub fn decode(id: &str) -> Option<(Kind, Uuid)> {
    let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
    let (head, uuid) = bytes.split_at_checked(2)?;
    let uuid = Uuid::from_slice(uuid).ok()?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.tag() == head[1])?;
    (head[0] == VERSION).then_some((kind, uuid))
}

/// The UUID of an id of this kind.
pub fn decode_as(kind: Kind, id: &str) -> Option<Uuid> {
    decode(id)
        .filter(|(found, _)| *found == kind)
        .map(|(_, uuid)| uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_kind_and_nothing_else_decodes() {
        let uuid = Uuid::from_u128(7);
        for kind in Kind::ALL {
            let id = encode(kind, uuid);
            assert_eq!(decode(&id), Some((kind, uuid)));
            assert_eq!(decode(&format!("{}A", id.as_str())), None);
        }
        assert_eq!(decode_as(Kind::Claim, &encode(Kind::Scheme, uuid)), None);
        for text in ["", "A", "claim", "AUMAAAAAAAAAAAAAAAAAAAA=", "%%%"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
