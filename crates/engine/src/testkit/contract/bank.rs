//! The promises about batches of payments and the bank's files.

use super::{event_day, through_notice};
use crate::bank_file::{BankFile, BankForm, BankOrder, BankRefusal, LineClass, LineState, Told};
use crate::ids;
use crate::payment_batch::{BatchOrder, BatchRefusal, Payer, PaymentBatch, PaymentEnd, Totals};
use crate::ports::{Page, Store};
use crate::testkit::world::{Role, TestDesk, county};
use benefits::Fen;
use lifecycle::phase::payout::BankSays;
use lifecycle::{Claim, ClaimId, Status, Status as S};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

fn payer() -> Payer {
    Payer {
        name: "某保险公司(测试)".into(),
        account: "1300000000000001".into(),
        bank: "某银行".into(),
    }
}

async fn choose(
    desk: &TestDesk,
    role: Role,
    id: Uuid,
    claims: Option<Vec<ClaimId>>,
) -> Result<PaymentBatch, BatchRefusal> {
    let order = BatchOrder {
        id,
        scheme: desk.world.scheme.id,
        claims,
        payer: payer(),
    };
    let chosen = desk.desk.choose_payments(&role.caller(), order).await;
    chosen.expect("the store works")
}

async fn instruct(
    desk: &TestDesk,
    role: Role,
    id: Uuid,
    totals: Totals,
) -> Result<PaymentBatch, BatchRefusal> {
    let done = desk
        .desk
        .instruct_payments(&role.caller(), id, totals)
        .await;
    done.expect("the store works").expect("it is in sight")
}

async fn post(
    desk: &TestDesk,
    role: Role,
    file: &BankFile,
    class: LineClass,
    totals: Totals,
) -> Result<BankFile, BankRefusal> {
    let caller = role.caller();
    let done = desk
        .desk
        .post_bank_lines(&caller, file.id, class, totals)
        .await;
    done.expect("the store works").expect("it is in sight")
}

async fn read(desk: &TestDesk, hash: &str, batch: Option<Uuid>, lines: Vec<Told>) -> BankFile {
    let read = read_as(desk, ids::fresh(), hash, batch, lines).await;
    read.expect("it is read")
}

async fn read_as(
    desk: &TestDesk,
    id: Uuid,
    hash: &str,
    batch: Option<Uuid>,
    lines: Vec<Told>,
) -> Result<BankFile, BankRefusal> {
    let order = BankOrder {
        id,
        name: "回盘.xlsx".into(),
        form: BankForm::ResultList,
        hash: hash.into(),
        batch,
        lines,
    };
    let read = desk
        .desk
        .read_bank_file(&Role::SecondFinance.caller(), order)
        .await;
    read.expect("the store works")
}

fn told(line_no: u32, number: Option<&String>, said: BankSays, amount: Fen) -> Told {
    Told {
        line_no,
        instruction_no: number.cloned(),
        amount: Some(amount),
        said,
        bank_ref: format!("YH{line_no}"),
        reason: "账户 6228480000000000011 已销户".into(),
    }
}

/// Claims that are approved, all of one household.
async fn approved(desk: &TestDesk, count: u32) -> Vec<Claim> {
    let household = desk.world.household("石门寨").clone();
    let drafts = (1..=count).map(|number| desk.draft(&household).event_on(event_day(number)));
    let mut claims = Vec::new();
    for closed in through_notice(desk, drafts.collect()).await {
        claims.push(desk.on(&closed).approve().await);
    }
    claims
}

pub(super) async fn a_batch_says_what_became_of_each(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let claims = approved(&desk, 5).await;
    let (id, ids_of) = (
        ids::fresh(),
        claims.iter().map(|it| it.id).collect::<Vec<_>>(),
    );
    let foreign = choose(&desk, Role::Finance, id, Some(vec![ClaimId(ids::fresh())])).await;
    assert_eq!(foreign, Err(BatchRefusal::NotApproved(vec![String::new()])));
    let batch = choose(&desk, Role::Finance, id, Some(ids_of))
        .await
        .expect("chosen");
    let all = batch.tally().selected;
    assert_eq!((all.count, batch.tally().waiting), (5, all));
    let again = choose(&desk, Role::Finance, id, None).await;
    assert_eq!(again.as_ref(), Ok(&batch), "the same id is the same batch");
    let other = choose(&desk, Role::Finance, id, Some(vec![claims[0].id])).await;
    assert_eq!(other, Err(BatchRefusal::KeyReused), "other claims");
    let page = Page::first(1);
    let listed = desk
        .store()
        .payment_batches(&Role::SecondFinance.caller().scope, &page)
        .await;
    let lines = Vec::new();
    let without = PaymentBatch {
        lines,
        ..batch.clone()
    };
    assert_eq!(listed.expect("reading").rows, [(without, batch.tally())]);
    for role in [Role::RivalHandler, Role::Shimenzhai] {
        let hidden = desk.store().payment_batch(&role.caller().scope, id).await;
        assert_eq!(hidden.expect("reading"), None, "{role:?}");
    }

    let less = Totals {
        sum: Fen::new(all.sum.get() - 1),
        ..all
    };
    assert_eq!(
        instruct(&desk, Role::Finance, id, less).await,
        Err(BatchRefusal::Totals(all))
    );
    assert_eq!(
        instruct(&desk, Role::SecondFinance, id, all).await,
        Err(BatchRefusal::NotOwn)
    );
    // Meanwhile one is withdrawn, one is paid otherwise, one is objected to.
    desk.on(&claims[0]).withdraw().await;
    desk.on(&claims[1]).instruct().await;
    desk.on(&claims[2]).object().await;
    let batch = instruct(&desk, Role::Finance, id, all)
        .await
        .expect("confirmed");
    let ends: Vec<_> = batch
        .lines
        .iter()
        .map(|it| (it.end, it.code.as_deref()))
        .collect();
    assert_eq!(
        ends,
        [
            (PaymentEnd::Skipped, Some("STALE_VERSION")),
            (PaymentEnd::Skipped, Some("STALE_VERSION")),
            (PaymentEnd::Failed, Some("STALE_VERSION")),
            (PaymentEnd::Instructed, None),
            (PaymentEnd::Instructed, None),
        ]
    );
    let tally = batch.tally();
    let counts = [tally.succeeded, tally.failed, tally.skipped, tally.waiting].map(|it| it.count);
    assert_eq!(counts, [2, 1, 2, 0]);
    let numbers: Vec<_> = batch
        .lines
        .iter()
        .filter_map(|it| it.instruction_no.clone())
        .collect();
    for (claim, number) in claims[3..].iter().zip(&numbers) {
        let stands = desk.claim(claim.id).await;
        assert_eq!(stands.status(), Status::Instructed);
        assert_eq!(*number, format!("FP{}-1", claim.number));
    }
    let again = instruct(&desk, Role::Finance, id, all).await;
    assert_eq!(again, Ok(batch), "nothing is instructed twice");
    let none = choose(&desk, Role::Finance, ids::fresh(), Some(vec![claims[3].id])).await;
    let number = claims[3].number.clone();
    assert_eq!(none, Err(BatchRefusal::NotApproved(vec![number])));
    desk.expect_sound().await;
}

pub(super) async fn a_bank_file_moves_nothing_by_itself(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let claims = approved(&desk, 6).await;
    let id = ids::fresh();
    let batch = choose(&desk, Role::Finance, id, None)
        .await
        .expect("chosen");
    let all = batch.tally().selected;
    let batch = instruct(&desk, Role::Finance, id, all)
        .await
        .expect("confirmed");
    let of = |claim: &Claim| batch.lines.iter().find(|it| it.claim == claim.id);
    let paid: Vec<_> = claims.iter().map(|it| of(it).expect("a line")).collect();
    let number = |at: usize| paid[at].instruction_no.as_ref();
    let unknown = "FP130302-2020-99999-1".to_owned();
    let lines = vec![
        told(1, number(0), BankSays::Settled, paid[0].amount),
        told(2, number(1), BankSays::Failed, paid[1].amount),
        told(3, number(2), BankSays::Unknown, paid[2].amount),
        told(
            4,
            number(3),
            BankSays::Settled,
            Fen::new(paid[3].amount.get() + 1),
        ),
        told(5, number(0), BankSays::Settled, paid[0].amount),
        told(6, Some(&unknown), BankSays::Settled, paid[0].amount),
        told(7, number(4), BankSays::Returned, paid[4].amount),
    ];
    let file = read(&desk, "first", Some(id), lines.clone()).await;
    let classes: Vec<_> = file.lines.iter().map(|it| it.class).collect();
    assert_eq!(
        classes,
        [
            LineClass::Confirmed,
            LineClass::Failed,
            LineClass::Unknown,
            LineClass::WrongAmount,
            LineClass::Duplicate,
            LineClass::UnknownReference,
            LineClass::Returned,
            LineClass::Missing,
        ]
    );
    assert!(file.lines.iter().all(|it| !it.told.reason.contains("6228")));
    let stands = async || {
        let mut statuses = Vec::new();
        for claim in &claims {
            statuses.push(desk.claim(claim.id).await.status());
        }
        statuses
    };
    assert_eq!(
        stands().await,
        [Status::Instructed; 6],
        "nothing moves by itself"
    );
    assert_eq!(
        read(&desk, "first", Some(id), lines.clone()).await,
        file,
        "the same bytes"
    );
    let hidden = desk
        .store()
        .bank_file(&Role::RivalHandler.caller().scope, file.id)
        .await;
    assert_eq!(hidden.expect("reading"), None);

    let one = |at: usize| Totals {
        count: 1,
        sum: paid[at].amount,
    };
    let wrong = post(
        &desk,
        Role::SecondFinance,
        &file,
        LineClass::Confirmed,
        Totals::default(),
    )
    .await;
    assert_eq!(wrong, Err(BankRefusal::Totals(one(0))));
    let other = post(
        &desk,
        Role::SecondFinance,
        &file,
        LineClass::WrongAmount,
        one(3),
    )
    .await;
    assert_eq!(other, Err(BankRefusal::NotPosted(LineClass::WrongAmount)));
    // Whoever instructed is no second source.
    let own = post(&desk, Role::Finance, &file, LineClass::Confirmed, one(0))
        .await
        .expect("heard");
    let line = &own.lines[0];
    assert_eq!(
        (line.state, line.code.as_deref()),
        (LineState::Open, Some("SECOND_PERSON_REQUIRED"))
    );
    for (class, at) in [
        (LineClass::Confirmed, 0),
        (LineClass::Failed, 1),
        (LineClass::Unknown, 2),
        (LineClass::Returned, 4),
    ] {
        let posted = post(&desk, Role::SecondFinance, &file, class, one(at)).await;
        let posted = posted.expect("confirmed");
        // What comes back before it arrived waits for the arrival.
        let left = u32::from(class == LineClass::Returned);
        assert_eq!(posted.open(class).count, left, "{class}");
    }
    assert_eq!(
        stands().await,
        [
            S::Paid,
            S::PayFailed,
            S::PayUnknown,
            S::Instructed,
            S::Instructed,
            S::Instructed
        ]
    );
    // The next statement brings what was missing; what is told again is a duplicate.
    let lines = vec![
        told(1, number(2), BankSays::Settled, paid[2].amount),
        told(2, number(4), BankSays::Settled, paid[4].amount),
        told(3, number(1), BankSays::Settled, paid[1].amount),
        told(4, number(0), BankSays::Settled, paid[0].amount),
    ];
    let second = read(&desk, "second", None, lines).await;
    let classes: Vec<_> = second.lines.iter().map(|it| it.class).collect();
    assert_eq!(
        classes,
        [
            LineClass::Confirmed,
            LineClass::Confirmed,
            LineClass::Contradiction,
            LineClass::Duplicate
        ]
    );
    let open = second.open(LineClass::Confirmed);
    let posted = post(
        &desk,
        Role::SecondFinance,
        &second,
        LineClass::Confirmed,
        open,
    )
    .await;
    assert_eq!(posted.expect("confirmed").queues(), {
        let line = |at: usize| one(at);
        BTreeMap::from([
            (LineClass::Contradiction, line(1)),
            (LineClass::Duplicate, line(0)),
        ])
    });
    let returned = post(
        &desk,
        Role::SecondFinance,
        &file,
        LineClass::Returned,
        one(4),
    )
    .await;
    assert_eq!(
        returned.expect("confirmed").open(LineClass::Returned).count,
        0
    );
    assert_eq!(
        stands().await,
        [
            S::Paid,
            S::PayFailed,
            S::Paid,
            S::Instructed,
            S::PayReturned,
            S::Instructed
        ]
    );

    // What does not fit is closed with a reason, once.
    let caller = Role::SecondFinance.caller();
    let close = async |line_no: u32| {
        let closed = desk
            .desk
            .close_bank_line(&caller, file.id, line_no, "已电话核实".into())
            .await;
        closed.expect("the store works")
    };
    let closed = close(4).await.expect("in sight").expect("open");
    let line = &closed.lines[3];
    assert_eq!(
        (line.state, line.note.as_deref()),
        (LineState::Closed, Some("已电话核实"))
    );
    assert_eq!(line.decided.as_ref().map(|it| it.by), Some(caller.person));
    assert_eq!(close(4).await, Some(Err(BankRefusal::NotOpen)));
    assert_eq!(close(1).await, Some(Err(BankRefusal::NotOpen)), "posted");
    assert_eq!(close(99).await, None);
    let files = desk
        .store()
        .bank_files(&caller.scope, &Page::first(100))
        .await;
    let files = files.expect("reading").rows;
    let mut whole = Vec::new();
    for id in [file.id, second.id] {
        let read = desk.store().bank_file(&caller.scope, id).await;
        let read = read.expect("reading").expect("in sight");
        let (lines, queues) = (Vec::new(), read.queues());
        whole.push((BankFile { lines, ..read }, queues));
    }
    assert_eq!(files, whole, "without their lines, with their queues");
    let reused = read_as(&desk, file.id, "third", None, Vec::new()).await;
    assert_eq!(reused, Err(BankRefusal::KeyReused));
    let payments = desk.store().payments(county()).await.expect("reading");
    let settled = payments.iter().filter(|it| it.status == "PAID");
    let settled: i64 = settled.map(|it| it.amount.get()).sum();
    assert_eq!(desk.expect_sound().await.paid.get(), settled);
}

pub(super) async fn a_line_of_an_earlier_instruction_moves_nothing(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let claim = approved(&desk, 1).await.remove(0);
    let first = desk.on(&claim).instruct().await;
    let (number, amount) = (format!("FP{}-1", claim.number), instructed(&first));
    let lines = [BankSays::Failed, BankSays::Unknown];
    let mut files = Vec::new();
    // The files are read while the first instruction stands, and lie there.
    for (hash, said) in ["failed", "unknown"].into_iter().zip(lines) {
        let line = told(1, Some(&number), said, amount);
        files.push(read(&desk, hash, None, vec![line]).await);
    }
    let second = desk.on(&first).fail().reinstate().instruct().await;
    let unknown = desk.on(&second).mark_unknown();
    let one = Totals {
        count: 1,
        sum: amount,
    };
    let try_it = async |at: usize, class| {
        let posted = post(&desk, Role::SecondFinance, &files[at], class, one).await;
        let line = posted.expect("confirmed").lines.remove(0);
        (line.state, line.code)
    };
    let refused = (LineState::Open, Some("MISMATCH".to_owned()));
    assert_eq!(try_it(1, LineClass::Unknown).await, refused);
    let stands = desk.claim(claim.id).await;
    assert_eq!(stands.status(), Status::Instructed);
    unknown.await;
    assert_eq!(try_it(0, LineClass::Failed).await, refused);
    let stands = desk.claim(claim.id).await;
    assert_eq!(
        stands.status(),
        Status::PayUnknown,
        "the second is still open"
    );
    desk.expect_sound().await;
}

fn instructed(claim: &Claim) -> Fen {
    let stands = claim.state.instructed().expect("an instruction");
    stands.instruction.amount
}
