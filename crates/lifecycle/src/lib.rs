//! What may happen next? The state machine of a claim (赔案), from referral to payout.
//!
//! **Owns** the states, commands, events, guards, duties, the notice's contents and the counting of
//! legal days. **Never** contains async, I/O, a clock, randomness, logging, SQL or GraphQL: whatever
//! a judgement needs to know stands in [`Facts`]. **Start here**: [`decide`] judges one
//! [`Order`] on one [`Claim`]; [`Claim::apply`] folds the resulting [`Event`]; [`TABLE`] lists the
//! lawful transitions as data.
#![warn(missing_docs)]

mod blocked;
pub mod calendar;
mod claim;
mod coded;
mod command;
pub mod days;
mod decide;
mod diagram;
pub mod dossier;
pub mod duty;
mod event;
mod facts;
pub mod guard;
mod ids;
pub mod letter;
pub mod notice;
mod payee;
pub mod phase;
pub mod pool;
mod posting;
pub mod scheme;
mod table;

pub use blocked::{Blocked, Param};
pub use calendar::{Calendar, CalendarFault, CalendarWarning, Closing, Counting, Term};
pub use claim::{
    Acted, ActedAs, Claim, EventShare, InEvent, Objection, ObjectionStatus, Phase, RunningShare,
    State, Status,
};
pub use command::{Actor, Command, CommandKind, Door, DraftReferral, Order};
pub use decide::{Decision, available_actions, decide, open_claim, postings};
pub use diagram::diagram;
pub use duty::Duty;
pub use event::{Event, EventKind, Happening, Stamp};
pub use facts::{EarlierClaim, Facts, Liveness, OpenAdvance, PayeeFacts, PayeeSeal, Seen};
pub use ids::{
    AccountId, BillKey, ClaimId, CountyCode, HouseholdId, IdFault, MemberId, NoticeId, ObjectionId,
    OrgId, PayeeId, PaymentId, PersonId, RegionCode, SchemeId,
};
pub use payee::{NameCheck, NameCheckMeans, PayeeRelation};
pub use posting::{Movement, PoolAccount, Posting};
pub use scheme::{Check, Peril, Scheme};
pub use table::{TABLE, Transition, allowed};
