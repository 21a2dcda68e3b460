//! The one place where ids are made.

use uuid::Uuid;

/// The namespace of ids that follow from a name (sample data, scheme files, organisations).
const NAMED: Uuid = Uuid::from_u128(0x6ba7_b816_9dad_11d1_80b4_00c0_4fd4_30c8);

/// A fresh id, ordered by time (`UUIDv7`).
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where ids are made"
)]
pub fn fresh() -> Uuid {
    Uuid::now_v7()
}

/// The id that always belongs to this name (`UUIDv5`): the same name gives the same id.
pub fn named(kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&NAMED, format!("fangpin/{kind}/{name}").as_bytes())
}

/// Random bytes from the system, in lower-case hexadecimal (32 bytes, 64 characters).
pub fn secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}
