//! Signatures of the Standard Webhooks specification, over `id.timestamp.body`: `v1` is HMAC-SHA256 with a shared
//! secret (`whsec_`), `v1a` is ed25519 (`whsk_`, `whpk_`). Its Rust library signs `v1` only, over text only, and by
//! the machine's clock; a test holds ours to it.

use super::{HookKey, HookSecret, KeyKind};
use crate::limits;
use crate::ports::Fault;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Header: the message's id, the same at every attempt.
pub const ID_HEADER: &str = "webhook-id";
/// Header: when it was sent, in seconds.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Header: signatures, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

const SECRET_PREFIX: &str = "whsec_";
const PUBLIC_PREFIX: &str = "whpk_";

fn signed(id: &str, at: i64, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{id}.{at}.").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn hmac(secret: &[u8], bytes: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(bytes);
    Some(mac)
}

fn seed(secret: &HookSecret) -> Option<SigningKey> {
    let bytes = STANDARD.decode(secret.reveal()).ok()?;
    Some(SigningKey::from_bytes(bytes.as_slice().try_into().ok()?))
}

/// A fresh key to sign with: 32 random bytes.
pub fn fresh_secret() -> Result<HookSecret, Fault> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|fault| Fault::store("the system's randomness", fault.to_string()))?;
    Ok(HookSecret(STANDARD.encode(bytes)))
}

/// What the other side needs to verify: the shared secret, or the public key.
pub fn shown(kind: KeyKind, secret: &HookSecret) -> Option<String> {
    match kind {
        KeyKind::Hmac => Some(format!("{SECRET_PREFIX}{}", secret.reveal())),
        KeyKind::Ed25519 => {
            let public = seed(secret)?.verifying_key();
            Some(format!(
                "{PUBLIC_PREFIX}{}",
                STANDARD.encode(public.as_bytes())
            ))
        }
    }
}

/// A public key as a connector hands it over, with or without its prefix; `None` if it is none, or a weak one.
pub fn read_public(text: &str) -> Option<HookSecret> {
    let text = text.trim();
    let text = text.strip_prefix(PUBLIC_PREFIX).unwrap_or(text);
    let bytes = STANDARD.decode(text).ok()?;
    let key = VerifyingKey::from_bytes(bytes.as_slice().try_into().ok()?).ok()?;
    (!key.is_weak()).then(|| HookSecret(STANDARD.encode(key.as_bytes())))
}

/// The signature of a message under a key; `None` if the key is none.
fn sign(key: &HookKey, id: &str, at: i64, body: &[u8]) -> Option<String> {
    let bytes = signed(id, at, body);
    match key.kind {
        KeyKind::Hmac => {
            let secret = STANDARD.decode(key.secret.reveal()).ok()?;
            let mac = hmac(&secret, &bytes)?.finalize().into_bytes();
            Some(format!("v1,{}", STANDARD.encode(mac)))
        }
        KeyKind::Ed25519 => {
            let signature = seed(&key.secret)?.sign(&bytes);
            Some(format!("v1a,{}", STANDARD.encode(signature.to_bytes())))
        }
    }
}

/// The header of a message: one signature for each key that is used, so that a receiver may go over to the new one
/// at any moment of the overlap.
pub fn signatures(
    keys: &[HookKey],
    id: &str,
    now: DateTime<Utc>,
    body: &[u8],
) -> Result<String, Fault> {
    let used = keys.iter().filter(|key| key.is_used(now));
    let signed: Vec<String> = used
        .filter_map(|key| sign(key, id, now.timestamp(), body))
        .collect();
    if signed.is_empty() {
        return Err(Fault::Unusable(
            "an endpoint has no key to sign with".into(),
        ));
    }
    Ok(signed.join(" "))
}

fn fits(key: &HookKey, version: &str, signature: &[u8], bytes: &[u8]) -> bool {
    let Ok(own) = STANDARD.decode(key.secret.reveal()) else {
        return false;
    };
    match (key.kind, version) {
        // Compared in constant time.
        (KeyKind::Hmac, "v1") => {
            hmac(&own, bytes).is_some_and(|mac| mac.verify_slice(signature).is_ok())
        }
        (KeyKind::Ed25519, "v1a") => {
            let own = own.as_slice().try_into().ok();
            let own = own.and_then(|own| VerifyingKey::from_bytes(own).ok());
            let signature = Signature::from_slice(signature).ok();
            own.zip(signature)
                .is_some_and(|(own, signature)| own.verify_strict(bytes, &signature).is_ok())
        }
        (KeyKind::Hmac | KeyKind::Ed25519, _) => false,
    }
}

/// Whether one of the signatures of a header fits one of a connector's keys.
pub fn is_genuine(
    keys: &[HookKey],
    id: &str,
    at: i64,
    now: DateTime<Utc>,
    body: &[u8],
    header: &str,
) -> bool {
    let bytes = signed(id, at, body);
    header
        .split(' ')
        .take(limits::HOOK_SIGNATURES_MAX)
        .filter_map(|part| part.split_once(','))
        .filter_map(|(version, signature)| Some((version, STANDARD.decode(signature).ok()?)))
        .any(|(version, signature)| {
            keys.iter()
                .any(|key| key.is_used(now) && fits(key, version, &signature, &bytes))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;
    use lifecycle::OrgId;
    use uuid::Uuid;

    fn key(kind: KeyKind, secret: &str) -> HookKey {
        HookKey {
            id: Uuid::nil(),
            org: OrgId(Uuid::nil()),
            owner: Uuid::nil(),
            kind,
            secret: HookSecret::new(secret),
            made_at: DateTime::UNIX_EPOCH,
            ends_at: None,
        }
    }

    /// The example of the specification and its libraries.
    #[test]
    fn the_published_example() {
        let key = key(KeyKind::Hmac, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature = sign(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signature.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    /// The specification's Rust library verifies what we sign, and we what it signs.
    #[test]
    fn as_the_rust_library() {
        let now = crate::clock::Clock::now(&crate::clock::SystemClock);
        let secret = fresh_secret().expect("randomness");
        let own = key(KeyKind::Hmac, secret.reveal());
        let library =
            standardwebhooks::Webhook::new(&shown(KeyKind::Hmac, &secret).expect("shown"))
                .expect("a secret");
        for body in ["{}", r#"{"type":"claim.paid"}"#, "公示", ""] {
            let header = signatures(std::slice::from_ref(&own), "msg_1", now, body.as_bytes())
                .expect("signed");
            let mut headers = http::HeaderMap::new();
            headers.insert(ID_HEADER, "msg_1".parse().expect("a header"));
            headers.insert(
                TIMESTAMP_HEADER,
                now.timestamp().to_string().parse().expect("a header"),
            );
            headers.insert(SIGNATURE_HEADER, header.parse().expect("a header"));
            library
                .verify(body.as_bytes(), &headers)
                .expect("it verifies");
            let theirs = library
                .sign("msg_1", now.timestamp(), body.as_bytes())
                .expect("signed");
            assert_eq!(theirs, header);
            assert!(is_genuine(
                std::slice::from_ref(&own),
                "msg_1",
                now.timestamp(),
                now,
                body.as_bytes(),
                &theirs
            ));
        }
    }

    #[test]
    fn nothing_else_fits() {
        let now = DateTime::<Utc>::UNIX_EPOCH + Duration::days(20_000);
        let at = now.timestamp();
        for kind in [KeyKind::Hmac, KeyKind::Ed25519] {
            let secret = fresh_secret().expect("randomness");
            let signing = key(kind, secret.reveal());
            let public = match kind {
                KeyKind::Hmac => secret.clone(),
                KeyKind::Ed25519 => {
                    read_public(&shown(kind, &secret).expect("shown")).expect("public")
                }
            };
            let verifying = [key(kind, public.reveal())];
            let header =
                signatures(std::slice::from_ref(&signing), "msg_1", now, b"body").expect("signed");
            let fits = |keys: &[HookKey], id, at, body: &[u8], header: &str| {
                is_genuine(keys, id, at, now, body, header)
            };
            assert!(fits(&verifying, "msg_1", at, b"body", &header));
            // Among others, also ones that are not known.
            assert!(fits(
                &verifying,
                "msg_1",
                at,
                b"body",
                &format!("v9,AAAA v1,AAAA x {header}")
            ));
            for (what, fits) in [
                ("id", fits(&verifying, "msg_2", at, b"body", &header)),
                ("time", fits(&verifying, "msg_1", at + 1, b"body", &header)),
                ("body", fits(&verifying, "msg_1", at, b"bodx", &header)),
                (
                    "moved dot",
                    fits(&verifying, "msg_1.1", at, b"body", &header),
                ),
                (
                    "version",
                    fits(
                        &verifying,
                        "msg_1",
                        at,
                        b"body",
                        &header.replace("v1", "v2"),
                    ),
                ),
                (
                    "cut",
                    fits(
                        &verifying,
                        "msg_1",
                        at,
                        b"body",
                        &header[..header.len() - 4],
                    ),
                ),
                ("none", fits(&verifying, "msg_1", at, b"body", "")),
                ("no key", fits(&[], "msg_1", at, b"body", &header)),
                (
                    "other key",
                    fits(
                        &[key(
                            kind,
                            match kind {
                                KeyKind::Hmac => fresh_secret().expect("randomness"),
                                KeyKind::Ed25519 => read_public(
                                    &shown(kind, &fresh_secret().expect("randomness"))
                                        .expect("shown"),
                                )
                                .expect("public"),
                            }
                            .reveal(),
                        )],
                        "msg_1",
                        at,
                        b"body",
                        &header,
                    ),
                ),
            ] {
                assert!(!fits, "{kind}: another {what}");
            }
            // A public key is no secret: an HMAC made with it does not pass as `v1a`, nor as `v1`.
            if kind == KeyKind::Ed25519 {
                let confused = sign(&key(KeyKind::Hmac, public.reveal()), "msg_1", at, b"body")
                    .expect("signed");
                assert!(!fits(&verifying, "msg_1", at, b"body", &confused));
                assert!(!fits(
                    &verifying,
                    "msg_1",
                    at,
                    b"body",
                    &confused.replace("v1,", "v1a,")
                ));
            }
        }
    }

    /// During the overlap both keys sign; afterwards only the new one does.
    #[test]
    fn keys_overlap() {
        let now = DateTime::<Utc>::UNIX_EPOCH + Duration::days(20_000);
        let mut old = key(KeyKind::Hmac, fresh_secret().expect("randomness").reveal());
        let new = key(KeyKind::Hmac, fresh_secret().expect("randomness").reveal());
        old.ends_at = Some(now + Duration::hours(1));
        let keys = [old.clone(), new.clone()];
        let during = signatures(&keys, "m", now, b"x").expect("signed");
        let after = signatures(&keys, "m", now + Duration::hours(1), b"x").expect("signed");
        assert_eq!(during.split(' ').count(), 2);
        assert_eq!(after.split(' ').count(), 1);
        old.ends_at = None;
        for key in [old, new] {
            assert!(is_genuine(&[key], "m", now.timestamp(), now, b"x", &during));
        }
    }

    #[test]
    fn weak_and_odd_public_keys_are_refused() {
        let zero = STANDARD.encode([0_u8; 32]);
        let mut one = [0_u8; 32];
        one[0] = 1;
        for text in [
            "",
            "whpk_",
            "whpk_AAAA",
            &zero,
            &STANDARD.encode(one),
            "whsec_AAAA",
            "%%%",
        ] {
            assert!(read_public(text).is_none(), "{text}");
        }
    }
}
