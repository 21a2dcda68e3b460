//! Signing in: passwords (Argon2), sessions and API keys. Secrets are kept as hashes only.

use crate::caller::Caller;
use crate::clock::Clock;
use crate::limits;
use crate::ports::{Fault, Store};
use crate::registry::{Account, Credential};
use crate::{Desk, ids};
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use chrono::{DateTime, Duration, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The name of the console's session cookie.
pub const SESSION_COOKIE: &str = "fangpin_session";

/// A password that may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeakPassword;

impl std::fmt::Display for WeakPassword {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "口令至少{}个字符 (a password has at least {} characters)",
            limits::PASSWORD_CHARS_MIN,
            limits::PASSWORD_CHARS_MIN
        )
    }
}

impl std::error::Error for WeakPassword {}

/// The Argon2id hash of a password, in PHC form.
pub fn hash_password(password: &str) -> Result<String, WeakPassword> {
    if password.chars().count() < limits::PASSWORD_CHARS_MIN
        || password.len() > limits::PASSWORD_BYTES_MAX
    {
        return Err(WeakPassword);
    }
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|_| WeakPassword)
}

/// Whether a password fits a hash. An unreadable or empty hash fits nothing.
pub fn verify_password(password: &str, hash: &str) -> bool {
    if password.len() > limits::PASSWORD_BYTES_MAX {
        return false;
    }
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// A session that was opened. The token is shown once.
#[derive(Clone)]
pub struct Session {
    /// The secret.
    pub token: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// Who signed in.
    pub caller: Caller,
}

/// Signs in, opens API keys, and says who a secret belongs to.
pub struct Access {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Resolved callers, remembered for less than a second: a revocation is felt within it.
    known: Mutex<HashMap<String, (Instant, Caller)>>,
}

impl Access {
    /// Access to the desk's store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            known: Mutex::new(HashMap::new()),
        }
    }

    /// Signs in with a password. `None` whether the login or the password is wrong; both take the
    /// same time.
    pub async fn log_in(&self, login: &str, password: &str) -> Result<Option<Session>, Fault> {
        let found = self.store.account(login).await?;
        let found = found.filter(|(_, account)| !account.password_hash.is_empty());
        let password = password.to_owned();
        let hash = found
            .as_ref()
            .map_or_else(decoy, |(_, account)| account.password_hash.clone());
        let fits = tokio::task::spawn_blocking(move || verify_password(&password, &hash))
            .await
            .map_err(|fault| Fault::store("checking a password", fault))?;
        let Some((county, account)) = found.filter(|_| fits) else {
            return Ok(None);
        };
        let expires_at = self.clock.now() + Duration::hours(limits::SESSION_HOURS_MAX);
        let token = self
            .open(county, account.id, "session", expires_at, "fps_")
            .await?;
        let caller = self.caller(&token).await?;
        Ok(caller.map(|caller| Session {
            token,
            expires_at,
            caller,
        }))
    }

    /// Sets a password and ends every session and API key of the account, which may have been taken
    /// with the old one; how many were ended.
    pub async fn set_password(
        &self,
        county: lifecycle::CountyCode,
        account: Account,
        password_hash: String,
    ) -> Result<u64, Fault> {
        let id = account.id;
        let account = Account {
            password_hash,
            ..account
        };
        self.store.put_account(county, &account).await?;
        self.end_all(county, id).await
    }

    /// Ends every session and API key of an account; how many were not ended before.
    pub async fn end_all(
        &self,
        county: lifecycle::CountyCode,
        account: lifecycle::AccountId,
    ) -> Result<u64, Fault> {
        self.known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clear();
        self.store.revoke_account(county, account).await
    }

    /// Opens an API key for a system or a reporting tool; the secret is returned once.
    pub async fn open_key(
        &self,
        county: lifecycle::CountyCode,
        account: lifecycle::AccountId,
        label: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<String, Fault> {
        self.open(county, account, label, expires_at, "fpk_").await
    }

    async fn open(
        &self,
        county: lifecycle::CountyCode,
        account: lifecycle::AccountId,
        label: &str,
        expires_at: DateTime<Utc>,
        prefix: &str,
    ) -> Result<String, Fault> {
        let secret = ids::secret()
            .map_err(|fault| Fault::store("the system's randomness", fault.to_string()))?;
        let token = format!("{prefix}{secret}");
        let credential = Credential {
            hash: ids::sha256(&token),
            account,
            label: label.to_owned(),
            expires_at,
        };
        self.store.put_credential(county, &credential).await?;
        Ok(token)
    }

    /// Who presents this secret; `None` if nobody does any more.
    pub async fn caller(&self, token: &str) -> Result<Option<Caller>, Fault> {
        let hash = ids::sha256(token);
        if let Some(caller) = self.remembered(&hash) {
            return Ok(Some(caller));
        }
        let caller = self.store.caller(&hash, self.clock.now()).await?;
        if let Some(caller) = &caller {
            let mut known = self
                .known
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if known.len() > 10_000 {
                known.clear();
            }
            known.insert(hash, (monotonic(), caller.clone()));
        }
        Ok(caller)
    }

    fn remembered(&self, hash: &str) -> Option<Caller> {
        let known = self
            .known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (at, caller) = known.get(hash)?;
        let fresh = at.elapsed().as_millis() < u128::from(limits::CALLER_CACHE_MS);
        fresh.then(|| caller.clone())
    }

    /// Signs out.
    pub async fn log_out(&self, token: &str) -> Result<(), Fault> {
        let hash = ids::sha256(token);
        self.known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .remove(&hash);
        self.store.revoke_credential(&hash).await
    }
}

/// Time for the memory above only; it decides nothing about a claim.
#[expect(
    clippy::disallowed_methods,
    reason = "age of a cached caller, never a decision time"
)]
fn monotonic() -> Instant {
    Instant::now()
}

/// The hash that a password is compared with when there is no such login, so that the answer
/// takes as long.
fn decoy() -> String {
    static DECOY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    DECOY
        .get_or_init(|| hash_password("no password fits this one").unwrap_or_default())
        .clone()
}

/// The desk and the access to it, as gateway and console receive them.
#[derive(Clone)]
pub struct Office {
    /// Commands and reads.
    pub desk: Desk,
    /// Who is calling.
    pub access: Arc<Access>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::world::{PASSWORD, county};
    use crate::testkit::{Role, TestDesk};

    #[test]
    fn weak_passwords_are_refused() {
        let long = "密".repeat(86);
        for weak in ["", "eleven-char", "密码密码密码密码密码密", &long] {
            assert_eq!(hash_password(weak), Err(WeakPassword), "{weak}");
        }
        let hash = hash_password("twelve-chars").expect("long enough");
        assert!(hash.starts_with("$argon2id$") && !hash.contains("twelve"));
        assert!(verify_password("twelve-chars", &hash));
        for wrong in ["twelve-charS", "", &long] {
            assert!(!verify_password(wrong, &hash), "{wrong}");
        }
        for unreadable in ["", "twelve-chars", "$argon2id$v=19$"] {
            assert!(!verify_password("twelve-chars", unreadable));
        }
        let again = hash_password("twelve-chars").expect("long enough");
        assert_ne!(hash, again, "each hash has a salt of its own");
    }

    #[tokio::test]
    async fn login_and_password_must_both_fit() {
        let desk = TestDesk::in_memory().await;
        let access = desk.office().access;
        let keyless = Account {
            id: lifecycle::AccountId(ids::fresh()),
            login: "api.only".into(),
            password_hash: String::new(),
            person: Role::Connector.person_id(),
        };
        let put = desk.store().put_account(county(), &keyless).await;
        put.expect("writing");
        for (login, password) in [
            ("smz.wang", "fangpin-test-2021"),
            ("smz.wang", ""),
            ("smz.wan", PASSWORD),
            ("SMZ.WANG", PASSWORD),
            ("", PASSWORD),
            ("api.only", ""),
            // The password that is compared when there is no such login opens nothing.
            ("nobody", "no password fits this one"),
            ("api.only", "no password fits this one"),
        ] {
            let session = access.log_in(login, password).await.expect("reading");
            assert!(session.is_none(), "{login} {password}");
        }
        let session = access.log_in("smz.wang", PASSWORD).await.expect("reading");
        let session = session.expect("both fit");
        assert_eq!(session.caller, Role::Shimenzhai.caller());
        assert!(session.token.starts_with("fps_") && session.token.len() == 68);
        let caller = access.caller(&session.token).await.expect("reading");
        assert_eq!(caller, Some(Role::Shimenzhai.caller()));
        for token in [
            "",
            "fps_",
            &session.token[..67],
            &ids::sha256(&session.token),
        ] {
            let caller = access.caller(token).await.expect("reading");
            assert_eq!(caller, None, "{token}");
        }
    }

    #[tokio::test]
    async fn sessions_last_a_working_day() {
        let desk = TestDesk::in_memory().await;
        let session = desk.office().access.log_in("smz.wang", PASSWORD).await;
        let session = session.expect("reading").expect("both fit");
        let hours = Duration::hours(limits::SESSION_HOURS_MAX);
        assert_eq!(session.expires_at, desk.now() + hours);
        let known = async || {
            // Another process, which remembers nobody.
            let access = desk.office().access;
            access
                .caller(&session.token)
                .await
                .expect("reading")
                .is_some()
        };
        desk.clock
            .set(session.expires_at - Duration::microseconds(1));
        assert!(known().await);
        desk.clock.set(session.expires_at);
        assert!(!known().await);
    }

    #[tokio::test]
    async fn a_new_password_ends_what_was_opened_with_the_old_one() {
        let desk = TestDesk::in_memory().await;
        let access = desk.office().access;
        let account = Role::Shimenzhai.account_id();
        let ended = access.end_all(county(), account).await;
        ended.expect("writing");
        let mut opened = Vec::new();
        for login in ["smz.wang", "smz.wang", "office.qian"] {
            let session = access.log_in(login, PASSWORD).await.expect("reading");
            opened.push(session.expect("both fit").token);
        }
        let key = access
            .open_key(
                county(),
                account,
                "报表(测试)",
                desk.now() + Duration::days(1),
            )
            .await;
        opened.push(key.expect("writing"));
        let (_, account) = (desk.store().account("smz.wang").await.expect("reading")).expect("it");
        let hash = hash_password("another-password").expect("long enough");
        let set = access.set_password(county(), account.clone(), hash).await;
        assert_eq!(set.expect("writing"), 3);
        let mut alive = Vec::new();
        for token in &opened {
            alive.push(access.caller(token).await.expect("reading").is_some());
        }
        assert_eq!(alive, [false, false, true, false]);
        let old = access.log_in("smz.wang", PASSWORD).await.expect("reading");
        let new = access.log_in("smz.wang", "another-password").await;
        assert!(old.is_none() && new.expect("reading").is_some());
        let ended = access.end_all(county(), account.id).await;
        assert_eq!(ended.expect("writing"), 1);
    }

    /// A revocation is felt at once where it is made, and within the time callers are remembered
    /// everywhere else.
    #[tokio::test]
    async fn revoked_within_a_second() {
        let desk = TestDesk::in_memory().await;
        let (here, there) = (desk.office().access, desk.office().access);
        let key = here
            .open_key(
                county(),
                Role::Connector.account_id(),
                "银行接口(测试)",
                desk.now() + Duration::days(90),
            )
            .await
            .expect("writing");
        assert!(key.starts_with("fpk_"));
        let caller = Some(Role::Connector.caller());
        assert_eq!(here.caller(&key).await.expect("reading"), caller);
        assert_eq!(there.caller(&key).await.expect("reading"), caller);
        here.log_out(&key).await.expect("writing");
        assert_eq!(here.caller(&key).await.expect("reading"), None);
        let felt = async {
            while there.caller(&key).await.expect("reading").is_some() {
                tokio::task::yield_now().await;
            }
        };
        let second = std::time::Duration::from_millis(limits::CALLER_CACHE_MS + 500);
        let felt = tokio::time::timeout(second, felt).await;
        assert!(felt.is_ok(), "still known after {second:?}");
    }
}
