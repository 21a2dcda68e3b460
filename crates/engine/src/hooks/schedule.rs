//! When a delivery is tried again: ten attempts over three days and three hours, and what an answer means.

use super::DisabledReason;
use crate::ids;
use crate::limits;
use chrono::{DateTime, Duration, Utc};

/// Seconds before each attempt, counted from the one before: 0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h,
/// 24 h. Together 75 h 35 min 5 s, and a little jitter.
pub const DELAYS_SECONDS: [i64; 10] = [
    0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
];

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It answered.
    Status {
        /// The status code.
        code: u16,
        /// Seconds it wants to be left alone.
        retry_after: Option<i64>,
    },
    /// It did not: why, in a word.
    None(&'static str),
}

impl Answer {
    /// Whether it took the message: 2xx only. A redirection is a failure, too: it could lead anywhere.
    pub const fn is_taken(&self) -> bool {
        matches!(
            self,
            Self::Status {
                code: 200..=299,
                ..
            }
        )
    }

    /// Whether it wants nothing any more.
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::Status { code: 410, .. })
    }

    /// Seconds it wants to be left alone; at most a day, so that nobody stops us for ever.
    pub fn retry_after(&self) -> Option<i64> {
        match self {
            Self::Status {
                code,
                retry_after: Some(seconds),
            } if !(200..=299).contains(code) => {
                Some((*seconds).clamp(0, limits::HOOK_RETRY_AFTER_SECONDS_MAX))
            }
            Self::Status { .. } | Self::None(_) => None,
        }
    }

    /// As it stands on record.
    pub fn words(&self) -> String {
        match self {
            Self::Status { code, .. } => format!("HTTP {code}"),
            Self::None(why) => (*why).to_owned(),
        }
    }
}

/// When to try again after so many attempts have failed; `None` when it was the last. Jitter of up to a tenth
/// follows from the message, so that a thousand that failed together do not come together again.
pub fn next_attempt(
    message_id: &str,
    attempts: u32,
    now: DateTime<Utc>,
    answer: &Answer,
) -> Option<DateTime<Utc>> {
    let delay = *DELAYS_SECONDS.get(usize::try_from(attempts).ok()?)?;
    let drawn = ids::sha256(format!("{message_id}/{attempts}"));
    let drawn = i64::from_str_radix(&drawn[..4], 16).unwrap_or_default();
    let jitter = delay * 1_000 * drawn / (0xffff * 10);
    let next = now + Duration::seconds(delay) + Duration::milliseconds(jitter);
    let wanted = answer.retry_after().map(|it| now + Duration::seconds(it));
    Some(wanted.map_or(next, |wanted| next.max(wanted)))
}

/// Whether an endpoint is switched off, after it failed again.
pub fn gives_up(failing_since: DateTime<Utc>, now: DateTime<Utc>) -> Option<DisabledReason> {
    let failed = now - failing_since;
    (failed >= Duration::days(limits::HOOK_FAILING_DAYS_MAX)).then_some(DisabledReason::Failing)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Answer = Answer::Status {
        code: 500,
        retry_after: None,
    };

    #[test]
    fn ten_attempts_over_three_days() {
        assert_eq!(DELAYS_SECONDS.iter().sum::<i64>(), (75 * 60 + 35) * 60 + 5);
        let began = DateTime::<Utc>::UNIX_EPOCH;
        let mut at = began;
        for (attempts, delay) in DELAYS_SECONDS.iter().enumerate().skip(1) {
            let attempts = u32::try_from(attempts).expect("small");
            let next = next_attempt("msg_1", attempts, at, &FAILED).expect("another");
            let waited = (next - at).num_milliseconds();
            assert!(
                (delay * 1_000..=delay * 1_100).contains(&waited),
                "{attempts}: {waited}"
            );
            at = next;
        }
        assert_eq!(
            next_attempt("msg_1", 10, at, &FAILED),
            None,
            "the tenth was the last"
        );
        let other = next_attempt("msg_2", 9, began, &FAILED);
        assert_ne!(other, next_attempt("msg_1", 9, began, &FAILED), "jitter");
    }

    #[test]
    fn a_receiver_says_when_to_come_again() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let after = |code, seconds, attempts| {
            let answer = Answer::Status {
                code,
                retry_after: Some(seconds),
            };
            (next_attempt("m", attempts, now, &answer).expect("another") - now).num_seconds()
        };
        assert_eq!(after(429, 120, 1), 120);
        assert_eq!(after(503, 7, 1), 7);
        assert!(after(429, 1, 2) >= 300, "never sooner than planned");
        assert_eq!(after(429, 10_000_000, 1), 86_400, "at most a day");
        assert!(after(429, -5, 1) >= 5);
    }

    #[test]
    fn only_2xx_is_taken() {
        let answer = |code| Answer::Status {
            code,
            retry_after: None,
        };
        for code in [200, 202, 204, 299] {
            assert!(answer(code).is_taken(), "{code}");
        }
        for code in [100, 301, 302, 307, 400, 401, 404, 410, 429, 500, 503] {
            assert!(!answer(code).is_taken(), "{code}");
            assert_eq!(answer(code).is_gone(), code == 410);
        }
        assert!(!Answer::None("TIMEOUT").is_taken());
    }

    #[test]
    fn it_gives_up_after_five_days() {
        let since = DateTime::<Utc>::UNIX_EPOCH;
        let after = |hours| gives_up(since, since + Duration::hours(hours));
        assert_eq!(after(119), None);
        assert_eq!(after(120), Some(DisabledReason::Failing));
    }
}
