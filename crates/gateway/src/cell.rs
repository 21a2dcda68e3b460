//! Numbers of a workbook's cells: the one place of this crate where they become floats, as the format wants them.

/// A whole number, as text.
pub fn number(text: &str) -> Option<f64> {
    let whole: i64 = text.parse().ok()?;
    // Up to 2^53 every whole number is exact.
    let exact = whole.unsigned_abs() <= 1 << 53;
    text.parse().ok().filter(|_| exact)
}

/// Fen as text, in yuan: the float nearest to the two decimals, which a spreadsheet shows and sums to the fen.
pub fn yuan(fen: &str) -> Option<f64> {
    Some(number(fen)? / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

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
                yuan(fen).map(|it| format!("{it:.2}")).as_deref(),
                Some(shown)
            );
        }
        assert_eq!((number("x"), number("9007199254740993")), (None, None));
    }
}
