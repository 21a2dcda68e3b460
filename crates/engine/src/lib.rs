//! Make it happen once, with authority: the desk, its ports, identities, timers.
//!
//! **Owns** the one pipeline (`Desk::submit`), the ports the store implements, who a caller is, the
//! clock, the making of ids, the limits. **Never** contains SQL, GraphQL or HTTP types.
//! **Start here**: [`Desk::submit`].

pub mod access;
pub mod audit;
pub mod authority;
pub mod bank_file;
pub mod bulk;
pub mod calendar_file;
pub mod caller;
pub mod clock;
pub mod county_file;
pub mod deadline;
pub mod desk;
pub mod disclosure;
mod free_text;
pub mod hooks;
pub mod household;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod outlook;
pub mod password;
pub mod payment_batch;
pub mod pool;
pub mod ports;
pub mod quote;
pub mod referral_batch;
pub mod registry;
pub mod rehearse;
pub mod retelling;
pub mod scheme_file;
pub mod second_factor;
pub mod sight;
pub mod testkit;
pub mod throttle;
pub mod timer;
pub mod work_queue;

pub use caller::{Caller, Grant, Scope};
pub use clock::{Clock, ManualClock, OffsetClock, SystemClock};
pub use desk::Desk;
pub use outlook::Outlook;
pub use ports::{
    Ask, ClaimFilter, ClaimReader, ClaimStore, Commit, EventKey, Fault, Found, Happened,
    HouseholdFilter, Judge, LogRow, Outcome, Page, Receipt, Recorded, Slice, Span, StatusCount,
    Store, Target,
};
pub use sight::Sight;
