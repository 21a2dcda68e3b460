//! Every limit, named, with its reason.

/// Commands served together in one transaction: enough to amortise a commit, small enough that the
/// slowest waits a few milliseconds.
pub const BATCH_MAX: usize = 64;
/// Commands waiting for the writer before new ones are refused as overloaded.
pub const QUEUE_MAX: usize = 4_096;
/// Rows of one page.
pub const PAGE_MAX: u32 = 100;
/// Bytes of a request body; anchored in `api.md`.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Hours after which a session ends whatever happens: one working day.
pub const SESSION_HOURS_MAX: i64 = 12;
/// Minutes after which a session that nobody uses ends: a screen left open over lunch.
pub const SESSION_IDLE_MINUTES: i64 = 30;
/// Minutes after which a browser's session gets another secret.
pub const SESSION_RENEW_MINUTES: i64 = 15;
/// Seconds the secret before it lives on, for requests under way.
pub const SECRET_OVERLAP_SECONDS: i64 = 60;
/// Minutes between two notes that a session was seen: a note is a write.
pub const SEEN_MINUTES: i64 = 1;
/// Minutes between password and second factor.
pub const TICKET_MINUTES: i64 = 5;
/// Hours a one-time link lives.
pub const LINK_HOURS: i64 = 24;
/// Days an API key lives at most: somebody looks at it once a year.
pub const KEY_DAYS_MAX: i64 = 400;
/// Hours the old secret of a rotated key lives on at most.
pub const KEY_OVERLAP_HOURS_MAX: i64 = 168;
/// Days a substitution lasts at most.
pub const SUBSTITUTION_DAYS_MAX: i64 = 366;
/// Recovery codes of a second factor.
pub const RECOVERY_CODES: usize = 10;
/// Attempts at one login before the next one waits.
pub const LOGIN_ATTEMPTS_FREE: u32 = 5;
/// Attempts from one address in an hour before the next one waits: an office shares one.
pub const ADDRESS_ATTEMPTS_FREE: u32 = 100;
/// Minutes nobody waits longer than for the next attempt.
pub const LOGIN_WAIT_MINUTES_MAX: i64 = 15;
/// Milliseconds a resolved caller is remembered: a revoked session ends within a second.
pub const CALLER_CACHE_MS: u64 = 900;
/// Characters of a free text (grounds, findings, reasons).
pub const TEXT_CHARS_MAX: usize = 500;
/// Shortest reason for reading a private value, in characters: a word says nothing.
pub const REASON_CHARS_MIN: usize = 4;
/// Private values one account may read in the clear in a day: a caseworker's busy day, and no
/// household list copied out.
pub const REVEALS_PER_DAY_MAX: u32 = 60;
/// Characters of a diagnosis as the office writes it down.
pub const DIAGNOSIS_CHARS_MAX: usize = 200;
/// Items of a list in an input (bills, evidence, reasons).
pub const LIST_ITEMS_MAX: usize = 200;
/// Rows of one spreadsheet.
pub const SHEET_ROWS_MAX: usize = 10_000;
/// Bytes of one spreadsheet.
pub const SHEET_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Minutes the machine's clock may run ahead of the time that really passed before timers stop.
pub const CLOCK_AHEAD_MINUTES_MAX: i64 = 10;
/// Seconds by which a command's instant may lie before the last entry of the county's log: the clocks
/// of two machines differ by less. More means that a clock was set back.
pub const CLOCK_BACK_SECONDS_MAX: i64 = 2;
/// Due notices a timer closes in one round.
pub const TIMER_ROUND_MAX: u32 = 200;
/// Working days before the last day of a term from which on it is due soon: time to act, and not to forget again.
pub const REMIND_WORKDAYS: u16 = 2;
/// The most there may be: whoever is told a month ahead is told nothing.
pub const REMIND_WORKDAYS_MAX: u16 = 20;
/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, in bytes: hashing takes time with length.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Members of one household by name: an answer shows them all.
pub const MEMBERS_MAX: usize = 50;
/// Lines of one `referBatch`: about as many as a request body holds ([`BODY_BYTES_MAX`]).
pub const BATCH_LINES_MAX: usize = 500;
/// Lines of one payment batch: what a bank takes in one list, and a person can compare.
pub const PAYMENT_BATCH_MAX: usize = 500;
/// Lines of a payment batch that one call submits: a call has fifteen seconds.
pub const PAYMENTS_AT_ONCE: usize = 200;
/// Bytes of a bank's file that the console takes: a statement of as many lines as one file may have.
pub const BANK_FILE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Lines of one bank file.
pub const BANK_LINES_MAX: usize = 10_000;
/// Lines of one batch that are in the desk's hands at a time: enough to fill its rounds.
pub const BATCH_AT_ONCE: usize = 16;
/// Hours in which an export may be taken away.
pub const EXPORT_HOURS_MAX: i64 = 24;
/// Rows of one export; a county has fewer claims in ten years.
pub const EXPORT_ROWS_MAX: u64 = 200_000;
/// Rows of one spreadsheet that leaves: it is put together before its first byte goes.
pub const EXPORT_SHEET_ROWS_MAX: u64 = 20_000;
/// Days of nothing but failure after which an endpoint is switched off; anchored in `api.md`.
pub const HOOK_FAILING_DAYS_MAX: i64 = 5;
/// Seconds a receiver may take to answer; anchored in `api.md`.
pub const HOOK_TIMEOUT_SECONDS: u64 = 15;
/// Seconds a receiver may want to be left alone: longer, and it would never be told.
pub const HOOK_RETRY_AFTER_SECONDS_MAX: i64 = 86_400;
/// Events taken from the log at once for an endpoint: what a crash may send twice.
pub const HOOK_EVENTS_AT_ONCE: u32 = 64;
/// Claims that are told of at once at an endpoint.
pub const HOOK_SENDS_AT_ONCE: usize = 8;
/// Deliveries of an endpoint that wait; beyond, the rest waits in the log.
pub const HOOK_WAITING_MAX: u64 = 1_000;
/// Seconds an endpoint belongs to the process that sends to it, which says again and again that it lives: as
/// long waits another one after a crash.
pub const HOOK_LEASE_SECONDS: i64 = 15;
/// Endpoints of one organisation: each is one more sender.
pub const HOOK_ENDPOINTS_MAX: usize = 10;
/// Hours both secrets of an endpoint or a connector hold at most.
pub const HOOK_OVERLAP_HOURS_MAX: i64 = 168;
/// Characters of an endpoint's address.
pub const HOOK_URL_CHARS_MAX: usize = 2_000;
/// Bytes of a message, out or in; anchored in `api.md`.
pub const HOOK_BODY_BYTES_MAX: usize = 20 * 1024;
/// Signatures of a header that are looked at: nobody rotates more keys at a time.
pub const HOOK_SIGNATURES_MAX: usize = 8;
/// Seconds a message's timestamp may differ from the clock; anchored in `api.md`.
pub const HOOK_SKEW_SECONDS_MAX: i64 = 300;
/// Characters of a message's id.
pub const HOOK_ID_CHARS_MAX: usize = 200;
/// Hours a message waits for the instruction it is about, or for the message before it.
pub const HOOK_WAIT_HOURS_MAX: i64 = 24;
/// Seconds between two tries of a message that waits, at most.
pub const HOOK_WAIT_SECONDS_MAX: i64 = 300;
/// Forged messages of a connector that are kept in a day: evidence, not a way to fill a disk.
pub const HOOK_FORGED_PER_DAY_MAX: u64 = 100;
/// Messages tried in one round.
pub const HOOK_MESSAGES_AT_ONCE: u32 = 100;
