//! The one way to change a claim: whatever has queued up is served together (group commit).
//!
//! One task writes. A round is one transaction for one county: lock, gather, judge each, write all,
//! commit, answer. A command that is refused falls out alone. A second command for the same claim,
//! or with the same key, waits for the next round. When nothing waits, a single command is a round
//! of its own and waits for nobody. A caller who went away does not disturb the round: what was begun
//! for it is finished, what still waits for it is let go, as nothing was promised.
//!
//! A write that fails takes its transaction with it, and judges are spent. The round is then written
//! again one command at a time, each behind a savepoint, if the head of the log still stands where
//! the judges saw it: what they saw is then still true, because everything a judgement looks at is
//! written under the county's lock. Only a command whose own write fails is then answered by a fault.

use crate::connect::{Core, Head, SqlStore, commit};
use crate::gather::{self, Advance, Gathered, Living, event_of};
use crate::lane::{self, Lane};
use crate::rows;
use crate::write::{Item, Pen, Refusal, TotalKey, total_keys};
use async_trait::async_trait;
use benefits::{Fen, RunningTotals};
use chrono::{DateTime, NaiveDate, Utc};
use engine::{
    Ask, ClaimStore, Commit, EventKey, Fault, Found, Judge, Outcome, Outlook, Receipt, Target,
    limits,
};
use lifecycle::calendar::legal_day;
use lifecycle::pool::Waiting as Waits;
use lifecycle::scheme::twelve_months_before;
use lifecycle::{
    BillKey, Blocked, Claim, ClaimId, CountyCode, EarlierClaim, Event, Happening, HouseholdId,
    InEvent, OpenAdvance, PoolAccount, RunningShare, Scheme, SchemeId, Seen, Status,
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, TransactionTrait};
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

type Answer = Result<Outcome, Fault>;

/// A command that waits for its round.
pub(crate) struct Waiting {
    ask: Ask,
    /// As whom it is judged.
    lane: Lane,
    judge: Judge,
    answer: oneshot::Sender<Answer>,
}

#[async_trait]
impl ClaimStore for SqlStore {
    async fn transact(&self, ask: Ask, judge: Judge) -> Answer {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            lane: Lane::of_command(&ask),
            ask,
            judge,
            answer,
        };
        self.queue
            .try_send(waiting)
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => Fault::Overloaded,
                mpsc::error::TrySendError::Closed(_) => gone(),
            })?;
        answered.await.map_err(|_| gone())?
    }

    async fn consider(&self, asks: Vec<(Ask, Judge)>) -> Result<Vec<Outlook>, Fault> {
        // They are all one caller's.
        let Some((first, _)) = asks.first() else {
            return Ok(Vec::new());
        };
        let (county, lane) = (first.county, Lane::of_command(first));
        lane::round(lane, Box::pin(considered(&self.core, county, asks))).await
    }
}

/// What each of these commands would come to, each as if it were alone.
async fn considered(
    core: &Core,
    county: CountyCode,
    asks: Vec<(Ask, Judge)>,
) -> Result<Vec<Outlook>, Fault> {
    let reader = &core.reader;
    let all: Vec<&Ask> = asks.iter().map(|(ask, _)| ask).collect();
    // One statement sees one state: no lock is needed to judge on what it finds.
    let gathered = gather::gather(core, reader, &all).await?;
    let bills = gather::bills(core, reader, county, &all).await?;
    let mut outlooks = Vec::with_capacity(asks.len());
    for ((ask, judge), found) in asks.into_iter().zip(gathered) {
        // Each alone: what one would change is nothing to the next.
        let mut round = Round {
            bills: bills.clone(),
            ..Round::default()
        };
        outlooks.push(match round.rule(core, reader, &ask, judge, found).await? {
            Ruling::Refused(_, blocked) => Outlook::Blocked(blocked),
            Ruling::Decided(item) => Outlook::Would {
                claim: Box::new(item.claim),
                event: Box::new(item.event),
            },
            Ruling::Answered(answer) => match answer? {
                Outcome::Stale { current } => Outlook::Stale { current },
                Outcome::Blocked(blocked) => Outlook::Blocked(blocked),
                Outcome::NotFound | Outcome::KeyReused | Outcome::Done { .. } => Outlook::NotFound,
            },
        });
    }
    Ok(outlooks)
}

fn gone() -> Fault {
    Fault::Store {
        context: "the writer ended".into(),
        source: None,
    }
}

/// A fault that several callers receive.
#[derive(Debug, Clone)]
struct Shared(Arc<Fault>);

impl fmt::Display for Shared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the round failed")
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.0.as_ref())
    }
}

impl Shared {
    fn of(fault: Fault) -> Self {
        Self(Arc::new(fault))
    }

    fn fault(&self) -> Fault {
        Fault::store("serving a round of commands", self.clone())
    }
}

/// The writer: serves rounds until nobody can send any more.
pub(crate) async fn write_rounds(core: Arc<Core>, mut queue: mpsc::Receiver<Waiting>) {
    let mut waiting: VecDeque<Waiting> = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match queue.recv().await {
                Some(first) => waiting.push_back(first),
                None => return,
            }
        }
        while waiting.len() < limits::QUEUE_MAX {
            let Ok(next) = queue.try_recv() else { break };
            waiting.push_back(next);
        }
        let round = pick(&mut waiting);
        if round.is_empty() {
            continue;
        }
        // A task of its own: should it panic, its callers learn so and the writer goes on.
        let served = tokio::spawn(serve(Arc::clone(&core), round)).await;
        if let Err(fault) = served {
            tracing::error!(error = %fault, "a round of commands ended early");
        }
    }
}

/// Takes the next round: the first command's county and scope, one command a claim and key, in order.
/// One scope a round, so that the database's second lock is as exact for a command as for a read.
fn pick(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let Some((county, lane)) = waiting
        .front()
        .map(|first| (first.ask.county, first.lane.clone()))
    else {
        return Vec::new();
    };
    let (mut claims, mut keys) = (HashSet::new(), HashSet::new());
    let mut round = Vec::new();
    let mut later = VecDeque::with_capacity(waiting.len());
    while let Some(next) = waiting.pop_front() {
        if next.answer.is_closed() {
            continue;
        }
        if round.len() == limits::BATCH_MAX {
            later.push_back(next);
            break;
        }
        let ask = &next.ask;
        // Both are noted even if the command must wait, so that nothing overtakes it.
        let here = ask.county == county;
        let together = next.lane == lane;
        let first_of_claim = here && claims.insert(ask.target.id());
        let first_of_key = here && keys.insert((ask.account, ask.key));
        if first_of_claim && first_of_key && together {
            round.push(next);
        } else {
            later.push_back(next);
        }
    }
    later.append(waiting);
    *waiting = later;
    round
}

/// What became of a command before anything is written.
enum Ruling {
    Answered(Answer),
    Refused(Refusal, Blocked),
    Decided(Box<Item>),
}

async fn serve(core: Arc<Core>, round: Vec<Waiting>) {
    let mut asks = Vec::with_capacity(round.len());
    let mut judges = Vec::with_capacity(round.len());
    let mut answers = Vec::with_capacity(round.len());
    let mut lanes = Vec::with_capacity(round.len());
    for Waiting {
        ask,
        lane,
        judge,
        answer,
    } in round
    {
        asks.push(ask);
        lanes.push(lane);
        judges.push(judge);
        answers.push(answer);
    }
    let Some(county) = asks.first().map(|ask| ask.county) else {
        return;
    };
    let served = async {
        match judged(&core, county, &asks, judges).await {
            Ok((transaction, head, rulings)) => {
                settle(&core, county, transaction, &head, rulings).await
            }
            Err(fault) => {
                let shared = Shared::of(fault);
                asks.iter().map(|_| Err(shared.fault())).collect()
            }
        }
    };
    let outcomes = match lanes.pop() {
        Some(lane) => lane::round(lane, Box::pin(served)).await,
        None => served.await,
    };
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        // Whoever asked may have gone away; what was decided stands.
        drop(answer.send(outcome));
    }
}

async fn judged(
    core: &Core,
    county: CountyCode,
    asks: &[Ask],
    judges: Vec<Judge>,
) -> Result<(DatabaseTransaction, Head, Vec<Ruling>), Fault> {
    let (transaction, head) = core.begin_county(county).await?;
    let all: Vec<&Ask> = asks.iter().collect();
    let gathered = gather::gather(core, &transaction, &all).await?;
    let mut round = Round {
        bills: gather::bills(core, &transaction, county, &all).await?,
        last_at: head.last_at,
        ..Round::default()
    };
    let mut rulings = Vec::with_capacity(asks.len());
    for ((ask, judge), found) in asks.iter().zip(judges).zip(gathered) {
        let ruling = round.rule(core, &transaction, ask, judge, found).await;
        rulings.push(match ruling {
            // What cannot be read or written of one claim, or comes from a clock of another
            // machine, is the fault of its own command only.
            Err(
                fault @ (Fault::Inconsistency { .. }
                | Fault::Conflict(_)
                | Fault::ClockSetBack { .. }),
            ) => Ruling::Answered(Err(fault)),
            Ok(_) | Err(Fault::Store { .. } | Fault::Unusable(_) | Fault::Overloaded) => ruling?,
        });
    }
    Ok((transaction, head, rulings))
}

/// What the commands of a round have changed so far, for those after them.
#[derive(Default)]
struct Round {
    bills: HashMap<String, ClaimId>,
    /// The living claims of an event that changed; none where one ceased to be.
    events: HashMap<EventKey, HashMap<ClaimId, Option<Living>>>,
    /// Which claims others go on with since.
    followed: HashSet<ClaimId>,
    /// How claims stand since.
    statuses: HashMap<ClaimId, Status>,
    pools: HashMap<SchemeId, i64>,
    totals: HashMap<TotalKey, RunningShare>,
    /// What was approved, or ceased to be, for a household: the day of the approval and the fen.
    approvals: HashMap<HouseholdId, Vec<(NaiveDate, i64)>>,
    numbers: HashMap<i32, u32>,
    /// Who waited for a pool's money before the round, where it was looked up.
    queues: HashMap<SchemeId, Vec<(String, ClaimId)>>,
    /// Who has joined or left a queue since.
    joined: Vec<(SchemeId, String, ClaimId)>,
    left: HashSet<ClaimId>,
    references: HashMap<String, ClaimId>,
    /// The instant of the log's last entry.
    last_at: Option<DateTime<Utc>>,
}

impl Round {
    async fn rule<C: ConnectionTrait>(
        &mut self,
        core: &Core,
        connection: &C,
        ask: &Ask,
        judge: Judge,
        mut found: Gathered,
    ) -> Result<Ruling, Fault> {
        if let Some(earlier) = found.earlier.take() {
            if earlier.fingerprint != ask.fingerprint {
                return Ok(Ruling::Answered(Ok(Outcome::KeyReused)));
            }
            let claim = claim_at(core, connection, ask.county, &earlier.receipt).await?;
            return Ok(Ruling::Answered(Ok(Outcome::Done {
                receipt: earlier.receipt,
                claim: Box::new(claim),
                replay: true,
            })));
        }
        let claim = found.claim.take();
        if let Some(answer) = out_of_reach(ask, claim.as_ref(), &found) {
            return Ok(Ruling::Answered(answer));
        }
        let Some((scheme, _)) = found.scheme else {
            return Ok(Ruling::Answered(Ok(Outcome::NotFound)));
        };
        let Some(scheme) = core.scheme(connection, ask.county, scheme).await? else {
            return Ok(Ruling::Answered(Ok(Outcome::NotFound)));
        };
        let now = ask.instant_after(self.last_at)?;
        let pool = scheme.pool_id;
        if found.pool_waits && !self.queues.contains_key(&pool) {
            let waiting = gather::queue(core, connection, ask.county, pool).await?;
            self.queues.insert(pool, waiting);
        }
        let seen = self.seen(ask, claim.as_ref(), &scheme, found, now)?;
        let given = Found {
            scheme: Arc::clone(&scheme),
            seen,
        };
        // A judge that panics is a programming error of one command, not of its neighbours.
        let judgement = catch_unwind(AssertUnwindSafe(|| judge(claim.as_ref(), given)));
        Ok(match judgement {
            Err(_) => Ruling::Answered(Err(Fault::Store {
                context: "the judgement panicked".into(),
                source: None,
            })),
            Ok(Err(blocked)) => {
                Ruling::Refused(Refusal::of(ask, ask.command, blocked.code()), blocked)
            }
            Ok(Ok(commit)) => match item(ask, claim, scheme, commit) {
                Err(fault) => Ruling::Answered(Err(fault)),
                Ok(item) => {
                    self.note(&item);
                    Ruling::Decided(Box::new(item))
                }
            },
        })
    }

    fn seen(
        &self,
        ask: &Ask,
        claim: Option<&Claim>,
        scheme: &Scheme,
        found: Gathered,
        now: DateTime<Utc>,
    ) -> Result<Seen, Fault> {
        let id = ask.target.id();
        let event = event_of(ask, claim);
        let of_event = self.of_event(event, id, found.living);
        let followed = found.followed.map(|it| EarlierClaim {
            followed: it.followed || ask.follows.is_some_and(|it| self.followed.contains(&it)),
            status: ask
                .follows
                .and_then(|it| self.statuses.get(&it).copied())
                .unwrap_or(it.status),
            ..it
        });
        let first = claim.map(Claim::first_of_event);
        let first = first.or(followed.as_ref().map(|it| it.first)).unwrap_or(id);
        let place = claim.map(Claim::place_in_event);
        let place = place
            .or(followed.as_ref().map(|it| it.place + 1))
            .unwrap_or(0);
        // What this claim itself has reserved or paid does not stand in its own way.
        let own = claim.map_or_else(RunningShare::default, Claim::counted);
        let used = |stands: RunningShare, subject_kind, subject| {
            let noted = event.and_then(|event| {
                self.totals.get(&TotalKey {
                    policy_year: scheme.year.year,
                    peril: event.peril.code(),
                    subject_kind,
                    subject,
                })
            });
            stands.plus(noted.copied().unwrap_or_default()).since(own)
        };
        let home = found.home;
        let person = event.map_or_else(RunningShare::default, |event| {
            used(found.person, "PERSON", event.insured.0)
        });
        let household = home.as_ref().map_or_else(RunningShare::default, |home| {
            used(found.household, "HOUSEHOLD", home.id.0)
        });
        let figures = [
            person.benefit,
            person.loss,
            household.benefit,
            household.loss,
        ];
        if figures.into_iter().any(Fen::is_negative) {
            return Err(rows::impossible(
                "running_total",
                "used_fen",
                &id,
                "less than the claim's own reservation",
            ));
        }
        let taken = |bill: &&BillKey| {
            self.bills
                .get(bill.as_str())
                .is_some_and(|holder| *holder != id)
        };
        let last = self.numbers.get(&scheme.year.year).copied();
        let pool = self.pools.get(&scheme.pool_id).copied().unwrap_or(0);
        let mut interested = Vec::new();
        for person in &ask.persons {
            let interest = home
                .as_ref()
                .is_some_and(|it| it.interested.contains(person));
            if interest && !interested.contains(person) {
                interested.push(*person);
            }
        }
        Ok(Seen {
            now,
            household_listed: home.as_ref().is_some_and(|it| it.listed),
            group: home.as_ref().map(|it| it.group.clone()).unwrap_or_default(),
            village: home.as_ref().map(|it| it.village.clone()),
            insured: found.insured.unwrap_or_default(),
            insured_of_household: found.insured.is_some(),
            head_name: home
                .as_ref()
                .map(|it| it.head_name.clone())
                .unwrap_or_default(),
            village_name: home
                .as_ref()
                .map(|it| it.village_name.clone())
                .unwrap_or_default(),
            persons: home.as_ref().map_or(0, |it| it.persons),
            payee: found.payee,
            payee_seal: found.payee_seal,
            interested,
            named_duties: (found.named.zip(home.as_ref()))
                .map(|(named, home)| named.duties_in(&home.village, legal_day(now)))
                .unwrap_or_default(),
            duplicate: (of_event.iter())
                .find(|it| it.first != first)
                .map(|it| it.number.clone()),
            open_advance: self.open_advance(event, first, found.open_advances),
            followed,
            bills_taken: ask.bills.iter().filter(taken).cloned().collect(),
            pool_available: if found.pool_settled {
                Fen::ZERO
            } else {
                Fen::new(found.pool_available + pool)
            },
            pool_settled: found.pool_settled,
            first_waiting: self.first_waiting(scheme.pool_id),
            reference_of: found.reference_of.or_else(|| {
                let noted = self.references.get(ask.recovery_ref.as_ref()?);
                noted.copied()
            }),
            used: RunningTotals {
                person_year: person.benefit,
                household_year: household.benefit,
                person_year_loss: person.loss,
                household_year_loss: household.loss,
                event: InEvent::totals(
                    of_event.iter().map(|it| it.in_event),
                    place,
                    scheme.year.year,
                ),
            },
            approved_twelve_months: Fen::new(
                found.approved_twelve_months + home.map_or(0, |it| self.approved(it.id, now)),
            ),
            next_number: last.unwrap_or(found.last_number) + 1,
        })
    }

    /// The living claims of an event besides one, after what the round has changed so far.
    fn of_event(&self, event: Option<EventKey>, own: ClaimId, found: Vec<Living>) -> Vec<Living> {
        let noted = event.and_then(|event| self.events.get(&event));
        let stands = |it: &Living| noted.is_none_or(|noted| !noted.contains_key(&it.claim));
        let noted = noted.into_iter().flat_map(HashMap::values).flatten();
        let all = found.into_iter().filter(stands).chain(noted.cloned());
        all.filter(|it| it.claim != own).collect()
    }

    /// An advance for the ask's member and peril that no claim of its line has settled; one that holds money before another. One
    /// that is settled in this round still counts for the rest of it.
    fn open_advance(
        &self,
        event: Option<EventKey>,
        first: ClaimId,
        found: Vec<Advance>,
    ) -> Option<OpenAdvance> {
        let event = event?;
        let noted = self
            .events
            .iter()
            .filter(|(key, _)| (key.insured, key.peril) == (event.insured, event.peril));
        let noted: HashMap<ClaimId, Option<Advance>> = noted
            .flat_map(|(_, claims)| claims)
            .map(|(id, it)| (*id, it.as_ref().and_then(Living::as_advance)))
            .collect();
        // What the round begins holds no money before it has been found once.
        let known: Vec<ClaimId> = found.iter().map(|it| it.claim).collect();
        let begun = noted.values().flatten();
        let begun = begun.filter(|it| !known.contains(&it.claim) && !it.stands.holds_money);
        let found = found
            .into_iter()
            .filter_map(|it| noted.get(&it.claim).cloned().unwrap_or(Some(it)));
        let all = found.chain(begun.cloned()).filter(|it| it.first != first);
        all.map(|it| it.stands).max_by_key(|it| it.holds_money)
    }

    /// What the round approved so far for a household, within the twelve months up to `now`.
    fn approved(&self, household: HouseholdId, now: DateTime<Utc>) -> i64 {
        let since = twelve_months_before(legal_day(now));
        let approvals = self.approvals.get(&household).into_iter().flatten();
        let recent = approvals.filter(|(day, _)| *day > since);
        recent.map(|(_, fen)| fen).sum()
    }

    /// Who waits first for a pool's money, after what the round has changed so far.
    fn first_waiting(&self, pool: SchemeId) -> Option<ClaimId> {
        let waited = self.queues.get(&pool).into_iter().flatten();
        let waited = waited
            .map(|(rank, claim)| (rank, *claim))
            .filter(|(_, claim)| !self.left.contains(claim));
        let joined = self.joined.iter();
        let joined = joined
            .filter(|(of, _, _)| *of == pool)
            .map(|(_, rank, claim)| (rank, *claim));
        waited.chain(joined).min().map(|(_, claim)| claim)
    }

    /// Notes what a decided command changes for those after it.
    fn note(&mut self, item: &Item) {
        self.last_at = self.last_at.max(Some(item.event.stamp.at));
        let claim = &item.claim;
        self.statuses.insert(claim.id, claim.status());
        for of in item.before.iter().chain([claim]) {
            let noted = self.events.entry(EventKey::of(&of.case)).or_default();
            let is_now = of.case.same_event(&claim.case);
            let living = Living::of(claim).filter(|_| is_now);
            noted.insert(claim.id, living);
        }
        if let (None, Some(follows)) = (&item.before, &claim.follows) {
            self.followed.insert(follows.claim);
        }
        if !claim.status().is_living() {
            self.bills.retain(|_, holder| *holder != claim.id);
        }
        if let Happening::VerificationRecorded { .. } = &item.event.what {
            self.bills.retain(|_, holder| *holder != claim.id);
            let bills = item.bills.iter();
            self.bills
                .extend(bills.map(|bill| (bill.as_str().to_owned(), claim.id)));
        }
        if let Some(number) = item.number {
            self.numbers.insert(claim.policy_year, number);
        }
        if Waits::of(claim).is_none() && item.before.as_ref().and_then(Waits::of).is_some() {
            self.left.insert(claim.id);
        }
        if let Some(waiting) = Waits::of(claim) {
            let pool = item.scheme.pool_id;
            self.joined.push((pool, waiting.rank, waiting.claim));
        }
        if let Happening::RecoveryRecorded { bank_ref, .. }
        | Happening::RecoveryCompleted { bank_ref } = &item.event.what
        {
            self.references.insert(bank_ref.clone(), claim.id);
        }
        let mut available = 0_i64;
        for posting in &item.postings {
            if posting.from == PoolAccount::Available {
                available -= posting.amount.get();
            }
            if posting.to == PoolAccount::Available {
                available += posting.amount.get();
            }
        }
        *self.pools.entry(item.scheme.pool_id).or_default() += available;
        let (before, after) = item.approvals();
        for (approved, sign) in [(before, -1), (after, 1)] {
            let entry = approved.map(|it| {
                let day = legal_day(it.completed().at);
                (day, sign * it.approval.amount.get())
            });
            self.approvals
                .entry(claim.household)
                .or_default()
                .extend(entry);
        }
        let change = item.change();
        if !change.is_nothing() {
            for (key, _) in total_keys(claim) {
                let total = self.totals.entry(key).or_default();
                *total = total.plus(change);
            }
        }
    }
}

/// The answer to a command that cannot be judged: no such claim in scope, or the claim moved on.
/// A household outside the caller's region is answered like one that does not exist (invariant 8).
fn out_of_reach(ask: &Ask, claim: Option<&Claim>, found: &Gathered) -> Option<Answer> {
    match ask.target {
        Target::New {
            id: _,
            scheme: _,
            household: _,
        } => {
            let near = found
                .home
                .as_ref()
                .is_some_and(|home| ask.scope.region.covers(&home.village));
            let own = ask
                .scope
                .insurer
                .is_none_or(|insurer| found.scheme.is_none_or(|(_, of)| of == insurer));
            if ask.scope.county != ask.county || !near || !own {
                return Some(Ok(Outcome::NotFound));
            }
            claim.map(|_| Err(Fault::Conflict("claim")))
        }
        Target::Existing {
            id: _,
            expected_version,
        } => match claim.filter(|claim| ask.scope.covers(claim)) {
            None => Some(Ok(Outcome::NotFound)),
            Some(claim) => (claim.version != expected_version).then_some(Ok(Outcome::Stale {
                current: claim.version,
            })),
        },
    }
}

fn item(
    ask: &Ask,
    before: Option<Claim>,
    scheme: Arc<Scheme>,
    commit: Commit,
) -> Result<Item, Fault> {
    let Commit {
        claim,
        event,
        postings,
        seen,
        bills,
    } = commit;
    let text = |fault| Fault::store("writing a claim", fault);
    let version = before.as_ref().map_or(0, |before| before.version) + 1;
    if claim.version != version || claim.id != ask.target.id() || claim.county != ask.county {
        return Err(rows::impossible(
            "claim",
            "version",
            &claim.id,
            "the judgement does not follow the claim",
        ));
    }
    Ok(Item {
        account: ask.account,
        key: ask.key,
        fingerprint: ask.fingerprint.clone(),
        body_text: serde_json::to_string(&claim).map_err(text)?,
        event_text: serde_json::to_string(&event).map_err(text)?,
        seen_text: serde_json::to_string(&seen).map_err(text)?,
        number: before.is_none().then_some(seen.next_number),
        before,
        claim,
        event,
        postings,
        bills,
        scheme,
    })
}

/// The claim right after one of its events: the answer to a repeated call equals the first.
async fn claim_at<C: ConnectionTrait>(
    core: &Core,
    connection: &C,
    county: CountyCode,
    receipt: &Receipt,
) -> Result<Claim, Fault> {
    let select = core.dialect.statement(
        "SELECT event FROM claim_event WHERE county_code = $1 AND claim_id = $2 AND version <= $3 ORDER BY version",
        [
            rows::county(county),
            core.dialect.id(receipt.claim.0),
            i64::from(receipt.version).into(),
        ],
    );
    let found = connection
        .query_all_raw(select)
        .await
        .map_err(|fault| Fault::store("reading a history", fault))?;
    let events = found
        .iter()
        .map(|row| {
            let text: String = rows::get(row, "event")?;
            rows::json("claim_event", "event", &receipt.claim, &text)
        })
        .collect::<Result<Vec<Event>, Fault>>()?;
    Claim::fold(&events)
        .filter(|claim| claim.version == receipt.version)
        .ok_or_else(|| rows::impossible("receipt", "version", &receipt.claim, "no such history"))
}

fn done(receipt: Receipt, item: Item) -> Outcome {
    Outcome::Done {
        receipt,
        claim: Box::new(item.claim),
        replay: false,
    }
}

/// Writes what was decided and refused, commits, and says what became of each command.
async fn settle(
    core: &Core,
    county: CountyCode,
    transaction: DatabaseTransaction,
    head: &Head,
    rulings: Vec<Ruling>,
) -> Vec<Answer> {
    let mut items = Vec::new();
    let mut refusals = Vec::new();
    for ruling in &rulings {
        match ruling {
            Ruling::Answered(_) => {}
            Ruling::Refused(refusal, _) => refusals.push(refusal),
            Ruling::Decided(item) => items.push(item.as_ref()),
        }
    }
    let alone = items.len() + refusals.len() <= 1;
    let written = write(core, county, transaction, head, &items, &refusals).await;
    match written {
        Ok(receipts) => {
            let mut receipts = receipts.into_iter();
            let answer = |ruling| match ruling {
                Ruling::Answered(answer) => answer,
                Ruling::Refused(_, blocked) => Ok(Outcome::Blocked(blocked)),
                Ruling::Decided(item) => match receipts.next() {
                    Some(receipt) => Ok(done(receipt, *item)),
                    None => Err(gone()),
                },
            };
            rulings.into_iter().map(answer).collect()
        }
        Err(fault) if alone => {
            let mut fault = Some(fault);
            let answer = |ruling| match ruling {
                Ruling::Answered(answer) => answer,
                Ruling::Refused(_, _) | Ruling::Decided(_) => {
                    Err(fault.take().unwrap_or_else(gone))
                }
            };
            rulings.into_iter().map(answer).collect()
        }
        Err(fault) => {
            tracing::warn!(error = %fault, "a round failed and is written one by one");
            one_by_one(core, county, head, rulings).await
        }
    }
}

async fn write(
    core: &Core,
    county: CountyCode,
    transaction: DatabaseTransaction,
    head: &Head,
    items: &[&Item],
    refusals: &[&Refusal],
) -> Result<Vec<Receipt>, Fault> {
    let pen = Pen {
        dialect: core.dialect,
        texts: &core.texts,
        transaction: &transaction,
        county,
    };
    let (receipts, _) = pen.write(head, items, refusals).await?;
    commit(transaction).await?;
    Ok(receipts)
}

/// The second try of a round that could not be written together.
async fn one_by_one(
    core: &Core,
    county: CountyCode,
    head: &Head,
    rulings: Vec<Ruling>,
) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(rulings.len());
    let begun = core.begin_county(county).await;
    let (transaction, now) = match begun {
        Ok((transaction, now)) if now == *head => (transaction, now),
        // The commit's answer was lost and it stands, or another process wrote meanwhile. Whoever
        // repeats the call with the same key learns what became of it.
        Ok(_) => {
            let unknown = Fault::Store {
                context: "what became of the round is not known".into(),
                source: None,
            };
            return faults(rulings, &Shared::of(unknown));
        }
        Err(fault) => return faults(rulings, &Shared::of(fault)),
    };
    let mut now = now;
    for ruling in rulings {
        let answer = match ruling {
            Ruling::Answered(answer) => answer,
            Ruling::Refused(refusal, blocked) => {
                let written =
                    behind_savepoint(core, county, &transaction, &now, &[], &[&refusal]).await;
                written.map(|_| Outcome::Blocked(blocked))
            }
            Ruling::Decided(item) => {
                let written =
                    behind_savepoint(core, county, &transaction, &now, &[item.as_ref()], &[]).await;
                match written {
                    Ok((receipts, next)) => {
                        now = next;
                        match receipts.into_iter().next() {
                            Some(receipt) => Ok(done(receipt, *item)),
                            None => Err(gone()),
                        }
                    }
                    Err(fault) => Err(fault),
                }
            }
        };
        answers.push(answer);
    }
    match commit(transaction).await {
        Ok(()) => answers,
        Err(fault) => {
            let shared = Shared::of(fault);
            answers.iter().map(|_| Err(shared.fault())).collect()
        }
    }
}

async fn behind_savepoint(
    core: &Core,
    county: CountyCode,
    transaction: &DatabaseTransaction,
    head: &Head,
    items: &[&Item],
    refusals: &[&Refusal],
) -> Result<(Vec<Receipt>, Head), Fault> {
    let savepoint = transaction
        .begin()
        .await
        .map_err(|fault| Fault::store("setting a savepoint", fault))?;
    let pen = Pen {
        dialect: core.dialect,
        texts: &core.texts,
        transaction: &savepoint,
        county,
    };
    match pen.write(head, items, refusals).await {
        Ok(written) => commit(savepoint).await.map(|()| written),
        Err(fault) => {
            savepoint
                .rollback()
                .await
                .map_err(|fault| Fault::store("going back to a savepoint", fault))?;
            Err(fault)
        }
    }
}

fn faults(rulings: Vec<Ruling>, shared: &Shared) -> Vec<Answer> {
    let answer = |ruling| match ruling {
        Ruling::Answered(answer) => answer,
        Ruling::Refused(_, _) | Ruling::Decided(_) => Err(shared.fault()),
    };
    rulings.into_iter().map(answer).collect()
}
