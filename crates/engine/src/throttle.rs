//! Failed attempts make the next one wait, longer each time.

use crate::limits;
use chrono::{DateTime, Duration, Utc};

/// How an attempt is slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Attempts that may fail before anybody waits.
    pub free: u32,
    /// Minutes nobody waits longer than.
    pub wait_minutes_max: i64,
    /// Hours after which failures are forgotten.
    pub forget_hours: i64,
}

/// One login, one account's second factor: whoever guesses.
pub const OF_A_LOGIN: Throttle = Throttle {
    free: limits::LOGIN_ATTEMPTS_FREE,
    wait_minutes_max: limits::LOGIN_WAIT_MINUTES_MAX,
    forget_hours: 24,
};

/// One address: whoever tries many logins. An office behind one address shares it.
pub const OF_AN_ADDRESS: Throttle = Throttle {
    free: limits::ADDRESS_ATTEMPTS_FREE,
    wait_minutes_max: limits::LOGIN_WAIT_MINUTES_MAX,
    forget_hours: 1,
};

/// What is remembered of failed attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// How many, the present one included until it succeeds.
    pub failures: i64,
    /// The last one.
    pub last_at: DateTime<Utc>,
    /// Until when the next one waits.
    pub blocked_until: Option<DateTime<Utc>>,
}

impl Throttle {
    /// The tally after an attempt now, or until when it must wait. Attempts are counted before they
    /// are made, so that many at once do not slip through together.
    pub fn count(&self, tally: Option<Tally>, now: DateTime<Utc>) -> Result<Tally, DateTime<Utc>> {
        let tally = tally.filter(|it| now - it.last_at < Duration::hours(self.forget_hours));
        if let Some(until) = tally.and_then(|it| it.blocked_until)
            && now < until
        {
            return Err(until);
        }
        let failures = tally.map_or(0, |it| it.failures).saturating_add(1);
        let over = failures - i64::from(self.free);
        let blocked_until = (over >= 0).then(|| {
            let doubled = 1_i64 << over.min(20);
            now + Duration::seconds(doubled.min(self.wait_minutes_max * 60))
        });
        Ok(Tally {
            failures,
            last_at: now,
            blocked_until,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_and_is_forgotten() {
        let start = DateTime::from_timestamp(1_600_000_000, 0).expect("an instant");
        let mut now = start;
        let mut tally = None;
        for _ in 0..OF_A_LOGIN.free {
            tally = Some(OF_A_LOGIN.count(tally, now).expect("free"));
        }
        let mut waits = Vec::new();
        for _ in 0..12 {
            let until = OF_A_LOGIN.count(tally, now).expect_err("must wait");
            waits.push((until - now).num_seconds());
            now = until;
            tally = Some(OF_A_LOGIN.count(tally, now).expect("waited"));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        let later = now + Duration::hours(24);
        assert_eq!(
            OF_A_LOGIN.count(tally, later).expect("forgotten").failures,
            1
        );
    }
}
