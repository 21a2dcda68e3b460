//! Typed ids and codes. Ids are made outside (engine); here they are only told apart.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident,)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(out) }
        }
    )+};
}

ids! {
    /// A claim (赔案).
    ClaimId,
    /// A household (农户).
    HouseholdId,
    /// A member of a household (家庭成员).
    MemberId,
    /// One immutable version of a payee (收款人): a change is a new id.
    PayeeId,
    /// A person of staff (经办人); duties are separated by person, not by account.
    PersonId,
    /// A login of a person or a system.
    AccountId,
    /// An organisation (机构): county office, township, insurer.
    OrgId,
    /// One version of a county's scheme (防贫险方案); also names its pool.
    SchemeId,
    /// A public notice (公示).
    NoticeId,
    /// An objection (异议).
    ObjectionId,
    /// A payment instruction and what became of it (付款).
    PaymentId,
}

/// A code or number that does not have the form it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdFault {
    /// What was expected, in words.
    pub expected: &'static str,
    /// What stood there.
    pub found: String,
}

impl fmt::Display for IdFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} is not {}", self.found, self.expected)
    }
}

impl std::error::Error for IdFault {}

/// County code (县级行政区划代码), six digits of GB/T 2260: the tenant and the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CountyCode(u32);

impl CountyCode {
    /// A county code from its number, 100000 to 999999.
    pub fn new(code: u32) -> Result<Self, IdFault> {
        if (100_000..=999_999).contains(&code) {
            Ok(Self(code))
        } else {
            Err(IdFault {
                expected: "a six-digit county code",
                found: code.to_string(),
            })
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for CountyCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:06}", self.0)
    }
}

/// Region code (区划代码): county 6, township 9 or village 12 digits. A shorter code covers the
/// longer ones that begin with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RegionCode(String);

impl RegionCode {
    /// A region code of 6, 9 or 12 digits.
    pub fn new(code: impl Into<String>) -> Result<Self, IdFault> {
        let code = code.into();
        if matches!(code.len(), 6 | 9 | 12) && code.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(code))
        } else {
            Err(IdFault {
                expected: "a region code of 6, 9 or 12 digits",
                found: code,
            })
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` lies in this region (or is it).
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// The county it lies in.
    #[must_use]
    pub fn county(&self) -> Self {
        Self(self.0.chars().take(6).collect())
    }

    /// The township of a village or township code; the county code itself otherwise.
    #[must_use]
    pub fn township(&self) -> Self {
        Self(self.0.chars().take(9).collect())
    }
}

impl fmt::Display for RegionCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The identity of a bill (票据): a hash of issuer and number, so that the journal and the
/// once-ever rule (invariant 10) hold neither a hospital's name nor a bill number in the clear.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BillKey(String);

impl BillKey {
    /// The key of the bill that `issuer` gave the `number`; white space does not count.
    pub fn of(issuer: &str, number: &str) -> Self {
        let clean = |text: &str| text.split_whitespace().collect::<String>();
        Self(hex(&Sha256::digest(format!(
            "{}\u{1f}{}",
            clean(issuer),
            clean(number)
        ))))
    }

    /// The key as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}
