//! Passwords: which may be used, how they are kept.

use crate::limits;
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use std::fmt;

/// Why a password may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeakPassword {
    /// Too short.
    TooShort,
    /// Longer than is hashed.
    TooLong,
    /// One of those that everybody tries first, however it is dressed.
    Common,
    /// A row of keys, or few characters over and over.
    Pattern,
    /// It holds the login, the name or the county.
    Personal,
}

impl WeakPassword {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort => "TOO_SHORT",
            Self::TooLong => "TOO_LONG",
            Self::Common => "COMMON",
            Self::Pattern => "PATTERN",
            Self::Personal => "PERSONAL",
        }
    }

    /// What a person reads.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::TooShort => "口令至少12个字符",
            Self::TooLong => "口令太长",
            Self::Common => "这个口令太常见",
            Self::Pattern => "口令是连续或重复的字符",
            Self::Personal => "口令里含有账号、姓名或本系统、本县的名称",
        }
    }

    /// The same in English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::TooShort => "a password has at least 12 characters",
            Self::TooLong => "the password is too long",
            Self::Common => "this password is too common",
            Self::Pattern => "the password is a row or a repetition of characters",
            Self::Personal => {
                "the password holds the login, the name, the system's or the county's name"
            }
        }
    }
}

impl fmt::Display for WeakPassword {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.zh(), self.en())
    }
}

impl std::error::Error for WeakPassword {}

/// What people take when they must take something: the stems of the passwords that lead every
/// published list, and of those that an office thinks of.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "passw",
    "motdepasse",
    "secret",
    "admin",
    "administrator",
    "root",
    "user",
    "guest",
    "test",
    "demo",
    "default",
    "changeme",
    "change",
    "login",
    "letmein",
    "welcome",
    "hello",
    "iloveyou",
    "loveyou",
    "woaini",
    "woainima",
    "aini",
    "princess",
    "dragon",
    "monkey",
    "sunshine",
    "shadow",
    "master",
    "superman",
    "batman",
    "football",
    "baseball",
    "michael",
    "jordan",
    "trustno",
    "starwars",
    "whatever",
    "freedom",
    "computer",
    "internet",
    "server",
    "system",
    "manager",
    "office",
    "qwerty",
    "qwertyuiop",
    "qwert",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "zxcvbn",
    "zxcvbnm",
    "qazwsx",
    "qazwsxedc",
    "abc",
    "abcd",
    "abcdef",
    "aaa",
    "xyz",
    "mima",
    "kouling",
    "zhongguo",
    "china",
    "beijing",
    "nihao",
    "gongzuo",
    "denglu",
    "guanli",
    "guanliyuan",
    "yonghu",
    "xitong",
    "baoxian",
    "fupin",
    "fangpin",
    "fangpinxian",
    "tuopin",
    "minzheng",
    "xiangcun",
    "zhenxing",
    "insurance",
    "poverty",
    "口令",
    "密码",
    "管理员",
    "防贫",
    "防贫险",
    "扶贫",
    "保险",
    "乡村振兴",
];

/// Rows of keys, to be found forwards and backwards.
const ROWS: &[&str] = &[
    "0123456789012345678901234567890",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnmqwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "一二三四五六七八九十",
];

/// Whether a password may be used by somebody who goes by these words (login, name, county). The
/// length is what protects; beyond it only what is guessed first is refused.
pub fn check_password(password: &str, words: &[&str]) -> Result<(), WeakPassword> {
    if password.chars().count() < limits::PASSWORD_CHARS_MIN {
        return Err(WeakPassword::TooShort);
    }
    if password.len() > limits::PASSWORD_BYTES_MAX {
        return Err(WeakPassword::TooLong);
    }
    let lower = password.to_lowercase();
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let is_row = ROWS.iter().any(|row| {
        let backwards: String = row.chars().rev().collect();
        row.contains(&lower) || backwards.contains(&lower)
    });
    if distinct.len() < 5 || is_row || repeats(&lower) {
        return Err(WeakPassword::Pattern);
    }
    let plain = undressed(&lower);
    if COMMON
        .iter()
        .any(|common| plain == *common || made_of(&plain, common))
    {
        return Err(WeakPassword::Common);
    }
    let parts = words.iter().flat_map(|word| {
        let word = word.to_lowercase();
        let mut parts: Vec<String> = word
            .split(|it: char| !it.is_alphanumeric())
            .map(str::to_owned)
            .collect();
        parts.push(word);
        parts
    });
    let mut personal = parts.filter(|part| {
        let long = part.chars().count() >= 4;
        long || (part.chars().count() >= 2 && !part.is_ascii())
    });
    // What remains when it is taken out must still be long enough to guess at.
    let is_personal = personal.any(|part| {
        lower.contains(&part)
            && lower.replace(&part, "").chars().count() < limits::PASSWORD_CHARS_MIN
    });
    if is_personal || lower.starts_with("fangpin") || lower.starts_with("防贫") {
        return Err(WeakPassword::Personal);
    }
    Ok(())
}

/// The word under figures, signs and look-alikes at its ends: `P@ssw0rd2024!` is `password`.
fn undressed(lower: &str) -> String {
    let trimmed = lower.trim_matches(|it: char| !it.is_alphabetic());
    trimmed
        .chars()
        .filter_map(|it| match it {
            '@' | '4' => Some('a'),
            '0' => Some('o'),
            '1' | '!' => Some('i'),
            '3' => Some('e'),
            '5' | '$' => Some('s'),
            '7' => Some('t'),
            it if it.is_alphabetic() => Some(it),
            _ => None,
        })
        .collect()
}

fn made_of(plain: &str, common: &str) -> bool {
    !plain.is_empty() && plain.replace(common, "").is_empty()
}

/// Whether it is one short piece over and over.
fn repeats(lower: &str) -> bool {
    let chars: Vec<char> = lower.chars().collect();
    (1..=chars.len() / 3).any(|size| {
        let piece = &chars[..size];
        chars.chunks(size).all(|chunk| piece.starts_with(chunk))
    })
}

/// The Argon2id hash of a password, in PHC form. Only the length is looked at: whether it may be
/// chosen is [`check_password`]'s to say.
pub fn hash_password(password: &str) -> Result<String, WeakPassword> {
    if password.chars().count() < limits::PASSWORD_CHARS_MIN {
        return Err(WeakPassword::TooShort);
    }
    if password.len() > limits::PASSWORD_BYTES_MAX {
        return Err(WeakPassword::TooLong);
    }
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|_| WeakPassword::TooLong)
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

/// The hash that a password is compared with when there is no such login, so that the answer
/// takes as long.
pub(crate) fn decoy() -> String {
    static DECOY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    DECOY
        .get_or_init(|| hash_password("no password fits this one").unwrap_or_default())
        .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_refused() {
        let words = ["smz.wang", "王经办", "海港区", "haigang2020"];
        for (password, why) in [
            ("eleven-char", WeakPassword::TooShort),
            ("密码密码密码密码密码密", WeakPassword::TooShort),
            ("P@ssw0rd20241", WeakPassword::Common),
            ("Password!2024", WeakPassword::Common),
            ("administrator", WeakPassword::Common),
            ("adminadmin2024", WeakPassword::Common),
            ("woaini5201314", WeakPassword::Common),
            ("fangpin@2024!!", WeakPassword::Common),
            ("123456789012", WeakPassword::Pattern),
            ("098765432109", WeakPassword::Pattern),
            ("qwertyuiopas", WeakPassword::Pattern),
            ("1qaz2wsx3edc", WeakPassword::Pattern),
            ("aaaaaaaaaaaab", WeakPassword::Pattern),
            ("xk4!xk4!xk4!xk4!", WeakPassword::Pattern),
            ("smz.wang2024", WeakPassword::Personal),
            ("王经办王经办王经办今天好123", WeakPassword::Personal),
            ("海港区今天天气真好吗12", WeakPassword::Personal),
            ("fangpin is what we do", WeakPassword::Personal),
        ] {
            assert_eq!(check_password(password, &words), Err(why), "{password}");
        }
        for good in [
            "correct horse battery",
            "三月的雨落在石门寨的瓦上",
            "t7!kd02mzq9x",
            "my office door is green",
        ] {
            assert_eq!(check_password(good, &words), Ok(()), "{good}");
        }
    }

    #[test]
    fn hashes_are_salted_and_tell_nothing() {
        let long = "密".repeat(86);
        for weak in ["", "eleven-char", "密码密码密码密码密码密", &long] {
            assert!(hash_password(weak).is_err(), "{weak}");
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
}
