//! The invariants of the design, told once more by code that never asks a guard: it reads the
//! events of a claim, the transfers, the books and the registers, and nothing else.

use super::office::Books;
use super::{DEDUCTIBLE, EVENT_CAP, Scene, Who, World};
use benefits::Fen;
use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, Utc, Weekday};
use lifecycle::phase::verification::LossFacts;
use lifecycle::{
    BillKey, Claim, Counting, Event, Happening, MemberId, ObjectionId, PayeeId, PayeeRelation,
    PersonId, PoolAccount, Posting, Stamp,
};
use std::collections::BTreeSet;

/// A broken invariant, by its number in design.md.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub invariant: u8,
    pub what: String,
}

fn broken(found: &mut Vec<Violation>, invariant: u8, fine: bool, what: &str) {
    if !fine {
        found.push(Violation {
            invariant,
            what: what.to_owned(),
        });
    }
}

/// What a notice on the village's board is known for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Posted {
    pub opened_at: DateTime<Utc>,
    pub hash: String,
    pub proofs: u16,
    /// Something else was seen hanging there.
    pub strange: bool,
    pub closed: bool,
}

/// What an approval came to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Approval {
    pub amount: Fen,
    pub payee: PayeeId,
    pub persons: BTreeSet<PersonId>,
}

/// What the events of one claim tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Trail {
    pub events: u32,
    pub rounds: u8,
    pub referrers: BTreeSet<PersonId>,
    pub surveyors: BTreeSet<PersonId>,
    pub approvers: BTreeSet<PersonId>,
    pub payers: BTreeSet<PersonId>,
    /// Who instructed the payment that is on its way: somebody else confirms that one.
    pub instructing: BTreeSet<PersonId>,
    pub previewers: BTreeSet<PersonId>,
    pub resolvers: BTreeSet<PersonId>,
    pub reviewers: BTreeSet<PersonId>,
    pub proposers: BTreeSet<PersonId>,
    pub payee: Option<PayeeId>,
    pub bills: Vec<BillKey>,
    pub assessed: Option<(Fen, Fen)>,
    pub notice: Option<Posted>,
    pub objections: BTreeSet<ObjectionId>,
    pub first: Option<Approval>,
    pub approval: Option<Approval>,
    pub approved_at: Option<DateTime<Utc>>,
    /// An approval that no money was reserved for yet.
    pub waiting: Option<Approval>,
    pub live: Option<Fen>,
    /// What arrived and did not come back.
    pub settled: Option<Fen>,
    /// Who had instructed it.
    pub paid_by: BTreeSet<PersonId>,
    pub refs: Vec<String>,
    /// A write-off that waits for a second person.
    pub write_off: Option<(Fen, BTreeSet<PersonId>)>,
    pub written_off: Fen,
    pub refusal: Option<Refused>,
    pub books: Books,
}

/// What the household knows of a refusal, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Refused {
    pub refusers: BTreeSet<PersonId>,
    /// The last day for an appeal, counted here anew, once a letter came.
    pub appeal_until: Option<NaiveDate>,
    pub lodgers: BTreeSet<PersonId>,
    /// Whether the appeal was dismissed, and the letter that tells it came.
    pub dismissed: Option<bool>,
}

const OVERTOOK: &str = "overtook a claim that waits for money";
const PAYER_RECOVERS: &str = "whoever paid recovered or wrote off";

/// The legal day of an instant, counted here anew: UTC+8, half open.
pub fn legal_day(at: DateTime<Utc>) -> NaiveDate {
    (at + Duration::hours(8)).date_naive()
}

impl World {
    fn is_rest_day(&self, day: NaiveDate) -> bool {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        self.holidays.contains(&day) || (weekend && !self.workdays.contains(&day))
    }

    /// The first instant after the term of a notice that was posted at `opened_at`.
    pub fn term_ends(&self, opened_at: DateTime<Utc>) -> DateTime<Utc> {
        let term = self.scheme.notice.term;
        let mut last = legal_day(opened_at);
        let mut left = term.days;
        while left > 0 {
            last += Duration::days(1);
            if term.counting == Counting::CalendarDays || !self.is_rest_day(last) {
                left -= 1;
            }
        }
        while term.rolls && self.is_rest_day(last) {
            last += Duration::days(1);
        }
        (last + Duration::days(1))
            .and_time(NaiveTime::MIN)
            .and_utc()
            - Duration::hours(8)
    }

    /// The last day for an appeal against a refusal whose letter was delivered on a day.
    fn appeal_until(&self, delivered_on: NaiveDate) -> NaiveDate {
        let mut last = delivered_on + Duration::days(i64::from(self.scheme.appeal_days));
        while self.is_rest_day(last) {
            last += Duration::days(1);
        }
        last
    }

    /// What the table gives for a loss, and what was left to the household.
    fn table_amount(loss: &LossFacts) -> (i64, i64) {
        let bills: i64 = loss.bills.iter().map(|it| it.amount.get()).sum();
        let layers: i64 = loss.layers.iter().map(|it| it.paid.get()).sum();
        let other = loss.other_compensation.map_or(0, Fen::get);
        let eligible = bills - layers - other;
        ((eligible - DEDUCTIBLE.get()).max(0) / 2, eligible)
    }
}

fn persons(stamp: &Stamp) -> BTreeSet<PersonId> {
    std::iter::once(stamp.by)
        .chain(stamp.on_behalf_of)
        .collect()
}

impl Trail {
    /// Reads one event with its transfers, and names every invariant it breaks.
    pub fn see(
        &mut self,
        world: &World,
        scene: &Scene,
        event: &Event,
        postings: &[Posting],
    ) -> Vec<Violation> {
        let mut found = Vec::new();
        self.events += 1;
        Self::check_persons(world, scene, event, &mut found);
        self.read(world, scene, event, &mut found);
        self.check_separation(&mut found);
        for posting in postings {
            broken(
                &mut found,
                5,
                posting.amount.get() > 0,
                "a transfer of nothing, or backwards",
            );
            self.books.move_money(*posting);
        }
        self.check_books(&mut found);
        found
    }

    /// Invariants 4 and 11: who may act at all.
    fn check_persons(world: &World, scene: &Scene, event: &Event, found: &mut Vec<Violation>) {
        let kin = &world.houses[scene.household].kin;
        let mut acting = persons(&event.stamp);
        if let Happening::SurveyAssigned { surveyor } = &event.what {
            acting.insert(*surveyor);
        }
        broken(
            found,
            4,
            acting.is_disjoint(kin),
            "acted on a household of their own",
        );
        let timers = [Who::Timer, Who::RashTimer].map(Who::person);
        let programs = [Who::Timer, Who::RashTimer, Who::Bank, Who::Renderer].map(Who::person);
        let by = |some: &[PersonId]| acting.iter().any(|it| some.contains(it));
        match &event.what {
            Happening::ClaimApproved { .. }
            | Happening::FirstApprovalGiven { .. }
            | Happening::SecondApprovalGiven { .. }
            | Happening::ApprovalQueued { .. }
            | Happening::SecondApprovalQueued { .. }
            | Happening::WaitingReserved
            | Happening::PayoutInstructed { .. }
            | Happening::PayoutReinstated
            | Happening::WriteOffProposed { .. }
            | Happening::RecoveryWrittenOff => {
                broken(found, 11, !by(&programs), "a program approved or paid");
            }
            Happening::PayoutConfirmed { .. } => {
                broken(found, 11, !by(&timers), "a timer paid");
            }
            Happening::ReferralDrafted(_)
            | Happening::ReferralAmended { .. }
            | Happening::CaseReferred
            | Happening::ReferralReturned { .. }
            | Happening::ReferralAccepted
            | Happening::SurveyAssigned { .. }
            | Happening::FindingRecorded { .. }
            | Happening::DocumentAttached { .. }
            | Happening::VerificationRecorded { .. }
            | Happening::DeclaredIneligible { .. }
            | Happening::NoticePreviewed { .. }
            | Happening::PublicNoticeOpened { .. }
            | Happening::PublicationProved { .. }
            | Happening::ObjectionRaised { .. }
            | Happening::ObjectionUpheld { .. }
            | Happening::ObjectionDismissed { .. }
            | Happening::NoticeClosed
            | Happening::CountyReviewed
            | Happening::ClaimRejected { .. }
            | Happening::ClaimSentBack { .. }
            | Happening::PayeeChanged { .. }
            | Happening::PayeeConfirmed { .. }
            | Happening::PayoutFailed { .. }
            | Happening::PayoutReturned { .. }
            | Happening::PayoutUnknown { .. }
            | Happening::ClaimWithdrawn { .. }
            | Happening::ClaimClosed { .. }
            | Happening::RecoveryStarted { .. }
            | Happening::RecoveryRecorded { .. }
            | Happening::RecoveryCompleted { .. }
            | Happening::RefusalLetterIssued { .. }
            | Happening::AppealLodged { .. }
            | Happening::AppealUpheld { .. }
            | Happening::AppealDismissed { .. } => {}
        }
    }

    /// A new round: what was found, shown and approved before is void.
    fn again(&mut self) {
        self.rounds = self.rounds.saturating_add(1);
        self.assessed = None;
        self.bills.clear();
        self.notice = None;
        self.first = None;
        self.approval = None;
        self.waiting = None;
        self.previewers.clear();
        self.reviewers.clear();
    }

    fn read(&mut self, world: &World, scene: &Scene, event: &Event, found: &mut Vec<Violation>) {
        let acting = persons(&event.stamp);
        let at = event.stamp.at;
        match &event.what {
            Happening::ReferralDrafted(opening) => self.payee = Some(opening.case.payee),
            Happening::ReferralAmended { case } => self.payee = Some(case.payee),
            Happening::CaseReferred => self.referrers.extend(&acting),
            Happening::FindingRecorded { check, .. } => {
                if *check == lifecycle::Check::FieldVisit {
                    self.surveyors.extend(&acting);
                }
            }
            Happening::VerificationRecorded {
                facts,
                assessment,
                payee,
            } => {
                self.surveyors.extend(&acting);
                let fine = self.proposers.is_empty() && Some(*payee) == self.payee;
                broken(found, 10, fine, "a payee nobody confirmed");
                let (table, eligible) = World::table_amount(facts);
                let benefit = assessment.benefit.get();
                let fine = benefit <= table.min(EVENT_CAP.get());
                broken(found, 3, fine, "assessed more than the table gives");
                self.bills = facts.bills.iter().map(|it| it.key.clone()).collect();
                let distinct: BTreeSet<&BillKey> = self.bills.iter().collect();
                let fine = distinct.len() == self.bills.len();
                broken(found, 10, fine, "one bill counted twice");
                self.assessed = Some((assessment.benefit, Fen::new(eligible)));
            }
            Happening::NoticePreviewed { .. } => self.previewers.clone_from(&acting),
            Happening::PublicNoticeOpened {
                line, content_hash, ..
            } => {
                let second = !self.previewers.is_empty() && self.previewers.is_disjoint(&acting);
                broken(found, 4, second, "a notice nobody else previewed");
                let text = line.text();
                let secrets = &world.houses[scene.household].secrets;
                let fine = !secrets.iter().any(|it| text.contains(it));
                broken(found, 9, fine, "the notice shows what must not be shown");
                self.notice = Some(Posted {
                    opened_at: at,
                    hash: content_hash.clone(),
                    proofs: 0,
                    strange: line.content_hash() != *content_hash,
                    closed: false,
                });
            }
            Happening::PublicationProved { content_hash, .. } => {
                if let Some(notice) = &mut self.notice {
                    notice.proofs += 1;
                    notice.strange |= *content_hash != notice.hash;
                }
            }
            Happening::ObjectionRaised { objection, .. } => {
                self.objections.insert(*objection);
            }
            Happening::ObjectionUpheld { objection, .. } => {
                self.resolvers.extend(&acting);
                self.objections.remove(objection);
                self.again();
            }
            Happening::ObjectionDismissed { objection, .. } => {
                self.resolvers.extend(&acting);
                self.objections.remove(objection);
            }
            Happening::NoticeClosed => {
                if let Some(notice) = &mut self.notice {
                    notice.closed = true;
                }
                self.check_notice(world, at, found);
            }
            Happening::CountyReviewed => self.reviewers.clone_from(&acting),
            Happening::FirstApprovalGiven {
                benefit,
                uplift,
                amount,
                payee,
                dossier: _,
            } => {
                let extra = uplift.as_ref().map_or(Fen::ZERO, |it| it.amount);
                self.check_approval(world, at, *benefit, extra, *amount, found);
                broken(
                    found,
                    10,
                    Some(*payee) == self.payee,
                    "approved another payee",
                );
                self.approvers.extend(&acting);
                self.first = Some(Approval {
                    amount: *amount,
                    payee: *payee,
                    persons: acting,
                });
            }
            Happening::ClaimApproved {
                benefit,
                uplift,
                amount,
                payee,
                dossier: _,
            } => {
                let extra = uplift.as_ref().map_or(Fen::ZERO, |it| it.amount);
                self.check_approval(world, at, *benefit, extra, *amount, found);
                broken(
                    found,
                    10,
                    Some(*payee) == self.payee,
                    "approved another payee",
                );
                check_alone(world, scene, *amount, uplift.is_some(), found);
                self.approved_at = Some(at);
                self.approvers.extend(&acting);
                self.approval = Some(Approval {
                    amount: *amount,
                    payee: *payee,
                    persons: acting,
                });
                self.first = None;
                broken(found, 3, !scene.is_overtaking, OVERTOOK);
            }
            Happening::ApprovalQueued {
                benefit,
                uplift,
                amount,
                payee,
                ..
            } => {
                let extra = uplift.as_ref().map_or(Fen::ZERO, |it| it.amount);
                self.check_approval(world, at, *benefit, extra, *amount, found);
                check_alone(world, scene, *amount, uplift.is_some(), found);
                let same = Some(*payee) == self.payee;
                broken(found, 10, same, "approved another payee");
                self.approved_at = Some(at);
                self.approvers.extend(&acting);
                self.waiting = Some(Approval {
                    amount: *amount,
                    payee: *payee,
                    persons: acting,
                });
                self.first = None;
            }
            Happening::SecondApprovalQueued { .. } => {
                self.check_notice(world, at, found);
                let two = self.first.as_ref();
                let two = two.is_some_and(|it| it.persons.is_disjoint(&acting));
                broken(found, 4, two, "one person approved twice");
                self.waiting = self.first.take();
                self.approved_at = Some(at);
                self.approvers.extend(&acting);
            }
            Happening::WaitingReserved => {
                self.check_notice(world, at, found);
                broken(found, 3, !scene.is_overtaking, OVERTOOK);
                self.approval = self.waiting.take();
                let approval = self.approval.as_ref();
                let fine = approval.is_some_and(|it| Some(it.payee) == self.payee);
                broken(found, 10, fine, "approved another payee");
                self.approvers.extend(&acting);
            }
            Happening::SecondApprovalGiven { .. } => {
                self.approved_at = Some(at);
                self.check_notice(world, at, found);
                broken(found, 3, !scene.is_overtaking, OVERTOOK);
                broken(
                    found,
                    3,
                    self.first.is_some(),
                    "a second approval without a first",
                );
                if let Some(first) = self.first.take() {
                    let two = first.persons.is_disjoint(&acting);
                    broken(found, 4, two, "one person approved twice");
                    broken(
                        found,
                        10,
                        Some(first.payee) == self.payee,
                        "approved another payee",
                    );
                    self.approval = Some(first);
                }
                self.approvers.extend(&acting);
            }
            Happening::ClaimSentBack { .. } => self.again(),
            Happening::PayeeChanged { payee } => {
                self.again();
                self.payee = Some(*payee);
                self.proposers = acting;
            }
            Happening::PayeeConfirmed { .. } => {
                let two = self.proposers.is_disjoint(&acting);
                broken(found, 4, two, "one person changed and confirmed a payee");
                self.proposers.clear();
            }
            Happening::PayoutInstructed { amount, payee, .. } => {
                self.check_notice(world, at, found);
                let free = self.live.is_none() && self.settled.is_none();
                broken(
                    found,
                    2,
                    free,
                    "a second payment while one is live or settled",
                );
                let approval = self.approval.as_ref();
                let right = approval.is_some_and(|it| it.amount == *amount);
                broken(found, 2, right, "paid another amount than was approved");
                let right = approval.is_some_and(|it| it.payee == *payee);
                broken(found, 10, right, "paid another payee than was approved");
                let alive = !scene.payees_died.contains(payee);
                broken(found, 10, alive, "paid somebody who has died");
                let house = world.houses[scene.household].id;
                let own = world
                    .payees
                    .iter()
                    .any(|it| it.id == *payee && it.household == house);
                broken(found, 10, own, "paid another household");
                let row = world.payees.iter().find(|it| it.id == *payee);
                let checked = row.and_then(|it| it.checked.last());
                let named = checked.is_some_and(|it| it.passed);
                broken(found, 10, named, "paid to an account of another name");
                let heir = row.is_some_and(|it| it.relation == PayeeRelation::Heir);
                let fine = heir || scene.insured.died_on.is_none();
                broken(found, 10, fine, "paid somebody who is no heir");
                self.live = Some(*amount);
                self.payers.extend(&acting);
                self.instructing.clone_from(&acting);
            }
            Happening::PayoutConfirmed { .. } => {
                broken(
                    found,
                    2,
                    self.live.is_some(),
                    "confirmed what was not on its way",
                );
                let two = self.instructing.is_disjoint(&acting);
                broken(found, 4, two, "the payer confirmed the payment");
                self.paid_by = std::mem::take(&mut self.instructing);
                self.settled = self.live.take();
            }
            Happening::PayoutFailed { .. } => {
                broken(
                    found,
                    2,
                    self.live.is_some(),
                    "failed what was not on its way",
                );
                self.instructing.clear();
                self.live = None;
            }
            Happening::PayoutReturned { .. } => {
                broken(
                    found,
                    2,
                    self.settled.is_some(),
                    "returned what had not arrived",
                );
                self.settled = None;
            }
            Happening::PayoutReinstated => {
                let free = self.live.is_none() && self.settled.is_none();
                broken(
                    found,
                    2,
                    free,
                    "payable again while a payment is live or settled",
                );
            }
            Happening::RecoveryRecorded { amount, bank_ref } => {
                let left = self.settled.map_or(0, |it| it.get() - amount.get());
                broken(found, 2, left > 0, "recovered more than was paid");
                self.settled = Some(Fen::new(left));
                self.came_back(bank_ref, &acting, found);
            }
            Happening::RecoveryCompleted { bank_ref } => {
                broken(
                    found,
                    2,
                    self.settled.is_some(),
                    "recovered what had not arrived",
                );
                self.settled = None;
                self.approval = None;
                self.came_back(bank_ref, &acting, found);
            }
            Happening::WriteOffProposed { amount, .. } => {
                broken(found, 4, self.paid_by.is_disjoint(&acting), PAYER_RECOVERS);
                self.write_off = Some((*amount, acting));
            }
            Happening::RecoveryWrittenOff => {
                broken(found, 4, self.paid_by.is_disjoint(&acting), PAYER_RECOVERS);
                let Some((amount, proposers)) = self.write_off.take() else {
                    broken(found, 4, false, "one person wrote off");
                    return;
                };
                let two = proposers.is_disjoint(&acting);
                broken(found, 4, two, "one person wrote off");
                let all = self.settled == Some(amount);
                broken(found, 2, all, "wrote off another sum than is outstanding");
                let fine = amount <= world.scheme.pool.write_off_max;
                broken(found, 3, fine, "wrote off beyond the limit");
                self.settled = None;
                self.approval = None;
                self.written_off = amount;
            }
            Happening::ClaimWithdrawn { .. } => {
                let free = self.live.is_none() && self.settled.is_none();
                broken(
                    found,
                    2,
                    free,
                    "withdrawn while a payment is live or settled",
                );
                self.approval = None;
                self.waiting = None;
                self.first = None;
            }
            Happening::DeclaredIneligible { .. } => {
                let two = self.surveyors.is_disjoint(&acting);
                broken(found, 4, two, "the surveyor decided");
                self.refuse(acting);
            }
            Happening::ClaimRejected { .. } => self.refuse(acting),
            Happening::RefusalLetterIssued { letter, .. } => {
                let text = letter.text();
                let secrets = &world.houses[scene.household].secrets;
                let fine = !secrets.iter().any(|it| text.contains(it));
                broken(found, 9, fine, "the letter shows what must not be shown");
                let fine = legal_day(at) - letter.delivered_on <= Duration::days(3);
                broken(found, 13, fine, "a letter dated back");
                let Some(refusal) = &mut self.refusal else {
                    return broken(found, 13, false, "a letter about no refusal");
                };
                if refusal.dismissed.is_some() {
                    refusal.dismissed = Some(true);
                } else {
                    refusal.appeal_until = Some(world.appeal_until(letter.delivered_on));
                    let right = letter.appeal_until == refusal.appeal_until;
                    broken(found, 13, right, "the letter names another last day");
                }
            }
            Happening::AppealLodged { .. } => {
                let refusal = self.refusal.as_mut();
                let until = refusal.as_ref().and_then(|it| it.appeal_until);
                let fine = until.is_some_and(|day| legal_day(at) <= day);
                broken(found, 13, fine, "an appeal out of its time");
                if let Some(refusal) = refusal {
                    let first = refusal.lodgers.is_empty();
                    broken(found, 13, first, "a second appeal");
                    refusal.lodgers = acting;
                }
            }
            Happening::AppealUpheld { .. } => {
                self.check_appeal(&acting, found);
                self.refusal = None;
                self.again();
            }
            Happening::AppealDismissed { .. } => {
                self.check_appeal(&acting, found);
                if let Some(refusal) = &mut self.refusal {
                    refusal.dismissed = Some(false);
                }
            }
            Happening::ClaimClosed { .. } => {
                let over = |refusal: &Refused| match refusal.dismissed {
                    Some(told) => told,
                    None => refusal.appeal_until.is_some_and(|day| legal_day(at) > day),
                };
                let fine = self.refusal.as_ref().is_none_or(over);
                broken(found, 13, fine, "closed before the household could appeal");
            }
            Happening::ReferralReturned { .. }
            | Happening::DocumentAttached { .. }
            | Happening::ReferralAccepted
            | Happening::SurveyAssigned { .. }
            | Happening::PayoutUnknown { .. }
            | Happening::RecoveryStarted { .. } => {}
        }
    }

    fn refuse(&mut self, refusers: BTreeSet<PersonId>) {
        self.refusal = Some(Refused {
            refusers,
            ..Refused::default()
        });
    }

    /// Invariant 4: an appeal is decided by somebody who had no part in the claim, its refusal, its review or the appeal.
    fn check_appeal(&self, acting: &BTreeSet<PersonId>, found: &mut Vec<Violation>) {
        let nobody = BTreeSet::new();
        let refusal = self.refusal.as_ref();
        let parts = [
            &self.referrers,
            &self.surveyors,
            &self.approvers,
            &self.payers,
            &self.reviewers,
            refusal.map_or(&nobody, |it| &it.refusers),
            refusal.map_or(&nobody, |it| &it.lodgers),
        ];
        let other = parts.iter().all(|part| part.is_disjoint(acting));
        broken(
            found,
            4,
            other,
            "an appeal decided by somebody who had a part",
        );
    }

    /// Money of a wrong payment came back: it is known by its reference, and not told by the payer.
    fn came_back(
        &mut self,
        bank_ref: &str,
        acting: &BTreeSet<PersonId>,
        found: &mut Vec<Violation>,
    ) {
        broken(found, 4, self.paid_by.is_disjoint(acting), PAYER_RECOVERS);
        let known = self.refs.iter().any(|it| it == bank_ref);
        broken(found, 2, !known, "one reference recorded twice");
        self.refs.push(bank_ref.to_owned());
        self.write_off = None;
    }

    /// Invariant 1: the notice ran its full term, unchanged, with no open objection.
    fn check_notice(&self, world: &World, at: DateTime<Utc>, found: &mut Vec<Violation>) {
        let Some(notice) = &self.notice else {
            broken(found, 1, false, "no notice at all");
            return;
        };
        broken(found, 1, notice.closed, "the notice was not closed");
        let ran = at >= world.term_ends(notice.opened_at);
        broken(found, 1, ran, "the notice had not run its full term");
        let least = world.scheme.notice.proofs_min.max(1);
        broken(
            found,
            1,
            notice.proofs >= least,
            "nothing proves that the notice hung",
        );
        broken(
            found,
            1,
            !notice.strange,
            "what hung was not what was opened",
        );
        broken(
            found,
            1,
            self.objections.is_empty(),
            "an objection was open",
        );
    }

    fn check_approval(
        &self,
        world: &World,
        at: DateTime<Utc>,
        benefit: Fen,
        extra: Fen,
        amount: Fen,
        found: &mut Vec<Violation>,
    ) {
        self.check_notice(world, at, found);
        let reviewed = !world.scheme.county_review || !self.reviewers.is_empty();
        broken(found, 4, reviewed, "approved before the county reviewed");
        let (assessed, eligible) = self.assessed.unwrap_or_default();
        broken(
            found,
            3,
            benefit <= assessed,
            "approved more than was assessed",
        );
        let sum = benefit.get() + extra.get();
        broken(
            found,
            3,
            amount.get() == sum,
            "the lines do not sum to the amount",
        );
        let fine = extra.get() >= 0 && extra <= world.scheme.uplift_max;
        broken(found, 3, fine, "an uplift beyond the scheme's");
        broken(
            found,
            3,
            amount <= eligible,
            "more than the household had to pay",
        );
        broken(found, 5, amount.get() > 0, "an approval of nothing");
    }

    /// Invariant 4, over the whole history: four parts, four sets of persons.
    fn check_separation(&self, found: &mut Vec<Violation>) {
        let parts = [
            &self.referrers,
            &self.surveyors,
            &self.approvers,
            &self.payers,
        ];
        for (place, part) in parts.iter().enumerate() {
            for other in &parts[place + 1..] {
                broken(found, 4, part.is_disjoint(other), "one person in two parts");
            }
        }
        let judged = self.resolvers.is_disjoint(&self.reviewers)
            && self.resolvers.is_disjoint(&self.referrers)
            && self.resolvers.is_disjoint(&self.surveyors)
            && self.reviewers.is_disjoint(&self.referrers);
        broken(found, 4, judged, "one person reviewed and resolved");
    }

    /// Invariants 2 and 5 for one claim: its share of the books follows from what was paid.
    fn check_books(&self, found: &mut Vec<Violation>) {
        let approved = self.approval.as_ref().map_or(Fen::ZERO, |it| it.amount);
        let live = self.live.unwrap_or(Fen::ZERO);
        let settled = self.settled.unwrap_or(Fen::ZERO);
        let idle = live == Fen::ZERO && settled == Fen::ZERO;
        let reserved = if idle { approved } else { Fen::ZERO };
        let fine = self.books.reserved == reserved.get()
            && self.books.in_flight == live.get()
            && self.books.paid_out == settled.get()
            && self.books.written_off == self.written_off.get();
        broken(
            found,
            2,
            fine,
            "the books show another payment than the events",
        );
        broken(
            found,
            5,
            self.books.sum() == 0,
            "the accounts do not sum to zero",
        );
    }

    /// What stands of this claim's approval, if it was given after an instant.
    pub fn approved_after(&self, since: DateTime<Utc>) -> i64 {
        let recent = self.approved_at.is_some_and(|at| at > since);
        let stands = self
            .waiting
            .as_ref()
            .map_or_else(|| self.holds(), |it| it.amount.get());
        if recent { stands } else { 0 }
    }

    /// What this claim holds of the pool and of the caps.
    pub const fn holds(&self) -> i64 {
        self.books.reserved + self.books.in_flight + self.books.paid_out + self.books.written_off
    }
}

/// Invariant 3: what one approver gives alone is within both limits, and without an uplift.
fn check_alone(
    world: &World,
    scene: &Scene,
    amount: Fen,
    uplifted: bool,
    found: &mut Vec<Violation>,
) {
    let limits = &world.scheme.authority[0];
    let alone = amount <= limits.alone_max && !uplifted;
    broken(found, 3, alone, "one approver went beyond the limit");
    let sum = scene.approved_twelve_months.get() + amount.get();
    let most = limits.twelve_months_alone_max;
    let alone = most.is_none_or(|most| sum <= most.get());
    broken(
        found,
        3,
        alone,
        "one approver went beyond twelve months' limit",
    );
}

/// Invariants 6 and 12 across one step: the fold follows, nothing is forgotten.
pub fn check_step(before: Option<&Claim>, after: &Claim, event: &Event) -> Vec<Violation> {
    let mut found = Vec::new();
    let folded = match before {
        None => Claim::begin(event),
        Some(claim) => Some(claim.clone().apply(event)),
    };
    broken(
        &mut found,
        6,
        folded.as_ref() == Some(after),
        "the fold is not the claim",
    );
    let version = before.map_or(0, |it| it.version);
    broken(
        &mut found,
        6,
        after.version == version + 1,
        "a gap in the versions",
    );
    let kept = before.is_none_or(|before| {
        before
            .objections
            .iter()
            .zip(&after.objections)
            .all(|(old, new)| {
                old.id == new.id
                    && old.raised == new.raised
                    && (old.resolved.is_none() || old == new)
            })
            && before.objections.len() <= after.objections.len()
    });
    broken(&mut found, 12, kept, "an objection was forgotten");
    let kept = before.is_none_or(|before| {
        let mut pairs = before.refusals.iter().zip(&after.refusals);
        before.refusals.len() <= after.refusals.len()
            && pairs.all(|(old, new)| {
                old.lines == new.lines
                    && old.decided == new.decided
                    && (old.letter.is_none() || old.letter == new.letter)
                    && (old.decision().is_none_or(|it| it.letter.is_none())
                        || old.appeal == new.appeal)
            })
    });
    broken(&mut found, 12, kept, "a refusal was forgotten");
    let confirmed = before.is_none_or(|before| confirmed(before, &event.what));
    broken(&mut found, 10, confirmed, "another dossier than stands");
    found
}

/// Whether what was approved is what stood there, and what is paid what was approved.
fn confirmed(before: &Claim, what: &Happening) -> bool {
    if let Happening::FirstApprovalGiven { dossier, .. }
    | Happening::ClaimApproved { dossier, .. }
    | Happening::SecondApprovalGiven { dossier }
    | Happening::ApprovalQueued { dossier, .. }
    | Happening::SecondApprovalQueued { dossier, .. } = what
    {
        return lifecycle::dossier::hash(before).as_ref() == Some(dossier);
    }
    let approval = before.state.approved().map(|it| &it.approval);
    let stands = approval.is_some_and(|it| it.dossier.stands(before));
    stands || !matches!(what, Happening::PayoutInstructed { .. })
}

/// Invariants 3 and 5 over all claims: the pool, and the caps of person and household.
pub fn check_pool(world: &World, holders: &[(usize, MemberId, &Trail)]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut books = Books::funded(world.pool);
    for (_, _, trail) in holders {
        books.add(&trail.books);
    }
    broken(
        &mut found,
        5,
        books.sum() == 0,
        "the accounts do not sum to zero",
    );
    broken(&mut found, 3, books.available >= 0, "the pool is overdrawn");
    let positive = books.reserved >= 0
        && books.in_flight >= 0
        && books.paid_out >= 0
        && books.written_off >= 0;
    broken(&mut found, 5, positive, "an account below zero");
    for (household, insured, _) in holders {
        let of_household: i64 = holders
            .iter()
            .filter(|it| it.0 == *household)
            .map(|it| it.2.holds())
            .sum();
        let of_person: i64 = holders
            .iter()
            .filter(|it| it.1 == *insured)
            .map(|it| it.2.holds())
            .sum();
        let fine = of_household <= super::HOUSEHOLD_CAP.get();
        broken(&mut found, 3, fine, "beyond the household's cap");
        broken(
            &mut found,
            3,
            of_person <= super::PERSON_CAP.get(),
            "beyond the person's cap",
        );
    }
    for (place, (_, _, trail)) in holders.iter().enumerate() {
        broken(
            &mut found,
            3,
            trail.holds() <= EVENT_CAP.get(),
            "beyond the event's cap",
        );
        let others = holders
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place);
        let again = others
            .filter(|(_, other)| other.2.holds() > 0)
            .any(|(_, other)| trail.bills.iter().any(|bill| other.2.bills.contains(bill)));
        let fine = !again || trail.holds() == 0;
        broken(&mut found, 10, fine, "one bill compensated by two claims");
        let others = holders
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place);
        let again = others
            .flat_map(|(_, other)| &other.2.refs)
            .any(|it| trail.refs.contains(it));
        broken(&mut found, 2, !again, "one reference recorded twice");
    }
    found
}

impl Books {
    /// Moves the money of one transfer.
    pub const fn move_money(&mut self, posting: Posting) {
        *self.account(posting.from) -= posting.amount.get();
        *self.account(posting.to) += posting.amount.get();
    }

    const fn account(&mut self, account: PoolAccount) -> &mut i64 {
        match account {
            PoolAccount::CountyFund => &mut self.county_fund,
            PoolAccount::Available => &mut self.available,
            PoolAccount::Reserved => &mut self.reserved,
            PoolAccount::InFlight => &mut self.in_flight,
            PoolAccount::PaidOut => &mut self.paid_out,
            PoolAccount::WrittenOff => &mut self.written_off,
            // No claim moves the rest: what it moved would be missed in the sum.
            PoolAccount::Premium
            | PoolAccount::TopUp
            | PoolAccount::CarriedIn
            | PoolAccount::InsurerShare
            | PoolAccount::Fee
            | PoolAccount::CarriedOut
            | PoolAccount::SurplusReturned => &mut self.elsewhere,
        }
    }
}
