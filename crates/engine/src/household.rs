//! Households and what identifies their people. Private values never print themselves.

use crate::caller::Scope;
use crate::disclosure::{Disclosed, Disclosing, Disclosure, DisclosureFilter};
use crate::ids;
use crate::limits::{DIAGNOSIS_CHARS_MAX, TEXT_CHARS_MAX};
use crate::ports::{Fault, HouseholdFilter, Page, Slice};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use lifecycle::{
    ClaimId, CountyCode, HouseholdId, MemberId, NameCheck, NameCheckMeans, PayeeId, PayeeRelation,
    PersonId, RegionCode,
};
use std::collections::BTreeSet;
use std::fmt;
use uuid::Uuid;

/// A resident identity number (公民身份号码) of 18 characters, GB 11643-1999. `Debug` and `Display`
/// are masked: the plain value leaves only through [`IdNumber::reveal`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdNumber(String);

/// Why an identity number is wrong, without repeating it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdNumberFault {
    /// Not 18 characters.
    Length(usize),
    /// Something other than digits (and X at the end).
    Character,
    /// The date of birth does not exist.
    BirthDate,
    /// The check character does not fit.
    Checksum,
}

impl fmt::Display for IdNumberFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(out, "应为18位,实为{length}位"),
            Self::Character => out.write_str("含有数字和末位X以外的字符"),
            Self::BirthDate => out.write_str("出生日期不存在"),
            Self::Checksum => out.write_str("校验码不符,请核对有无错号"),
        }
    }
}

impl std::error::Error for IdNumberFault {}

impl IdNumber {
    /// Reads a number; full-width digits, white space and a small x are forgiven.
    pub fn parse(text: &str) -> Result<Self, IdNumberFault> {
        let text: String = text
            .chars()
            .filter(|character| !character.is_whitespace() && *character != '\'')
            .map(half_width)
            .map(|character| character.to_ascii_uppercase())
            .collect();
        let length = text.chars().count();
        if length != 18 {
            return Err(IdNumberFault::Length(length));
        }
        // Before the text is cut: a cut inside a Chinese character would panic.
        if !text.is_ascii() {
            return Err(IdNumberFault::Character);
        }
        let (body, check) = text.split_at(text.len() - 1);
        if !body.bytes().all(|byte| byte.is_ascii_digit())
            || !check
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'X')
        {
            return Err(IdNumberFault::Character);
        }
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let sum: usize = body
            .bytes()
            .zip(weights)
            .map(|(byte, weight)| usize::from(byte - b'0') * weight)
            .sum();
        if b"10X98765432"[sum % 11] != check.as_bytes()[0] {
            return Err(IdNumberFault::Checksum);
        }
        NaiveDate::parse_from_str(&text[6..14], "%Y%m%d").map_err(|_| IdNumberFault::BirthDate)?;
        Ok(Self(text))
    }

    /// The plain number: for the store and for checked, recorded disclosure only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `1303**********0016` would still name a villager; three and two digits do not.
    pub fn masked(&self) -> String {
        format!("{}*************{}", &self.0[..3], &self.0[16..])
    }

    /// The date of birth it contains.
    pub fn born_on(&self) -> Option<NaiveDate> {
        NaiveDate::parse_from_str(&self.0[6..14], "%Y%m%d").ok()
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.masked())
    }
}

/// A bank account number, masked wherever it could print itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BankAccount(String);

impl BankAccount {
    /// Reads an account number of 8 to 32 digits; full-width digits and spaces are forgiven.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text
            .chars()
            .filter(|it| !it.is_whitespace() && *it != '\'')
            .map(half_width)
            .collect();
        ((8..=32).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then_some(Self(digits))
    }

    /// The plain number: for the store and the bank only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last four digits.
    pub fn masked(&self) -> String {
        format!("****{}", &self.0[self.0.len() - 4..])
    }
}

impl fmt::Debug for BankAccount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.masked())
    }
}

/// A phone number (联系电话), masked wherever it could print itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads a number of 7 to 12 digits; spaces, hyphens, a leading +86 and full-width digits are
    /// forgiven.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text
            .chars()
            .map(half_width)
            .filter(|it| !it.is_whitespace() && !matches!(it, '-' | '\'' | '(' | ')'))
            .collect();
        let digits = digits.strip_prefix("+86").unwrap_or(&digits);
        let mobile = digits.len() == 11 && digits.starts_with('1');
        let landline = (10..=12).contains(&digits.len()) && digits.starts_with('0');
        let local = (7..=8).contains(&digits.len()) && !digits.starts_with(['0', '1']);
        ((mobile || landline || local) && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| Self(digits.to_owned()))
    }

    /// The plain number: for the store and for checked, recorded disclosure only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `138****0000`; of a shorter number the last two digits.
    pub fn masked(&self) -> String {
        let digits = &self.0;
        let last = digits.len() - if digits.len() == 11 { 4 } else { 2 };
        let first = if digits.len() == 11 { 3 } else { 0 };
        format!("{}****{}", &digits[..first], &digits[last..])
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.masked())
    }
}

/// What the office wrote down of an illness (患病情况). No part of it may be shown, so its mask is
/// that it is there.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Diagnosis(String);

impl Diagnosis {
    /// Reads a text of 1 to [`DIAGNOSIS_CHARS_MAX`] characters.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty() && text.chars().count() <= DIAGNOSIS_CHARS_MAX)
            .then(|| Self(text.to_owned()))
    }

    /// The plain text: for the store and for checked, recorded disclosure only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Diagnosis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(diagnosis)")
    }
}

/// A private value on its way to a person who may read it, after that was recorded.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateText(String);

impl PrivateText {
    /// A value to be told.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The plain value.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(private)")
    }
}

/// Why [`entered`] refuses a text that holds a private value.
pub const PRIVATE: &str = "PRIVATE";

/// A short text as a person enters it: something, not too long, nothing private. Else the reason.
pub fn entered(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("EMPTY");
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err("TOO_LONG");
    }
    if holds_private(text) {
        return Err(PRIVATE);
    }
    Ok(text.to_owned())
}

/// Whether a free text holds what looks like an identity number, an account or a mobile number:
/// 18 characters of an identity number, 16 or more digits, 11 digits that begin as mobile numbers
/// do, also where they are written in the usual groups. Free texts go into the log, which is kept for
/// ever, so these have fields of their own.
pub fn holds_private(text: &str) -> bool {
    let text: Vec<char> = text.chars().map(half_width).collect();
    let mut at = 0;
    while at < text.len() {
        if !text[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        // Groups of digits, one space or hyphen between them.
        let mut groups = vec![0_usize];
        let mut digits = String::new();
        while at < text.len() {
            let last = groups.len() - 1;
            if text[at].is_ascii_digit() {
                groups[last] += 1;
                digits.push(text[at]);
            } else if matches!(text[at], ' ' | '-')
                && text.get(at + 1).is_some_and(char::is_ascii_digit)
            {
                if is_private(&groups, &digits) {
                    return true;
                }
                groups.push(0);
            } else {
                break;
            }
            at += 1;
        }
        let ends_in_x = text.get(at).is_some_and(|it| matches!(it, 'x' | 'X'));
        if ends_in_x {
            digits.push('X');
            let last = groups.len() - 1;
            groups[last] += 1;
        }
        if is_private(&groups, &digits) {
            return true;
        }
    }
    false
}

fn is_private(groups: &[usize], digits: &str) -> bool {
    let mobile = |digits: &str| {
        digits.len() == 11
            && digits.starts_with('1')
            && digits.as_bytes()[1] >= b'3'
            && !digits.ends_with('X')
    };
    let last = groups.last().copied().unwrap_or_default();
    let tail = |count: usize| digits.split_at(digits.len().saturating_sub(count)).1;
    let piece = tail(last);
    let ends = |shape: &[usize]| groups.ends_with(shape);
    last >= 16
        || mobile(piece.strip_prefix("86").unwrap_or(piece))
        || (ends(&[3, 4, 4]) && mobile(tail(11)))
        || ends(&[6, 8, 4])
        || ends(&[4, 4, 4, 4])
}

/// A full-width digit, letter or sign as its ordinary twin.
pub fn half_width(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character)
        }
        '\u{3000}' => ' ',
        other => other,
    }
}

/// A member of a household (家庭成员).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Id.
    pub id: MemberId,
    /// Name.
    pub name: String,
    /// Identity number.
    pub id_number: IdNumber,
    /// Relation to the head (与户主关系), as the office writes it: 户主, 配偶, 子, 女 …
    pub relation: String,
    /// Day of death, if known.
    pub died_on: Option<NaiveDate>,
    /// Day of the last check against the register.
    pub checked_on: Option<NaiveDate>,
}

/// The papers that show an heir (继承材料), each by the SHA-256 of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeirPapers {
    /// The death certificate (死亡证明) of the insured.
    pub death_certificate: String,
    /// The proof of relation (亲属关系证明).
    pub relation_proof: String,
    /// The heirs' agreement with their identity documents (继承人协议).
    pub heirs_agreement: String,
}

/// A check of the name of an account, on record. It stays (invariant 12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayeeCheck {
    /// Of the caller's key: another try is the same check.
    pub id: Uuid,
    /// By which means.
    pub means: NameCheckMeans,
    /// Whether the names agree.
    pub passed: bool,
    /// Who checked; of a comparison by the program, who entered the payee.
    pub by: PersonId,
    /// In whose place, if delegated.
    pub on_behalf_of: Option<PersonId>,
    /// The legal day.
    pub on: NaiveDate,
    /// SHA-256 of what was seen: the bank's reply, a copy of the document.
    pub sha256: Option<String>,
}

impl PayeeCheck {
    /// Whether it says the same, whatever the day.
    pub fn says(&self, other: &Self) -> bool {
        *self
            == Self {
                on: self.on,
                ..other.clone()
            }
    }

    /// What a judgement sees of it.
    pub const fn seen(&self) -> NameCheck {
        NameCheck {
            means: self.means,
            passed: self.passed,
            on: self.on,
        }
    }
}

/// One immutable version of a payee, and the checks of its name so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payee {
    /// Id.
    pub id: PayeeId,
    /// The member who is paid.
    pub member: MemberId,
    /// In what relation to the insured.
    pub relation: PayeeRelation,
    /// The papers of an heir, and only of an heir.
    pub papers: Option<HeirPapers>,
    /// The account holder's name as the bank has it.
    pub holder_name: String,
    /// Bank.
    pub bank: String,
    /// Account number.
    pub account: BankAccount,
    /// Who entered it; not known of payees of a sample.
    pub entered_by: Option<PersonId>,
    /// In whose place, if delegated.
    pub entered_for: Option<PersonId>,
    /// How its name was checked, in order.
    pub checks: Vec<PayeeCheck>,
}

impl Payee {
    /// The relation of a payee who is no guardian and no heir.
    pub fn plain_relation(household: &Household, member: MemberId) -> PayeeRelation {
        if member == household.head {
            PayeeRelation::Head
        } else {
            PayeeRelation::Family
        }
    }

    /// The program's comparison of the account's name with the member's, as whoever enters the payee
    /// records it.
    pub fn compared(&self, member: &Member, on: NaiveDate, by: PersonId) -> PayeeCheck {
        PayeeCheck {
            id: ids::named("payee-compared", &self.id.to_string()),
            means: NameCheckMeans::NamesCompared,
            passed: member.name == self.holder_name,
            by,
            on_behalf_of: self.entered_for,
            on,
            sha256: None,
        }
    }

    /// Whether it is the same version, whatever was checked since.
    pub fn is_version(&self, other: &Self) -> bool {
        let plain = |it: &Self| Self {
            checks: Vec::new(),
            ..it.clone()
        };
        plain(self) == plain(other)
    }

    /// Whether a check may stand: what a person sees must be seen by somebody else than entered the
    /// payee, also behind a delegation.
    pub fn takes(&self, check: &PayeeCheck) -> bool {
        let entered = [self.entered_by, self.entered_for];
        let mut persons = std::iter::once(check.by).chain(check.on_behalf_of);
        check.means == NameCheckMeans::NamesCompared
            || !persons.any(|it| entered.contains(&Some(it)))
    }

    /// What the log keeps of this version of a payee of a household: its contents cannot be read
    /// from it, but it shows that they are the same. The salt is kept sealed with the account:
    /// whoever has the log and the rows, but no key, cannot try accounts until one fits. (Payees
    /// registered before there was sealing have none.)
    pub fn fingerprint(&self, household: HouseholdId, salt: &str) -> String {
        let Self {
            id,
            member,
            relation,
            papers,
            holder_name,
            bank,
            account,
            entered_by: _,
            entered_for: _,
            checks: _,
        } = self;
        let salt = if salt.is_empty() {
            String::new()
        } else {
            format!("\n{salt}")
        };
        let papers = papers.as_ref().map_or_else(String::new, |it| {
            let HeirPapers {
                death_certificate,
                relation_proof,
                heirs_agreement,
            } = it;
            format!("\n{death_certificate}\n{relation_proof}\n{heirs_agreement}")
        });
        ids::sha256(format!(
            "payee\n{id}\n{household}\n{member}\n{relation}{papers}\n{holder_name}\n{bank}\n{}{salt}",
            account.reveal()
        ))
    }
}

/// A monitored household (动态监测户).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Household {
    /// Id.
    pub id: HouseholdId,
    /// County.
    pub county: CountyCode,
    /// Village, 12 digits.
    pub village: RegionCode,
    /// Household type (户类型) as the national list names it: 脱贫不稳定户, 边缘易致贫户, 突发严重困难户.
    pub kind: String,
    /// Day of the village's decision to monitor it; `None` while it is not on the list.
    pub listed_on: Option<NaiveDate>,
    /// Head of household.
    pub head: MemberId,
    /// Number of persons by the police register; may exceed the members known by name.
    pub persons: u16,
    /// Where it is reached.
    pub phone: Option<Phone>,
    /// Members known by name.
    pub members: Vec<Member>,
    /// Payees, every version.
    pub payees: Vec<Payee>,
}

impl Household {
    /// The head's name.
    pub fn head_name(&self) -> &str {
        self.members
            .iter()
            .find(|member| member.id == self.head)
            .map_or("", |member| member.name.as_str())
    }
}

/// What somebody writes down about a household that is shown masked or not at all. What is `None`
/// stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateDetails {
    /// County.
    pub county: CountyCode,
    /// The household.
    pub household: HouseholdId,
    /// Where it is reached.
    pub phone: Option<Phone>,
    /// What illness is behind a claim of it.
    pub diagnosis: Option<(ClaimId, Diagnosis)>,
    /// Who writes it down.
    pub by: PersonId,
    /// When.
    pub at: DateTime<Utc>,
}

/// What is known of households, and who has read what is private in it.
#[async_trait]
pub trait Households: Send + Sync {
    /// Writes a household with its members and payees: those not yet known are added, known ones
    /// keep their payees (a payee version is immutable). A phone stays unless another is told.
    async fn put_household(&self, household: &Household) -> Result<(), Fault>;
    /// A household.
    async fn household(
        &self,
        county: CountyCode,
        id: HouseholdId,
    ) -> Result<Option<Household>, Fault>;
    /// Households of a county by their ids, in one read, in no order; unknown ids are left out.
    async fn households_by_ids(
        &self,
        county: CountyCode,
        ids: &[HouseholdId],
    ) -> Result<Vec<Household>, Fault>;
    /// A page of the households of a scope, by id; an insurer sees those it has a claim of.
    async fn households(
        &self,
        scope: &Scope,
        filter: &HouseholdFilter,
        page: &Page,
    ) -> Result<Slice<Household>, Fault>;
    /// The household a member with this identity number belongs to.
    async fn household_of(
        &self,
        county: CountyCode,
        id_number: &IdNumber,
    ) -> Result<Option<Household>, Fault>;
    /// Adds a payee version with the checks of its name.
    async fn put_payee(
        &self,
        county: CountyCode,
        household: HouseholdId,
        payee: &Payee,
    ) -> Result<(), Fault>;
    /// Records a check of a payee's name; the same once more is one check. A check that the payee does not
    /// take ([`Payee::takes`]) is refused.
    async fn put_payee_check(
        &self,
        county: CountyCode,
        payee: PayeeId,
        check: &PayeeCheck,
    ) -> Result<(), Fault>;
    /// Records a check of a member against the register of the living.
    async fn record_liveness(
        &self,
        county: CountyCode,
        member: MemberId,
        checked_on: NaiveDate,
        died_on: Option<NaiveDate>,
    ) -> Result<(), Fault>;
    /// Writes private details of a household down, in place of what was written before: all of them
    /// or none. The claim of a diagnosis must be of the household.
    async fn put_private_details(&self, details: &PrivateDetails) -> Result<(), Fault>;
    /// Which of these claims have a diagnosis on record.
    async fn diagnosed(
        &self,
        county: CountyCode,
        claims: &[ClaimId],
    ) -> Result<BTreeSet<ClaimId>, Fault>;
    /// The one way to a plain value: it is looked up, the disclosure is recorded **and committed**,
    /// and then the value is told. At most `limit` since `since` for one account. The subject must
    /// be of the household.
    async fn disclose(
        &self,
        disclosure: Disclosure,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Disclosing, Fault>;
    /// A page of who has read what, by place in the record, ten digits as key.
    async fn disclosures(
        &self,
        county: CountyCode,
        filter: &DisclosureFilter,
        page: &Page,
    ) -> Result<Slice<Disclosed>, Fault>;
    /// The record after a place, in order, for verification.
    async fn disclosure_log(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Disclosed>, Fault>;
    /// Place and hash of the record's last entry; zero and nothing before the first.
    async fn disclosure_head(&self, county: CountyCode) -> Result<(i64, String), Fault>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::world::{day, id_number};

    /// Domain 7.2: made-up numbers whose check character fits.
    const VALID: [&str; 3] = [
        "130302199001010016",
        "130302195506151238",
        "130321198112300029",
    ];

    #[test]
    fn valid_numbers_are_read() {
        for text in VALID {
            let number = IdNumber::parse(text).expect(text);
            assert_eq!(number.reveal(), text);
        }
        let number = IdNumber::parse(VALID[1]).expect("valid");
        assert_eq!(number.born_on(), Some(day(1955, 6, 15)));
    }

    #[test]
    fn spreadsheet_habits_are_forgiven() {
        let plain = IdNumber::parse(VALID[0]).expect("valid");
        for text in [
            " 130302199001010016\n",
            "'130302199001010016",
            "130302 19900101 0016",
            "\u{3000}130302199001010016",
            "１３０３０２１９９００１０１００１６",
        ] {
            assert_eq!(IdNumber::parse(text).as_ref(), Ok(&plain), "{text}");
        }
        // Some number of this day ends in X; a small x is the same.
        let with_x = (1..100)
            .map(|sequence| id_number(day(1990, 1, 1), sequence))
            .find(|number| number.reveal().ends_with('X'))
            .expect("one in eleven");
        let small = with_x.reveal().to_lowercase();
        assert_eq!(IdNumber::parse(&small), Ok(with_x.clone()));
        let wide = small.replace('x', "\u{ff58}");
        assert_eq!(IdNumber::parse(&wide), Ok(with_x));
    }

    #[test]
    fn each_fault_is_told() {
        use IdNumberFault as F;
        for (text, fault) in [
            ("", F::Length(0)),
            ("130302900101001", F::Length(15)),
            ("1303021990010100161", F::Length(19)),
            ("13030219900101001A", F::Character),
            ("1303021990010100X6", F::Character),
            ("1303O2199001010016", F::Character),
            // Cut at the wrong byte, these would panic.
            ("13030219900101001张", F::Character),
            ("张三李四王五赵六孙七周八吴九郑十", F::Length(16)),
            ("张三李四王五赵六孙七周八吴九郑十钱冯", F::Character),
            ("130302199001010017", F::Checksum),
            ("130302199001010061", F::Checksum),
            ("130302199002300015", F::BirthDate),
            ("130302199013010013", F::BirthDate),
        ] {
            assert_eq!(IdNumber::parse(text), Err(fault), "{text}");
        }
        // Two digits that changed places are seen.
        assert_eq!(IdNumber::parse("130302199001010106"), Err(F::Checksum));
    }

    #[test]
    fn a_fault_never_repeats_the_number() {
        for text in [
            "13030219900101001A",
            "130302199001010017",
            "130302900101001",
        ] {
            let fault = IdNumber::parse(text).expect_err("a fault");
            for words in [fault.to_string(), format!("{fault:?}")] {
                assert!(
                    !words.contains("1303") && !words.contains("1990"),
                    "{words}"
                );
            }
        }
    }

    #[test]
    fn private_values_never_print_themselves() {
        let number = IdNumber::parse(VALID[0]).expect("valid");
        assert_eq!(number.masked(), "130*************16");
        assert_eq!(format!("{number:?}"), number.masked());
        let account = BankAccount::parse("6228 4800 0000 1234 567").expect("digits");
        assert_eq!(account.reveal(), "6228480000001234567");
        assert_eq!(account.masked(), "****4567");
        assert_eq!(format!("{account:?}"), account.masked());
        let household = crate::testkit::world::invent_household(3, "130302105201");
        let printed = format!("{household:?}");
        for member in &household.members {
            assert!(!printed.contains(&member.id_number.reveal()[3..16]));
        }
        for payee in &household.payees {
            assert!(!printed.contains(payee.account.reveal()));
        }
    }

    #[test]
    fn phones_are_read_and_masked() {
        for (text, masked) in [
            ("13800000000", Some("138****0000")),
            ("+86 138 0000 0000", Some("138****0000")),
            ("１３８-００００-００００", Some("138****0000")),
            ("0335-7061234", Some("033****1234")),
            ("7061234", Some("****34")),
            ("1380000000", None),
            ("138000000000", None),
            ("没有", None),
            ("", None),
        ] {
            let phone = Phone::parse(text).map(|it| format!("{it:?}"));
            assert_eq!(phone.as_deref(), masked, "{text}");
        }
        let diagnosis = Diagnosis::parse(" 某种病 ").expect("a text");
        assert_eq!(diagnosis.reveal(), "某种病");
        assert!(!format!("{diagnosis:?}").contains('病'));
        assert!(Diagnosis::parse(" ").is_none());
        assert!(Diagnosis::parse(&"病".repeat(DIAGNOSIS_CHARS_MAX + 1)).is_none());
        let told = PrivateText::new("13800000000".to_owned());
        assert!(!format!("{told:?}").contains("138"));
    }

    #[test]
    fn private_values_in_free_texts_are_seen() {
        for text in [
            "130302199001010016",
            "身份证130302199001010016。",
            "身份证号 １３０３０２１９９００１０１００１６",
            "130302 19900101 0016",
            "11010119900307451x",
            "卡号6228480000001234567,开户行某农信社",
            "6228 4800 0000 1234",
            "6228 4800 0000 1234 567",
            "6228-4800-0000-1234-567",
            "打他电话13800000000",
            "8613800000000",
            "138 0000 0000",
            "138-0000-0000",
            "1 138-0000-0000",
            "62284800000012345678901",
        ] {
            assert!(holds_private(text), "{text}");
        }
        for text in [
            "",
            "自付41,200.00元,合规费用91200元",
            "2020-06-01 2020-07-02 复核",
            "海政扶〔2020〕12号",
            "130302-2020-00001",
            "热线 0335-7061234",
            "2020 2021 2022年均无",
            "FP20200601-000123",
            "12345678901",
            "123456789012345",
            "2020年6月1日10时30分",
        ] {
            assert!(!holds_private(text), "{text}");
        }
    }

    #[test]
    fn bank_accounts_are_eight_to_thirty_two_digits() {
        for (text, read) in [
            ("6228480000001234567", true),
            ("６２２８４８００００００１２３４５６７", true),
            ("'62284800 00001234567 ", true),
            ("12345678", true),
            ("1234567", false),
            (&"1".repeat(32), true),
            (&"1".repeat(33), false),
            ("622848000000123456X", false),
            ("六二二八四八〇〇〇〇", false),
            ("-12345678", false),
            ("", false),
        ] {
            assert_eq!(BankAccount::parse(text).is_some(), read, "{text}");
        }
    }
}
