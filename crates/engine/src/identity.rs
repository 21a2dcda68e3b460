//! Who may come in, and as whom: passes (sessions, keys, tickets, links), duties for a time,
//! substitution, second factors, and the record of every change.
//!
//! The store keeps and finds; what follows from it at an instant is judged here, in
//! [`Presented::caller`], so that every store and every process judges alike.

use crate::caller::{Caller, Grant, Scope};
use crate::ports::Fault;
use crate::registry::{Account, Org, OrgKind, Person};
use crate::throttle::Throttle;
use async_trait::async_trait;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use lifecycle::calendar::legal_day;
use lifecycle::{AccountId, CountyCode, Door, Duty, OrgId, PersonId, RegionCode};
use std::fmt;
use uuid::Uuid;

/// A pass: a session, a key, a ticket or a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassId(pub Uuid);

impl fmt::Display for PassId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

lifecycle::coded! {
    /// What a pass is.
    PassKind {
        /// Somebody signed in.
        Session = "SESSION" "会话",
        /// A system's or a reporting tool's.
        Key = "KEY" "接口密钥",
        /// Between password and second factor; opens nothing else.
        Ticket = "TICKET" "待验证登录",
        /// A one-time link that sets a password; opens nothing else.
        Link = "LINK" "一次性链接",
    }
}

lifecycle::coded! {
    /// What happened to somebody's access.
    IdentityEventKind {
        /// Somebody signed in.
        SignedIn = "SIGNED_IN" "登录",
        /// A password was set or changed.
        PasswordSet = "PASSWORD_SET" "设置口令",
        /// A one-time link was made.
        LinkMade = "LINK_MADE" "生成一次性链接",
        /// The first administrator was made through the setup link.
        SetUp = "SET_UP" "首次设置",
        /// A session or key was ended.
        PassEnded = "PASS_ENDED" "终止会话或密钥",
        /// Every session and key of an account was ended.
        AccountEnded = "ACCOUNT_ENDED" "终止全部会话和密钥",
        /// A key was made.
        KeyMade = "KEY_MADE" "创建接口密钥",
        /// A key got a new secret.
        KeyRotated = "KEY_ROTATED" "轮换接口密钥",
        /// Standing duties were set.
        DutiesSet = "DUTIES_SET" "设置岗位",
        /// A duty for a time was given.
        AssignmentPut = "ASSIGNMENT_PUT" "授予有期限岗位",
        /// A duty for a time was ended.
        AssignmentEnded = "ASSIGNMENT_ENDED" "终止有期限岗位",
        /// Somebody may act in another's place.
        SubstitutionGranted = "SUBSTITUTION_GRANTED" "授权代理",
        /// That was ended.
        SubstitutionEnded = "SUBSTITUTION_ENDED" "终止代理",
        /// A session began to act in another's place.
        ActingBegun = "ACTING_BEGUN" "开始代理",
        /// It acts for its own person again.
        ActingEnded = "ACTING_ENDED" "结束代理",
        /// A second factor was confirmed.
        FactorConfirmed = "FACTOR_CONFIRMED" "启用第二因素",
        /// A second factor was taken away.
        FactorRemoved = "FACTOR_REMOVED" "取消第二因素",
        /// A recovery code was used.
        RecoveryUsed = "RECOVERY_USED" "使用恢复码",
        /// A login of an `OpenID` provider was tied to the account.
        SubjectLinked = "SUBJECT_LINKED" "关联统一身份",
    }
}

/// A pass as it is kept. Its secrets are kept apart, as hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// Id: shown in lists, opens nothing.
    pub id: PassId,
    /// The account.
    pub account: AccountId,
    /// What it is.
    pub kind: PassKind,
    /// What it is called.
    pub label: String,
    /// What it is good for.
    pub grants: Vec<Grant>,
    /// Only these of the person's duties; all of them if none are named.
    pub duties: Option<Vec<Duty>>,
    /// Only this region; the person's own if none is named.
    pub region: Option<RegionCode>,
    /// In whose place it acts.
    pub on_behalf_of: Option<PersonId>,
    /// Whether a second factor was shown.
    pub second_factor: bool,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was last seen, to the minute.
    pub seen_at: DateTime<Utc>,
    /// When it got its present secret.
    pub renewed_at: DateTime<Utc>,
    /// When it ends whatever happens.
    pub ends_at: DateTime<Utc>,
    /// When it was ended, if it was.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A duty in a region for a time (有期限岗位). Days are legal days, the last one included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Id.
    pub id: Uuid,
    /// The person.
    pub person: PersonId,
    /// The duty.
    pub duty: Duty,
    /// Where.
    pub region: RegionCode,
    /// First day.
    pub from: NaiveDate,
    /// Last day; `None` while it has no end.
    pub until: Option<NaiveDate>,
}

impl Assignment {
    /// Whether it holds on a day.
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }
}

/// Who may act in whose place (代理).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Substitution {
    /// Id.
    pub id: Uuid,
    /// In whose place.
    pub absent: PersonId,
    /// Who acts.
    pub substitute: PersonId,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub until: NaiveDate,
    /// When it was ended before its time, if it was.
    pub ended_at: Option<DateTime<Utc>>,
}

impl Substitution {
    /// Whether it holds at an instant.
    pub fn holds_at(&self, now: DateTime<Utc>) -> bool {
        let day = legal_day(now);
        self.from <= day && day <= self.until && self.ended_at.is_none_or(|ended| now < ended)
    }
}

/// The second factor of an account (TOTP).
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// The shared secret, in base32.
    pub secret: String,
    /// Whether its owner has shown to have it.
    pub is_confirmed: bool,
    /// The last time step that was used.
    pub last_step: i64,
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecondFactor(confirmed: {})", self.is_confirmed)
    }
}

/// One entry of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityEvent {
    /// Id, ordered by time.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: IdentityEventKind,
    /// Who did it; `None` for the operator of the machine.
    pub actor: Option<PersonId>,
    /// To whom.
    pub subject: Option<PersonId>,
    /// What exactly, in codes, names of keys and days; nothing secret.
    pub detail: String,
}

/// The duties held in a region on a day: standing ones where the person's own region covers it, and those
/// assigned for a time to a region that does.
pub fn duties_in<'a>(
    own: &RegionCode,
    standing: &[Duty],
    assignments: impl IntoIterator<Item = &'a Assignment>,
    region: &RegionCode,
    today: NaiveDate,
) -> Vec<Duty> {
    let mut duties = Vec::new();
    if own.covers(region) {
        duties.extend_from_slice(standing);
    }
    for it in assignments {
        if it.holds_on(today) && it.region.covers(region) && !duties.contains(&it.duty) {
            duties.push(it.duty);
        }
    }
    duties
}

/// A person with everything that says what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The person, with the standing duties in its own region.
    pub person: Person,
    /// Its organisation.
    pub org: Org,
    /// Its duties for a time.
    pub assignments: Vec<Assignment>,
}

impl Holder {
    /// The region the person works in if none is chosen: its own where it has standing duties, else
    /// the widest of those that are assigned today.
    fn region(&self, today: NaiveDate) -> RegionCode {
        if !self.person.duties.is_empty() {
            return self.person.region.clone();
        }
        let assigned = self.assignments.iter().filter(|it| it.holds_on(today));
        assigned
            .map(|it| &it.region)
            .min_by_key(|region| (region.as_str().len(), region.as_str()))
            .unwrap_or(&self.person.region)
            .clone()
    }

    /// The duties held in a region on a day: those whose own region covers it.
    pub fn duties_in(&self, region: &RegionCode, today: NaiveDate) -> Vec<Duty> {
        let Person {
            region: own,
            duties,
            ..
        } = &self.person;
        duties_in(own, duties, &self.assignments, region, today)
    }

    /// Every region in which a duty is held on a day, the widest first.
    pub fn regions(&self, today: NaiveDate) -> Vec<RegionCode> {
        let assigned = self.assignments.iter().filter(|it| it.holds_on(today));
        let mut regions: Vec<RegionCode> = assigned.map(|it| it.region.clone()).collect();
        if !self.person.duties.is_empty() {
            regions.push(self.person.region.clone());
        }
        regions.sort_by(|one, other| {
            let key = |it: &RegionCode| (it.as_str().len(), it.as_str().to_owned());
            key(one).cmp(&key(other))
        });
        regions.dedup();
        regions
    }
}

/// What a secret leads to, as the store finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// The county.
    pub county: CountyCode,
    /// The pass.
    pub pass: Pass,
    /// When the secret ends: before the pass, if another one took its place.
    pub secret_ends_at: DateTime<Utc>,
    /// Whose pass it is.
    pub holder: Holder,
    /// Where the pass acts for another: that person, and what allows it.
    pub absent: Option<(Holder, Vec<Substitution>)>,
}

/// When a second factor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecondFactorRule {
    /// Whoever wants one.
    #[default]
    Optional,
    /// Nobody approves or pays without.
    Money,
    /// Nobody works without.
    Required,
}

/// How long sessions last, and what they must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// A session that was not seen for so long has ended.
    pub idle: Duration,
    /// A session ends after so long whatever happens.
    pub absolute: Duration,
    /// A session in a browser gets a new secret after so long.
    pub renew: Duration,
    /// When a second factor is asked for.
    pub second_factor: SecondFactorRule,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            idle: Duration::minutes(crate::limits::SESSION_IDLE_MINUTES),
            absolute: Duration::hours(crate::limits::SESSION_HOURS_MAX),
            renew: Duration::minutes(crate::limits::SESSION_RENEW_MINUTES),
            second_factor: SecondFactorRule::Optional,
        }
    }
}

impl Pass {
    /// Whether it is alive at an instant.
    pub fn is_alive(&self, now: DateTime<Utc>, rules: &Rules) -> bool {
        let idle = match self.kind {
            PassKind::Session => self.seen_at + rules.idle <= now,
            PassKind::Key | PassKind::Ticket | PassKind::Link => false,
        };
        self.ended_at.is_none() && now < self.ends_at && !idle
    }
}

impl Presented {
    /// Whether the secret opens its pass at an instant.
    pub fn is_alive(&self, now: DateTime<Utc>, rules: &Rules) -> bool {
        now < self.secret_ends_at && self.pass.is_alive(now, rules)
    }

    /// Who calls at an instant; `None` if the secret opens nothing (any more), or whoever it belongs to
    /// holds no duty now. A session that acts for somebody ends with the substitution.
    pub fn caller(&self, now: DateTime<Utc>, rules: &Rules) -> Option<Caller> {
        let opens = match self.pass.kind {
            PassKind::Session | PassKind::Key => self.is_alive(now, rules),
            PassKind::Ticket | PassKind::Link => false,
        };
        if !opens {
            return None;
        }
        let own = &self.holder.person;
        let holder = match (self.pass.on_behalf_of, &self.absent) {
            (None, _) => &self.holder,
            (Some(absent), Some((holder, substitutions))) => {
                let allowed = substitutions
                    .iter()
                    .any(|it| it.absent == absent && it.substitute == own.id && it.holds_at(now));
                if !allowed || holder.person.id != absent {
                    return None;
                }
                holder
            }
            (Some(_), None) => return None,
        };
        let today = legal_day(now);
        let region = self.pass.region.clone();
        let region = region.unwrap_or_else(|| holder.region(today));
        let mut duties = holder.duties_in(&region, today);
        if let Some(only) = &self.pass.duties {
            duties.retain(|duty| only.contains(duty));
        }
        if duties.is_empty() {
            return None;
        }
        // Whoever holds a program's duty is a program, whatever else it holds.
        let door = if duties.iter().copied().any(Duty::is_system) {
            Door::System
        } else {
            Door::Person
        };
        let mut grants = self.pass.grants.clone();
        let second_factor = self.pass.second_factor;
        let by_person = door == Door::Person;
        let wanted = match rules.second_factor {
            SecondFactorRule::Optional => false,
            SecondFactorRule::Money => by_person,
            SecondFactorRule::Required => {
                if self.pass.kind == PassKind::Session && !second_factor {
                    // Nothing is left but the own account: to enrol.
                    duties.clear();
                    grants.retain(|it| *it == Grant::Read);
                }
                by_person
            }
        };
        Some(Caller {
            account: self.pass.account,
            person: own.id,
            name: own.name.clone(),
            on_behalf_of: self.pass.on_behalf_of,
            org: holder.org.id,
            org_name: holder.org.name.clone(),
            scope: Scope {
                county: self.county,
                region,
                insurer: holder.org.insurer(),
            },
            duties,
            door,
            grants,
            second_factor,
            second_factor_wanted: wanted,
        })
    }
}

impl Org {
    /// The insurer whose claims this organisation's people see; a branch sees its insurer's.
    pub fn insurer(&self) -> Option<OrgId> {
        match self.kind {
            OrgKind::Insurer => Some(self.parent.unwrap_or(self.id)),
            OrgKind::Office | OrgKind::Auditor => None,
        }
    }
}

/// One change of somebody's access: written whole, with its record, or not at all.
#[derive(Debug, Clone)]
pub enum Change {
    /// Opens a pass with its first secret.
    OpenPass {
        /// The pass.
        pass: Pass,
        /// SHA-256 of the secret.
        hash: String,
    },
    /// Gives a pass another secret; the earlier ones end at `old_ends_at` at the latest. Touches
    /// nothing if the pass was renewed since, or ended.
    RenewPass {
        /// The pass as it was seen.
        pass: PassId,
        /// When it had been renewed last, as it was seen.
        seen_renewed_at: DateTime<Utc>,
        /// SHA-256 of the new secret.
        hash: String,
        /// When the earlier secrets end.
        old_ends_at: DateTime<Utc>,
        /// Now.
        at: DateTime<Utc>,
        /// Whether a second factor has been shown with it.
        second_factor: bool,
    },
    /// Ends a pass.
    EndPass {
        /// The pass.
        pass: PassId,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Ends every pass of an account but one.
    EndAccount {
        /// The account.
        account: AccountId,
        /// The one that stays.
        except: Option<PassId>,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Sets a password and ends every pass of the account but one.
    SetPassword {
        /// The account.
        account: AccountId,
        /// Argon2 hash.
        password_hash: String,
        /// The one that stays.
        except: Option<PassId>,
        /// Now.
        at: DateTime<Utc>,
    },
    /// In whose place, and in which region, a pass acts from now on.
    ActAs {
        /// The pass.
        pass: PassId,
        /// In whose place.
        on_behalf_of: Option<PersonId>,
        /// In which region.
        region: Option<RegionCode>,
    },
    /// Sets the standing duties of a person and their region.
    SetDuties {
        /// The person.
        person: PersonId,
        /// The duties.
        duties: Vec<Duty>,
        /// Where.
        region: RegionCode,
    },
    /// Writes a duty for a time, or corrects its last day.
    PutAssignment(Assignment),
    /// Writes a substitution, or ends it.
    PutSubstitution(Substitution),
    /// Begins a second factor, not yet confirmed; the earlier one stays until then only if it is
    /// confirmed: then this touches nothing.
    PutFactor {
        /// The account.
        account: AccountId,
        /// The secret in base32.
        secret: String,
    },
    /// Confirms it by the step that was shown, with its recovery codes by hash.
    ConfirmFactor {
        /// The account.
        account: AccountId,
        /// The step.
        step: i64,
        /// Hashes of the recovery codes.
        recovery: Vec<String>,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Takes it away with its recovery codes.
    DropFactor {
        /// The account.
        account: AccountId,
    },
    /// Ties somebody of an `OpenID` provider to an account.
    LinkSubject {
        /// The provider.
        issuer: String,
        /// Whom it means.
        subject: String,
        /// The account.
        account: AccountId,
    },
}

/// Reading and writing of identities. Everything is idempotent or says how many rows it touched.
#[async_trait]
pub trait Identity: Send + Sync {
    /// Writes an account; a second account with the same login is `Fault::Conflict`.
    async fn put_account(&self, county: CountyCode, account: &Account) -> Result<(), Fault>;
    /// The account of a login and its county.
    async fn account(&self, login: &str) -> Result<Option<(CountyCode, Account)>, Fault>;
    /// Logins of a county, in order.
    async fn accounts(&self, county: CountyCode) -> Result<Vec<Account>, Fault>;
    /// Whether there is any account in the installation that can sign in with a password.
    async fn anybody_can_sign_in(&self) -> Result<bool, Fault>;
    /// Carries out changes with their record, all or none; how many rows the last change touched.
    /// A change that touches nothing leaves no record.
    async fn change(
        &self,
        county: CountyCode,
        changes: &[Change],
        record: Option<&IdentityEvent>,
    ) -> Result<u64, Fault>;
    /// What a secret leads to, by its hash.
    async fn presented(&self, hash: &str) -> Result<Option<Presented>, Fault>;
    /// Notes that a pass was seen.
    async fn see(&self, county: CountyCode, pass: PassId, at: DateTime<Utc>) -> Result<(), Fault>;
    /// The passes of a county that are not ended, newest first.
    async fn passes(
        &self,
        county: CountyCode,
        kind: PassKind,
        now: DateTime<Utc>,
    ) -> Result<Vec<Pass>, Fault>;
    /// A pass.
    async fn pass(&self, county: CountyCode, id: PassId) -> Result<Option<Pass>, Fault>;
    /// Duties for a time.
    async fn assignments(&self, county: CountyCode) -> Result<Vec<Assignment>, Fault>;
    /// Substitutions.
    async fn substitutions(&self, county: CountyCode) -> Result<Vec<Substitution>, Fault>;
    /// The second factor of an account.
    async fn second_factor(
        &self,
        county: CountyCode,
        account: AccountId,
    ) -> Result<Option<SecondFactor>, Fault>;
    /// Uses a time step of a second factor; false if it or a later one was used already.
    async fn use_step(
        &self,
        county: CountyCode,
        account: AccountId,
        step: i64,
    ) -> Result<bool, Fault>;
    /// Uses a recovery code by its hash; false if there is none such left.
    async fn use_recovery(
        &self,
        county: CountyCode,
        account: AccountId,
        hash: &str,
        at: DateTime<Utc>,
    ) -> Result<bool, Fault>;
    /// The account an `OpenID` provider's subject is tied to.
    async fn account_of_subject(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<(CountyCode, Account)>, Fault>;
    /// Counts an attempt before it is made; until when it must wait, and then it was not counted.
    async fn attempt(
        &self,
        key: &str,
        rule: Throttle,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Fault>;
    /// Forgets the attempts under a key: one succeeded.
    async fn forget_attempts(&self, key: &str) -> Result<(), Fault>;
    /// Takes one attempt under a key back: it succeeded, which says nothing of the others.
    async fn take_back_attempt(&self, key: &str) -> Result<(), Fault>;
    /// Writes a link of the first start.
    async fn put_setup_link(&self, hash: &str, ends_at: DateTime<Utc>) -> Result<(), Fault>;
    /// Uses a link of the first start; false if it has ended, was used, or somebody can sign in.
    async fn use_setup_link(&self, hash: &str, at: DateTime<Utc>) -> Result<bool, Fault>;
    /// The record of a county between two entries.
    async fn identity_events(
        &self,
        county: CountyCode,
        after: Option<Uuid>,
        before: Option<Uuid>,
        newest_first: bool,
        limit: u32,
    ) -> Result<Vec<IdentityEvent>, Fault>;
}
