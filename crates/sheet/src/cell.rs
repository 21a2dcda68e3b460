//! What people type into a cell, read as what they mean; and numbers as a workbook holds them.

use crate::grid::Cell;
use benefits::{Fen, MoneyFault};
use chrono::{Days, NaiveDate};
use engine::household::half_width;

/// Text in one line: ordinary widths are kept, white space that only aligns is gone.
pub fn tidy(text: &str) -> String {
    let is_ascii = text.chars().all(|it| it.is_ascii() || it.is_whitespace());
    if is_ascii {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        text.split_whitespace().collect()
    }
}

/// A header without what differs from office to office: width, white space, what stands in brackets.
pub fn header(text: &str) -> String {
    let mut depth = 0_u16;
    let mut out = String::new();
    for character in text.chars().map(half_width) {
        match character {
            '(' | '[' | '【' => depth += 1,
            ')' | ']' | '】' => depth = depth.saturating_sub(1),
            other if depth == 0 && !other.is_whitespace() && !":*_".contains(other) => {
                out.push(other);
            }
            _ => {}
        }
    }
    out
}

/// A day, in the spellings offices use.
pub fn day(cell: &Cell) -> Option<NaiveDate> {
    let day = match cell {
        Cell::Day(day) => Some(*day),
        Cell::Number(number) => day_of_digits(number.text()),
        Cell::Text(text) => day_of_text(text),
        Cell::Empty | Cell::Unusable => None,
    }?;
    let first = NaiveDate::from_ymd_opt(2000, 1, 1)?;
    let last = NaiveDate::from_ymd_opt(2099, 12, 31)?;
    (first..=last).contains(&day).then_some(day)
}

/// `20200518`, or the serial number of a day whose cell lost its date format.
fn day_of_digits(text: &str) -> Option<NaiveDate> {
    let whole = text.split('.').next()?;
    if whole.len() == 8 {
        return NaiveDate::parse_from_str(whole, "%Y%m%d").ok();
    }
    let serial: u64 = whole.parse().ok()?;
    // Day 0 of the 1900 system, with its leap year that never was.
    NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(serial))
}

fn day_of_text(text: &str) -> Option<NaiveDate> {
    let text: String = text
        .trim()
        .trim_start_matches('\'')
        .chars()
        .map(half_width)
        .collect();
    // A time of day after the date says nothing here.
    let text = text.split_once(':').map_or(text.as_str(), |(before, _)| {
        before.trim_end_matches(|it: char| it.is_ascii_digit())
    });
    let text: String = text
        .trim_end_matches(['T', ' '])
        .chars()
        .filter(|it| !it.is_whitespace())
        .collect();
    if text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return day_of_digits(&text);
    }
    let parts: Vec<&str> = text
        .trim_end_matches(['日', '号'])
        .split(['年', '月', '-', '/', '.', '。', '、', '—'])
        .collect();
    let [year, month, day] = parts.as_slice() else {
        return None;
    };
    if year.len() != 4 {
        return None;
    }
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// Money in yuan, from text or a number.
pub fn money(cell: &Cell) -> Result<Fen, MoneyFault> {
    match cell {
        Cell::Number(number) => match Fen::parse_yuan(number.text()) {
            // 41200.5 computed by a formula may be stored as 41200.500000000001.
            Err(MoneyFault::TooManyDecimals { text }) => Fen::parse_yuan(&settled(&text)),
            read => read,
        },
        other => Fen::parse_yuan(&other.shown()),
    }
}

/// The digits without what the machine's arithmetic left beyond the sixth decimal.
fn settled(text: &str) -> String {
    let Some((whole, decimals)) = text.split_once('.') else {
        return text.to_owned();
    };
    let kept: String = decimals.chars().take(6).collect();
    let Ok(mut scaled) = format!("{whole}{kept:0<6}").parse::<i64>() else {
        return text.to_owned();
    };
    if decimals.chars().nth(6).is_some_and(|digit| digit >= '5') {
        scaled += 1;
    }
    let decimals = format!("{:06}", scaled % 1_000_000);
    let decimals = decimals.trim_end_matches('0');
    if decimals.is_empty() {
        (scaled / 1_000_000).to_string()
    } else {
        format!("{}.{decimals}", scaled / 1_000_000)
    }
}

/// A whole number of persons.
pub fn count(cell: &Cell) -> Option<u16> {
    let text: String = cell
        .shown()
        .chars()
        .map(half_width)
        .filter(|it| !it.is_whitespace())
        .collect();
    text.trim_end_matches(['人', '口']).parse().ok()
}

/// A whole number, as the format of a workbook wants it.
pub fn float_of(text: &str) -> Option<f64> {
    let whole: i64 = text.parse().ok()?;
    // Up to 2^53 every whole number is exact.
    let exact = whole.unsigned_abs() <= 1 << 53;
    text.parse().ok().filter(|_| exact)
}

/// Fen in yuan: the float nearest to the two decimals, which a spreadsheet shows and sums to the fen.
pub fn float_in_yuan(fen: &str) -> Option<f64> {
    Some(float_of(fen)? / 100.0)
}

#[cfg(test)]
mod tests {
    use super::{count, day, float_in_yuan, float_of, header, money, settled, tidy};
    use crate::grid::Cell;
    use benefits::Fen;
    use chrono::NaiveDate;

    #[test]
    fn a_day_is_read_in_every_spelling() {
        let expected = NaiveDate::from_ymd_opt(2020, 5, 18);
        for text in [
            "2020-05-18",
            "2020-5-18",
            "2020/5/18",
            "2020.5.18",
            "2020.05.18",
            "2020年5月18日",
            "2020年05月18号",
            " 2020 年 5 月 18 日 ",
            "20200518",
            "２０２０年５月１８日",
            "２０２０－０５－１８",
            "2020-05-18 08:30:00",
            "2020-05-18T08:30:00",
            "'2020-05-18",
            "43969",
        ] {
            assert_eq!(day(&Cell::text(text)), expected, "{text}");
        }
        assert_eq!(day(&Cell::whole(43_969)), expected, "serial number");
        assert_eq!(
            day(&Cell::whole(20_200_518)),
            expected,
            "digits as a number"
        );
    }

    #[test]
    fn what_is_not_a_day_stays_unread() {
        for text in [
            "520日",
            "20.5.18",
            "2020-02-30",
            "5月18日",
            "去年",
            "",
            "18/5/2020",
            "1020-01-01",
        ] {
            assert_eq!(day(&Cell::text(text)), None, "{text}");
        }
        assert_eq!(day(&Cell::whole(12)), None);
    }

    #[test]
    fn money_is_read_as_people_write_it() {
        for text in [
            "41,200.50",
            "41200.5",
            "41,200.50元",
            "４１２００．５０",
            "¥41,200.50",
        ] {
            assert_eq!(
                money(&Cell::text(text)).ok(),
                Some(Fen::new(4_120_050)),
                "{text}"
            );
        }
        assert_eq!(money(&Cell::whole(41_200)).ok(), Some(Fen::new(4_120_000)));
        for text in ["约4万", "41,20", "12.345", "-5", ""] {
            assert!(money(&Cell::text(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn what_arithmetic_left_behind_does_not_count() {
        assert_eq!(settled("41200.500000000001"), "41200.5");
        assert_eq!(settled("8999.9999999999"), "9000");
        assert_eq!(settled("12.345"), "12.345");
    }

    #[test]
    fn headers_and_names_lose_what_only_aligns() {
        assert_eq!(header("自付金额\n（元）"), "自付金额");
        assert_eq!(header("户 主 姓 名"), "户主姓名");
        assert_eq!(tidy(" 王 五 "), "王五");
        assert_eq!(tidy("Ali  Veli"), "Ali Veli");
        assert_eq!(count(&Cell::text("４人")), Some(4));
    }

    #[test]
    fn fen_are_yuan_with_two_decimals() {
        for (fen, shown) in [
            ("0", "0.00"),
            ("1", "0.01"),
            ("-5", "-0.05"),
            ("2158000", "21580.00"),
            ("900719925474099", "9007199254740.99"),
        ] {
            assert_eq!(
                float_in_yuan(fen).map(|it| format!("{it:.2}")).as_deref(),
                Some(shown)
            );
        }
        assert_eq!((float_of("x"), float_of("9007199254740993")), (None, None));
    }
}
