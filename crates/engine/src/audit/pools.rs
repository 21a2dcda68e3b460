//! The pools, summed again: what stands is the sum of the transfers, what claims moved is what the log
//! tells, what no claim moved is what an order of two persons says, and a settled year recomputes.

use super::{CHUNK, Report};
use crate::pool::{PoolBalances, PoolEntry, PoolTransfer};
use crate::ports::{Fault, Page, Store};
use benefits::Fen;
use lifecycle::pool::{Flows, PoolOrder, PoolOrderKind, PoolOrderStatus, Settlement};
use lifecycle::{Claim, ClaimId, CountyCode, Movement, PoolAccount, Posting, Scheme, SchemeId};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// What stands on the accounts that claims move, in fen. Sums are wide, so that no forged amount overflows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Held(BTreeMap<PoolAccount, i128>);

impl Held {
    const ACCOUNTS: [PoolAccount; 4] = [
        PoolAccount::Reserved,
        PoolAccount::InFlight,
        PoolAccount::PaidOut,
        PoolAccount::WrittenOff,
    ];

    fn add(&mut self, claim: &Claim) {
        let fen = claim.held().get();
        if let Some(account) = claim.status().holds() {
            *self.0.entry(account).or_default() += i128::from(fen);
        }
    }

    fn on(&self, account: PoolAccount) -> i128 {
        self.0.get(&account).copied().unwrap_or_default()
    }

    fn is(&self, summed: &PoolBalances) -> bool {
        let mut accounts = Self::ACCOUNTS.into_iter();
        accounts.all(|it| self.on(it) == i128::from(summed.of(it).get()))
    }
}

/// One pool as it is read.
struct Book<'a> {
    scheme: &'a Scheme,
    versions: Vec<&'a Scheme>,
    orders: Vec<PoolOrder>,
    transfers: Vec<PoolTransfer>,
}

pub(super) async fn verify(
    store: &dyn Store,
    county: CountyCode,
    schemes: &BTreeMap<SchemeId, Arc<Scheme>>,
    folded: &BTreeMap<ClaimId, Claim>,
    report: &mut Report,
) -> Result<(i64, String), Fault> {
    let mut held: BTreeMap<SchemeId, Held> = BTreeMap::new();
    for claim in folded.values() {
        let pool = schemes
            .get(&claim.scheme)
            .map_or(claim.scheme, |scheme| scheme.pool_id);
        held.entry(pool).or_default().add(claim);
    }
    let mut books = Vec::new();
    for scheme in schemes.values().filter(|it| it.pool_id == it.id) {
        report.pools += 1;
        let stands = store.pool(county, scheme.id).await?;
        let summed = store.summed_transfers(county, scheme.id).await?;
        let held = held.remove(&scheme.id).unwrap_or_default();
        let paid = i64::try_from(held.on(PoolAccount::PaidOut)).map_or(Fen::ZERO, Fen::new);
        report.paid = report.paid.checked_add(paid).unwrap_or(report.paid);
        for (wrong, words) in [
            (stands != summed, "balances are not the sum of transfers"),
            (summed.total() != 0, "accounts do not sum to zero"),
            (summed.available.is_negative(), "available below zero"),
            (
                !held.is(&summed),
                "the transfers moved another sum than the claims tell",
            ),
        ] {
            if wrong {
                report.faults.push(format!("pool {}: {words}", scheme.code));
            }
        }
        let versions = schemes.values().filter(|it| it.pool_id == scheme.id);
        books.push(Book {
            scheme,
            versions: versions.map(Arc::as_ref).collect(),
            orders: store.pool_orders(county, scheme.id).await?,
            transfers: transfers(store, county, scheme.id).await?,
        });
    }
    ordered(&books, report);
    chained(store, county, &books, report).await
}

/// The orders are what their chain tells, the chain has no gap, and each entry holds the hash of the one
/// before; where it ends.
async fn chained(
    store: &dyn Store,
    county: CountyCode,
    books: &[Book<'_>],
    report: &mut Report,
) -> Result<(i64, String), Fault> {
    let (mut last, mut hash) = (0, String::new());
    let mut told: BTreeMap<Uuid, PoolOrder> = BTreeMap::new();
    loop {
        let entries = store.pool_log(county, last, CHUNK).await?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            let place = entry.seq;
            if place != last + 1 {
                let expected = last + 1;
                let fault = format!("pool entry {place}: expected {expected}");
                report.faults.push(fault);
            }
            let expected = PoolEntry::hash_of(&hash, place, &entry.text);
            if entry.previous_hash != hash || entry.hash != expected {
                let fault = format!("pool entry {place}: the hash chain is broken");
                report.faults.push(fault);
            }
            match entry.order() {
                Some(order) => {
                    told.insert(order.id, order);
                }
                None => report
                    .faults
                    .push(format!("pool entry {place}: it cannot be read")),
            }
            last = place;
            hash = entry.hash;
        }
    }
    for book in books {
        for order in &book.orders {
            if told.remove(&order.id).as_ref() != Some(order) {
                let code = &book.scheme.code;
                let fault = format!("pool {code}: order {}: not what its chain tells", order.id);
                report.faults.push(fault);
            }
        }
    }
    for order in told.keys() {
        let fault = format!("order {order}: its chain tells of it, and it is missing");
        report.faults.push(fault);
    }
    Ok((last, hash))
}

async fn transfers(
    store: &dyn Store,
    county: CountyCode,
    pool: SchemeId,
) -> Result<Vec<PoolTransfer>, Fault> {
    let mut all = Vec::new();
    let mut page = Page::first(CHUNK);
    loop {
        let slice = store.pool_transfers(county, pool, &page).await?;
        all.extend(slice.rows);
        if !slice.more {
            return Ok(all);
        }
        page.after = all.last().map(PoolTransfer::key);
    }
}

type Moved = Vec<(SchemeId, Movement, Fen)>;

fn moved(pool: SchemeId, posting: &Posting) -> Option<(SchemeId, Movement, Fen)> {
    let movement = Movement::between(posting.from, posting.to)?;
    Some((pool, movement, posting.amount))
}

/// Every transfer is of a known kind and of a claim or an order; every order moved what it says, once.
fn ordered(books: &[Book<'_>], report: &mut Report) {
    let mut by_order: BTreeMap<Uuid, Moved> = BTreeMap::new();
    for book in books {
        let code = &book.scheme.code;
        for row in &book.transfers {
            let Some(moved) = moved(book.scheme.id, &row.posting) else {
                let fault = format!("pool {code}: a transfer of no known kind");
                report.faults.push(fault);
                continue;
            };
            let of_claim = moved.1.is_of_claim();
            if of_claim != row.county_seq.is_some() || of_claim == row.order.is_some() {
                let kind = moved.1;
                let fault = format!("pool {code}: a transfer {kind} without its origin");
                report.faults.push(fault);
            }
            if let Some(order) = row.order {
                by_order.entry(order).or_default().push(moved);
            }
        }
    }
    for book in books {
        for order in &book.orders {
            report.orders += 1;
            let told = by_order.remove(&order.id).unwrap_or_default();
            if let Some(words) = wrong(book, order, told) {
                let code = &book.scheme.code;
                let fault = format!("pool {code}: order {}: {words}", order.id);
                report.faults.push(fault);
            }
        }
    }
    for order in by_order.keys() {
        let fault = format!("transfers of order {order}: there is no such order");
        report.faults.push(fault);
    }
}

/// What is wrong with an order.
fn wrong(book: &Book<'_>, order: &PoolOrder, mut told: Moved) -> Option<&'static str> {
    let pool = book.scheme.id;
    let mut says: Moved = match (order.status, order.kind.comes_in(), &order.settlement) {
        (PoolOrderStatus::Pending | PoolOrderStatus::Voided, ..) => Vec::new(),
        (PoolOrderStatus::Posted, Some(movement), _) => vec![(pool, movement, order.amount)],
        (PoolOrderStatus::Posted, None, Some(settlement)) => {
            let postings = settlement.postings(pool);
            let moved = postings.iter().filter_map(|(pool, it)| moved(*pool, it));
            moved.collect()
        }
        (PoolOrderStatus::Posted, None, None) => return Some("it says not what it settles"),
    };
    told.sort_unstable();
    says.sort_unstable();
    if told != says {
        return Some("it moved another sum than it says");
    }
    if order.status != PoolOrderStatus::Posted {
        return None;
    }
    let (ordered, decided) = (order.ordered.as_ref(), order.decided.as_ref());
    match (order.kind, ordered, decided) {
        (PoolOrderKind::OperatorFunding, None, None) => {}
        (PoolOrderKind::OperatorFunding, ..) | (_, None, _) | (_, _, None) => {
            return Some("not by those who may");
        }
        (_, Some(ordered), Some(decided)) => {
            if decided
                .persons()
                .any(|it| ordered.persons().any(|by| by == it))
            {
                return Some("ordered and confirmed by one person");
            }
        }
    }
    match &order.settlement {
        Some(settlement) if !recomputes(book, order, settlement) => {
            Some("the settlement does not recompute")
        }
        Some(_) | None => None,
    }
}

/// The settlement follows from what had moved when it was posted, under a version of the scheme.
fn recomputes(book: &Book<'_>, order: &PoolOrder, settlement: &Settlement) -> bool {
    let Some(last) = order.posted_after else {
        return false;
    };
    // An order may share its instant with the settlement, so the place in the county's log decides. After a
    // settlement only another one moves money, and only for a claim's event in between.
    let came_before = |id: Uuid| {
        let own = book.orders.iter().find(|it| it.id == id);
        own.is_none_or(|it| match it.kind {
            PoolOrderKind::Settlement => it.posted_after < Some(last),
            PoolOrderKind::OperatorFunding | PoolOrderKind::Premium | PoolOrderKind::TopUp => {
                it.posted_after <= Some(last)
            }
        })
    };
    let mut flows = Flows::default();
    for row in &book.transfers {
        let before = match (row.county_seq, row.order) {
            (Some(place), _) => place <= last,
            (None, Some(order)) => came_before(order),
            (None, None) => false,
        };
        let movement = Movement::between(row.posting.from, row.posting.to);
        if let Some(movement) = movement.filter(|_| before) {
            flows.add(movement, row.posting.amount);
        }
    }
    let balanced = [PoolAccount::Reserved, PoolAccount::InFlight]
        .iter()
        .all(|account| flows.balance(*account) == Fen::ZERO);
    let mut versions = book.versions.iter();
    balanced
        && versions.any(|it| Settlement::of(&it.pool, &flows, settlement.carried_to) == *settlement)
}
