//! Money (金额) in whole fen and rates (比例) in basis points.

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::error::Error;
use std::fmt;

/// An amount of money in whole fen (分); 100 fen are one yuan (元). May be negative, because a
/// posting can be; an amount that a person types in may not, see [`Fen::parse_yuan`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fen(i64);

impl Fen {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// An amount of `fen`.
    pub const fn new(fen: i64) -> Self {
        Self(fen)
    }

    /// The amount in fen.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// An amount of whole `yuan`, for figures written in code. Panics beyond about 92 quadrillion
    /// yuan; what comes from outside goes through [`Fen::parse_yuan`] or [`Fen::new`].
    pub const fn from_yuan(yuan: i64) -> Self {
        match yuan.checked_mul(100) {
            Some(fen) => Self(fen),
            None => panic!("an amount in yuan that does not fit in fen"),
        }
    }

    /// Reads yuan as people and spreadsheets write them: `41200.5`, `41,200.50`, `¥41,200`,
    /// `41200元`, and the same in full-width characters (全角). At most two decimals; commas only
    /// between groups of three, so that a decimal comma (`41,20`) is not read as 4,120 yuan.
    pub fn parse_yuan(text: &str) -> Result<Self, MoneyFault> {
        let half_width: String = text.chars().map(half_width).collect();
        let amount = half_width.trim();
        let amount = amount.strip_prefix('¥').unwrap_or(amount);
        let amount = amount.strip_suffix('元').unwrap_or(amount).trim();
        if amount.is_empty() {
            return Err(MoneyFault::Empty);
        }
        if amount.starts_with('-') {
            return Err(MoneyFault::Negative {
                text: text.to_owned(),
            });
        }
        let not_a_number = || MoneyFault::NotANumber {
            text: text.to_owned(),
        };
        let (whole, decimals) = match amount.split_once('.') {
            Some((_, "")) => return Err(not_a_number()),
            Some((whole, decimals)) => (whole, decimals),
            None => (amount, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let groups: Vec<&str> = whole.split(',').collect();
        if !groups.iter().all(|group| all_digits(group)) || !all_digits(decimals) {
            return Err(not_a_number());
        }
        if whole.is_empty() {
            return Err(not_a_number());
        }
        if let [first, rest @ ..] = groups.as_slice()
            && !rest.is_empty()
            && (first.is_empty() || first.len() > 3 || rest.iter().any(|group| group.len() != 3))
        {
            return Err(MoneyFault::MisplacedComma {
                text: text.to_owned(),
            });
        }
        if decimals.len() > 2 {
            return Err(MoneyFault::TooManyDecimals {
                text: text.to_owned(),
            });
        }
        format!("{}{decimals:0<2}", groups.concat())
            .parse()
            .map(Self)
            .map_err(|_| MoneyFault::TooLarge {
                text: text.to_owned(),
            })
    }

    /// The sum, or `None` if it does not fit.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(fen) => Some(Self(fen)),
            None => None,
        }
    }

    /// The difference, which may be negative, or `None` if it does not fit.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(fen) => Some(Self(fen)),
            None => None,
        }
    }

    /// The difference, but never below zero: what is left of a cap, what lies above a line.
    #[must_use]
    pub const fn saturating_sub_to_zero(self, other: Self) -> Self {
        if self.0 <= other.0 {
            Self::ZERO
        } else {
            Self(self.0.saturating_sub(other.0))
        }
    }

    /// The smaller of the two.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if self.0 <= other.0 { self } else { other }
    }

    /// The larger of the two.
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        if self.0 >= other.0 { self } else { other }
    }

    /// Yuan without separators and always with two decimals, as banks read them: `1499.70`, `-0.05`.
    pub fn decimal(self) -> String {
        let sign = if self.is_negative() { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        format!("{sign}{}.{:02}", fen / 100, fen % 100)
    }

    /// Whether the amount is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// Prints yuan with thousands separators and always two decimals: `1,499.70`, `-0.05`.
impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fen = self.0.unsigned_abs();
        let digits = (fen / 100).to_string();
        let mut grouped = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.is_negative() { "-" } else { "" };
        // `pad` lets a caller align a column.
        f.pad(&format!("{sign}{grouped}.{:02}", fen % 100))
    }
}

/// Full-width characters (全角), as Chinese input methods produce them, to their ASCII twins.
fn half_width(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character)
        }
        '\u{ffe5}' => '¥',
        '\u{2212}' => '-',
        other => other,
    }
}

/// Why a text is not an amount of yuan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MoneyFault {
    /// Nothing but blanks, ¥ or 元.
    Empty,
    /// A minus sign; no amount that a person enters is negative.
    Negative {
        /// What was read.
        text: String,
    },
    /// Something that is neither digit, comma nor point; also `万元`, which must be written out.
    NotANumber {
        /// What was read.
        text: String,
    },
    /// A comma that does not part groups of three digits.
    MisplacedComma {
        /// What was read.
        text: String,
    },
    /// More than two decimals: there is nothing smaller than a fen.
    TooManyDecimals {
        /// What was read.
        text: String,
    },
    /// More fen than the amount can hold.
    TooLarge {
        /// What was read.
        text: String,
    },
}

impl fmt::Display for MoneyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no amount is given"),
            Self::Negative { text } => write!(f, "\"{text}\" is negative"),
            Self::NotANumber { text } => write!(f, "\"{text}\" is not an amount in yuan"),
            Self::MisplacedComma { text } => {
                write!(f, "\"{text}\" has a comma that does not part thousands")
            }
            Self::TooManyDecimals { text } => {
                write!(f, "\"{text}\" has more than two decimals")
            }
            Self::TooLarge { text } => write!(f, "\"{text}\" is too large"),
        }
    }
}

impl Error for MoneyFault {}

/// A rate (赔付比例) in basis points: 10 000 are the whole, 3 000 are 30 %. Never above the whole.
///
/// Written as the integer; read from the integer or from text, see [`Rate::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "u32")]
pub struct Rate(u32);

impl Rate {
    /// 100 %.
    pub const WHOLE: Self = Self(10_000);

    /// A rate of `basis_points`, 0 to 10 000.
    pub const fn from_basis_points(basis_points: u32) -> Result<Self, RateFault> {
        if basis_points <= Self::WHOLE.0 {
            Ok(Self(basis_points))
        } else {
            Err(RateFault::AboveWhole { basis_points })
        }
    }

    /// Reads a rate as schemes print it, exactly: `30%`, `72.55 %`, or as a part of one: `0.3`; also
    /// in full-width characters (全角). A basis point is the smallest step, so at most two decimals
    /// of a per cent.
    pub fn parse(text: &str) -> Result<Self, RateFault> {
        let half_width: String = text.chars().map(half_width).collect();
        let rate = half_width.trim();
        let (number, decimals_max) = match rate.strip_suffix('%') {
            Some(number) => (number.trim_end(), 2),
            None => (rate, 4),
        };
        let (whole, decimals) = match number.split_once('.') {
            Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
            Some(_) => ("", ""),
            None => (number, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(decimals) {
            return Err(RateFault::NotARate {
                text: text.to_owned(),
            });
        }
        if decimals.len() > decimals_max {
            return Err(RateFault::TooManyDecimals {
                text: text.to_owned(),
            });
        }
        // Only digits are left: what does not fit is far above the whole.
        let basis_points = format!("{whole}{decimals:0<decimals_max$}")
            .parse()
            .unwrap_or(u32::MAX);
        Self::from_basis_points(basis_points)
    }

    /// The rate in basis points, 0 to 10 000.
    pub const fn basis_points(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Rate {
    type Error = RateFault;

    fn try_from(basis_points: u32) -> Result<Self, RateFault> {
        Self::from_basis_points(basis_points)
    }
}

impl From<Rate> for u32 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}

struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = Rate;

    // Also what is said of a bare 0.3, which no visit takes: it would come in binary, not exact.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rate in quotes, \"30%\" or \"0.3\", or in whole basis points, 3000")
    }

    fn visit_u64<E: de::Error>(self, basis_points: u64) -> Result<Rate, E> {
        let basis_points = u32::try_from(basis_points).unwrap_or(u32::MAX);
        Rate::from_basis_points(basis_points).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, basis_points: i64) -> Result<Rate, E> {
        match u64::try_from(basis_points) {
            Ok(basis_points) => self.visit_u64(basis_points),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(basis_points), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
        Rate::parse(text).map_err(E::custom)
    }
}

/// Prints per cent, with decimals only where there are any: `30 %`, `12.5 %`, `0.05 %`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        if rest == 0 {
            write!(f, "{whole} %")
        } else if rest.is_multiple_of(10) {
            write!(f, "{whole}.{} %", rest / 10)
        } else {
            write!(f, "{whole}.{rest:02} %")
        }
    }
}

/// Why something is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RateFault {
    /// Above 100 %.
    AboveWhole {
        /// What was given.
        basis_points: u32,
    },
    /// Something that is neither a per cent nor a part of one.
    NotARate {
        /// What was read.
        text: String,
    },
    /// Finer than a basis point.
    TooManyDecimals {
        /// What was read.
        text: String,
    },
}

impl fmt::Display for RateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AboveWhole { basis_points } => write!(
                f,
                "a rate of {basis_points} basis points is above 10000 (100 %); 30 % is \"30%\", \
                 \"0.3\" or 3000"
            ),
            Self::NotARate { text } => {
                write!(f, "\"{text}\" is not a rate such as \"30%\" or \"0.3\"")
            }
            Self::TooManyDecimals { text } => {
                write!(f, "\"{text}\" has more than two decimals of a per cent")
            }
        }
    }
}

impl Error for RateFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_is_read_as_offices_write_it() {
        for (text, fen) in [
            ("41200.5", 4_120_050),
            ("41,200.50", 4_120_050),
            (" ¥41,200 ", 4_120_000),
            ("41200元", 4_120_000),
            ("¥41,200.50元", 4_120_050),
            ("\u{3000}0.05 元", 5),
            (
                "\u{ffe5}\u{ff14}\u{ff11}\u{ff0c}\u{ff12}\u{ff10}\u{ff10}\u{ff0e}\u{ff15}",
                4_120_050,
            ),
            ("0", 0),
            ("1,234,567.89", 123_456_789),
            ("92233720368547758.07", i64::MAX),
        ] {
            assert_eq!(Fen::parse_yuan(text), Ok(Fen::new(fen)), "{text}");
        }
    }

    #[test]
    fn what_is_not_yuan_is_refused_with_its_reason() {
        let text = |text: &str| text.to_owned();
        for bad in ["", "  ", "¥", "元"] {
            assert_eq!(Fen::parse_yuan(bad), Err(MoneyFault::Empty), "{bad}");
        }
        for bad in ["-1", "\u{ff0d}\u{ff11}", "¥-1.00", "\u{2212}5"] {
            assert_eq!(
                Fen::parse_yuan(bad),
                Err(MoneyFault::Negative { text: text(bad) })
            );
        }
        for bad in [
            "1.2.3", "12.", ".5", "4万元", "abc", "1 000", "+5", "1e3", "1.0,0",
        ] {
            assert_eq!(
                Fen::parse_yuan(bad),
                Err(MoneyFault::NotANumber { text: text(bad) })
            );
        }
        for bad in ["41,20", "4,1200", ",200", "1200,000", "1,,000", ","] {
            assert_eq!(
                Fen::parse_yuan(bad),
                Err(MoneyFault::MisplacedComma { text: text(bad) })
            );
        }
        for bad in ["1.005", "1.000"] {
            assert_eq!(
                Fen::parse_yuan(bad),
                Err(MoneyFault::TooManyDecimals { text: text(bad) })
            );
        }
        let bad = "92233720368547758.08";
        assert_eq!(
            Fen::parse_yuan(bad),
            Err(MoneyFault::TooLarge { text: text(bad) })
        );
        assert_eq!(
            MoneyFault::MisplacedComma {
                text: text("41,20")
            }
            .to_string(),
            "\"41,20\" has a comma that does not part thousands"
        );
    }

    #[test]
    fn yuan_is_printed_with_thousands_and_two_decimals() {
        for (fen, text) in [
            (149_970, "1,499.70"),
            (0, "0.00"),
            (5, "0.05"),
            (-5, "-0.05"),
            (99_999, "999.99"),
            (100_000, "1,000.00"),
            (-123_456_789, "-1,234,567.89"),
            (i64::MIN, "-92,233,720,368,547,758.08"),
        ] {
            assert_eq!(Fen::new(fen).to_string(), text);
        }
        assert_eq!(format!("{:>8}", Fen::new(5)), "    0.05");
    }

    #[test]
    fn sums_do_not_wrap_and_remainders_do_not_go_below_zero() {
        let most = Fen::new(i64::MAX);
        assert_eq!(most.checked_add(Fen::new(1)), None);
        assert_eq!(Fen::new(i64::MIN).checked_sub(Fen::new(1)), None);
        assert_eq!(Fen::new(3).checked_sub(Fen::new(5)), Some(Fen::new(-2)));
        assert_eq!(Fen::new(3).saturating_sub_to_zero(Fen::new(5)), Fen::ZERO);
        assert_eq!(Fen::new(5).saturating_sub_to_zero(Fen::new(3)), Fen::new(2));
        assert_eq!(most.saturating_sub_to_zero(Fen::new(-1)), most);
        assert_eq!(Fen::new(5).min(Fen::new(3)), Fen::new(3));
        assert_eq!(Fen::from_yuan(5_000), Fen::new(500_000));
        assert!(Fen::new(-1).is_negative() && !Fen::ZERO.is_negative());
    }

    #[test]
    fn rates_stay_within_the_whole_also_when_read_from_a_file() {
        assert_eq!(Rate::from_basis_points(10_000), Ok(Rate::WHOLE));
        assert_eq!(
            Rate::from_basis_points(10_001),
            Err(RateFault::AboveWhole {
                basis_points: 10_001
            })
        );
        for (basis_points, text) in [
            (3_000, "30 %"),
            (1_250, "12.5 %"),
            (5, "0.05 %"),
            (0, "0 %"),
            (10_000, "100 %"),
        ] {
            assert_eq!(
                Rate::from_basis_points(basis_points).map(|r| r.to_string()),
                Ok(text.into())
            );
        }
        let read = |text: &str| toml::from_str::<crate::Band>(text);
        assert!(read("from = 0\nrate = 10000").is_ok());
        let fault = read("from = 0\nrate = 10001")
            .expect_err("above the whole")
            .to_string();
        assert!(fault.contains("above 10000"), "{fault}");
    }

    #[test]
    fn rates_are_read_exactly_as_schemes_print_them() {
        for (text, basis_points) in [
            ("30%", 3_000),
            (" 30 % ", 3_000),
            ("0.3", 3_000),
            ("0.7255", 7_255),
            ("72.55%", 7_255),
            ("0.05%", 5),
            ("1", 10_000),
            ("100.00%", 10_000),
            ("0", 0),
            ("\u{ff10}.\u{ff13}", 3_000),
            ("\u{ff13}\u{ff10}\u{ff05}", 3_000),
        ] {
            let rate = Rate::parse(text).map(Rate::basis_points);
            assert_eq!(rate, Ok(basis_points), "{text}");
        }
        for bad in [
            "", "%", "-5%", "30%%", ".5", "5.", "1e-1", "三成", "3/10", "1,0%", "30‰",
        ] {
            let text = bad.to_owned();
            assert_eq!(Rate::parse(bad), Err(RateFault::NotARate { text }), "{bad}");
        }
        for bad in ["72.555%", "0.72555", "30.000%"] {
            let text = bad.to_owned();
            assert_eq!(Rate::parse(bad), Err(RateFault::TooManyDecimals { text }));
        }
        for (bad, basis_points) in [
            ("100.01%", 10_001),
            ("30", 300_000),
            ("99999999999999999999%", u32::MAX),
        ] {
            assert_eq!(
                Rate::parse(bad),
                Err(RateFault::AboveWhole { basis_points })
            );
        }
    }

    #[test]
    fn a_file_gives_a_rate_as_text_or_basis_points_and_never_as_a_float() {
        let read = |rate: &str| {
            toml::from_str::<crate::Band>(&format!("from = 0\nrate = {rate}"))
                .map(|band| band.rate.basis_points())
                .map_err(|fault| fault.to_string())
        };
        assert_eq!(read("\"72.55%\""), Ok(7_255));
        assert_eq!(read("\"0.3\""), Ok(3_000));
        assert_eq!(read("3000"), Ok(3_000));
        for (bad, says) in [
            (
                "0.3",
                "a rate in quotes, \"30%\" or \"0.3\", or in whole basis points, 3000",
            ),
            ("-1", "a rate in quotes"),
            ("99999999999", "above 10000"),
            ("\"72.555%\"", "more than two decimals of a per cent"),
            ("\"a third\"", "is not a rate"),
        ] {
            let fault = read(bad).expect_err(bad);
            assert!(fault.contains(says), "{bad}: {fault}");
        }
        let band = crate::Band {
            from: Fen::ZERO,
            to: None,
            rate: Rate::WHOLE,
        };
        let written = toml::to_string(&band).expect("written");
        assert!(written.contains("rate = 10000"), "{written}");
    }
}
