//! Verification (审计核对): the log is read again from the beginning and must tell what stands.
//!
//! What may have happened is judged on the log alone; what stands in the tables beside it must be
//! what the log tells, column by column ([`crate::retelling`]). So a fault is told once, where it is.

mod pools;

use crate::disclosure::Disclosed;
use crate::ports::{Fault, LogRow, Recorded, Store};
use crate::retelling::{Retelling, Told};
use benefits::{Fen, assess};
use chrono::{DateTime, Utc};
use lifecycle::calendar::legal_day;
use lifecycle::phase::public_notice::NoticeClosed;
use lifecycle::phase::verification::loss_of;
use lifecycle::pool::Waiting;
use lifecycle::{Claim, ClaimId, CountyCode, Event, Happening, Scheme, SchemeId, Status, dossier};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Counties read.
    pub counties: u64,
    /// Events read.
    pub events: u64,
    /// Claims re-folded.
    pub claims: u64,
    /// Payments checked.
    pub payments: u64,
    /// Pools re-summed.
    pub pools: u64,
    /// Orders of pools checked, settlements among them.
    pub orders: u64,
    /// Disclosures of private values re-chained.
    pub disclosures: u64,
    /// What was paid and not returned or recovered.
    pub paid: Fen,
    /// Every fault, in words without private data.
    pub faults: Vec<String>,
    /// Where each county's records end: a restored copy must end where the original did.
    pub heads: Vec<Head>,
}

/// The end of a county's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The county.
    pub county: CountyCode,
    /// The last number of the log.
    pub event: i64,
    /// The hash there, which follows from every entry before it.
    pub event_hash: String,
    /// The last number of the record of disclosures.
    pub disclosure: i64,
    /// The hash there.
    pub disclosure_hash: String,
    /// The last number of the chain of its pools' orders.
    pub order: i64,
    /// The hash there.
    pub order_hash: String,
}

const CHUNK: u32 = 1_000;

/// Re-folds every claim of every county, checks the hash chain and the sequences, tells the tables
/// beside the log anew and compares them, re-sums the pools, re-computes every assessment with its
/// pinned scheme, and checks that every payment has its completed notice.
pub async fn verify(store: &dyn Store) -> Result<Report, Fault> {
    let mut report = Report::default();
    for county in store.counties().await? {
        report.counties += 1;
        let schemes = store.schemes(county).await?;
        let mut replay = Replay {
            schemes: schemes.into_iter().map(|it| (it.id, it)).collect(),
            folded: BTreeMap::new(),
            tables: store.retelling(county),
            last_at: None,
            queues: BTreeMap::new(),
            report,
        };
        let (event, event_hash) = replay.log(store, county).await?;
        let Replay {
            schemes,
            folded,
            tables,
            last_at: _,
            queues: _,
            report: so_far,
        } = replay;
        report = so_far;
        let differences = tables.differences().await?;
        report
            .faults
            .extend(differences.iter().map(ToString::to_string));
        for claim in folded.values() {
            report.claims += 1;
            recompute(schemes.get(&claim.scheme), claim, &mut report);
        }
        let (order, order_hash) =
            pools::verify(store, county, &schemes, &folded, &mut report).await?;
        let (disclosure, disclosure_hash) = disclosures(store, county, &mut report).await?;
        report.heads.push(Head {
            county,
            event,
            event_hash,
            disclosure,
            disclosure_hash,
            order,
            order_hash,
        });
    }
    Ok(report)
}

/// Who has read what: a record without a gap, each entry chained to the one before, up to its head, which is
/// returned.
async fn disclosures(
    store: &dyn Store,
    county: CountyCode,
    report: &mut Report,
) -> Result<(i64, String), Fault> {
    let (mut last, mut hash) = (0, String::new());
    loop {
        let entries = store.disclosure_log(county, last, CHUNK).await?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            report.disclosures += 1;
            let place = entry.seq;
            if place != last + 1 {
                let expected = last + 1;
                report
                    .faults
                    .push(format!("disclosure {place}: expected {expected}"));
            }
            let expected = Disclosed::hash_of(&hash, place, &entry.what);
            if entry.previous_hash != hash || entry.hash != expected {
                report
                    .faults
                    .push(format!("disclosure {place}: the hash chain is broken"));
            }
            last = place;
            hash = entry.hash;
        }
    }
    let head = (last, hash);
    if store.disclosure_head(county).await? != head {
        report.faults.push(format!(
            "disclosures of county {county}: the last ones are missing"
        ));
    }
    Ok(head)
}

/// A county's log, read again.
struct Replay<'a> {
    schemes: BTreeMap<SchemeId, Arc<Scheme>>,
    folded: BTreeMap<ClaimId, Claim>,
    tables: Box<dyn Retelling + 'a>,
    last_at: Option<DateTime<Utc>>,
    /// The ranks of those who wait for the money of each pool.
    queues: BTreeMap<SchemeId, BTreeSet<String>>,
    report: Report,
}

impl Replay<'_> {
    /// Reads the county's log; where it ends.
    async fn log(&mut self, store: &dyn Store, county: CountyCode) -> Result<(i64, String), Fault> {
        let mut last = 0;
        let mut hash = String::new();
        loop {
            let entries = store.log(county, last, CHUNK).await?;
            let rows = store.log_rows(county, last, CHUNK).await?;
            if entries.is_empty() {
                return Ok((last, hash));
            }
            for (entry, row) in entries.iter().zip(&rows) {
                self.report.events += 1;
                self.link(entry, row, last, &hash);
                last = entry.county_seq;
                hash.clone_from(&entry.hash);
                self.fold(entry)?;
            }
        }
    }

    fn fault(&mut self, fault: String) {
        self.report.faults.push(fault);
    }

    fn link(&mut self, entry: &Recorded, row: &LogRow, last: i64, hash: &str) {
        let LogRow {
            county_seq,
            kind,
            actor,
            at,
            event,
            seen,
        } = row;
        let place = entry.county_seq;
        if place != last + 1 || *county_seq != place {
            self.fault(format!("log entry {place}: expected {}", last + 1));
        }
        let expected = Recorded::hash_of(hash, place, entry.claim, entry.version, event, seen);
        if entry.previous_hash != hash || entry.hash != expected {
            self.fault(format!("log entry {place}: the hash chain is broken"));
        }
        if self.last_at.is_some_and(|last| entry.event.stamp.at < last) {
            self.fault(format!(
                "log entry {place}: earlier than the entry before it"
            ));
        }
        self.last_at = Some(entry.event.stamp.at);
        let Event {
            stamp,
            what,
            due_on: _,
        } = &entry.event;
        for (column, same) in [
            ("kind", kind == what.kind().code()),
            ("actor_id", *actor == stamp.by),
            ("at", *at == stamp.at),
        ] {
            if !same {
                self.fault(format!(
                    "claim_event {place}: not what the event tells in {column}"
                ));
            }
        }
    }

    fn fold(&mut self, entry: &Recorded) -> Result<(), Fault> {
        let before = self.folded.remove(&entry.claim);
        let claim = match &before {
            None => Claim::begin(&entry.event),
            Some(claim) => Some(claim.clone().apply(&entry.event)),
        };
        let Some(claim) = claim else {
            self.fault(format!("log entry {}: no claim begins", entry.county_seq));
            return Ok(());
        };
        if claim.version != entry.version {
            self.fault(format!(
                "claim {}: event {} does not follow",
                claim.number, entry.version
            ));
        }
        match self.schemes.get(&claim.scheme).cloned() {
            None => self.fault(format!("claim {}: its scheme is missing", claim.number)),
            Some(scheme) => {
                if let Some(before) = &before {
                    self.money(before, &entry.event, &scheme);
                    self.refusal(before, &entry.event);
                    self.queue(before, &claim, &scheme);
                }
                self.tables.tell(Told {
                    entry,
                    before: before.as_ref(),
                    claim: &claim,
                    scheme: &scheme,
                })?;
            }
        }
        self.folded.insert(entry.claim, claim);
        Ok(())
    }

    /// Invariants 4 and 13 on the history of a refusal.
    fn refusal(&mut self, before: &Claim, event: &Event) {
        if let Some(fault) = refusal_fault(before, event) {
            self.fault(format!("refusal of claim {}: {fault}", before.number));
        }
    }

    /// Invariants 1, 2 and 10 on the history: nothing is approved or paid without a completed
    /// notice or with an open objection; whoever approved confirmed the dossier that stood there, and what
    /// is paid is what was approved, to whom it was.
    fn money(&mut self, before: &Claim, event: &Event, scheme: &Scheme) {
        let number = &before.number;
        if let Happening::FirstApprovalGiven { dossier, .. }
        | Happening::ClaimApproved { dossier, .. }
        | Happening::SecondApprovalGiven { dossier }
        | Happening::ApprovalQueued { dossier, .. }
        | Happening::SecondApprovalQueued { dossier, .. } = &event.what
            && dossier::hash(before).as_ref() != Some(dossier)
        {
            self.fault(format!(
                "approval of claim {number}: of another dossier than stood there"
            ));
        }
        let what = if let Happening::ClaimApproved { .. }
        | Happening::SecondApprovalGiven { .. }
        | Happening::ApprovalQueued { .. }
        | Happening::SecondApprovalQueued { .. }
        | Happening::WaitingReserved = &event.what
        {
            "approval"
        } else if let Happening::PayoutInstructed { amount, payee, .. } = &event.what {
            self.report.payments += 1;
            let approval = before.state.approved().map(|it| &it.approval);
            if approval.is_none_or(|it| it.amount != *amount || it.payee != *payee) {
                self.report
                    .faults
                    .push(format!("payment of claim {number}: not as it was approved"));
            }
            "payment"
        } else {
            return;
        };
        if !before
            .state
            .closed_notice()
            .is_some_and(|notice| is_completed(notice, scheme))
        {
            self.fault(format!("{what} of claim {number}: no completed notice"));
        }
        if before.open_objections() > 0 {
            self.fault(format!("{what} of claim {number}: an objection was open"));
        }
    }

    /// Invariant 3 on the history: whoever was given money has overtaken nobody who waited for it.
    fn queue(&mut self, before: &Claim, after: &Claim, scheme: &Scheme) {
        let queue = self.queues.entry(scheme.pool_id).or_default();
        let own = Waiting::of(before).map(|it| it.rank);
        if let Some(rank) = &own {
            queue.remove(rank);
        }
        let waited = queue
            .first()
            .is_some_and(|first| own.as_ref().is_none_or(|own| first < own));
        queue.extend(Waiting::of(after).map(|it| it.rank));
        let given = matches!(
            before.status(),
            Status::NoticeClosed | Status::AwaitingFunds
        ) && after.status() == Status::Approved;
        if given && waited {
            let number = &before.number;
            self.fault(format!(
                "approval of claim {number}: another claim waited before it"
            ));
        }
    }
}

/// What is wrong with an event about a refusal, if something is.
fn refusal_fault(before: &Claim, event: &Event) -> Option<&'static str> {
    let refusal = before.refusals.last()?;
    if let Happening::RefusalLetterIssued {
        letter,
        content_hash,
        ..
    } = &event.what
    {
        let same = letter.content_hash() == *content_hash;
        return (!same).then_some("the letter is not what its hash says");
    }
    if let Happening::AppealUpheld { .. } | Happening::AppealDismissed { .. } = &event.what {
        let refused = |person| refusal.decided.persons().any(|it| it == person);
        let same = event.stamp.persons().any(refused);
        return same.then_some("its appeal was decided by who refused it");
    }
    if let Happening::ClaimClosed { .. } = &event.what
        && before.status().is_refused()
    {
        let over = |day| legal_day(event.stamp.at) > day;
        let told = match &refusal.appeal {
            Some(_) => refusal.standing_letter().0.is_some(),
            None => refusal.appeal_until().is_some_and(over),
        };
        return (!told).then_some("closed before its household was told and could appeal");
    }
    None
}

/// The notice ran its term, and was proved as it was posted.
fn is_completed(closed: &NoticeClosed, scheme: &Scheme) -> bool {
    let notice = &closed.open.notice;
    let proofs = closed.open.proofs.iter();
    let proved = proofs.filter(|it| it.content_hash == notice.content_hash);
    closed.closed.at >= notice.closes_at
        && proved.count() >= usize::from(scheme.notice.proofs_min)
        && notice.content_hash == notice.line.content_hash()
}

/// The assessment recomputes to the same fen with the pinned scheme, from the accepted facts and
/// the running totals it shows.
fn recompute(scheme: Option<&Arc<Scheme>>, claim: &Claim, report: &mut Report) {
    let Some(verified) = claim.state.verified() else {
        return;
    };
    let terms = scheme.and_then(|scheme| scheme.terms(claim.case.peril));
    let other = verified.facts.other_compensation.unwrap_or(Fen::ZERO);
    let told = &verified.assessment;
    let persons = told.loss.heads.unwrap_or_default();
    let again = terms
        .and_then(|terms| terms.schedule_of(&told.schedule_id))
        .and_then(|schedule| {
            let loss = loss_of(schedule, &verified.facts, other, persons).ok()?;
            assess(schedule, &loss, &told.used).ok()
        });
    if again.as_ref() != Some(told) {
        report.faults.push(format!(
            "claim {}: the assessment does not recompute",
            claim.number
        ));
    }
    if let Some(approved) = claim.state.approved() {
        let uplift = approved
            .approval
            .uplift
            .as_ref()
            .map_or(Fen::ZERO, |uplift| uplift.amount);
        if approved.approval.benefit.checked_add(uplift) != Some(approved.approval.amount)
            || approved.approval.benefit > told.benefit
        {
            report.faults.push(format!(
                "claim {}: approved more than was assessed",
                claim.number
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::household::BankAccount;
    use crate::pool::{PoolBalances, Pools};
    use crate::ports::{Ask, Commit, Found, Outcome, Target};
    use crate::testkit::world::{World, county};
    use crate::testkit::{MemoryStore, Role, Tamper, TestDesk, yuan};
    use lifecycle::pool::{PoolOrder, PoolOrderStatus};
    use lifecycle::{PoolAccount, Posting, Stamp};
    use std::sync::Arc;

    struct Books {
        desk: TestDesk,
        store: Arc<MemoryStore>,
        paid: Claim,
    }

    /// One claim paid, one on its way; the books are sound.
    async fn books() -> Books {
        let store = Arc::new(MemoryStore::new());
        let desk = TestDesk::open(Arc::clone(&store) as Arc<dyn Store>).await;
        let paid = desk
            .refer(desk.world.household("石门寨"))
            .through_verification(yuan(41_200))
            .through_notice()
            .through_payout()
            .await;
        desk.refer(desk.world.household("驻操营")).await;
        desk.expect_sound().await;
        Books { desk, store, paid }
    }

    async fn told(tamper: impl FnOnce(&Books) -> Tamper) -> Vec<String> {
        let books = books().await;
        let tamper = tamper(&books);
        let what = format!("{tamper:?}");
        books.store.tamper(county(), tamper);
        let faults = books.desk.audit().await.faults;
        assert!(!faults.is_empty(), "nobody noticed: {what}");
        for fault in &faults {
            assert!(!fault.contains('张'), "no names: {fault}");
        }
        faults
    }

    #[tokio::test]
    async fn sound_books_are_counted() {
        let report = books().await.desk.audit().await;
        let counts = (report.events, report.claims, report.payments, report.pools);
        assert_eq!(counts, (16, 2, 1, 2));
        assert_eq!((report.paid, report.faults.len()), (yuan(25_340), 0));
    }

    /// A word in the log, whether in the event or in the facts.
    #[tokio::test]
    async fn changed_words_break_the_chain() {
        let faults = told(|_| Tamper::EventText {
            county_seq: 12,
            find: "2534000".into(),
            replace: "9534000".into(),
        })
        .await;
        assert!(faults[0].starts_with("log entry 12: the hash chain"));
        let faults = told(|_| Tamper::SeenText {
            county_seq: 3,
            find: "true".into(),
            replace: "false".into(),
        })
        .await;
        assert!(faults[0].starts_with("log entry 3: the hash chain"));
    }

    /// Invariant 13: whoever rewrites until when a household could appeal is seen, though the log's hash fits.
    #[tokio::test]
    async fn a_letter_says_what_its_hash_says() {
        let store = Arc::new(MemoryStore::new());
        let desk = TestDesk::open(Arc::clone(&store) as Arc<dyn Store>).await;
        let refused = desk.refer(desk.world.household("石门寨"));
        let told = refused.accept().declare_ineligible().issue_letter().await;
        desk.expect_sound().await;
        store.tamper(
            county(),
            Tamper::EventTextAndHash {
                county_seq: i64::from(told.version),
                find: "2020-07-01".into(),
                replace: "2020-06-02".into(),
            },
        );
        let faults = desk.audit().await.faults;
        let fault = format!(
            "refusal of claim {}: the letter is not what its hash says",
            told.number
        );
        assert!(faults.contains(&fault), "{faults:?}");
    }

    /// Whoever computes a fitting hash breaks the link to the next entry.
    #[tokio::test]
    async fn a_fitting_hash_breaks_the_next_link() {
        let faults = told(|_| Tamper::EventTextAndHash {
            county_seq: 12,
            find: "2534000".into(),
            replace: "9534000".into(),
        })
        .await;
        assert!(faults[0].starts_with("log entry 13: the hash chain"));
    }

    #[tokio::test]
    async fn a_missing_entry_leaves_a_gap() {
        let faults = told(|_| Tamper::DropEntry { county_seq: 5 }).await;
        assert!(faults[0].starts_with("log entry 6: expected 5"));
        // The last entry leaves no gap, but a claim that knows more than its history.
        let faults = told(|_| Tamper::DropEntry { county_seq: 16 }).await;
        assert!(faults[0].contains("not what the log tells in body"));
    }

    #[tokio::test]
    async fn a_row_must_be_its_history() {
        let faults = told(|books| {
            let mut claim = books.paid.clone();
            claim.case.submitted = yuan(99_999);
            Tamper::ClaimRow(Box::new(claim))
        })
        .await;
        assert!(faults[0].ends_with("not what the log tells in body"));
        assert!(faults[0].starts_with("claim 130302-"), "{faults:?}");
        let faults = told(|books| Tamper::DropClaimRow(books.paid.id)).await;
        assert!(faults[0].starts_with("claim ") && faults[0].ends_with("missing"));
    }

    /// What lists, totals and triggers look at beside the claims, each named once and alone.
    #[tokio::test]
    async fn what_stands_beside_the_log_is_what_it_tells() {
        for (tamper, table, words) in [
            (
                (|paid| Tamper::DropNotices(paid.id)) as fn(&Claim) -> Tamper,
                "notice",
                "missing",
            ),
            (
                |paid| Tamper::NoticeClosesAt(paid.id, DateTime::UNIX_EPOCH),
                "notice",
                "in closes_at",
            ),
            (
                |paid| Tamper::PaymentStatus(paid.id, "FAILED"),
                "payment",
                "in status",
            ),
            (
                |paid| Tamper::RepeatPayments(paid.id),
                "payment",
                "a row that the log does not tell",
            ),
            (|paid| Tamper::DropBills(paid.id), "bill", "missing"),
            (
                |paid| {
                    let other = BankAccount::parse("62284800000000").expect("digits");
                    Tamper::Account(paid.case.payee, other)
                },
                "payee",
                "account_no or account_index",
            ),
        ] {
            let faults = told(|books| tamper(&books.paid)).await;
            let [fault] = faults.as_slice() else {
                panic!("one fault: {faults:?}");
            };
            assert!(
                fault.starts_with(table) && fault.ends_with(words),
                "{fault}"
            );
        }
        let faults = told(|_| Tamper::ForgetTotals).await;
        assert_eq!(faults.len(), 2, "the person's and the household's");
        assert!(faults.iter().all(|it| it.starts_with("running_total")));

        let books = books().await;
        let objected = books.desk.refer(&books.desk.world.households[1]);
        let objected = objected
            .through_verification(yuan(41_200))
            .preview()
            .open_notice()
            .object()
            .await;
        books.desk.expect_sound().await;
        let tamper = Tamper::DropObjections(objected.id);
        books.store.tamper(county(), tamper);
        let faults = books.desk.audit().await.faults;
        assert!(faults.len() == 1 && faults[0].starts_with("objection"));
    }

    #[tokio::test]
    async fn money_must_be_its_transfers() {
        let faults = told(|books| {
            let balances = PoolBalances {
                available: yuan(1),
                ..PoolBalances::default()
            };
            Tamper::Balances(books.desk.world.scheme.id, balances)
        })
        .await;
        assert!(faults[0].contains("not the sum of transfers"));
        let faults = told(|books| {
            let posting = Posting {
                from: PoolAccount::Available,
                to: PoolAccount::PaidOut,
                amount: yuan(7),
            };
            Tamper::Transfer(books.desk.world.scheme.id, posting)
        })
        .await;
        assert!(faults[0].contains("another sum than the claims tell"));
        let faults = told(|books| {
            let posting = Posting {
                from: PoolAccount::Available,
                to: PoolAccount::Reserved,
                amount: yuan(5_000_000),
            };
            Tamper::Transfer(books.desk.world.rival.id, posting)
        })
        .await;
        assert!(faults.iter().any(|it| it.contains("available below zero")));
    }

    /// What no claim moved is what an order of two persons says.
    #[tokio::test]
    async fn an_order_must_be_what_moved() {
        let tampered = async |change: fn(&mut PoolOrder)| {
            let books = books().await;
            let pool = books.desk.world.scheme.id;
            let orders = books.store.pool_orders(county(), pool).await;
            let mut order = orders.expect("reading").remove(0);
            change(&mut order);
            books
                .store
                .tamper(county(), Tamper::PoolOrder(Box::new(order)));
            books.desk.audit().await.faults
        };
        assert_eq!(tampered(|_| ()).await, Vec::<String>::new());
        for (change, words) in [
            (
                (|it| it.amount = yuan(7)) as fn(&mut PoolOrder),
                "moved another sum than it says",
            ),
            (
                |it| it.status = PoolOrderStatus::Voided,
                "moved another sum than it says",
            ),
            (|it| it.id = crate::ids::fresh(), "moved another sum"),
            (
                |it| {
                    it.ordered = Some(Stamp {
                        by: Role::Finance.person_id(),
                        on_behalf_of: None,
                        at: it.ordered_at,
                    });
                    it.decided.clone_from(&it.ordered);
                },
                "not by those who may",
            ),
        ] {
            let faults = tampered(change).await;
            let told = faults.iter().filter(|it| it.contains(words)).count();
            assert_eq!(told, 1, "{faults:?}");
            let chained = faults.iter().any(|it| it.contains("its chain"));
            assert!(chained && faults.len() <= 3, "{faults:?}");
        }
        // What moves no money is told by the chain alone.
        let faults = tampered(|it| it.reason = "改过的事由".to_owned()).await;
        let told = faults.len() == 1 && faults[0].contains("not what its chain tells");
        assert!(told, "{faults:?}");
    }

    /// A judge who let pass what it must not: the log itself tells what may not be.
    async fn lied(desk: &TestDesk, claim: &Claim, role: Role, what: Happening) -> Claim {
        let event = Event {
            stamp: Stamp {
                by: role.person_id(),
                on_behalf_of: None,
                at: desk.now(),
            },
            what,
            due_on: None,
        };
        let after = claim.clone().apply(&event);
        let ask = Ask {
            county: county(),
            account: role.account_id(),
            key: crate::ids::fresh(),
            fingerprint: String::new(),
            command: lifecycle::CommandKind::CloseNotice,
            target: Target::Existing {
                id: claim.id,
                expected_version: claim.version,
            },
            scope: Role::Auditor.caller().scope,
            persons: Vec::new(),
            named: None,
            payee: None,
            event: None,
            follows: None,
            bills: Vec::new(),
            recovery_ref: None,
            now: desk.now(),
        };
        let judge = Box::new(move |claim: Option<&Claim>, found: Found| {
            let claim = claim.expect("it exists");
            Ok(Commit {
                postings: lifecycle::postings(claim, &event.what),
                claim: claim.clone().apply(&event),
                event,
                seen: found.seen,
                bills: Vec::new(),
            })
        });
        let outcome = desk.store().transact(ask, judge).await;
        assert!(matches!(outcome, Ok(Outcome::Done { .. })), "{outcome:?}");
        after
    }

    /// Invariants 1 and 10 are read from the history, so a rewritten table cannot hide them.
    #[tokio::test]
    async fn a_payment_has_its_notice_and_is_as_approved() {
        let desk = TestDesk::in_memory().await;
        let open = desk.refer(desk.world.household("石门寨"));
        let open = open.through_verification(yuan(41_200));
        let open = open.preview().open_notice().prove().await;
        let early = lied(&desk, &open, Role::Supervisor, Happening::NoticeClosed).await;
        desk.expect_sound().await;
        let approval = |claim: &Claim, dossier| Happening::ClaimApproved {
            benefit: yuan(25_340),
            uplift: None,
            amount: yuan(25_340),
            payee: claim.case.payee,
            dossier,
        };
        let approved = approval(&early, "0".repeat(64));
        let approved = lied(&desk, &early, Role::Approver, approved).await;
        let instructed = Happening::PayoutInstructed {
            payment: lifecycle::PaymentId(crate::ids::fresh()),
            instruction_no: "FP-1".into(),
            amount: yuan(25_340),
            payee: desk.world.households[1].payees[0].id,
        };
        lied(&desk, &approved, Role::Finance, instructed).await;
        let faults = desk.audit().await.faults;
        let number = &open.number;
        assert_eq!(
            faults,
            [
                format!("approval of claim {number}: of another dossier than stood there"),
                format!("approval of claim {number}: no completed notice"),
                format!("payment of claim {number}: not as it was approved"),
                format!("payment of claim {number}: no completed notice"),
            ]
        );

        // An objection that nobody decided.
        let desk = TestDesk::in_memory().await;
        let closed = desk.refer(desk.world.household("石门寨"));
        let closed = closed.through_verification(yuan(41_200)).through_notice();
        let closed = closed.object().await;
        let approved = approval(&closed, dossier::hash(&closed).expect("a closed notice"));
        lied(&desk, &closed, Role::Approver, approved).await;
        let faults = desk.audit().await.faults;
        assert_eq!(faults.len(), 1);
        assert!(faults[0].ends_with("an objection was open"), "{faults:?}");
    }

    /// A judge who let somebody overtake a claim that waited for money.
    #[tokio::test]
    async fn whoever_overtook_is_named() {
        let mut world = World::new();
        world.pool = yuan(25_340);
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let desk = TestDesk::open_with(store, world).await;
        let noticed = |number: usize| {
            let referred = desk.refer(&desk.world.households[number]);
            referred.through_verification(yuan(41_200)).through_notice()
        };
        let approved = noticed(0).approve().await;
        noticed(1).approve().await;
        let second = noticed(2).approve().await;
        desk.on(&approved).withdraw().await;
        desk.expect_sound().await;
        lied(&desk, &second, Role::Approver, Happening::WaitingReserved).await;
        let number = &second.number;
        let fault = format!("approval of claim {number}: another claim waited before it");
        assert_eq!(desk.audit().await.faults, [fault]);
    }

    /// A log that was written while the clock stood wrong, or by another hand.
    #[tokio::test]
    async fn a_log_does_not_run_backwards() {
        let store = Arc::new(MemoryStore::new());
        let desk = TestDesk::open(Arc::clone(&store) as Arc<dyn Store>).await;
        let claim = desk.refer(desk.world.household("石门寨")).await;
        desk.pass_days(1);
        desk.on(&claim).accept().await;
        desk.expect_sound().await;
        let earlier = Tamper::EventTextAndHash {
            county_seq: 3,
            find: "2020-06-02".into(),
            replace: "2020-05-02".into(),
        };
        store.tamper(county(), earlier);
        let faults = desk.audit().await.faults;
        let told = "log entry 3: earlier than the entry before it";
        assert!(faults.iter().any(|it| it == told), "{faults:?}");
    }

    /// Invariant 3: even a history that was rewritten whole must compute.
    #[tokio::test]
    async fn an_assessment_must_recompute() {
        for (approved, words) in [(false, "does not recompute"), (true, "approved more than")] {
            let store = Arc::new(MemoryStore::new());
            let desk = TestDesk::open(Arc::clone(&store) as Arc<dyn Store>).await;
            let verified = desk.refer(desk.world.household("石门寨"));
            let verified = verified.through_verification(yuan(41_200));
            if approved {
                verified.through_notice().approve().await;
            } else {
                verified.await;
            }
            desk.expect_sound().await;
            let rewritten = Tamper::EventTextAndHash {
                county_seq: i64::try_from(desk.log().await.len()).expect("a few"),
                find: "2534000".into(),
                replace: "2534100".into(),
            };
            store.tamper(county(), rewritten);
            let faults = desk.audit().await.faults;
            assert!(faults.iter().any(|it| it.contains(words)), "{faults:?}");
            assert!(!faults.iter().any(|it| it.contains("chain")), "{faults:?}");
        }
    }
}
