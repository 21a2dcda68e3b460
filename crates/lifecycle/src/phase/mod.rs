//! The phases (阶段): what each state has earned, and the judgement of each command.

pub mod approval;
pub mod document;
pub mod payout;
pub mod public_notice;
pub mod referral;
pub mod refusal;
pub mod verification;
