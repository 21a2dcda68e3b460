//! Sessions, keys, staff, substitution and their record, as the API shows them.

use crate::node_id::{self, Kind};
use crate::types::enums::Duty;
use crate::types::scalars::{Date, DateTime};
use async_graphql::{Enum, ID, SimpleObject};
use engine::access::Staff;
use engine::identity;
use lifecycle::PersonId;

/// What a credential is good for; it narrows the duties, it never adds to them.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "engine::Grant")]
pub enum Grant {
    /// Queries and subscriptions.
    Read,
    /// Mutations.
    Act,
    /// Exports and batches.
    Bulk,
    /// Introspection.
    Schema,
    /// Private data in plain, one field a call.
    Reveal,
}

/// What happened to somebody's access.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "identity::IdentityEventKind")]
pub enum IdentityEventKind {
    /// 登录: somebody signed in.
    SignedIn,
    /// 设置口令: a password was set or changed.
    PasswordSet,
    /// 生成一次性链接: a one-time link was made.
    LinkMade,
    /// 首次设置: the first administrator was made.
    SetUp,
    /// 终止会话或密钥: a session or key was ended.
    PassEnded,
    /// 终止全部会话和密钥: every session and key of an account was ended.
    AccountEnded,
    /// 创建接口密钥: a key was made.
    KeyMade,
    /// 轮换接口密钥: a key got a new secret.
    KeyRotated,
    /// 设置岗位: standing duties were set.
    DutiesSet,
    /// 授予有期限岗位: a duty for a time was given.
    AssignmentPut,
    /// 终止有期限岗位: a duty for a time was ended.
    AssignmentEnded,
    /// 授权代理: somebody may act in another's place.
    SubstitutionGranted,
    /// 终止代理: that was ended.
    SubstitutionEnded,
    /// 开始代理: a session began to act in another's place or region.
    ActingBegun,
    /// 结束代理: it acts for its own person again.
    ActingEnded,
    /// 启用第二因素: a second factor was confirmed.
    FactorConfirmed,
    /// 取消第二因素: a second factor was taken away.
    FactorRemoved,
    /// 使用恢复码: a recovery code was used.
    RecoveryUsed,
    /// 关联统一身份: a login of an `OpenID` provider was tied to the account.
    SubjectLinked,
}

/// A session of one's own.
#[derive(SimpleObject, Debug, Clone)]
pub struct Session {
    /// Id: what `revokeSession` wants.
    pub id: ID,
    /// Whether it is the one that asks.
    pub is_current: bool,
    /// When it was opened.
    pub opened_at: DateTime,
    /// When it was last seen, to the minute.
    pub seen_at: DateTime,
    /// When it ends whatever happens.
    pub ends_at: DateTime,
    /// Whether a second factor was shown.
    pub second_factor: bool,
    /// The person in whose place it acts.
    pub on_behalf_of_id: Option<ID>,
}

impl Session {
    /// A session as its owner sees it.
    pub fn new(pass: &identity::Pass, is_current: bool) -> Self {
        Self {
            id: node_id::encode(Kind::Pass, pass.id.0),
            is_current,
            opened_at: DateTime(pass.opened_at),
            seen_at: DateTime(pass.seen_at),
            ends_at: DateTime(pass.ends_at),
            second_factor: pass.second_factor,
            on_behalf_of_id: pass.on_behalf_of.map(person),
        }
    }
}

fn person(id: PersonId) -> ID {
    node_id::encode(Kind::Person, id.0)
}

/// An API key, without its secret.
#[derive(SimpleObject, Debug, Clone)]
pub struct ApiKey {
    /// Id: what `rotateApiKey` and `revokeApiKey` want.
    pub id: ID,
    /// The login it belongs to.
    pub login: String,
    /// What it is called.
    pub label: String,
    /// What it is good for.
    pub grants: Vec<Grant>,
    /// Only these duties; null for all of the person's.
    pub duties: Option<Vec<Duty>>,
    /// Only this region; null for the person's own.
    pub region_code: Option<String>,
    /// When it was made.
    pub opened_at: DateTime,
    /// When it was last seen, to the minute.
    pub seen_at: DateTime,
    /// When it got its present secret.
    pub renewed_at: DateTime,
    /// When it ends.
    pub ends_at: DateTime,
}

impl ApiKey {
    /// A key with the login it belongs to.
    pub fn new(pass: &identity::Pass, login: String) -> Self {
        let duties = pass.duties.as_ref();
        Self {
            id: node_id::encode(Kind::Pass, pass.id.0),
            login,
            label: pass.label.clone(),
            grants: pass.grants.iter().map(|it| (*it).into()).collect(),
            duties: duties.map(|it| it.iter().map(|duty| (*duty).into()).collect()),
            region_code: pass.region.as_ref().map(ToString::to_string),
            opened_at: DateTime(pass.opened_at),
            seen_at: DateTime(pass.seen_at),
            renewed_at: DateTime(pass.renewed_at),
            ends_at: DateTime(pass.ends_at),
        }
    }
}

/// A duty in a region for a time (有期限岗位).
#[derive(SimpleObject, Debug, Clone)]
pub struct Assignment {
    /// Id: what `endAssignment` wants.
    pub id: ID,
    /// Whose.
    pub person_id: ID,
    /// The duty.
    pub duty: Duty,
    /// Where.
    pub region_code: String,
    /// First day.
    #[graphql(name = "from")]
    pub from_day: Date,
    /// Last day; null while it has no end.
    pub until: Option<Date>,
}

impl From<&identity::Assignment> for Assignment {
    fn from(it: &identity::Assignment) -> Self {
        Self {
            id: node_id::encode(Kind::Assignment, it.id),
            person_id: person(it.person),
            duty: it.duty.into(),
            region_code: it.region.to_string(),
            from_day: Date(it.from),
            until: it.until.map(Date),
        }
    }
}

/// Somebody of staff with a login, as an administrator sees them.
#[derive(SimpleObject, Debug, Clone)]
pub struct StaffMember {
    /// Id of the person.
    pub id: ID,
    /// The login.
    pub login: String,
    /// Name.
    pub name: String,
    /// The organisation.
    pub organisation: String,
    /// Standing duties.
    pub duties: Vec<Duty>,
    /// Region code in which they are held.
    pub region_code: String,
    /// Whether a password is set; without one, `inviteAccount` makes a link.
    pub has_password: bool,
}

impl From<&Staff> for StaffMember {
    fn from(it: &Staff) -> Self {
        Self {
            id: person(it.person.id),
            login: it.login.clone(),
            name: it.person.name.clone(),
            organisation: it.org.name.clone(),
            duties: it.person.duties.iter().map(|duty| (*duty).into()).collect(),
            region_code: it.person.region.to_string(),
            has_password: it.has_password,
        }
    }
}

/// Who may act in whose place (代理).
#[derive(SimpleObject, Debug, Clone)]
pub struct Substitution {
    /// Id: what `endSubstitution` wants.
    pub id: ID,
    /// In whose place.
    pub absent_id: ID,
    /// Who acts.
    pub substitute_id: ID,
    /// First day.
    #[graphql(name = "from")]
    pub from_day: Date,
    /// Last day.
    pub until: Date,
    /// When it was ended before its time.
    pub ended_at: Option<DateTime>,
}

impl From<&identity::Substitution> for Substitution {
    fn from(it: &identity::Substitution) -> Self {
        Self {
            id: node_id::encode(Kind::Substitution, it.id),
            absent_id: person(it.absent),
            substitute_id: person(it.substitute),
            from_day: Date(it.from),
            until: Date(it.until),
            ended_at: it.ended_at.map(DateTime),
        }
    }
}

/// One entry of the record of who did what to whose access.
#[derive(SimpleObject, Debug, Clone)]
pub struct IdentityEvent {
    /// When.
    pub at: DateTime,
    /// What.
    pub kind: IdentityEventKind,
    /// Who did it; null for the operator of the machine.
    pub actor_id: Option<ID>,
    /// To whom.
    pub subject_id: Option<ID>,
    /// What exactly: codes, the name of a key, days.
    pub detail: String,
}

impl From<&identity::IdentityEvent> for IdentityEvent {
    fn from(it: &identity::IdentityEvent) -> Self {
        Self {
            at: DateTime(it.at),
            kind: it.kind.into(),
            actor_id: it.actor.map(person),
            subject_id: it.subject.map(person),
            detail: it.detail.clone(),
        }
    }
}
