//! The promises about pools.

use super::{BENEFIT, COST};
use crate::caller::Caller;
use crate::ids;
use crate::pool::{PoolBalances, PoolBook, PoolTransfer};
use crate::ports::{Page, Store};
use crate::testkit::world::{Role, TestDesk, World, county, yuan};
use benefits::Fen;
use lifecycle::pool::{
    Funding, PoolBlocked, PoolCommand, PoolDecision, PoolOrderStatus, Settlement,
};
use lifecycle::scheme::{PolicyYear, Shortage, Surplus};
use lifecycle::{Movement, Scheme, SchemeId};
use std::sync::Arc;
use uuid::Uuid;

type Answer = Result<PoolDecision, PoolBlocked>;

async fn give(
    desk: &TestDesk,
    caller: &Caller,
    scheme: &Scheme,
    order: Uuid,
    command: PoolCommand,
) -> Option<Answer> {
    let given = desk
        .desk
        .order_pool(caller, scheme.id, order, command)
        .await;
    given.expect("the store works")
}

async fn order(desk: &TestDesk, role: Role, order: Uuid, command: PoolCommand) -> Answer {
    let given = give(desk, &role.caller(), &desk.world.scheme, order, command).await;
    given.expect("the scheme is in sight")
}

fn fund(funding: Funding, amount: Fen) -> PoolCommand {
    PoolCommand::Fund {
        funding,
        amount,
        reference: "凭证2020-1".into(),
        reason: "年度保费".into(),
    }
}

fn settle() -> PoolCommand {
    PoolCommand::Settle {
        reference: "核算2020".into(),
        reason: "年度核算".into(),
    }
}

fn amount(yuan: i64, fen: i64) -> Fen {
    Fen::new(yuan * 100 + fen)
}

/// All transfers, one a page, from the beginning and from the end.
async fn transfers(desk: &TestDesk) -> Vec<PoolTransfer> {
    let (store, pool) = (desk.store(), desk.world.scheme.id);
    let read = async |page: &Page| {
        let slice = store.pool_transfers(county(), pool, page).await;
        slice.expect("reading")
    };
    let mut page = Page::first(1);
    let mut forward: Vec<PoolTransfer> = Vec::new();
    loop {
        let slice = read(&page).await;
        forward.extend(slice.rows);
        page.after = forward.last().map(PoolTransfer::key);
        if !slice.more {
            break;
        }
    }
    let mut page = Page {
        from_end: true,
        ..Page::first(1)
    };
    let mut backward: Vec<PoolTransfer> = Vec::new();
    loop {
        let slice = read(&page).await;
        backward.extend(slice.rows);
        page.before = backward.last().map(PoolTransfer::key);
        if !slice.more {
            break;
        }
    }
    backward.reverse();
    assert_eq!(forward, backward);
    forward
}

pub(super) async fn money_takes_two_persons(store: Arc<dyn Store>) {
    let mut world = World::new();
    world.pool = yuan(10_000);
    let desk = TestDesk::open_with(store, world).await;
    let (key, other) = (ids::fresh(), ids::fresh());
    // 1,000 persons at 50 yuan, less what the operator entered.
    let asked = fund(Funding::Premium, amount(40_000, 1));
    let remaining = yuan(40_000);
    assert_eq!(
        order(&desk, Role::Finance, key, asked).await,
        Err(PoolBlocked::PremiumExceeded { remaining })
    );
    for wrong in [Fen::ZERO, yuan(-1)] {
        let asked = order(&desk, Role::Finance, key, fund(Funding::TopUp, wrong)).await;
        assert_eq!(asked, Err(PoolBlocked::NotPositive));
    }
    let premium = fund(Funding::Premium, yuan(30_000));
    for replay in [false, true] {
        let waits = order(&desk, Role::Finance, key, premium.clone()).await;
        let waits = waits.expect("ordered");
        assert_eq!(waits.order.status, PoolOrderStatus::Pending);
        assert_eq!(waits.replay, replay);
    }
    let changed = fund(Funding::Premium, yuan(29_999));
    let changed = order(&desk, Role::Finance, key, changed).await;
    assert_eq!(changed, Err(PoolBlocked::KeyReused));
    assert_eq!(desk.pool().await.available, yuan(10_000), "it waits");
    let asked = fund(Funding::Premium, amount(10_000, 1));
    let remaining = yuan(10_000);
    assert_eq!(
        order(&desk, Role::Finance, other, asked).await,
        Err(PoolBlocked::PremiumExceeded { remaining })
    );
    // Nobody confirms their own order, not in another's place either.
    let substitute = Caller {
        on_behalf_of: Some(Role::Finance.person_id()),
        ..Role::Supervisor.caller()
    };
    for caller in [Role::Finance.caller(), substitute] {
        let own = give(
            &desk,
            &caller,
            &desk.world.scheme,
            key,
            PoolCommand::Confirm,
        )
        .await;
        assert_eq!(own, Some(Err(PoolBlocked::SecondPersonRequired)));
    }
    let unknown = order(&desk, Role::Supervisor, other, PoolCommand::Confirm).await;
    assert_eq!(unknown, Err(PoolBlocked::OrderUnknown));
    for replay in [false, true] {
        let posted = order(&desk, Role::Supervisor, key, PoolCommand::Confirm).await;
        assert_eq!(posted.expect("posted").replay, replay);
    }
    let stands = PoolBalances {
        county_fund: yuan(-10_000),
        premium: yuan(-30_000),
        available: yuan(40_000),
        ..PoolBalances::default()
    };
    assert_eq!(desk.pool().await, stands);
    let status = PoolOrderStatus::Posted;
    for command in [PoolCommand::Confirm, PoolCommand::Void] {
        let again = order(&desk, Role::SecondFinance, key, command).await;
        assert_eq!(again, Err(PoolBlocked::OrderDecided { status }));
    }
    // An order that is voided never moves money.
    let top_up = fund(Funding::TopUp, yuan(500));
    let waits = order(&desk, Role::Supervisor, other, top_up).await;
    assert!(waits.is_ok());
    for replay in [false, true] {
        let voided = order(&desk, Role::Finance, other, PoolCommand::Void).await;
        assert_eq!(voided.expect("voided").replay, replay);
    }
    let status = PoolOrderStatus::Voided;
    let late = order(&desk, Role::SecondFinance, other, PoolCommand::Confirm).await;
    assert_eq!(late, Err(PoolBlocked::OrderDecided { status }));
    assert_eq!(desk.pool().await, stands);
    // Two at once: one posts.
    let third = ids::fresh();
    let top_up = fund(Funding::TopUp, yuan(700));
    let waits = order(&desk, Role::Finance, third, top_up).await;
    assert!(waits.is_ok());
    let (one, two) = tokio::join!(
        order(&desk, Role::Supervisor, third, PoolCommand::Confirm),
        order(&desk, Role::Supervisor, third, PoolCommand::Confirm),
    );
    let fresh = [one, two].map(|it| it.expect("posted or replayed").replay);
    assert_ne!(fresh[0], fresh[1]);
    assert_eq!(desk.pool().await.available, yuan(40_700));
    // Each transfer has its order; whoever has not the whole county, or another insurer, sees no pool.
    let rows = transfers(&desk).await;
    assert_eq!(rows.len(), 3);
    assert!(
        rows.iter()
            .all(|it| it.order.is_some() && it.county_seq.is_none())
    );
    for role in [Role::RivalHandler, Role::Shimenzhai] {
        let caller = role.caller();
        let asked = fund(Funding::TopUp, yuan(1));
        let given = give(&desk, &caller, &desk.world.scheme, ids::fresh(), asked).await;
        assert_eq!(given, None, "{role:?}");
        let book = desk.desk.pool_book(&caller, desk.world.scheme.id).await;
        assert_eq!(book.expect("reading"), None, "{role:?}");
    }
    assert_eq!(desk.expect_sound().await.orders, 5);
}

/// The scheme of the year after: a version more of the same code.
fn next_year(scheme: &Scheme) -> Scheme {
    let id = SchemeId(ids::named("scheme", &format!("{}/next", scheme.code)));
    let year = PolicyYear {
        year: scheme.year.year + 1,
        from: scheme.year.to + chrono::Days::new(1),
        to: scheme.year.to + chrono::Days::new(365),
        fixed_by: scheme.year.fixed_by,
    };
    Scheme {
        id,
        pool_id: id,
        version: scheme.version + 1,
        year,
        ..scheme.clone()
    }
}

async fn book(desk: &TestDesk) -> PoolBook {
    let auditor = Role::Auditor.caller();
    let book = desk.desk.pool_book(&auditor, desk.world.scheme.id).await;
    book.expect("reading").expect("the auditor sees it")
}

pub(super) async fn a_year_is_settled(store: Arc<dyn Store>) {
    let mut world = World::new();
    world.pool = yuan(100_000);
    let desk = TestDesk::open_with(store, world).await;
    let homes = &desk.world.households;
    let noticed = |home| desk.refer(home).through_verification(COST).through_notice();
    let one = noticed(&homes[0]).through_payout().await;
    let open = noticed(&homes[1]).await;
    let two = noticed(&homes[2]).through_payout().give_money_back().await;
    let forecast = book(&desk).await.forecast;
    assert_eq!(forecast.assessed, BENEFIT, "one waits for approval");
    assert_eq!(
        (forecast.approved, forecast.lacking),
        (yuan(50_680), Fen::ZERO)
    );
    let again = desk.on(&two).reinstate().await;
    let key = ids::fresh();
    let to = desk.world.scheme.year.to;
    let early = order(&desk, Role::Finance, key, settle()).await;
    assert_eq!(early, Err(PoolBlocked::YearNotOver { to }));
    let sent = desk.on(&again).instruct().await;
    desk.pass_days(400);
    let unpaid = order(&desk, Role::Finance, key, settle()).await;
    assert_eq!(
        unpaid,
        Err(PoolBlocked::NotBalanced {
            reserved: Fen::ZERO,
            in_flight: BENEFIT,
            claims: 1
        })
    );
    desk.on(&sent).confirm().await;
    let nowhere = order(&desk, Role::Finance, key, settle()).await;
    assert_eq!(nowhere, Err(PoolBlocked::NextPoolMissing { year: 2021 }));
    let next = next_year(&desk.world.scheme);
    desk.store().put_scheme(&next).await.expect("published");
    // Nothing is settled over the head of an order that waits.
    let top_up = ids::fresh();
    let waits = order(&desk, Role::Finance, top_up, fund(Funding::TopUp, yuan(9))).await;
    assert!(waits.is_ok());
    let pending = order(&desk, Role::Finance, key, settle()).await;
    assert_eq!(pending, Err(PoolBlocked::OrderPending { orders: 1 }));
    let voided = order(&desk, Role::Finance, top_up, PoolCommand::Void).await;
    assert!(voided.is_ok());

    let ordered = order(&desk, Role::Finance, key, settle())
        .await
        .expect("ordered");
    let says = Settlement {
        paid: yuan(76_020),
        returned: BENEFIT,
        recovered: Fen::ZERO,
        written_off: Fen::ZERO,
        net_paid: yuan(50_680),
        rate: desk.world.scheme.pool.fee,
        fee: yuan(7_602),
        fee_taken: Fen::ZERO,
        available: yuan(49_320),
        shortage: Fen::ZERO,
        made_up_by: Shortage::CountyTopsUp,
        surplus: yuan(41_718),
        surplus_rule: Surplus::CarriedOver,
        carried_to: Some(next.id),
    };
    assert_eq!(ordered.order.settlement, Some(says));
    assert_eq!(
        says.fee_working(),
        "(76,020.00 - 25,340.00 - 0.00 - 0.00) × 15.00% = 7,602.00"
    );
    let own = order(&desk, Role::Finance, key, PoolCommand::Confirm).await;
    assert_eq!(own, Err(PoolBlocked::SecondPersonRequired));
    for replay in [false, true] {
        let posted = order(&desk, Role::Supervisor, key, PoolCommand::Confirm).await;
        assert_eq!(posted.expect("posted").replay, replay);
    }
    let settled = PoolBalances {
        county_fund: yuan(-100_000),
        paid_out: yuan(50_680),
        fee: yuan(7_602),
        carried_out: yuan(41_718),
        ..PoolBalances::default()
    };
    assert_eq!(desk.pool().await, settled);
    let opened = desk.store().pool(county(), next.id).await.expect("reading");
    let carried = PoolBalances {
        carried_in: yuan(-41_718),
        available: yuan(41_718),
        ..PoolBalances::default()
    };
    assert_eq!(opened, carried);
    assert!(book(&desk).await.is_settled());
    desk.expect_sound().await;

    // A settled year takes no money in and approves nothing, not even of what comes back.
    let late = order(
        &desk,
        Role::Finance,
        ids::fresh(),
        fund(Funding::TopUp, yuan(1)),
    )
    .await;
    assert_eq!(late, Err(PoolBlocked::Settled));
    let nothing = order(&desk, Role::Finance, ids::fresh(), settle()).await;
    assert_eq!(nothing, Err(PoolBlocked::Settled));
    desk.on(&one).start_recovery().recover().await;
    assert_eq!(desk.pool().await.available, BENEFIT);
    let approval = desk.on(&open).approve();
    approval.expect_blocked("POOL_INSUFFICIENT").await;
    // What came back is settled once more: half the fee comes back, too.
    let key = ids::fresh();
    let ordered = order(&desk, Role::Finance, key, settle()).await;
    assert!(ordered.is_ok());
    let posted = order(&desk, Role::Supervisor, key, PoolCommand::Confirm).await;
    let moved = posted.expect("posted").postings;
    let back = yuan(29_141);
    assert_eq!(
        moved,
        [
            (desk.world.scheme.id, Movement::FeeGivenBack.of(yuan(3_801))),
            (desk.world.scheme.id, Movement::CarriedOut.of(back)),
            (next.id, Movement::CarriedIn.of(back)),
        ]
    );
    assert_eq!(desk.pool().await.available, Fen::ZERO);
    desk.expect_sound().await;
}

pub(super) async fn shortage_and_surplus_by_rule(store: Arc<dyn Store>) {
    let mut world = World::new();
    world.pool = BENEFIT;
    for scheme in [&mut world.scheme, &mut world.rival] {
        scheme.pool.surplus = Surplus::Returned;
        scheme.pool.shortage = Shortage::InsurerBears;
    }
    let desk = TestDesk::open_with(store, world).await;
    let home = &desk.world.households[0];
    let draft = desk.refer(home);
    let noticed = draft.through_verification(COST).through_notice();
    noticed.through_payout().await;
    let forecast = book(&desk).await.forecast;
    assert!(forecast.runs_out_on.is_some(), "nothing is left");
    desk.pass_days(400);
    let (key, other) = (ids::fresh(), ids::fresh());
    // The books move between order and confirmation: what was ordered is not what stands.
    let ordered = order(&desk, Role::Finance, other, settle()).await;
    assert!(ordered.is_ok());
    let top_up = ids::fresh();
    let added = order(&desk, Role::Finance, top_up, fund(Funding::TopUp, yuan(1))).await;
    assert!(added.is_ok());
    let added = order(&desk, Role::Supervisor, top_up, PoolCommand::Confirm).await;
    assert!(added.is_ok());
    let moved = order(&desk, Role::Supervisor, other, PoolCommand::Confirm).await;
    assert_eq!(moved, Err(PoolBlocked::SettlementChanged));
    let voided = order(&desk, Role::Supervisor, other, PoolCommand::Void).await;
    assert!(voided.is_ok());

    let ordered = order(&desk, Role::Finance, key, settle()).await;
    assert!(ordered.is_ok());
    let posted = order(&desk, Role::Supervisor, key, PoolCommand::Confirm).await;
    assert!(posted.is_ok());
    let stands = PoolBalances {
        county_fund: Fen::new(-BENEFIT.get()),
        top_up: yuan(-1),
        insurer_share: yuan(-3_800),
        paid_out: BENEFIT,
        fee: yuan(3_801),
        ..PoolBalances::default()
    };
    assert_eq!(desk.pool().await, stands, "the insurer bears what lacks");
    let (rival, key) = (&desk.world.rival, ids::fresh());
    let auditor = Role::CountyCaseworker.caller();
    for (caller, command) in [
        (auditor, settle()),
        (Role::Supervisor.caller(), PoolCommand::Confirm),
    ] {
        let given = give(&desk, &caller, rival, key, command).await;
        assert!(given.expect("the county sees it").is_ok());
    }
    let unspent = desk
        .store()
        .pool(county(), rival.id)
        .await
        .expect("reading");
    let stands = PoolBalances {
        county_fund: Fen::new(-BENEFIT.get()),
        surplus_returned: BENEFIT,
        ..PoolBalances::default()
    };
    assert_eq!(unspent, stands, "a surplus goes back");
    desk.expect_sound().await;
}
