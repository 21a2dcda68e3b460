//! Node ids: base64url of a version byte, a type tag, and one or two UUIDs. Opaque to clients, never
//! sequential.
//!
//! What is part of something (a member of a household, an objection to a claim) carries the whole's
//! UUID too, so that whoever fetches it by id passes the whole's guard. Version 1 carries no message
//! authentication code; a later version appends one, and both can be told apart by the first byte.

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
    /// A payee version of a household.
    Payee,
    /// A scheme version.
    Scheme,
    /// A person of staff.
    Person,
    /// An objection to a claim.
    Objection,
    /// A payment of a claim.
    Payment,
    /// A public notice of a claim.
    Notice,
    /// An event of a claim; its own part is the place in the history.
    Event,
    /// An export.
    Bulk,
    /// A session or API key.
    Pass,
    /// A duty for a time.
    Assignment,
    /// A substitution.
    Substitution,
    /// An order of a pool.
    PoolOrder,
    /// A batch of payments.
    PaymentBatch,
    /// A file of the bank.
    BankFile,
    /// An endpoint of webhooks.
    Endpoint,
    /// A webhook on its way to one.
    Delivery,
    /// A message that a connector sent.
    Message,
}

impl Kind {
    const ALL: [Self; 20] = [
        Self::Claim,
        Self::Household,
        Self::Member,
        Self::Payee,
        Self::Scheme,
        Self::Person,
        Self::Objection,
        Self::Payment,
        Self::Notice,
        Self::Event,
        Self::Bulk,
        Self::Pass,
        Self::Assignment,
        Self::Substitution,
        Self::PoolOrder,
        Self::PaymentBatch,
        Self::BankFile,
        Self::Endpoint,
        Self::Delivery,
        Self::Message,
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
            Self::Notice => b'N',
            Self::Event => b'E',
            Self::Bulk => b'X',
            Self::Pass => b'K',
            Self::Assignment => b'A',
            Self::Substitution => b'B',
            Self::PoolOrder => b'L',
            Self::PaymentBatch => b'G',
            Self::BankFile => b'F',
            Self::Endpoint => b'W',
            Self::Delivery => b'D',
            Self::Message => b'I',
        }
    }

    /// Whether it is part of something.
    const fn is_part(self) -> bool {
        match self {
            Self::Claim
            | Self::Household
            | Self::Scheme
            | Self::Person
            | Self::Bulk
            | Self::Pass
            | Self::Assignment
            | Self::Substitution
            | Self::PoolOrder
            | Self::PaymentBatch
            | Self::BankFile
            | Self::Endpoint
            | Self::Delivery
            | Self::Message => false,
            Self::Member
            | Self::Payee
            | Self::Objection
            | Self::Payment
            | Self::Notice
            | Self::Event => true,
        }
    }
}

/// A decoded id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// What it names.
    pub kind: Kind,
    /// The whole it is part of; nil for what is no part.
    pub whole: Uuid,
    /// Its own UUID.
    pub own: Uuid,
}

fn written(kind: Kind, uuids: &[Uuid]) -> ID {
    let mut bytes = vec![VERSION, kind.tag()];
    for uuid in uuids {
        bytes.extend_from_slice(uuid.as_bytes());
    }
    ID(URL_SAFE_NO_PAD.encode(bytes))
}

/// The node id of a thing that is no part of another.
pub fn encode(kind: Kind, uuid: Uuid) -> ID {
    written(kind, &[uuid])
}

/// The node id of a part of a whole.
pub fn encode_part(kind: Kind, whole: Uuid, own: Uuid) -> ID {
    written(kind, &[whole, own])
}

/// What a node id names; `None` if it is not an id of ours.
pub fn decode(id: &str) -> Option<Named> {
    let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
    let (head, uuids) = bytes.split_at_checked(2)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.tag() == head[1])?;
    let (whole, own) = if kind.is_part() {
        let (whole, own) = uuids.split_at_checked(16)?;
        (Uuid::from_slice(whole).ok()?, own)
    } else {
        (Uuid::nil(), uuids)
    };
    let own = Uuid::from_slice(own).ok()?;
    (head[0] == VERSION).then_some(Named { kind, whole, own })
}

/// The UUID of an id of this kind.
pub fn decode_as(kind: Kind, id: &str) -> Option<Uuid> {
    decode(id)
        .filter(|named| named.kind == kind)
        .map(|named| named.own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_kind_and_nothing_else_decodes() {
        let (whole, own) = (Uuid::from_u128(9), Uuid::from_u128(7));
        for kind in Kind::ALL {
            let (id, whole, wrong) = if kind.is_part() {
                (encode_part(kind, whole, own), whole, encode(kind, own))
            } else {
                (
                    encode(kind, own),
                    Uuid::nil(),
                    encode_part(kind, whole, own),
                )
            };
            assert_eq!(decode(&id), Some(Named { kind, whole, own }));
            assert_eq!(decode(&format!("{}A", id.as_str())), None);
            assert_eq!(decode(&wrong), None, "{kind:?}");
        }
        assert_eq!(decode_as(Kind::Claim, &encode(Kind::Scheme, own)), None);
        for text in ["", "A", "claim", "AUMAAAAAAAAAAAAAAAAAAAA=", "%%%"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
