//! A small world, walked to its end: two claims of two households, one pool that pays only one of
//! them, six persons of several duties each and four programs, days that pass. In every state
//! everybody tries everything, lawful or not; the monitor looks at each step that goes through.
//!
//! The judgement is blind: it sees one claim, one order and the facts. So the walk asks each
//! question once for a claim and what it sees of the other one (what that holds of the pool, and
//! whether it took the shared bill), and combines the answers into states of both. What would
//! repeat without end is bounded ([`Bounds`]); steps beyond a bound are judged and checked, but not
//! followed. Time counts only as the days a notice still has to run.

#[expect(dead_code, reason = "each test uses a part of the world")]
mod world;

use benefits::Fen;
use chrono::{DateTime, Duration, NaiveTime, Utc};
use lifecycle::pool::Waiting;
use lifecycle::{
    Actor, Check, Claim, ClaimId, Command, CommandKind, Duty, EventKind, Facts, MemberId,
    ObjectionStatus, Order, PersonId, Status, TABLE, calendar, decide, open_claim,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::rc::Rc;
use world::monitor::{Trail, Violation, check_pool, check_step};
use world::office::Books;
use world::{Scene, Who, World, at, yuan};

/// What is not followed further.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    objections: usize,
    refusals: usize,
    appeals: usize,
    rounds: u8,
    instructions: u16,
    proofs: u16,
    /// Recoveries, and instalments of one.
    recoveries: usize,
    instalments: usize,
}

/// A claim that goes straight on.
const STRAIGHT: Bounds = Bounds {
    objections: 0,
    refusals: 0,
    appeals: 0,
    rounds: 0,
    instructions: 1,
    proofs: 1,
    recoveries: 0,
    instalments: 0,
};

/// In each walk something else may come over the first claim: all of it in one walk would multiply.
const WALKS: [Bounds; 4] = [
    // Objected to, reopened.
    Bounds {
        objections: 1,
        rounds: 1,
        ..STRAIGHT
    },
    // Another payee, paid again.
    Bounds {
        rounds: 1,
        instructions: 2,
        ..STRAIGHT
    },
    // Refused, appealed; that it is taken up again is judged, not followed.
    Bounds {
        refusals: 1,
        appeals: 1,
        ..STRAIGHT
    },
    // Paid wrongly, recovered in parts, written off.
    Bounds {
        recoveries: 1,
        instalments: 1,
        ..STRAIGHT
    },
];

/// The second claim goes straight on. The first one sees of it what it holds: as much once it is approved as when it is paid.
const SECOND: Bounds = Bounds {
    instructions: 0,
    ..STRAIGHT
};

/// How much of the small world is walked: a quick walk, or by name (`FANGPIN_SMALL_WORLD=full`) a
/// long one, in which everybody is tempted by more duties and more amounts are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Quick,
    Full,
}

#[expect(
    clippy::disallowed_methods,
    reason = "how far to walk is the caller's choice"
)]
fn extent() -> Extent {
    if std::env::var("FANGPIN_SMALL_WORLD").is_ok_and(|it| it == "full") {
        Extent::Full
    } else {
        Extent::Quick
    }
}

/// Six persons, each with duties enough to be tempted, and four programs.
fn cast(extent: Extent) -> Vec<Actor> {
    let person = |who: Who, duties: &[Duty]| Actor {
        duties: duties.to_vec(),
        ..who.actor()
    };
    vec![
        person(
            Who::Town,
            &[
                Duty::TownshipCaseworker,
                Duty::InsurerHandler,
                Duty::Approver,
                Duty::Finance,
            ],
        ),
        person(
            Who::County,
            &[
                Duty::CountyCaseworker,
                Duty::CountySupervisor,
                Duty::InsurerHandler,
            ],
        ),
        person(
            Who::Surveyor,
            &[Duty::Surveyor, Duty::Approver, Duty::Finance],
        ),
        person(
            Who::OtherSurveyor,
            match extent {
                Extent::Quick => &[Duty::Surveyor, Duty::Finance],
                Extent::Full => &[Duty::Surveyor, Duty::Approver, Duty::Finance],
            },
        ),
        person(
            Who::Approver,
            match extent {
                Extent::Quick => &[Duty::CountyReviewer, Duty::Approver],
                Extent::Full => &[Duty::CountyReviewer, Duty::Approver, Duty::Finance],
            },
        ),
        person(Who::Cousin, &[Duty::InsurerHandler, Duty::Approver]),
        Who::Bank.actor(),
        Who::Timer.actor(),
        Who::Renderer.actor(),
        Who::RashTimer.actor(),
    ]
}

fn small_world() -> World {
    let mut world = World::new().with_scheme(|scheme| {
        scheme.notice.term.days = 1;
        scheme.appeal_days = 1;
        scheme.checks = vec![Check::FieldVisit];
        // An uplift always needs a second approver.
        scheme.authority[0].alone_max = yuan(2_000);
        let town = [
            CommandKind::DraftReferral,
            CommandKind::AmendReferral,
            CommandKind::ReferCase,
        ];
        scheme.duties = BTreeMap::from(town.map(|it| (it, vec![Duty::TownshipCaseworker])));
    });
    world.pool = yuan(3_000);
    world
}

/// One claim, the way it came.
#[derive(Debug, Clone)]
struct Local {
    claim: Claim,
    trail: Trail,
    now: DateTime<Utc>,
    household: usize,
}

/// What of a claim can matter for what comes: two claims with one key are one state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    status: Status,
    days_left: i64,
    trail: Trail,
    surveyor: Option<PersonId>,
    findings: Vec<(Check, bool)>,
    objections: Vec<ObjectionStatus>,
    refusals: Vec<(bool, bool, bool)>,
    instructions: u16,
}

impl Local {
    fn key(&self, world: &World) -> Key {
        let mut trail = self.trail.clone();
        trail.events = 0;
        trail.approved_at = None;
        // Only whether the one reference that may come twice has come matters.
        trail.refs.retain(|it| *it == world::bank_ref());
        let mut days_left = 0;
        if let Some(notice) = &mut trail.notice {
            let left = world.term_ends(notice.opened_at) - self.now;
            days_left = (left.num_hours() + 23).div_euclid(24).max(0);
            notice.opened_at = DateTime::UNIX_EPOCH;
        }
        // While a refusal stands, its time counts, not the notice's.
        if let Some(refusal) = &mut trail.refusal {
            let until = refusal.appeal_until.take();
            let left = until.map(|day| (day - calendar::legal_day(self.now)).num_days() + 1);
            days_left = left.unwrap_or(0).max(0);
        }
        let verifying = self.claim.state.verifying();
        Key {
            status: self.claim.status(),
            days_left,
            trail,
            surveyor: verifying.map(|it| it.surveyor),
            findings: verifying
                .map(|it| it.findings.iter().map(|it| (it.check, it.passed)).collect())
                .unwrap_or_default(),
            objections: self.claim.objections.iter().map(|it| it.status).collect(),
            refusals: self.told().collect(),
            instructions: self.claim.instructions,
        }
    }

    fn is_within(&self, bounds: Bounds, benefit_max: Fen) -> bool {
        let assessed = self.trail.assessed;
        assessed.is_none_or(|(benefit, _)| benefit <= benefit_max)
            && self.claim.objections.len() <= bounds.objections
            && self.claim.refusals.len() <= bounds.refusals
            && self.told().filter(|it| it.1).count() <= bounds.appeals
            && self.trail.rounds <= bounds.rounds
            && self.claim.instructions <= bounds.instructions
            && self.claim.state.recovering().is_none_or(|it| {
                let ended = usize::from(self.claim.status() == Status::Recovered);
                bounds.recoveries > 0 && it.instalments.len() <= bounds.instalments + ended
            })
            && self
                .trail
                .notice
                .as_ref()
                .is_none_or(|it| it.proofs <= bounds.proofs)
    }

    /// Of each refusal, whether a letter came, it was appealed against, and a letter told of that.
    fn told(&self) -> impl Iterator<Item = (bool, bool, bool)> + '_ {
        self.claim.refusals.iter().map(|it| {
            let answered = it.decision().is_some_and(|it| it.letter.is_some());
            (it.letter.is_some(), it.appeal.is_some(), answered)
        })
    }

    fn took_reference(&self) -> bool {
        self.trail.refs.iter().any(|it| *it == world::bank_ref())
    }

    fn took_shared_bill(&self) -> bool {
        self.claim.status().is_living() && self.trail.bills.contains(&World::bill(999))
    }
}

/// What a claim sees of the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct View {
    other_holds: i64,
    shared_bill_taken: bool,
    reference_taken: bool,
    /// The other one waits for money, and is before this one.
    other_first: bool,
}

/// All that is known of one of the two claims.
struct Side {
    locals: Vec<Local>,
    index: HashMap<Key, usize>,
    /// Where nothing more can happen, states that look the same to the other claim are one.
    class: Vec<usize>,
    ended: HashMap<(Status, Books, bool, bool), usize>,
    moves: HashMap<(usize, View), Rc<Vec<usize>>>,
    days: HashMap<usize, usize>,
    bounds: Bounds,
}

struct Walk {
    world: World,
    extent: Extent,
    benefit_max: Fen,
    cast: Vec<Actor>,
    sides: [Side; 2],
    rows: BTreeSet<(Option<Status>, CommandKind, EventKind, Status)>,
    refusals: BTreeMap<&'static str, u64>,
    judged: u64,
    went_through: u64,
    beyond_bounds: u64,
    violations: Vec<(Violation, String)>,
}

impl Walk {
    fn new(world: World, extent: Extent, first: Bounds) -> Self {
        let side = |bounds| Side {
            locals: Vec::new(),
            index: HashMap::new(),
            class: Vec::new(),
            ended: HashMap::new(),
            moves: HashMap::new(),
            days: HashMap::new(),
            bounds,
        };
        Self {
            world,
            extent,
            benefit_max: match extent {
                Extent::Quick => yuan(2_000),
                Extent::Full => yuan(9_999),
            },
            cast: cast(extent),
            sides: [first, SECOND].map(side),
            rows: BTreeSet::new(),
            refusals: BTreeMap::new(),
            judged: 0,
            went_through: 0,
            beyond_bounds: 0,
            violations: Vec::new(),
        }
    }

    /// The draft a claim begins with.
    fn begin(&mut self, which: usize) -> usize {
        let number = u32::try_from(which).unwrap_or(0);
        let order = Who::Town.orders(self.world.draft(which, number));
        let scene = Scene::quiet(which, at(6, 1, 9));
        let facts = self.world.facts(&scene, None, &order);
        let decision = open_claim(&order, &facts).expect("a sound draft");
        let mut trail = Trail::default();
        let broken = trail.see(&self.world, &scene, &decision.event, &decision.postings);
        assert_eq!(broken, []);
        let local = Local {
            claim: decision.claim,
            trail,
            now: scene.now,
            household: which,
        };
        let kind = decision.event.what.kind();
        self.rows
            .insert((None, CommandKind::DraftReferral, kind, local.claim.status()));
        self.intern(which, local)
    }

    fn intern(&mut self, which: usize, local: Local) -> usize {
        let key = local.key(&self.world);
        let side = &mut self.sides[which];
        if let Some(known) = side.index.get(&key) {
            return *known;
        }
        let place = side.locals.len();
        let status = local.claim.status();
        let class = if status.is_final() {
            let (bill, reference) = (local.took_shared_bill(), local.took_reference());
            let looks = (status, local.trail.books, bill, reference);
            *side.ended.entry(looks).or_insert(place)
        } else {
            place
        };
        // A long walk has everybody try everything on each claim that ended, a quick one on each
        // kind of ended claim.
        if self.extent == Extent::Quick && class != place {
            return class;
        }
        side.index.insert(key, place);
        side.class.push(class);
        side.locals.push(local);
        place
    }

    /// A night passes for one claim.
    fn next_day(&mut self, which: usize, place: usize) -> usize {
        if let Some(known) = self.sides[which].days.get(&place) {
            return *known;
        }
        let mut local = self.sides[which].locals[place].clone();
        local.now += Duration::days(1);
        let next = self.intern(which, local);
        self.sides[which].days.insert(place, next);
        next
    }

    fn scene(&self, local: &Local, view: View) -> Scene {
        Scene {
            pool_available: Fen::new(
                self.world.pool.get() - local.trail.holds() - view.other_holds,
            ),
            bills_taken: if view.shared_bill_taken {
                vec![World::bill(999)]
            } else {
                Vec::new()
            },
            first_waiting: if view.other_first {
                Some(ClaimId(world::id(0)))
            } else {
                Waiting::of(&local.claim).map(|it| it.claim)
            },
            is_overtaking: view.other_first,
            recovery_refs: if view.reference_taken {
                vec![world::bank_ref()]
            } else {
                Vec::new()
            },
            ..Scene::quiet(local.household, local.now)
        }
    }

    /// Everything anybody tries on a claim; where it leads.
    fn moves(&mut self, which: usize, place: usize, view: View) -> Rc<Vec<usize>> {
        if let Some(known) = self.sides[which].moves.get(&(place, view)) {
            return Rc::clone(known);
        }
        let local = self.sides[which].locals[place].clone();
        let scene = self.scene(&local, view);
        let mut targets = Vec::new();
        for kind in CommandKind::ALL {
            for command in self.world.choices(*kind, &local.claim, local.now) {
                if self.surveys_nowhere(&command, which) {
                    continue;
                }
                let mut order = Who::Town.orders(command);
                let mut facts = self.world.facts(&scene, Some(&local.claim), &order);
                for actor in 0..self.cast.len() {
                    order.actor.clone_from(&self.cast[actor]);
                    facts.seen.interested = self.interested(which, &order);
                    if let Some(next) = self.attempt(&local, &scene, &order, &facts) {
                        if next.is_within(self.sides[which].bounds, self.benefit_max) {
                            targets.push(self.intern(which, next));
                        } else {
                            self.beyond_bounds += 1;
                        }
                    }
                }
            }
        }
        targets.sort_unstable();
        targets.dedup();
        targets.retain(|it| *it != place);
        let targets = Rc::new(targets);
        self.sides[which]
            .moves
            .insert((place, view), Rc::clone(&targets));
        targets
    }

    fn interested(&self, which: usize, order: &Order) -> Vec<PersonId> {
        let persons = order.actor.persons().chain(order.command.named_person());
        let kin = &self.world.houses[which].kin;
        persons.filter(|it| kin.contains(it)).collect()
    }

    /// One order of one person; the claim after it, if it went through.
    fn attempt(
        &mut self,
        local: &Local,
        scene: &Scene,
        order: &Order,
        facts: &Facts,
    ) -> Option<Local> {
        self.judged += 1;
        let decision = match decide(&local.claim, order, facts) {
            Ok(decision) => decision,
            Err(blocked) => {
                *self.refusals.entry(blocked.code()).or_default() += 1;
                return None;
            }
        };
        self.went_through += 1;
        let mut found = check_step(Some(&local.claim), &decision.claim, &decision.event);
        let mut trail = local.trail.clone();
        found.extend(trail.see(&self.world, scene, &decision.event, &decision.postings));
        let row = (
            Some(local.claim.status()),
            order.command.kind(),
            decision.event.what.kind(),
            decision.claim.status(),
        );
        self.rows.insert(row);
        let story = || format!("{row:?} by {:?}", order.actor);
        self.violations
            .extend(found.into_iter().map(|it| (it, story())));
        Some(Local {
            claim: decision.claim,
            trail,
            ..local.clone()
        })
    }

    /// Walks all states of both claims; how many there are, and how many steps lead between them.
    fn run(&mut self) -> (usize, u64) {
        let start = (self.begin(0), self.begin(1));
        let mut seen: HashSet<(usize, usize)> = HashSet::from([start]);
        let mut queue = VecDeque::from([start]);
        let mut transitions = 0;
        while let Some((first, second)) = queue.pop_front() {
            self.check_both(first, second);
            let mut nexts = Vec::new();
            let views = [
                self.view_of(1, second, first),
                self.view_of(0, first, second),
            ];
            nexts.extend(
                self.moves(0, first, views[0])
                    .iter()
                    .map(|it| (*it, second)),
            );
            nexts.extend(
                self.moves(1, second, views[1])
                    .iter()
                    .map(|it| (first, *it)),
            );
            nexts.push((self.next_day(0, first), self.next_day(1, second)));
            for (first, second) in nexts {
                transitions += 1;
                let next = (self.sides[0].class[first], self.sides[1].class[second]);
                // Also a state that is merged into one that ended has everybody try everything.
                if next.0 != first && !self.sides[0].moves.contains_key(&(first, views[0])) {
                    assert_eq!(*self.moves(0, first, views[0]), []);
                }
                if next.1 != second && !self.sides[1].moves.contains_key(&(second, views[1])) {
                    assert_eq!(*self.moves(1, second, views[1]), []);
                }
                if seen.insert(next) {
                    queue.push_back(next);
                }
            }
        }
        (seen.len(), transitions)
    }

    /// What the claim at `own` of the other side sees of this one.
    fn view_of(&self, which: usize, place: usize, own: usize) -> View {
        let local = &self.sides[which].locals[place];
        let own = &self.sides[1 - which].locals[own];
        let (other, own) = (Waiting::of(&local.claim), Waiting::of(&own.claim));
        View {
            other_first: other.is_some_and(|other| own.is_none_or(|own| other.rank < own.rank)),
            other_holds: local.trail.holds(),
            shared_bill_taken: local.took_shared_bill(),
            reference_taken: local.took_reference(),
        }
    }

    fn check_both(&mut self, first: usize, second: usize) {
        let locals = [&self.sides[0].locals[first], &self.sides[1].locals[second]];
        let holders: Vec<(usize, MemberId, &Trail)> = locals
            .iter()
            .map(|it| (it.household, it.claim.case.insured, &it.trail))
            .collect();
        let found = check_pool(&self.world, &holders);
        let story = locals.map(|it| it.claim.status());
        self.violations
            .extend(found.into_iter().map(|it| (it, format!("{story:?}"))));
    }

    /// Jack is not in this world, the cousin surveys nobody but the cousin's own household, and a
    /// quick walk sends one surveyor to the second claim.
    fn surveys_nowhere(&self, command: &Command, which: usize) -> bool {
        let Some(named) = command.named_person() else {
            return false;
        };
        let also = which == 1 && self.extent == Extent::Quick;
        named == Who::Jack.person()
            || (which == 1 && named == Who::Cousin.person())
            || (also && named == Who::OtherSurveyor.person())
    }

    /// States of one claim from which it can neither end nor be archived, whatever happens.
    fn dead_ends(&self, which: usize) -> Vec<Status> {
        let side = &self.sides[which];
        let mut before: HashMap<usize, Vec<usize>> = HashMap::new();
        for ((place, _), targets) in &side.moves {
            for target in targets.iter() {
                before.entry(*target).or_default().push(*place);
            }
        }
        for (place, next) in &side.days {
            before.entry(*next).or_default().push(*place);
        }
        let ends = (0..side.locals.len()).filter(|place| {
            let status = side.locals[*place].claim.status();
            status.is_final() || status == Status::Closed
        });
        let mut queue: Vec<usize> = ends.collect();
        let mut fine: HashSet<usize> = queue.iter().copied().collect();
        while let Some(place) = queue.pop() {
            for earlier in before.get(&place).into_iter().flatten() {
                if fine.insert(*earlier) {
                    queue.push(*earlier);
                }
            }
        }
        (0..side.locals.len())
            .filter(|place| !fine.contains(place))
            .map(|place| side.locals[place].claim.status())
            .collect()
    }
}

#[test]
fn everything_anybody_can_do_in_a_small_world_keeps_the_invariants() {
    let mut statuses = BTreeSet::new();
    let mut rows = BTreeSet::new();
    for first in WALKS {
        let mut walk = Walk::new(small_world(), extent(), first);
        let (states, transitions) = walk.run();
        println!(
            "{first:?}, {:?}: {states} states of two claims ({} x {} of one), {transitions} transitions; {} orders \
             judged, {} went through, {} of them beyond a bound; {} rows",
            walk.extent,
            walk.sides[0].locals.len(),
            walk.sides[1].locals.len(),
            walk.judged,
            walk.went_through,
            walk.beyond_bounds,
            walk.rows.len(),
        );
        println!("refusals: {:?}", walk.refusals);
        let violation = walk.violations.first();
        assert!(
            violation.is_none(),
            "{} violations, first {violation:?}",
            walk.violations.len()
        );
        // An appeal waits where all of the small cast had a part: somebody else must be given the duty.
        for which in [0, 1] {
            let mut stuck = walk.dead_ends(which);
            stuck.retain(|status| *status != Status::Appealed);
            assert_eq!(stuck, [], "claim {which} cannot end");
        }
        let locals = walk.sides.iter().flat_map(|side| &side.locals);
        statuses.extend(locals.map(|it| it.claim.status()));
        rows.append(&mut walk.rows);
    }
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), Status::ALL);
    let table: BTreeSet<_> = TABLE
        .iter()
        .map(|it| (it.from, it.command, it.event, it.to))
        .collect();
    let missing: Vec<_> = table.difference(&rows).collect();
    assert!(missing.is_empty(), "rows never walked: {missing:?}");
    let strange: Vec<_> = rows.difference(&table).collect();
    assert!(strange.is_empty(), "walked outside the table: {strange:?}");
}

/// The days left count what the monitor counts.
#[test]
fn a_notice_of_one_day_runs_over_two_midnights() {
    let world = small_world();
    let ends = world.term_ends(at(6, 5, 23));
    let midnight = NaiveTime::MIN;
    assert_eq!(
        ends,
        world::day(6, 7).and_time(midnight).and_utc() - Duration::hours(8)
    );
}
