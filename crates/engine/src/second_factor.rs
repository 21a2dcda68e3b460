//! The second factor: one-time codes of a telephone (TOTP, RFC 6238), and codes on paper for the day
//! it is lost.

use crate::ids;
use crate::limits::RECOVERY_CODES;
use crate::ports::Fault;
use chrono::{DateTime, Utc};
use lifecycle::AccountId;
use totp_rs::{Builder, Secret, Totp};

/// What somebody enters into a telephone.
#[derive(Clone)]
pub struct Enrolment {
    /// The secret as text (base32), to be typed.
    pub secret: String,
    /// The same as `otpauth://` address, to be scanned.
    pub uri: String,
}

/// A fresh secret for a login.
pub(crate) fn enrol(login: &str) -> Result<Enrolment, Fault> {
    let mut bytes = [0_u8; 20];
    getrandom::fill(&mut bytes)
        .map_err(|fault| Fault::store("the system's randomness", fault.to_string()))?;
    // A colon divides issuer and name in the address.
    let name = login.replace(':', ".");
    let totp = Builder::new()
        .with_secret(Secret::new_stack(bytes))
        .with_issuer(Some("Fangpin"))
        .with_account_name(name)
        .build()
        .map_err(|fault| Fault::store("a second factor", fault))?;
    let uri = totp
        .to_url()
        .map_err(|fault| Fault::store("a second factor", fault))?;
    Ok(Enrolment {
        secret: totp.secret().to_base32(),
        uri,
    })
}

fn totp(secret: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    Builder::new().with_secret(secret).build().ok()
}

/// The time step whose code this is, a step of thirty seconds before or after included.
pub(crate) fn step_of(secret: &str, code: &str, now: DateTime<Utc>) -> Option<i64> {
    let time = u64::try_from(now.timestamp()).ok()?;
    let step = totp(secret)?.check(code, time)?;
    i64::try_from(step).ok()
}

/// The code a telephone shows at an instant: for tests.
pub fn code_at(secret: &str, now: DateTime<Utc>) -> Option<String> {
    let time = u64::try_from(now.timestamp()).ok()?;
    Some(totp(secret)?.generate(time).to_string())
}

/// Recovery codes for an account, and the hashes to keep.
pub(crate) fn recovery_codes(account: AccountId) -> Result<Vec<(String, String)>, Fault> {
    (0..RECOVERY_CODES)
        .map(|_| {
            let secret = ids::secret()
                .map_err(|fault| Fault::store("the system's randomness", fault.to_string()))?;
            // Twenty hexadecimal figures, in fives: 80 bits.
            let groups: Vec<&str> = (0..4).map(|at| &secret[at * 5..at * 5 + 5]).collect();
            let code = groups.join("-");
            let hash = recovery_hash(account, &code);
            Ok((code, hash))
        })
        .collect()
}

/// How a recovery code is kept.
pub(crate) fn recovery_hash(account: AccountId, code: &str) -> String {
    let code: String = code
        .chars()
        .filter(char::is_ascii_hexdigit)
        .map(|it| it.to_ascii_lowercase())
        .collect();
    ids::sha256(format!("{account}/{code}"))
}
