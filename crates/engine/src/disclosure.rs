//! Disclosures (查看记录): a private value leaves in the clear only after it stands on record who
//! reads it, when and why. The record of a county is a chain, so that none can go unseen.

use crate::household::PrivateText;
use crate::ids;
use chrono::{DateTime, SecondsFormat, Utc};
use lifecycle::{
    AccountId, ClaimId, CountyCode, Duty, HouseholdId, MemberId, PayeeId, PersonId, RegionCode,
};
use uuid::Uuid;

/// A private field of a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrivateField {
    /// 公民身份号码 of a member.
    IdNumber,
    /// 银行账号 of a payee.
    Account,
    /// 联系电话 of the household.
    Phone,
    /// 患病情况 behind a claim.
    Diagnosis,
}

impl PrivateField {
    /// Every field.
    pub const ALL: [Self; 4] = [Self::IdNumber, Self::Account, Self::Phone, Self::Diagnosis];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::IdNumber => "ID_NUMBER",
            Self::Account => "ACCOUNT",
            Self::Phone => "PHONE",
            Self::Diagnosis => "DIAGNOSIS",
        }
    }

    /// The field of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }

    /// The duties whose work needs the plain value: identity at the visit and in the office's list,
    /// the account where it is entered and paid, the phone to reach people, the illness where it is
    /// verified and judged. An auditor sees the list of disclosures, not the values.
    pub const fn readers(self) -> &'static [Duty] {
        match self {
            Self::IdNumber => &[
                Duty::TownshipCaseworker,
                Duty::CountyCaseworker,
                Duty::InsurerHandler,
                Duty::Surveyor,
            ],
            Self::Account => &[
                Duty::TownshipCaseworker,
                Duty::CountyCaseworker,
                Duty::InsurerHandler,
                Duty::Finance,
            ],
            Self::Phone => &[
                Duty::TownshipCaseworker,
                Duty::CountyCaseworker,
                Duty::CountySupervisor,
                Duty::InsurerHandler,
                Duty::Surveyor,
            ],
            Self::Diagnosis => &[
                Duty::TownshipCaseworker,
                Duty::CountyCaseworker,
                Duty::InsurerHandler,
                Duty::Surveyor,
                Duty::Approver,
            ],
        }
    }
}

/// Which value: the field and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrivateSubject {
    /// The identity number of a member.
    IdNumber(MemberId),
    /// The account of a payee.
    Account(PayeeId),
    /// The household's phone.
    Phone(HouseholdId),
    /// The diagnosis behind a claim.
    Diagnosis(ClaimId),
}

impl PrivateSubject {
    /// The subject of a field with this id.
    pub const fn new(field: PrivateField, id: Uuid) -> Self {
        match field {
            PrivateField::IdNumber => Self::IdNumber(MemberId(id)),
            PrivateField::Account => Self::Account(PayeeId(id)),
            PrivateField::Phone => Self::Phone(HouseholdId(id)),
            PrivateField::Diagnosis => Self::Diagnosis(ClaimId(id)),
        }
    }

    /// The field.
    pub const fn field(self) -> PrivateField {
        match self {
            Self::IdNumber(_) => PrivateField::IdNumber,
            Self::Account(_) => PrivateField::Account,
            Self::Phone(_) => PrivateField::Phone,
            Self::Diagnosis(_) => PrivateField::Diagnosis,
        }
    }

    /// Whose value it is.
    pub const fn id(self) -> Uuid {
        match self {
            Self::IdNumber(id) => id.0,
            Self::Account(id) => id.0,
            Self::Phone(id) => id.0,
            Self::Diagnosis(id) => id.0,
        }
    }
}

/// What a plain value is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// 核查身份或事实.
    Verification,
    /// 办理付款或退票.
    Payment,
    /// 联系农户.
    Contact,
    /// 处理异议或申诉.
    Objection,
    /// 更正登记信息.
    Correction,
    /// 审计、监督或法定要求.
    Supervision,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] = [
        Self::Verification,
        Self::Payment,
        Self::Contact,
        Self::Objection,
        Self::Correction,
        Self::Supervision,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Verification => "VERIFICATION",
            Self::Payment => "PAYMENT",
            Self::Contact => "CONTACT",
            Self::Objection => "OBJECTION",
            Self::Correction => "CORRECTION",
            Self::Supervision => "SUPERVISION",
        }
    }

    /// The purpose of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }
}

/// One value read by one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// County.
    pub county: CountyCode,
    /// The household.
    pub household: HouseholdId,
    /// Which value.
    pub subject: PrivateSubject,
    /// What for.
    pub purpose: Purpose,
    /// The reason in the reader's own words.
    pub reason: String,
    /// The account that read.
    pub account: AccountId,
    /// The person who read.
    pub person: PersonId,
    /// When; to the microsecond, as the database keeps it.
    pub at: DateTime<Utc>,
}

/// A disclosure as it stands on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosed {
    /// Place in the county's record, from 1, without a gap.
    pub seq: i64,
    /// What was read.
    pub what: Disclosure,
    /// The hash of the entry before; empty for the first.
    pub previous_hash: String,
    /// The hash of this entry and all before it.
    pub hash: String,
}

impl Disclosed {
    /// The next entry after the one of this place and hash.
    pub fn after(last_seq: i64, last_hash: &str, what: Disclosure) -> Self {
        let seq = last_seq + 1;
        Self {
            seq,
            hash: Self::hash_of(last_hash, seq, &what),
            previous_hash: last_hash.to_owned(),
            what,
        }
    }

    /// The key of a place in a list: it sorts as the places do.
    pub fn key(&self) -> String {
        format!("{:010}", self.seq)
    }

    /// What chains an entry to the one before.
    pub fn hash_of(previous: &str, seq: i64, what: &Disclosure) -> String {
        let Disclosure {
            county,
            household,
            subject,
            purpose,
            reason,
            account,
            person,
            at,
        } = what;
        ids::sha256(format!(
            "disclosure\n{previous}\n{county}\n{seq}\n{household}\n{}\n{}\n{}\n{account}\n{person}\n{}\n{reason}",
            subject.field().code(),
            subject.id(),
            purpose.code(),
            at.to_rfc3339_opts(SecondsFormat::Micros, true),
        ))
    }
}

/// What a request to read ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disclosing {
    /// It stands on record, and this is the value.
    Told {
        /// The record.
        entry: Box<Disclosed>,
        /// The value.
        value: PrivateText,
    },
    /// There is no such value; nothing was recorded.
    Absent,
    /// The account has read as many values today as it may; nothing was recorded.
    Exhausted,
}

/// What a caller's request to read ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revealed {
    /// It stands on record, and this is the value.
    Told {
        /// The record.
        entry: Box<Disclosed>,
        /// The value.
        value: PrivateText,
    },
    /// There is no such value.
    Absent,
    /// None of the caller's duties needs this field.
    DutyMissing,
    /// The account has read as many values today as it may.
    Exhausted {
        /// How many that is.
        limit: u32,
    },
}

/// Which disclosures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DisclosureFilter {
    /// Of one household.
    pub household: Option<HouseholdId>,
    /// By one person.
    pub person: Option<PersonId>,
    /// By persons among these.
    pub among: Option<Vec<PersonId>>,
    /// Of households in this region.
    pub region: Option<RegionCode>,
}
