//! The model of an office: the claims, the books and the registers that a store would keep, in
//! plain values. Whatever goes through is shown to the [`monitor`](super::monitor).

use super::monitor::{Trail, Violation, check_pool, check_step, legal_day};
use super::{Scene, Step, Who, World, at, day, path_to};
use benefits::{EventTotals, Fen, RunningTotals};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use lifecycle::{
    BillKey, Blocked, Claim, ClaimId, Command, CommandKind, EarlierClaim, Event, EventKind, Facts,
    InEvent, Liveness, MemberId, OpenAdvance, Order, PayeeId, Status, decide, open_claim,
};
use std::collections::BTreeSet;

/// Balances of a pool, or the share of one claim in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Books {
    pub county_fund: i64,
    pub available: i64,
    pub reserved: i64,
    pub in_flight: i64,
    pub paid_out: i64,
    pub written_off: i64,
    /// What no claim may move; not in the sum.
    pub elsewhere: i64,
}

impl Books {
    pub const fn funded(amount: Fen) -> Self {
        Self {
            county_fund: -amount.get(),
            available: amount.get(),
            reserved: 0,
            in_flight: 0,
            paid_out: 0,
            written_off: 0,
            elsewhere: 0,
        }
    }

    pub const fn sum(&self) -> i64 {
        self.county_fund
            + self.available
            + self.reserved
            + self.in_flight
            + self.paid_out
            + self.written_off
    }

    pub const fn add(&mut self, other: &Self) {
        self.county_fund += other.county_fund;
        self.available += other.available;
        self.reserved += other.reserved;
        self.in_flight += other.in_flight;
        self.paid_out += other.paid_out;
        self.written_off += other.written_off;
    }
}

/// One claim's file.
#[derive(Debug, Clone)]
pub struct File {
    pub claim: Claim,
    pub history: Vec<Event>,
    pub trail: Trail,
    pub household: usize,
}

/// The office.
#[derive(Debug, Clone)]
pub struct Office {
    pub world: World,
    pub now: DateTime<Utc>,
    pub files: Vec<File>,
    pub insured: Liveness,
    pub payees_died: BTreeSet<PayeeId>,
    pub payees_checked_on: NaiveDate,
    /// An advance of the member that waits to be settled.
    pub open_advance: Option<OpenAdvance>,
    /// Every invariant that was seen to break.
    pub violations: Vec<Violation>,
}

impl Office {
    pub fn new(world: World) -> Self {
        Self {
            world,
            now: at(6, 5, 9),
            files: Vec::new(),
            insured: Liveness {
                died_on: None,
                checked_on: Some(day(6, 1)),
            },
            payees_died: BTreeSet::new(),
            payees_checked_on: day(6, 1),
            open_advance: None,
            violations: Vec::new(),
        }
    }

    /// An office with one claim that has come to a status by its real history.
    pub fn at(world: World, status: Status) -> Self {
        let mut office = Self::new(world);
        office.walk(0, &path_to(status));
        assert_eq!(office.claim(0).status(), status);
        office
    }

    /// An office with two claims of one household and of this loss each, both reviewed, the second approved.
    pub fn with_two(world: World, loss: Fen) -> Self {
        use CommandKind as C;
        let mut office = Self::new(world);
        for (place, number) in [(0, 0), (1, 1)] {
            let draft = office.world.draft(0, number);
            let drafted = office.submit(place, &Who::Town.orders(draft));
            assert!(drafted.is_ok(), "{drafted:?}");
            office.walk(place, &path_to(Status::Verifying)[1..]);
            office.walk(
                place,
                &[Step::Do(C::RecordFinding), Step::Do(C::RecordFinding)],
            );
            let facts = World::loss(&[(World::bill(number), loss)]);
            let verify = Who::Surveyor.orders(Command::RecordVerification { facts });
            let verified = office.submit(place, &verify);
            assert!(verified.is_ok(), "{verified:?}");
            let rest = path_to(Status::Verified).len();
            office.walk(place, &path_to(Status::NoticeClosed)[rest..]);
            office.walk(place, &[Step::Do(C::CountyReviewClaim)]);
        }
        office.walk(1, &[Step::Do(C::ApproveClaim)]);
        office
    }

    pub fn claim(&self, place: usize) -> &Claim {
        &self.files[place].claim
    }

    /// Takes steps that must all go through.
    pub fn walk(&mut self, place: usize, path: &[Step]) {
        for step in path {
            let (kind, choice) = match *step {
                Step::Days(days) => {
                    self.now += Duration::days(days);
                    continue;
                }
                Step::Pool(pool) => {
                    self.world.pool = pool;
                    continue;
                }
                Step::Do(kind) => (kind, 0),
                Step::Other(kind) => (kind, 1),
                Step::Last(kind) => (kind, usize::MAX),
            };
            let command = self.files.get(place).map_or_else(
                || {
                    self.world.draft(
                        place % self.world.houses.len(),
                        u32::try_from(place).unwrap_or(0),
                    )
                },
                |file| {
                    let mut choices = self.world.choices(kind, &file.claim, self.now);
                    choices.swap_remove(choice.min(choices.len() - 1))
                },
            );
            let done = self.submit(place, &Who::giver(&command).orders(command));
            assert!(done.is_ok(), "{step:?}: {done:?}");
        }
    }

    fn holders(&self) -> Vec<(usize, MemberId, &Trail)> {
        self.files
            .iter()
            .map(|file| (file.household, file.claim.case.insured, &file.trail))
            .collect()
    }

    /// The balances: what was put in and what the claims moved.
    pub fn books(&self) -> Books {
        let mut books = Books::funded(self.world.pool);
        for file in &self.files {
            books.add(&file.trail.books);
        }
        books
    }

    /// What a store would look up for an order on the claim at `place`.
    pub fn scene(&self, place: usize, household: usize) -> Scene {
        let others = || {
            self.files
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != place)
        };
        let insured = self.world.houses[household].insured;
        let sum = |fine: &dyn Fn(&File) -> bool| {
            Fen::new(
                others()
                    .filter(|(_, it)| fine(it))
                    .map(|(_, it)| it.trail.holds())
                    .sum(),
            )
        };
        let losses = |fine: &dyn Fn(&File) -> bool| {
            let counted = others()
                .filter(|(_, it)| fine(it) && it.trail.holds() > 0)
                .filter_map(|(_, it)| it.claim.assessment());
            Fen::new(counted.map(|assessment| assessment.eligible.get()).sum())
        };
        let bills_taken: Vec<BillKey> = others()
            .filter(|(_, file)| file.claim.status().is_living())
            .flat_map(|(_, file)| file.trail.bills.iter().cloned())
            .collect();
        Scene {
            now: self.now,
            household,
            pool_available: Fen::new(self.books().available),
            first_waiting: self.queue().first().map(|first| self.claim(first.1).id),
            is_overtaking: {
                let queue = self.queue();
                let own = queue.iter().position(|it| it.1 == place);
                own.unwrap_or(queue.len()) > 0
            },
            recovery_refs: self
                .files
                .iter()
                .filter_map(|file| file.claim.state.recovering())
                .flat_map(|it| it.instalments.iter().map(|it| it.bank_ref.clone()))
                .collect(),
            used: RunningTotals {
                person_year: sum(&|file| file.claim.case.insured == insured),
                household_year: sum(&|file| file.household == household),
                person_year_loss: losses(&|file| file.claim.case.insured == insured),
                household_year_loss: losses(&|file| file.household == household),
                event: EventTotals::default(),
            },
            approved_twelve_months: Fen::new(
                others()
                    .filter(|(_, it)| it.household == household)
                    .map(|(_, it)| it.trail.approved_after(self.now - Duration::days(366)))
                    .sum(),
            ),
            bills_taken,
            duplicate: None,
            followed: None,
            open_advance: self.open_advance.clone(),
            insured: self.insured,
            payees_died: self.payees_died.clone(),
            payees_checked_on: Some(self.payees_checked_on),
            next_number: u32::try_from(self.files.len()).unwrap_or(0) + 1,
        }
    }

    /// The claims that wait for money, the first one first: by the day their notice closed, then by number.
    fn queue(&self) -> Vec<((NaiveDate, String), usize)> {
        let closed_on = |file: &File| {
            let closings = file.history.iter().rev();
            let mut closings = closings.filter(|it| it.what.kind() == EventKind::NoticeClosed);
            closings.next().map(|it| legal_day(it.stamp.at))
        };
        let files = self.files.iter().enumerate();
        let mut queue: Vec<_> = files
            .filter(|(_, file)| file.claim.status() == Status::AwaitingFunds)
            .filter_map(|(place, file)| {
                Some(((closed_on(file)?, file.claim.number.clone()), place))
            })
            .collect();
        queue.sort();
        queue
    }

    /// The facts of an order; a draft names its household, a claim has one.
    pub fn facts(&self, place: usize, order: &Order) -> (Scene, Facts) {
        let household = if let Command::DraftReferral(draft) = &order.command {
            let found = self
                .world
                .houses
                .iter()
                .position(|it| it.id == draft.household);
            found.expect("a household of the world")
        } else {
            self.files[place].household
        };
        let mut scene = self.scene(place, household);
        let claim = self.files.get(place).map(|it| &it.claim);
        scene.duplicate = self.duplicate(place, order, claim);
        if let Command::DraftReferral(draft) = &order.command {
            scene.followed = draft.follows.and_then(|earlier| self.followed(earlier));
        }
        scene.used.event =
            claim.map_or_else(EventTotals::default, |claim| self.event_totals(claim));
        let facts = self.world.facts(&scene, claim, order);
        (scene, facts)
    }

    /// The claim that a draft names to go on with.
    fn followed(&self, earlier: ClaimId) -> Option<EarlierClaim> {
        let mut claims = self.files.iter().map(|file| &file.claim);
        let follows = |it: &Claim| it.follows.as_ref().is_some_and(|it| it.claim == earlier);
        let is_followed = claims.clone().any(follows);
        let claim = claims.find(|it| it.id == earlier)?;
        Some(EarlierClaim::of(claim, is_followed))
    }

    /// What other claims of the event hold.
    fn event_totals(&self, claim: &Claim) -> EventTotals {
        let files = self.files.iter().map(|file| &file.claim);
        let others = files.filter(|it| it.id != claim.id && it.case.same_event(&claim.case));
        InEvent::totals(
            others.map(InEvent::of),
            claim.place_in_event(),
            claim.policy_year,
        )
    }

    /// The number of another living claim about the same member, peril and day, that is not of the claim's line.
    fn duplicate(&self, place: usize, order: &Order, claim: Option<&Claim>) -> Option<String> {
        let mut first = claim.map(Claim::first_of_event);
        let case = if let Command::DraftReferral(draft) = &order.command {
            let followed = draft.follows.and_then(|earlier| self.followed(earlier));
            first = followed.map(|it| it.first);
            &draft.case
        } else if let Command::AmendReferral { case } = &order.command {
            case
        } else {
            &claim?.case
        };
        self.files
            .iter()
            .enumerate()
            .filter(|(other, file)| *other != place && file.claim.status().is_living())
            .map(|(_, file)| &file.claim)
            .filter(|it| it.case.same_event(case))
            .find(|it| Some(it.first_of_event()) != first)
            .map(|it| it.number.clone())
    }

    /// Submits an order on the claim at `place`; a place nobody has used yet begins a claim.
    pub fn submit(&mut self, place: usize, order: &Order) -> Result<EventKind, Blocked> {
        let (scene, facts) = self.facts(place, order);
        let before = self.files.get(place).map(|it| &it.claim);
        let decision = match before {
            None => open_claim(order, &facts)?,
            Some(claim) => decide(claim, order, &facts)?,
        };
        self.violations
            .extend(check_step(before, &decision.claim, &decision.event));
        let mut trail = self
            .files
            .get(place)
            .map(|it| it.trail.clone())
            .unwrap_or_default();
        let seen = trail.see(&self.world, &scene, &decision.event, &decision.postings);
        self.violations.extend(seen);
        let kind = decision.event.what.kind();
        if let Some(file) = self.files.get_mut(place) {
            file.claim = decision.claim;
            file.trail = trail;
            file.history.push(decision.event);
        } else {
            self.files.push(File {
                claim: decision.claim,
                history: vec![decision.event],
                trail,
                household: scene.household,
            });
        }
        let pool = check_pool(&self.world, &self.holders());
        self.violations.extend(pool);
        Ok(kind)
    }
}
