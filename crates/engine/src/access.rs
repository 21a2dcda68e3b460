//! Signing in, and everything that follows from it: sessions, keys, links, second factors, duties,
//! substitution. Secrets are kept as hashes only; every change leaves a record.

use crate::caller::{Caller, Grant};
use crate::clock::Clock;
use crate::identity::{
    Assignment, Change, IdentityEvent, IdentityEventKind, Pass, PassId, PassKind, Presented, Rules,
    Substitution,
};
use crate::limits;
use crate::ports::{Fault, Store};
use crate::registry::{Account, Org, OrgKind, Person, Region};
use crate::scheme_file::org_id;
use crate::second_factor::{self, Enrolment};
use crate::throttle::{OF_A_LOGIN, OF_AN_ADDRESS};
use crate::{Desk, ids, password, sight};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use lifecycle::calendar::legal_day;
use lifecycle::{AccountId, CountyCode, Door, Duty, PersonId, RegionCode};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use uuid::Uuid;

pub use crate::password::{WeakPassword, check_password, hash_password, verify_password};

/// The name of the console's session cookie over plain HTTP.
pub const SESSION_COOKIE: &str = "fangpin_session";
/// Its name over HTTPS: a browser takes it only from this very host, and only with `Secure`.
pub const SESSION_COOKIE_HOST: &str = "__Host-fangpin_session";

/// The header in which the server notes where a request comes from. Whatever a client puts there is
/// taken away first.
pub const ADDRESS_HEADER: &str = "x-fangpin-address";

/// The session's secret out of a `Cookie` header.
pub fn session_of_cookies(header: &str) -> Option<&str> {
    let pairs = || {
        header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
    };
    let named = |wanted: &str| pairs().find(|(name, _)| *name == wanted);
    let (_, token) = named(SESSION_COOKIE_HOST).or_else(|| named(SESSION_COOKIE))?;
    Some(token)
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

/// How signing in ended.
#[derive(Clone)]
pub enum LogIn {
    /// A session is open.
    Done(Box<Session>),
    /// The password fits; a code must follow with this ticket.
    SecondFactor {
        /// The ticket.
        ticket: String,
        /// When it ends.
        ends_at: DateTime<Utc>,
    },
    /// Login or secret is wrong, or the ticket has ended.
    Wrong,
    /// Too many attempts: whether the login exists or not, and whatever the password.
    Wait {
        /// Seconds.
        seconds: u64,
    },
    /// Both fit, but the person holds no duty today.
    NoDuty,
}

/// Why a change of somebody's access is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The duty for it is missing.
    DutyMissing,
    /// Nobody changes their own rights.
    Own,
    /// There is no such thing within the caller's organisation.
    NotFound,
    /// The password may not be used.
    Weak(WeakPassword),
    /// The present password is wrong.
    WrongPassword,
    /// The code is wrong or was used.
    WrongCode,
    /// The link or ticket has ended or was used.
    LinkEnded,
    /// Too many attempts.
    Wait {
        /// Seconds.
        seconds: u64,
    },
    /// A second factor must be shown first.
    SecondFactor,
    /// Something given cannot be.
    Invalid {
        /// Which field.
        field: &'static str,
        /// Why.
        reason: &'static str,
    },
}

/// An answer, a refusal, or a fault.
pub type Answer<T> = Result<Result<T, Refusal>, Fault>;

/// A key that is to be made.
#[derive(Debug, Clone)]
pub struct KeyOrder {
    /// The login it is for.
    pub login: String,
    /// What it is called.
    pub label: String,
    /// What it is good for.
    pub grants: Vec<Grant>,
    /// Only these duties.
    pub duties: Option<Vec<Duty>>,
    /// Only this region.
    pub region: Option<RegionCode>,
    /// Days until it ends.
    pub days: i64,
}

impl KeyOrder {
    /// A key for everything that its person may do.
    pub fn whole(login: &str, label: &str, days: i64) -> Self {
        Self {
            login: login.into(),
            label: label.into(),
            grants: Grant::ALL.to_vec(),
            duties: None,
            region: None,
            days,
        }
    }
}

/// What the first administrator enters.
#[derive(Clone)]
pub struct SetUp {
    /// The county.
    pub county: CountyCode,
    /// Its name, where it is not loaded yet.
    pub county_name: String,
    /// The name of the office, where it is not loaded yet.
    pub office: String,
    /// The administrator's name.
    pub name: String,
    /// Login.
    pub login: String,
    /// Password.
    pub password: String,
}

/// Somebody of staff as an administrator sees them.
#[derive(Debug, Clone)]
pub struct Staff {
    /// The person with standing duties.
    pub person: Person,
    /// The organisation.
    pub org: Org,
    /// The account.
    pub account: AccountId,
    /// The login.
    pub login: String,
    /// Whether a password is set.
    pub has_password: bool,
    /// Duties for a time.
    pub assignments: Vec<Assignment>,
}

/// Signs in, opens API keys, and says who a secret belongs to.
pub struct Access {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// The time of the codes that telephones show.
    telephones: Arc<dyn Clock>,
    rules: Rules,
    /// What secrets led to, remembered for less than a second: a revocation is felt within it.
    known: Mutex<HashMap<String, (Instant, Presented)>>,
}

fn hash_of_attempt(kind: &str, what: &str) -> String {
    ids::sha256(format!("{kind}/{what}"))
}

fn seconds_until(until: DateTime<Utc>, now: DateTime<Utc>) -> u64 {
    let seconds = (until - now).num_milliseconds().max(0).div_euclid(1_000) + 1;
    u64::try_from(seconds).unwrap_or(1)
}

fn random(prefix: &str) -> Result<String, Fault> {
    ids::secret()
        .map(|secret| format!("{prefix}{secret}"))
        .map_err(|fault| Fault::store("the system's randomness", fault.to_string()))
}

impl Access {
    /// Access to the desk's store, by the usual rules.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            telephones: Arc::clone(&clock),
            clock,
            rules: Rules::default(),
            known: Mutex::new(HashMap::new()),
        }
    }

    /// The same where telephones show another time than the desk's clock: a demo of years ago.
    #[must_use]
    pub fn with_telephones(mut self, telephones: Arc<dyn Clock>) -> Self {
        self.telephones = telephones;
        self
    }

    /// The same by other rules.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// The rules.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    fn event(
        &self,
        kind: IdentityEventKind,
        actor: Option<PersonId>,
        subject: Option<PersonId>,
        detail: impl Into<String>,
    ) -> IdentityEvent {
        IdentityEvent {
            id: ids::fresh(),
            at: self.clock.now(),
            kind,
            actor,
            subject,
            detail: detail.into(),
        }
    }

    async fn change(
        &self,
        county: CountyCode,
        changes: &[Change],
        record: &IdentityEvent,
    ) -> Result<u64, Fault> {
        let touched = self.store.change(county, changes, Some(record)).await?;
        self.forget();
        Ok(touched)
    }

    fn forget(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clear();
    }

    // Signing in.

    /// Signs in with a password and nothing else: for whoever stands at the machine, and for tests.
    pub async fn log_in(&self, login: &str, password: &str) -> Result<Option<Session>, Fault> {
        Ok(match self.sign_in(login, password, None).await? {
            LogIn::Done(session) => Some(*session),
            LogIn::SecondFactor { .. } | LogIn::Wrong | LogIn::Wait { .. } | LogIn::NoDuty => None,
        })
    }

    /// Signs in with a password, from an address. Whether the login exists shows neither in the
    /// answer nor in the time it takes.
    pub async fn sign_in(
        &self,
        login: &str,
        password: &str,
        address: Option<&str>,
    ) -> Result<LogIn, Fault> {
        let now = self.clock.now();
        let by_login = hash_of_attempt("login", login);
        let by_address = address.map(|it| hash_of_attempt("address", it));
        let mut waits = Vec::new();
        if let Some(key) = &by_address {
            waits.extend(self.store.attempt(key, OF_AN_ADDRESS, now).await?);
        }
        if waits.is_empty() {
            waits.extend(self.store.attempt(&by_login, OF_A_LOGIN, now).await?);
        }
        if let Some(until) = waits.first() {
            return Ok(LogIn::Wait {
                seconds: seconds_until(*until, now),
            });
        }
        let found = self.store.account(login).await?;
        let found = found.filter(|(_, account)| !account.password_hash.is_empty());
        let password = password.to_owned();
        let hash = found
            .as_ref()
            .map_or_else(password::decoy, |(_, it)| it.password_hash.clone());
        let fits = tokio::task::spawn_blocking(move || verify_password(&password, &hash))
            .await
            .map_err(|fault| Fault::store("checking a password", fault))?;
        let Some((county, account)) = found.filter(|_| fits) else {
            return Ok(LogIn::Wrong);
        };
        self.store.forget_attempts(&by_login).await?;
        // A whole office may sign in from one address: only what fails counts there.
        if let Some(key) = &by_address {
            self.store.take_back_attempt(key).await?;
        }
        self.after_first_factor(county, &account).await
    }

    /// Signs in whom an `OpenID` provider means: an account that is tied to it, or has the login that
    /// it names. Nobody else gets in.
    pub async fn sign_in_subject(
        &self,
        issuer: &str,
        subject: &str,
        login: Option<&str>,
    ) -> Result<LogIn, Fault> {
        let tied = self.store.account_of_subject(issuer, subject).await?;
        if let Some((county, account)) = tied {
            return self.after_first_factor(county, &account).await;
        }
        let Some(login) = login else {
            return Ok(LogIn::Wrong);
        };
        let Some((county, account)) = self.store.account(login).await? else {
            return Ok(LogIn::Wrong);
        };
        let change = Change::LinkSubject {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            account: account.id,
        };
        let kind = IdentityEventKind::SubjectLinked;
        let record = self.event(kind, Some(account.person), Some(account.person), issuer);
        // Tied to somebody else of the same provider: a name that was given to another person.
        if self.change(county, &[change], &record).await? == 0 {
            return Ok(LogIn::Wrong);
        }
        self.after_first_factor(county, &account).await
    }

    async fn after_first_factor(
        &self,
        county: CountyCode,
        account: &Account,
    ) -> Result<LogIn, Fault> {
        let factor = self.store.second_factor(county, account.id).await?;
        if factor.is_some_and(|it| it.is_confirmed) {
            let ends_at = self.clock.now() + Duration::minutes(limits::TICKET_MINUTES);
            let kind = PassKind::Ticket;
            let (token, _) = self
                .open(
                    county,
                    self.new_pass(account.id, kind, "ticket", ends_at),
                    None,
                )
                .await?;
            return Ok(LogIn::SecondFactor {
                ticket: token,
                ends_at,
            });
        }
        self.begin_session(county, account.id, account.person, false)
            .await
    }

    async fn begin_session(
        &self,
        county: CountyCode,
        account: AccountId,
        person: PersonId,
        second_factor: bool,
    ) -> Result<LogIn, Fault> {
        let expires_at = self.clock.now() + self.rules.absolute;
        let pass = Pass {
            second_factor,
            ..self.new_pass(account, PassKind::Session, "session", expires_at)
        };
        let kind = IdentityEventKind::SignedIn;
        let how = if second_factor { "SECOND_FACTOR" } else { "" };
        let record = self.event(kind, Some(person), Some(person), how);
        let (token, id) = self.open(county, pass, Some(&record)).await?;
        if let Some(caller) = self.caller(&token).await? {
            return Ok(LogIn::Done(Box::new(Session {
                token,
                expires_at,
                caller,
            })));
        }
        let at = self.clock.now();
        let end = Change::EndPass { pass: id, at };
        self.store.change(county, &[end], None).await?;
        Ok(LogIn::NoDuty)
    }

    /// Finishes signing in with a code of the second factor, or a recovery code.
    pub async fn confirm_sign_in(&self, ticket: &str, code: &str) -> Result<LogIn, Fault> {
        let now = self.clock.now();
        let Some(found) = self.alive(ticket, PassKind::Ticket).await? else {
            return Ok(LogIn::Wrong);
        };
        let account = found.pass.account;
        let person = found.holder.person.id;
        match self.check_code(found.county, account, person, code).await? {
            Err(Refusal::Wait { seconds }) => return Ok(LogIn::Wait { seconds }),
            Err(_) => return Ok(LogIn::Wrong),
            Ok(()) => {}
        }
        let end = Change::EndPass {
            pass: found.pass.id,
            at: now,
        };
        // A ticket opens one session.
        if self.store.change(found.county, &[end], None).await? == 0 {
            return Ok(LogIn::Wrong);
        }
        self.forget();
        self.begin_session(found.county, account, person, true)
            .await
    }

    async fn check_code(
        &self,
        county: CountyCode,
        account: AccountId,
        person: PersonId,
        code: &str,
    ) -> Answer<()> {
        let now = self.clock.now();
        let key = hash_of_attempt("second factor", &account.to_string());
        if let Some(until) = self.store.attempt(&key, OF_A_LOGIN, now).await? {
            let seconds = seconds_until(until, now);
            return Ok(Err(Refusal::Wait { seconds }));
        }
        let factor = self.store.second_factor(county, account).await?;
        let Some(factor) = factor.filter(|it| it.is_confirmed) else {
            return Ok(Err(Refusal::WrongCode));
        };
        let code = code.trim();
        let fits = match second_factor::step_of(&factor.secret, code, self.telephones.now()) {
            Some(step) => self.store.use_step(county, account, step).await?,
            None if code.len() > 8 && code.len() <= limits::PASSWORD_BYTES_MAX => {
                let hash = second_factor::recovery_hash(account, code);
                let used = self.store.use_recovery(county, account, &hash, now).await?;
                if used {
                    let kind = IdentityEventKind::RecoveryUsed;
                    let record = self.event(kind, Some(person), Some(person), "");
                    self.store.change(county, &[], Some(&record)).await?;
                }
                used
            }
            None => false,
        };
        if !fits {
            return Ok(Err(Refusal::WrongCode));
        }
        self.store.forget_attempts(&key).await?;
        Ok(Ok(()))
    }

    // Passes.

    fn new_pass(
        &self,
        account: AccountId,
        kind: PassKind,
        label: &str,
        ends_at: DateTime<Utc>,
    ) -> Pass {
        let now = self.clock.now();
        Pass {
            id: PassId(ids::fresh()),
            account,
            kind,
            label: label.to_owned(),
            grants: match kind {
                PassKind::Session | PassKind::Key => Grant::ALL.to_vec(),
                PassKind::Ticket | PassKind::Link => Vec::new(),
            },
            duties: None,
            region: None,
            on_behalf_of: None,
            second_factor: false,
            opened_at: now,
            seen_at: now,
            renewed_at: now,
            ends_at,
            ended_at: None,
        }
    }

    async fn open(
        &self,
        county: CountyCode,
        pass: Pass,
        record: Option<&IdentityEvent>,
    ) -> Result<(String, PassId), Fault> {
        let token = random(match pass.kind {
            PassKind::Session => "fps_",
            PassKind::Key => "fpk_",
            PassKind::Ticket => "fpt_",
            PassKind::Link => "fpl_",
        })?;
        let id = pass.id;
        let hash = ids::sha256(&token);
        let open = Change::OpenPass { pass, hash };
        self.store.change(county, &[open], record).await?;
        Ok((token, id))
    }

    /// Opens an API key for a system or a reporting tool; the secret is returned once, with the instant the key
    /// ends. For whoever stands at the machine: whose key it may be is not asked.
    pub async fn open_key(&self, order: &KeyOrder) -> Answer<(String, DateTime<Utc>)> {
        let Some((county, account)) = self.store.account(&order.login).await? else {
            return Ok(Err(Refusal::NotFound));
        };
        let people = self.store.people(county).await?;
        let Some(person) = people.into_iter().find(|it| it.id == account.person) else {
            return Ok(Err(Refusal::NotFound));
        };
        let pass = match self.ordered(order, account.id, &person) {
            Ok(pass) => pass,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let ends_at = pass.ends_at;
        let record = self.event(IdentityEventKind::KeyMade, None, None, &pass.label);
        let (token, _) = self.open(county, pass, Some(&record)).await?;
        Ok(Ok((token, ends_at)))
    }

    /// The key that an order describes, for an account and its person.
    fn ordered(
        &self,
        order: &KeyOrder,
        account: AccountId,
        person: &Person,
    ) -> Result<Pass, Refusal> {
        let invalid = |field, reason| Err(Refusal::Invalid { field, reason });
        let label = order.label.trim();
        if label.is_empty() || label.chars().count() > limits::TEXT_CHARS_MAX {
            return invalid("label", "LENGTH");
        }
        if !(1..=limits::KEY_DAYS_MAX).contains(&order.days) {
            return invalid("days", "NOT_1_TO_400");
        }
        if order.grants.is_empty() {
            return invalid("grants", "EMPTY");
        }
        let held = |duty: &Duty| person.duties.contains(duty);
        let duties = order.duties.as_ref();
        if duties.is_some_and(|it| it.is_empty() || !it.iter().all(held)) {
            return invalid("duties", "NOT_HELD");
        }
        let region = order.region.as_ref();
        if region.is_some_and(|it| !person.region.covers(it)) {
            return invalid("regionCode", "NOT_HELD");
        }
        let mut grants = order.grants.clone();
        grants.sort_unstable();
        grants.dedup();
        let ends_at = self.clock.now() + Duration::days(order.days);
        Ok(Pass {
            grants,
            duties: order.duties.clone(),
            region: order.region.clone(),
            ..self.new_pass(account, PassKind::Key, label, ends_at)
        })
    }

    /// What a secret leads to; remembered for less than a second.
    pub async fn presented(&self, token: &str) -> Result<Option<Presented>, Fault> {
        let hash = ids::sha256(token);
        if let Some(found) = self.remembered(&hash) {
            return Ok(Some(found));
        }
        let found = self.store.presented(&hash).await?;
        if let Some(found) = &found {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() > 10_000 {
                known.clear();
            }
            known.insert(hash, (monotonic(), found.clone()));
        }
        Ok(found)
    }

    fn remembered(&self, hash: &str) -> Option<Presented> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, found) = known.get(hash)?;
        let fresh = at.elapsed().as_millis() < u128::from(limits::CALLER_CACHE_MS);
        fresh.then(|| found.clone())
    }

    async fn alive(&self, token: &str, kind: PassKind) -> Result<Option<Presented>, Fault> {
        let now = self.clock.now();
        let found = self.store.presented(&ids::sha256(token)).await?;
        Ok(found.filter(|it| it.pass.kind == kind && it.is_alive(now, &self.rules)))
    }

    /// Who presents this secret; `None` if nobody does any more.
    pub async fn caller(&self, token: &str) -> Result<Option<Caller>, Fault> {
        match self.presented(token).await? {
            Some(found) => self.seen(token, found).await,
            None => Ok(None),
        }
    }

    /// Who goes on with what was begun with this secret: a stream, a download. A session's secret may have
    /// given way to a newer one meanwhile; the session is the same. A key's secret ends with its overlap.
    pub async fn going_on(&self, token: &str) -> Result<Option<Caller>, Fault> {
        let Some(mut found) = self.presented(token).await? else {
            return Ok(None);
        };
        if found.pass.kind == PassKind::Session {
            found.secret_ends_at = found.pass.ends_at;
        }
        self.seen(token, found).await
    }

    /// The caller of a pass, who is noted as seen.
    async fn seen(&self, token: &str, found: Presented) -> Result<Option<Caller>, Fault> {
        let now = self.clock.now();
        let caller = found.caller(now, &self.rules);
        let minute = Duration::minutes(limits::SEEN_MINUTES);
        if caller.is_some() && found.pass.seen_at + minute <= now {
            self.store.see(found.county, found.pass.id, now).await?;
            // What is remembered is not made younger: it may have been revoked since it was read.
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, kept)) = known.get_mut(&ids::sha256(token)) {
                kept.pass.seen_at = now;
            }
        }
        Ok(caller)
    }

    /// Another secret for a session in a browser, if it is time: the old one lives on for a moment,
    /// for the requests that are under way. One of several requests at once gets it.
    pub async fn renew(&self, token: &str) -> Result<Option<String>, Fault> {
        let Some(found) = self.presented(token).await? else {
            return Ok(None);
        };
        let now = self.clock.now();
        let is_current = found.secret_ends_at >= found.pass.ends_at;
        let due = found.pass.renewed_at + self.rules.renew <= now;
        if found.pass.kind != PassKind::Session || !is_current || !due {
            return Ok(None);
        }
        let overlap = Duration::seconds(limits::SECRET_OVERLAP_SECONDS);
        self.renewed(&found, found.pass.second_factor, overlap)
            .await
    }

    async fn renewed(
        &self,
        found: &Presented,
        second_factor: bool,
        overlap: Duration,
    ) -> Result<Option<String>, Fault> {
        let now = self.clock.now();
        let token = random("fps_")?;
        let change = Change::RenewPass {
            pass: found.pass.id,
            seen_renewed_at: found.pass.renewed_at,
            hash: ids::sha256(&token),
            old_ends_at: now + overlap,
            at: now,
            second_factor,
        };
        let touched = self.store.change(found.county, &[change], None).await?;
        self.forget();
        Ok((touched > 0).then_some(token))
    }

    /// Signs out.
    pub async fn log_out(&self, token: &str) -> Result<(), Fault> {
        let found = self.store.presented(&ids::sha256(token)).await?;
        if let Some(found) = found {
            let at = self.clock.now();
            let pass = found.pass.id;
            let end = Change::EndPass { pass, at };
            self.store.change(found.county, &[end], None).await?;
        }
        self.forget();
        Ok(())
    }

    /// Sets a password and ends every session and API key of the account, which may have been taken
    /// with the old one; how many were ended. For whoever stands at the machine.
    pub async fn set_password(
        &self,
        county: CountyCode,
        account: Account,
        password_hash: String,
    ) -> Result<u64, Fault> {
        let change = Change::SetPassword {
            account: account.id,
            password_hash,
            except: None,
            at: self.clock.now(),
        };
        let kind = IdentityEventKind::PasswordSet;
        let record = self.event(kind, None, Some(account.person), "");
        let touched = self.change(county, &[change], &record).await?;
        Ok(touched.saturating_sub(1))
    }

    /// Ends every session and API key of an account; how many were not ended before.
    pub async fn end_all(&self, county: CountyCode, account: AccountId) -> Result<u64, Fault> {
        let change = Change::EndAccount {
            account,
            except: None,
            at: self.clock.now(),
        };
        let record = self.event(IdentityEventKind::AccountEnded, None, None, "");
        self.change(county, &[change], &record).await
    }

    /// The living sessions or keys of an account, newest first.
    pub async fn passes_of(
        &self,
        county: CountyCode,
        account: AccountId,
        kind: PassKind,
    ) -> Result<Vec<Pass>, Fault> {
        let now = self.clock.now();
        let passes = self.store.passes(county, kind, now).await?;
        Ok(passes
            .into_iter()
            .filter(|it| it.account == account && it.is_alive(now, &self.rules))
            .collect())
    }

    // An own account.

    /// Changes the own password; every other session and key of the account ends.
    pub async fn change_password(&self, token: &str, present: &str, wanted: &str) -> Answer<()> {
        let Some(found) = self.alive(token, PassKind::Session).await? else {
            return Ok(Err(Refusal::NotFound));
        };
        let Some(account) = self.account_of(found.county, found.pass.account).await? else {
            return Ok(Err(Refusal::NotFound));
        };
        let now = self.clock.now();
        let key = hash_of_attempt("login", &account.login);
        if let Some(until) = self.store.attempt(&key, OF_A_LOGIN, now).await? {
            let seconds = seconds_until(until, now);
            return Ok(Err(Refusal::Wait { seconds }));
        }
        let (password, hash) = (present.to_owned(), account.password_hash.clone());
        let fits = tokio::task::spawn_blocking(move || verify_password(&password, &hash))
            .await
            .map_err(|fault| Fault::store("checking a password", fault))?;
        if !fits {
            return Ok(Err(Refusal::WrongPassword));
        }
        self.store.forget_attempts(&key).await?;
        let password_hash = match self.hash_for(&found, &account, wanted).await? {
            Ok(hash) => hash,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let change = Change::SetPassword {
            account: account.id,
            password_hash,
            except: Some(found.pass.id),
            at: now,
        };
        let kind = IdentityEventKind::PasswordSet;
        let record = self.event(kind, Some(account.person), Some(account.person), "");
        self.change(found.county, &[change], &record).await?;
        Ok(Ok(()))
    }

    async fn account_of(
        &self,
        county: CountyCode,
        id: AccountId,
    ) -> Result<Option<Account>, Fault> {
        let accounts = self.store.accounts(county).await?;
        Ok(accounts.into_iter().find(|it| it.id == id))
    }

    /// The hash of a password that its owner may use.
    async fn hash_for(&self, found: &Presented, account: &Account, wanted: &str) -> Answer<String> {
        let regions = self.store.regions(found.county).await?;
        let own = found.county.to_string();
        let county = regions.iter().find(|it| it.code.as_str() == own);
        let words = [
            account.login.as_str(),
            found.holder.person.name.as_str(),
            found.holder.org.name.as_str(),
            county.map_or("", |it| it.name.as_str()),
        ];
        self.hash_with(&words, wanted).await
    }

    async fn hash_with(&self, words: &[&str], wanted: &str) -> Answer<String> {
        if let Err(weak) = check_password(wanted, words) {
            return Ok(Err(Refusal::Weak(weak)));
        }
        let wanted = wanted.to_owned();
        let hash = tokio::task::spawn_blocking(move || hash_password(&wanted))
            .await
            .map_err(|fault| Fault::store("hashing a password", fault))?;
        Ok(hash.map_err(Refusal::Weak))
    }

    /// Begins a second factor for the own account.
    pub async fn begin_second_factor(&self, token: &str) -> Answer<Enrolment> {
        let Some(found) = self.alive(token, PassKind::Session).await? else {
            return Ok(Err(Refusal::NotFound));
        };
        let account = found.pass.account;
        let Some(login) = self.account_of(found.county, account).await? else {
            return Ok(Err(Refusal::NotFound));
        };
        let enrolment = second_factor::enrol(&login.login)?;
        let secret = enrolment.secret.clone();
        let begin = Change::PutFactor { account, secret };
        if self.store.change(found.county, &[begin], None).await? == 0 {
            return Ok(Err(Refusal::Invalid {
                field: "secondFactor",
                reason: "ALREADY_CONFIRMED",
            }));
        }
        Ok(Ok(enrolment))
    }

    /// Confirms it with a code; the recovery codes and the session's new token, both shown once.
    pub async fn confirm_second_factor(
        &self,
        token: &str,
        code: &str,
    ) -> Answer<(Vec<String>, String)> {
        let Some(found) = self.alive(token, PassKind::Session).await? else {
            return Ok(Err(Refusal::NotFound));
        };
        let (now, account) = (self.clock.now(), found.pass.account);
        let key = hash_of_attempt("second factor", &account.to_string());
        if let Some(until) = self.store.attempt(&key, OF_A_LOGIN, now).await? {
            let seconds = seconds_until(until, now);
            return Ok(Err(Refusal::Wait { seconds }));
        }
        let factor = self.store.second_factor(found.county, account).await?;
        let begun = factor.filter(|it| !it.is_confirmed);
        let step = begun
            .and_then(|it| second_factor::step_of(&it.secret, code.trim(), self.telephones.now()));
        let Some(step) = step else {
            return Ok(Err(Refusal::WrongCode));
        };
        self.store.forget_attempts(&key).await?;
        let (codes, recovery): (Vec<_>, Vec<_>) =
            second_factor::recovery_codes(account)?.into_iter().unzip();
        let confirm = Change::ConfirmFactor {
            account,
            step,
            recovery,
            at: now,
        };
        let person = found.holder.person.id;
        let kind = IdentityEventKind::FactorConfirmed;
        let record = self.event(kind, Some(person), Some(person), "");
        if self.change(found.county, &[confirm], &record).await? == 0 {
            return Ok(Err(Refusal::WrongCode));
        }
        // The old secret has not shown the factor: it ends at once.
        match self.renewed(&found, true, Duration::zero()).await? {
            Some(token) => Ok(Ok((codes, token))),
            None => Ok(Err(Refusal::NotFound)),
        }
    }

    /// Takes the own second factor away, with a code of it.
    pub async fn remove_second_factor(&self, token: &str, code: &str) -> Answer<()> {
        let Some(found) = self.alive(token, PassKind::Session).await? else {
            return Ok(Err(Refusal::NotFound));
        };
        let (county, account) = (found.county, found.pass.account);
        let person = found.holder.person.id;
        if let Err(refusal) = self.check_code(county, account, person, code).await? {
            return Ok(Err(refusal));
        }
        let kind = IdentityEventKind::FactorRemoved;
        let record = self.event(kind, Some(person), Some(person), "");
        self.change(county, &[Change::DropFactor { account }], &record)
            .await?;
        Ok(Ok(()))
    }

    /// Whether an account has a confirmed second factor.
    pub async fn has_second_factor(
        &self,
        county: CountyCode,
        account: AccountId,
    ) -> Result<bool, Fault> {
        let factor = self.store.second_factor(county, account).await?;
        Ok(factor.is_some_and(|it| it.is_confirmed))
    }

    /// In whose place the session acts from now on; `None`: in nobody's.
    pub async fn act_on_behalf(&self, token: &str, of: Option<PersonId>) -> Answer<Caller> {
        let Some(found) = self.alive(token, PassKind::Session).await? else {
            return Ok(Err(Refusal::NotFound));
        };
        let (county, own) = (found.county, found.holder.person.id);
        let now = self.clock.now();
        if let Some(absent) = of {
            let substitutions = self.store.substitutions(county).await?;
            let mut allowed = substitutions.iter();
            if !allowed.any(|it| it.absent == absent && it.substitute == own && it.holds_at(now)) {
                return Ok(Err(Refusal::NotFound));
            }
        }
        let kind = match of {
            Some(_) => IdentityEventKind::ActingBegun,
            None => IdentityEventKind::ActingEnded,
        };
        let subject = of.or(found.pass.on_behalf_of);
        let record = self.event(kind, Some(own), subject, "");
        self.act(token, &found, of, None, &record).await
    }

    /// In which of the regions where a duty is held the session works from now on.
    pub async fn act_in(&self, token: &str, region: Option<RegionCode>) -> Answer<Caller> {
        let Some(found) = self.alive(token, PassKind::Session).await? else {
            return Ok(Err(Refusal::NotFound));
        };
        let (of, own) = (found.pass.on_behalf_of, found.holder.person.id);
        let kind = IdentityEventKind::ActingBegun;
        let detail = region.as_ref().map_or("", RegionCode::as_str);
        let record = self.event(kind, Some(own), of, detail);
        self.act(token, &found, of, region, &record).await
    }

    async fn act(
        &self,
        token: &str,
        found: &Presented,
        on_behalf_of: Option<PersonId>,
        region: Option<RegionCode>,
        record: &IdentityEvent,
    ) -> Answer<Caller> {
        let act = |on_behalf_of, region| Change::ActAs {
            pass: found.pass.id,
            on_behalf_of,
            region,
        };
        self.change(found.county, &[act(on_behalf_of, region)], record)
            .await?;
        if let Some(caller) = self.caller(token).await? {
            return Ok(Ok(caller));
        }
        // Nothing may be done there: the session stays as it was.
        let back = act(found.pass.on_behalf_of, found.pass.region.clone());
        self.store.change(found.county, &[back], None).await?;
        self.forget();
        Ok(Err(Refusal::DutyMissing))
    }

    // Administration.

    /// Whether a caller may administer accounts at all.
    fn administers(caller: &Caller) -> Result<(), Refusal> {
        let person = caller.door == Door::Person && caller.on_behalf_of.is_none();
        if !person || !caller.holds(Duty::Administrator) || !caller.may(Grant::Act) {
            return Err(Refusal::DutyMissing);
        }
        if caller.lacks_second_factor() {
            return Err(Refusal::SecondFactor);
        }
        Ok(())
    }

    /// The people a caller administers: those of its organisation and of the ones below it.
    pub async fn staff(&self, caller: &Caller) -> Answer<Vec<Staff>> {
        if let Err(refusal) = Self::administers(caller) {
            return Ok(Err(refusal));
        }
        let county = caller.scope.county;
        let orgs = self.store.orgs(county).await?;
        let people = self.store.people(county).await?;
        let assignments = self.store.assignments(county).await?;
        let accounts = self.store.accounts(county).await?;
        let staff = accounts.into_iter().filter_map(|account| {
            let person = people.iter().find(|it| it.id == account.person)?;
            let org = orgs.iter().find(|it| it.id == person.org)?;
            let below = org.id == caller.org || org.parent == Some(caller.org);
            let own = assignments.iter().filter(|it| it.person == person.id);
            below.then(|| Staff {
                person: person.clone(),
                org: org.clone(),
                account: account.id,
                has_password: !account.password_hash.is_empty(),
                login: account.login,
                assignments: own.cloned().collect(),
            })
        });
        Ok(Ok(staff.collect()))
    }

    /// Somebody a caller administers.
    async fn managed(&self, caller: &Caller, who: impl Fn(&Staff) -> bool + Send) -> Answer<Staff> {
        Ok(match self.staff(caller).await? {
            Ok(staff) => staff.into_iter().find(who).ok_or(Refusal::NotFound),
            Err(refusal) => Err(refusal),
        })
    }

    /// A one-time link for a login: its owner sets a password with it. Earlier links end.
    pub async fn invite(&self, caller: &Caller, login: &str) -> Answer<(String, DateTime<Utc>)> {
        let staff = match self.managed(caller, |it| it.login == login).await? {
            Ok(staff) => staff,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (county, person) = (caller.scope.county, staff.person.id);
        let link = self
            .make_link(county, staff.account, person, Some(caller.person))
            .await?;
        Ok(Ok(link))
    }

    /// The same, for whoever stands at the machine.
    pub async fn make_link(
        &self,
        county: CountyCode,
        account: AccountId,
        person: PersonId,
        actor: Option<PersonId>,
    ) -> Result<(String, DateTime<Utc>), Fault> {
        let at = self.clock.now();
        for earlier in self.passes_of(county, account, PassKind::Link).await? {
            let pass = earlier.id;
            let end = Change::EndPass { pass, at };
            self.store.change(county, &[end], None).await?;
        }
        let ends_at = at + Duration::hours(limits::LINK_HOURS);
        let pass = self.new_pass(account, PassKind::Link, "link", ends_at);
        let record = self.event(IdentityEventKind::LinkMade, actor, Some(person), "");
        let (token, _) = self.open(county, pass, Some(&record)).await?;
        Ok((token, ends_at))
    }

    /// The login a link is for, if it can still be used.
    pub async fn link(&self, token: &str) -> Result<Option<String>, Fault> {
        let Some(found) = self.alive(token, PassKind::Link).await? else {
            return Ok(None);
        };
        let account = self.account_of(found.county, found.pass.account).await?;
        Ok(account.map(|it| it.login))
    }

    /// Sets a password through a link, once; every session and key of the account ends.
    pub async fn use_link(&self, token: &str, wanted: &str) -> Answer<()> {
        sight::system(self.open_link(token, wanted)).await
    }

    async fn open_link(&self, token: &str, wanted: &str) -> Answer<()> {
        let Some(found) = self.alive(token, PassKind::Link).await? else {
            return Ok(Err(Refusal::LinkEnded));
        };
        let Some(account) = self.account_of(found.county, found.pass.account).await? else {
            return Ok(Err(Refusal::LinkEnded));
        };
        let password_hash = match self.hash_for(&found, &account, wanted).await? {
            Ok(hash) => hash,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let at = self.clock.now();
        let changes = [
            Change::EndPass {
                pass: found.pass.id,
                at,
            },
            Change::SetPassword {
                account: account.id,
                password_hash,
                except: None,
                at,
            },
        ];
        let kind = IdentityEventKind::PasswordSet;
        let record = self.event(kind, Some(account.person), Some(account.person), "LINK");
        // Ended meanwhile: somebody else used it first.
        if self.change(found.county, &changes, &record).await? == 0 {
            return Ok(Err(Refusal::LinkEnded));
        }
        let key = hash_of_attempt("login", &account.login);
        self.store.forget_attempts(&key).await?;
        Ok(Ok(()))
    }

    /// Ends a session or key: an own one, or one of somebody the caller administers.
    pub async fn end_pass(&self, caller: &Caller, id: PassId) -> Answer<()> {
        let county = caller.scope.county;
        let Some(pass) = self.store.pass(county, id).await? else {
            return Ok(Err(Refusal::NotFound));
        };
        let subject = if pass.account == caller.account {
            caller.person
        } else {
            match self
                .managed(caller, |it| it.account == pass.account)
                .await?
            {
                Ok(staff) => staff.person.id,
                Err(Refusal::DutyMissing) => return Ok(Err(Refusal::NotFound)),
                Err(refusal) => return Ok(Err(refusal)),
            }
        };
        let at = self.clock.now();
        let kind = IdentityEventKind::PassEnded;
        let record = self.event(kind, Some(caller.person), Some(subject), &pass.label);
        let touched = self
            .change(county, &[Change::EndPass { pass: id, at }], &record)
            .await?;
        Ok(if touched > 0 {
            Ok(())
        } else {
            Err(Refusal::NotFound)
        })
    }

    /// Ends every session and key of somebody the caller administers; how many.
    pub async fn end_account(&self, caller: &Caller, login: &str) -> Answer<u64> {
        let staff = match self.managed(caller, |it| it.login == login).await? {
            Ok(staff) => staff,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let change = Change::EndAccount {
            account: staff.account,
            except: None,
            at: self.clock.now(),
        };
        let kind = IdentityEventKind::AccountEnded;
        let record = self.event(kind, Some(caller.person), Some(staff.person.id), "");
        let ended = self.change(caller.scope.county, &[change], &record).await?;
        Ok(Ok(ended))
    }

    /// Takes a lost second factor away, and ends the account's sessions. For whoever stands at the
    /// machine.
    pub async fn drop_second_factor(
        &self,
        county: CountyCode,
        account: AccountId,
        person: PersonId,
    ) -> Result<(), Fault> {
        let kind = IdentityEventKind::FactorRemoved;
        let record = self.event(kind, None, Some(person), "RESET");
        self.change(county, &[Change::DropFactor { account }], &record)
            .await?;
        self.end_all(county, account).await.map(drop)
    }

    /// Takes a lost second factor away from somebody the caller administers; their sessions end.
    pub async fn reset_second_factor(&self, caller: &Caller, login: &str) -> Answer<()> {
        let staff = match self.managed(caller, |it| it.login == login).await? {
            Ok(staff) if staff.person.id == caller.person => return Ok(Err(Refusal::Own)),
            Ok(staff) => staff,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (county, account) = (caller.scope.county, staff.account);
        let kind = IdentityEventKind::FactorRemoved;
        let record = self.event(kind, Some(caller.person), Some(staff.person.id), "RESET");
        self.change(county, &[Change::DropFactor { account }], &record)
            .await?;
        self.end_all(county, account).await?;
        Ok(Ok(()))
    }

    /// Makes an API key. For their own account anybody; for a system's account whoever administers it;
    /// for another person's account only to read: nobody acts under another's name.
    pub async fn make_key(&self, caller: &Caller, order: KeyOrder) -> Answer<(String, Pass)> {
        let county = caller.scope.county;
        let own = match self.store.account(&order.login).await? {
            Some((of, account)) if of == county && account.id == caller.account => Some(account),
            Some(_) | None => None,
        };
        let (account, person) = match own {
            Some(account) => {
                if caller.on_behalf_of.is_some() || !caller.may(Grant::Act) {
                    return Ok(Err(Refusal::DutyMissing));
                }
                if caller.lacks_second_factor() {
                    return Ok(Err(Refusal::SecondFactor));
                }
                let people = self.store.people(county).await?;
                let person = people.into_iter().find(|it| it.id == caller.person);
                match person {
                    Some(person) => (account.id, person),
                    None => return Ok(Err(Refusal::NotFound)),
                }
            }
            None => match self.managed(caller, |it| it.login == order.login).await? {
                Ok(staff) => {
                    let is_system = staff.person.duties.iter().copied().any(Duty::is_system);
                    let acts = [Grant::Act, Grant::Reveal];
                    if !is_system && order.grants.iter().any(|it| acts.contains(it)) {
                        return Ok(Err(Refusal::Invalid {
                            field: "grants",
                            reason: "NOT_FOR_ANOTHER_PERSON",
                        }));
                    }
                    (staff.account, staff.person)
                }
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        let pass = match self.ordered(&order, account, &person) {
            Ok(pass) => pass,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let kind = IdentityEventKind::KeyMade;
        let record = self.event(kind, Some(caller.person), Some(person.id), &pass.label);
        let (token, _) = self.open(county, pass.clone(), Some(&record)).await?;
        Ok(Ok((token, pass)))
    }

    /// Another secret for a key; the old one lives on for `overlap_hours`.
    pub async fn rotate_key(
        &self,
        caller: &Caller,
        id: PassId,
        overlap_hours: i64,
    ) -> Answer<(String, Pass)> {
        let county = caller.scope.county;
        if !(0..=limits::KEY_OVERLAP_HOURS_MAX).contains(&overlap_hours) {
            return Ok(Err(Refusal::Invalid {
                field: "overlapHours",
                reason: "NOT_0_TO_168",
            }));
        }
        let now = self.clock.now();
        let pass = self.store.pass(county, id).await?;
        let pass = pass.filter(|it| it.kind == PassKind::Key && it.is_alive(now, &self.rules));
        let Some(pass) = pass else {
            return Ok(Err(Refusal::NotFound));
        };
        let subject = if pass.account == caller.account && caller.on_behalf_of.is_none() {
            caller.person
        } else {
            match self
                .managed(caller, |it| it.account == pass.account)
                .await?
            {
                Ok(staff) => {
                    // Whoever gets the secret acts with it: the rule of `make_key` holds here too.
                    let is_system = staff.person.duties.iter().copied().any(Duty::is_system);
                    let acts = [Grant::Act, Grant::Reveal];
                    if !is_system && pass.grants.iter().any(|it| acts.contains(it)) {
                        return Ok(Err(Refusal::Invalid {
                            field: "grants",
                            reason: "NOT_FOR_ANOTHER_PERSON",
                        }));
                    }
                    staff.person.id
                }
                Err(Refusal::DutyMissing) => return Ok(Err(Refusal::NotFound)),
                Err(refusal) => return Ok(Err(refusal)),
            }
        };
        let token = random("fpk_")?;
        let change = Change::RenewPass {
            pass: id,
            seen_renewed_at: pass.renewed_at,
            hash: ids::sha256(&token),
            old_ends_at: now + Duration::hours(overlap_hours),
            at: now,
            second_factor: pass.second_factor,
        };
        let kind = IdentityEventKind::KeyRotated;
        let record = self.event(kind, Some(caller.person), Some(subject), &pass.label);
        if self.change(county, &[change], &record).await? == 0 {
            return Ok(Err(Refusal::NotFound));
        }
        Ok(Ok((token, pass)))
    }

    /// The living keys of the people a caller administers, and its own.
    pub async fn keys(&self, caller: &Caller) -> Result<Vec<(Pass, String)>, Fault> {
        let now = self.clock.now();
        let county = caller.scope.county;
        let staff = self.staff(caller).await?.unwrap_or_default();
        let accounts = self.store.accounts(county).await?;
        let passes = self.store.passes(county, PassKind::Key, now).await?;
        let seen = passes.into_iter().filter(|it| {
            it.account == caller.account || staff.iter().any(|one| one.account == it.account)
        });
        Ok(seen
            .map(|pass| {
                let account = accounts.iter().find(|it| it.id == pass.account);
                let login = account.map_or_else(String::new, |it| it.login.clone());
                (pass, login)
            })
            .collect())
    }

    /// Sets somebody's standing duties; nobody sets their own.
    pub async fn set_duties(
        &self,
        caller: &Caller,
        login: &str,
        duties: Vec<Duty>,
        region: RegionCode,
    ) -> Answer<()> {
        let staff = match self
            .other(caller, login, ("duties", &duties), &region)
            .await?
        {
            Ok(staff) => staff,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let codes: Vec<&str> = duties.iter().map(|it| it.code()).collect();
        let detail = format!("{} {region}", codes.join(","));
        let kind = IdentityEventKind::DutiesSet;
        let record = self.event(kind, Some(caller.person), Some(staff.person.id), detail);
        let change = Change::SetDuties {
            person: staff.person.id,
            duties,
            region,
        };
        self.change(caller.scope.county, &[change], &record).await?;
        Ok(Ok(()))
    }

    /// Somebody else whom the caller administers and may give these duties there.
    async fn other(
        &self,
        caller: &Caller,
        login: &str,
        (field, duties): (&'static str, &[Duty]),
        region: &RegionCode,
    ) -> Answer<Staff> {
        let staff = match self.managed(caller, |it| it.login == login).await? {
            Ok(staff) if staff.person.id == caller.person => return Ok(Err(Refusal::Own)),
            Ok(staff) => staff,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if !duties.iter().all(|duty| fits_org(*duty, staff.org.kind)) {
            return Ok(Err(Refusal::Invalid {
                field,
                reason: "NOT_OF_THIS_ORGANISATION",
            }));
        }
        if !caller.scope.region.covers(region) {
            return Ok(Err(Refusal::Invalid {
                field: "regionCode",
                reason: "OUTSIDE",
            }));
        }
        Ok(Ok(staff))
    }

    /// Gives somebody a duty for a time.
    pub async fn put_assignment(
        &self,
        caller: &Caller,
        login: &str,
        duty: Duty,
        region: RegionCode,
        from: NaiveDate,
        until: Option<NaiveDate>,
    ) -> Answer<Assignment> {
        if until.is_some_and(|until| until < from) {
            return Ok(Err(Refusal::Invalid {
                field: "until",
                reason: "BEFORE_FROM",
            }));
        }
        let staff = match self
            .other(caller, login, ("duty", &[duty]), &region)
            .await?
        {
            Ok(staff) => staff,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let assignment = Assignment {
            id: ids::fresh(),
            person: staff.person.id,
            duty,
            region,
            from,
            until,
        };
        let detail = format!("{duty} {} {}", assignment.region, days(from, until));
        let kind = IdentityEventKind::AssignmentPut;
        let record = self.event(kind, Some(caller.person), Some(staff.person.id), detail);
        let change = Change::PutAssignment(assignment.clone());
        self.change(caller.scope.county, &[change], &record).await?;
        Ok(Ok(assignment))
    }

    /// Ends a duty for a time: yesterday was its last day, or it never begins.
    pub async fn end_assignment(&self, caller: &Caller, id: Uuid) -> Answer<()> {
        let has = |staff: &Staff| staff.assignments.iter().any(|it| it.id == id);
        let staff = match self.managed(caller, has).await? {
            Ok(staff) => staff,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(assignment) = staff.assignments.into_iter().find(|it| it.id == id) else {
            return Ok(Err(Refusal::NotFound));
        };
        let yesterday = legal_day(self.clock.now()).pred_opt();
        let until = match (assignment.until, yesterday) {
            (Some(until), Some(yesterday)) => Some(until.min(yesterday)),
            (until, yesterday) => yesterday.or(until),
        };
        let kind = IdentityEventKind::AssignmentEnded;
        let detail = format!("{} {}", assignment.duty, assignment.region);
        let record = self.event(kind, Some(caller.person), Some(assignment.person), detail);
        let change = Change::PutAssignment(Assignment {
            until,
            ..assignment
        });
        self.change(caller.scope.county, &[change], &record).await?;
        Ok(Ok(()))
    }

    /// Lets one person act in another's place: granted by the absent one, or by an administrator. Both
    /// are of one organisation, and nobody makes themselves a substitute.
    pub async fn grant_substitution(
        &self,
        caller: &Caller,
        absent: PersonId,
        substitute: PersonId,
        from: NaiveDate,
        until: NaiveDate,
    ) -> Answer<Substitution> {
        let invalid = |field, reason| Ok(Err(Refusal::Invalid { field, reason }));
        let county = caller.scope.county;
        if until < from || until - from > Duration::days(limits::SUBSTITUTION_DAYS_MAX) {
            return invalid("until", "NOT_WITHIN_A_YEAR");
        }
        if absent == substitute {
            return invalid("substituteId", "SAME_PERSON");
        }
        let own = absent == caller.person && caller.on_behalf_of.is_none();
        if !own {
            if let Err(refusal) = self.managed(caller, |it| it.person.id == absent).await? {
                return Ok(Err(refusal));
            }
            if substitute == caller.person {
                return Ok(Err(Refusal::Own));
            }
        } else if caller.lacks_second_factor() {
            return Ok(Err(Refusal::SecondFactor));
        } else if !caller.may(Grant::Act) {
            return Ok(Err(Refusal::DutyMissing));
        }
        let people = self.store.people(county).await?;
        let person = |id| people.iter().find(|it| it.id == id);
        let (Some(one), Some(other)) = (person(absent), person(substitute)) else {
            return Ok(Err(Refusal::NotFound));
        };
        let is_system = |it: &Person| it.duties.iter().copied().any(Duty::is_system);
        if one.org != other.org || is_system(one) || is_system(other) {
            return invalid("substituteId", "NOT_A_COLLEAGUE");
        }
        let substitution = Substitution {
            id: ids::fresh(),
            absent,
            substitute,
            from,
            until,
            ended_at: None,
        };
        let kind = IdentityEventKind::SubstitutionGranted;
        let detail = format!("{substitute} {}", days(from, Some(until)));
        let record = self.event(kind, Some(caller.person), Some(absent), detail);
        let change = Change::PutSubstitution(substitution.clone());
        self.change(county, &[change], &record).await?;
        Ok(Ok(substitution))
    }

    /// Ends a substitution at once: either of the two, or an administrator.
    pub async fn end_substitution(&self, caller: &Caller, id: Uuid) -> Answer<()> {
        let county = caller.scope.county;
        let substitutions = self.store.substitutions(county).await?;
        let Some(found) = substitutions.into_iter().find(|it| it.id == id) else {
            return Ok(Err(Refusal::NotFound));
        };
        if caller.person != found.absent && caller.person != found.substitute {
            let absent = found.absent;
            match self.managed(caller, |it| it.person.id == absent).await? {
                Ok(_) => {}
                Err(Refusal::DutyMissing) => return Ok(Err(Refusal::NotFound)),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        let kind = IdentityEventKind::SubstitutionEnded;
        let detail = found.substitute.to_string();
        let record = self.event(kind, Some(caller.person), Some(found.absent), detail);
        let change = Change::PutSubstitution(Substitution {
            ended_at: found.ended_at.or(Some(self.clock.now())),
            ..found
        });
        self.change(county, &[change], &record).await?;
        Ok(Ok(()))
    }

    /// The substitutions a caller is part of, or administers.
    pub async fn substitutions(&self, caller: &Caller) -> Result<Vec<Substitution>, Fault> {
        let found = self.store.substitutions(caller.scope.county).await?;
        let staff = self.staff(caller).await?.unwrap_or_default();
        let managed = |id| staff.iter().any(|it| it.person.id == id);
        Ok(found
            .into_iter()
            .filter(|it| {
                [it.absent, it.substitute].contains(&caller.person)
                    || managed(it.absent)
                    || managed(it.substitute)
            })
            .collect())
    }

    /// The record between two entries: for administrators and auditors.
    pub async fn events(
        &self,
        caller: &Caller,
        after: Option<Uuid>,
        before: Option<Uuid>,
        newest_first: bool,
        limit: u32,
    ) -> Answer<Vec<IdentityEvent>> {
        if !caller.holds(Duty::Administrator) && !caller.holds(Duty::Auditor) {
            return Ok(Err(Refusal::DutyMissing));
        }
        let county = caller.scope.county;
        let events = self
            .store
            .identity_events(county, after, before, newest_first, limit);
        Ok(Ok(events.await?))
    }

    // The first start.

    /// A link that makes the first administrator, while nobody can sign in.
    pub async fn open_set_up(&self) -> Result<Option<(String, DateTime<Utc>)>, Fault> {
        if self.store.anybody_can_sign_in().await? {
            return Ok(None);
        }
        let token = random("fpu_")?;
        let ends_at = self.clock.now() + Duration::hours(limits::LINK_HOURS);
        self.store
            .put_setup_link(&ids::sha256(&token), ends_at)
            .await?;
        Ok(Some((token, ends_at)))
    }

    /// Whether nobody can sign in yet.
    pub async fn may_be_set_up(&self) -> Result<bool, Fault> {
        sight::system(self.store.anybody_can_sign_in())
            .await
            .map(|anybody| !anybody)
    }

    /// Makes the first administrator, once.
    pub async fn set_up(&self, token: &str, order: SetUp) -> Answer<()> {
        sight::system(self.make_first(token, order)).await
    }

    async fn make_first(&self, token: &str, order: SetUp) -> Answer<()> {
        let invalid = |field, reason| Ok(Err(Refusal::Invalid { field, reason }));
        let county = order.county;
        let login = order.login.trim();
        let fits = (3..=64).contains(&login.len())
            && login
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || b".-_@".contains(&it));
        if !fits {
            return invalid("login", "LETTERS_FIGURES_3_TO_64");
        }
        let Ok(region) = RegionCode::new(county.to_string()) else {
            return invalid("county", "NOT_A_CODE");
        };
        let is_new = !self.store.counties().await?.contains(&county);
        let known = self.store.account(login).await?;
        let named = |text: &str| (1..=100).contains(&text.trim().chars().count());
        if known.is_none() && !named(&order.name) {
            return invalid("name", "LENGTH");
        }
        if is_new && !(named(&order.county_name) && named(&order.office)) {
            return invalid("countyName", "LENGTH");
        }
        let people = self.store.people(county).await?;
        let person = match &known {
            None => None,
            Some((of, account)) => {
                let mut people = people.iter();
                let person = people.find(|it| *of == county && it.id == account.person);
                match person.filter(|it| it.duties.contains(&Duty::Administrator)) {
                    Some(person) => Some(person.id),
                    None => return invalid("login", "TAKEN"),
                }
            }
        };
        let words = [
            login,
            order.name.trim(),
            order.office.trim(),
            order.county_name.trim(),
        ];
        let password_hash = match self.hash_with(&words, &order.password).await? {
            Ok(hash) => hash,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let now = self.clock.now();
        if !self.store.use_setup_link(&ids::sha256(token), now).await? {
            return Ok(Err(Refusal::LinkEnded));
        }
        let org = org_id(county, "office");
        if is_new {
            let name = order.county_name.trim().to_owned();
            let code = region.clone();
            self.store
                .put_region(county, &Region { code, name })
                .await?;
        }
        let orgs = self.store.orgs(county).await?;
        if !orgs.iter().any(|it| it.id == org) {
            let office = order.office.trim();
            let name = if office.is_empty() {
                "扶贫办"
            } else {
                office
            };
            let office = Org {
                id: org,
                name: name.to_owned(),
                kind: OrgKind::Office,
                parent: None,
            };
            self.store.put_org(county, &office).await?;
        }
        let key = format!("{county}/{login}");
        let id = person.unwrap_or_else(|| PersonId(ids::named("person", &key)));
        if person.is_none() {
            let person = Person {
                id,
                name: order.name.trim().to_owned(),
                org,
                region,
                duties: vec![Duty::Administrator],
                interests: Vec::new(),
            };
            self.store.put_person(county, &person).await?;
        }
        let account = known.map_or_else(
            || AccountId(ids::named("account", &key)),
            |(_, account)| account.id,
        );
        let account = Account {
            id: account,
            login: login.to_owned(),
            password_hash,
            person: id,
        };
        self.store.put_account(county, &account).await?;
        let record = self.event(IdentityEventKind::SetUp, Some(id), Some(id), "");
        self.store.change(county, &[], Some(&record)).await?;
        Ok(Ok(()))
    }
}

/// The duties an organisation's people can hold.
fn fits_org(duty: Duty, kind: OrgKind) -> bool {
    match duty {
        Duty::Administrator => true,
        Duty::Auditor => kind != OrgKind::Insurer,
        Duty::TownshipCaseworker
        | Duty::CountyCaseworker
        | Duty::CountySupervisor
        | Duty::CountyReviewer
        | Duty::NoticeRenderer
        | Duty::Timer => kind == OrgKind::Office,
        Duty::InsurerHandler
        | Duty::Surveyor
        | Duty::Approver
        | Duty::Finance
        | Duty::BankConnector => kind == OrgKind::Insurer,
    }
}

fn days(from: NaiveDate, until: Option<NaiveDate>) -> String {
    match until {
        Some(until) => format!("{from}..{until}"),
        None => format!("{from}.."),
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

/// The desk and the access to it, as gateway and console receive them.
#[derive(Clone)]
pub struct Office {
    /// Commands and reads.
    pub desk: Desk,
    /// Who is calling.
    pub access: Arc<Access>,
}

#[cfg(test)]
mod tests;
