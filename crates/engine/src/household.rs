//! Households and what identifies their people. Private values never print themselves.

use benefits::Fen;
use chrono::NaiveDate;
use lifecycle::{CountyCode, HouseholdId, MemberId, PayeeId, RegionCode};
use std::fmt;

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

/// One immutable version of a payee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payee {
    /// Id.
    pub id: PayeeId,
    /// The member who is paid.
    pub member: MemberId,
    /// The account holder's name as the bank has it.
    pub holder_name: String,
    /// Bank.
    pub bank: String,
    /// Account number.
    pub account: BankAccount,
}

impl Payee {
    /// What the log keeps of this version of a payee of a household: its contents cannot be read
    /// from it, but it shows that they are the same.
    pub fn fingerprint(&self, household: HouseholdId) -> String {
        let Self {
            id,
            member,
            holder_name,
            bank,
            account,
        } = self;
        // The payee's id salts it: the same account of two payees has two fingerprints.
        crate::ids::sha256(format!(
            "payee\n{id}\n{household}\n{member}\n{holder_name}\n{bank}\n{}",
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

/// The balances of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolBalances {
    /// 县级资金 (negative: what the county put in).
    pub county_fund: Fen,
    /// 可用.
    pub available: Fen,
    /// 已预留.
    pub reserved: Fen,
    /// 在途.
    pub in_flight: Fen,
    /// 已赔付.
    pub paid_out: Fen,
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
