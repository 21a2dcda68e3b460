//! Verification (审计核对): the log is read again from the beginning and must tell what stands.

use crate::household::PoolBalances;
use crate::ports::{Fault, Recorded, Store};
use benefits::{Fen, assess};
use lifecycle::phase::verification::loss_of;
use lifecycle::{Claim, ClaimId, CountyCode};
use std::collections::BTreeMap;

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Events read.
    pub events: u64,
    /// Claims re-folded.
    pub claims: u64,
    /// Payments checked.
    pub payments: u64,
    /// Pools re-summed.
    pub pools: u64,
    /// What was paid and not returned or recovered.
    pub paid: Fen,
    /// Every fault, in words without private data.
    pub faults: Vec<String>,
}

const CHUNK: u32 = 1_000;

/// Re-folds every claim of every county, checks the hash chain and the sequences, re-sums the
/// pools, re-computes every assessment with its pinned scheme, and checks that every payment has
/// its completed notice.
pub async fn verify(store: &dyn Store) -> Result<Report, Fault> {
    let mut report = Report::default();
    for county in store.counties().await? {
        let folded = replay(store, county, &mut report).await?;
        compare(store, county, folded, &mut report).await?;
        let paid = payments(store, county, &mut report).await?;
        report.paid = report.paid.checked_add(paid).unwrap_or(report.paid);
        pools(store, county, paid, &mut report).await?;
    }
    Ok(report)
}

async fn replay(
    store: &dyn Store,
    county: CountyCode,
    report: &mut Report,
) -> Result<BTreeMap<ClaimId, Claim>, Fault> {
    let mut folded: BTreeMap<ClaimId, Claim> = BTreeMap::new();
    let mut last = 0;
    let mut hash = String::new();
    loop {
        let entries = store.log(county, last, CHUNK).await?;
        let texts = store.log_texts(county, last, CHUNK).await?;
        if entries.is_empty() {
            return Ok(folded);
        }
        for (entry, (seq, event, seen)) in entries.iter().zip(&texts) {
            report.events += 1;
            check_link(entry, *seq, event, seen, last, &hash, report);
            last = entry.county_seq;
            hash.clone_from(&entry.hash);
            fold(&mut folded, entry, report);
        }
    }
}

fn check_link(
    entry: &Recorded,
    seq: i64,
    event: &str,
    seen: &str,
    last: i64,
    hash: &str,
    report: &mut Report,
) {
    if entry.county_seq != last + 1 || seq != entry.county_seq {
        report.faults.push(format!(
            "log entry {}: expected {}",
            entry.county_seq,
            last + 1
        ));
    }
    let expected = Recorded::hash_of(
        hash,
        entry.county_seq,
        entry.claim,
        entry.version,
        event,
        seen,
    );
    if entry.previous_hash != hash || entry.hash != expected {
        report.faults.push(format!(
            "log entry {}: the hash chain is broken",
            entry.county_seq
        ));
    }
}

fn fold(folded: &mut BTreeMap<ClaimId, Claim>, entry: &Recorded, report: &mut Report) {
    let claim = match folded.remove(&entry.claim) {
        None => Claim::begin(&entry.event),
        Some(claim) => Some(claim.apply(&entry.event)),
    };
    match claim {
        Some(claim) => {
            if claim.version != entry.version {
                report.faults.push(format!(
                    "claim {}: event {} does not follow",
                    claim.number, entry.version
                ));
            }
            folded.insert(entry.claim, claim);
        }
        None => report
            .faults
            .push(format!("log entry {}: no claim begins", entry.county_seq)),
    }
}

async fn compare(
    store: &dyn Store,
    county: CountyCode,
    mut folded: BTreeMap<ClaimId, Claim>,
    report: &mut Report,
) -> Result<(), Fault> {
    let mut after = None;
    loop {
        let claims = store.claims_after(county, after, CHUNK).await?;
        let Some(end) = claims.last() else { break };
        after = Some(end.id);
        for claim in claims {
            report.claims += 1;
            if folded.remove(&claim.id).as_ref() != Some(&claim) {
                report.faults.push(format!(
                    "claim {}: the row is not what its history tells",
                    claim.number
                ));
            }
            recompute(store, &claim, report).await?;
        }
    }
    for claim in folded.into_values() {
        report
            .faults
            .push(format!("claim {}: history without a row", claim.number));
    }
    Ok(())
}

/// The stored assessment recomputes to the same fen with the pinned scheme, from the accepted facts
/// and the running totals it shows.
async fn recompute(store: &dyn Store, claim: &Claim, report: &mut Report) -> Result<(), Fault> {
    let Some(verified) = claim.state.verified() else {
        return Ok(());
    };
    let scheme = store.scheme(claim.county, claim.scheme).await?;
    let terms = scheme
        .as_ref()
        .and_then(|scheme| scheme.terms(claim.case.peril));
    let other = verified.facts.other_compensation.unwrap_or(Fen::ZERO);
    let stored = &verified.assessment;
    let persons = stored.loss.heads.unwrap_or_default();
    let again = terms
        .and_then(|terms| terms.schedule_of(&stored.schedule_id))
        .and_then(|schedule| {
            let loss = loss_of(schedule, &verified.facts, other, persons).ok()?;
            assess(schedule, &loss, &stored.used).ok()
        });
    if again.as_ref() != Some(&verified.assessment) {
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
            || approved.approval.benefit > verified.assessment.benefit
        {
            report.faults.push(format!(
                "claim {}: approved more than was assessed",
                claim.number
            ));
        }
    }
    Ok(())
}

async fn payments(
    store: &dyn Store,
    county: CountyCode,
    report: &mut Report,
) -> Result<Fen, Fault> {
    let mut paid = Fen::ZERO;
    let mut live: BTreeMap<ClaimId, u32> = BTreeMap::new();
    for payment in store.payments(county).await? {
        report.payments += 1;
        if payment.completed_notices == 0 {
            report.faults.push(format!(
                "payment of claim {}: no completed notice",
                payment.claim
            ));
        }
        if matches!(payment.status.as_str(), "INSTRUCTED" | "UNKNOWN" | "PAID") {
            let count = live.entry(payment.claim).or_default();
            *count += 1;
            if *count > 1 {
                report
                    .faults
                    .push(format!("claim {}: paid more than once", payment.claim));
            }
        }
        if payment.status == "PAID" {
            paid = paid.checked_add(payment.amount).unwrap_or(paid);
        }
    }
    Ok(paid)
}

async fn pools(
    store: &dyn Store,
    county: CountyCode,
    paid: Fen,
    report: &mut Report,
) -> Result<(), Fault> {
    let mut paid_out = 0_i128;
    for scheme in store.schemes(county).await? {
        report.pools += 1;
        let stands = store.pool(county, scheme.id).await?;
        let summed = store.summed_transfers(county, scheme.id).await?;
        if stands != summed {
            report.faults.push(format!(
                "pool {}: balances are not the sum of transfers",
                scheme.code
            ));
        }
        if total(&summed) != 0 {
            report
                .faults
                .push(format!("pool {}: accounts do not sum to zero", scheme.code));
        }
        if summed.available.is_negative() {
            report
                .faults
                .push(format!("pool {}: available below zero", scheme.code));
        }
        paid_out += i128::from(summed.paid_out.get());
    }
    if paid_out != i128::from(paid.get()) {
        report.faults.push(format!(
            "county {county}: the pools paid out another sum than the payments"
        ));
    }
    Ok(())
}

fn total(balances: &PoolBalances) -> i128 {
    let PoolBalances {
        county_fund,
        available,
        reserved,
        in_flight,
        paid_out,
    } = *balances;
    [county_fund, available, reserved, in_flight, paid_out]
        .iter()
        .map(|fen| i128::from(fen.get()))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::world::county;
    use crate::testkit::{MemoryStore, Tamper, TestDesk, yuan};
    use lifecycle::{PoolAccount, Posting};
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
        assert!(faults[0].contains("not what its history tells"));
    }

    #[tokio::test]
    async fn a_row_must_be_its_history() {
        let faults = told(|books| {
            let mut claim = books.paid.clone();
            claim.case.submitted = yuan(99_999);
            Tamper::ClaimRow(Box::new(claim))
        })
        .await;
        assert!(faults[0].contains("not what its history tells"));
        let faults = told(|books| Tamper::DropClaimRow(books.paid.id)).await;
        assert!(faults[0].contains("history without a row"));
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
        assert!(faults[0].contains("another sum than the payments"));
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

    #[tokio::test]
    async fn a_payment_has_its_notice_and_is_the_only_one() {
        let faults = told(|books| Tamper::DropNotices(books.paid.id)).await;
        assert!(faults[0].contains("no completed notice"));
        let faults = told(|books| Tamper::RepeatPayments(books.paid.id)).await;
        assert!(faults[0].contains("paid more than once"));
        let faults = told(|books| Tamper::PaymentStatus(books.paid.id, "FAILED")).await;
        assert!(faults[0].contains("another sum than the payments"));
    }

    /// Invariant 3: even a history that was rewritten whole must compute.
    #[tokio::test]
    async fn an_assessment_must_recompute() {
        let books = books().await;
        let mut claim = books.paid.clone();
        let lifecycle::State::Paid(paid) = &mut claim.state else {
            panic!("it is paid");
        };
        let closed = &mut paid.instructed.approved.closed;
        closed.open.verified.assessment.benefit = yuan(95_340);
        books
            .store
            .tamper(county(), Tamper::ClaimRow(Box::new(claim)));
        let faults = books.desk.audit().await.faults;
        assert!(faults.iter().any(|it| it.contains("does not recompute")));

        let mut claim = books.paid.clone();
        let lifecycle::State::Paid(paid) = &mut claim.state else {
            panic!("it is paid");
        };
        paid.instructed.approved.approval.amount = yuan(25_341);
        books
            .store
            .tamper(county(), Tamper::ClaimRow(Box::new(claim)));
        let faults = books.desk.audit().await.faults;
        assert!(faults.iter().any(|it| it.contains("approved more than")));
    }
}
