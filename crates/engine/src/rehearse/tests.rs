use super::*;
use crate::Outcome;
use crate::testkit::world::{county, day, evidence};
use crate::testkit::{Journey, MemoryStore, TestDesk, World, yuan};
use benefits::{Band, Cap, CapScope, OutcomeAmount, Per, Rule, UnitValue};
use lifecycle::phase::verification::{Bill, IncomeFacts, LossFacts};
use lifecycle::scheme::{Authority, DocumentRule, IncomeTerms, IncomeWindow, Supplier};
use lifecycle::{BillKey, Duty, State};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;

async fn record(desk: &TestDesk) -> RecordedYear {
    let recorded = recorded_year(desk.store().as_ref(), county(), None).await;
    recorded.expect("reading").expect("there are claims")
}

/// Runs the scheme of the test county, changed, over what the desk has recorded.
async fn run(desk: &TestDesk, change: impl FnOnce(&mut Scheme)) -> Rehearsal {
    let mut draft = desk.world.scheme.clone();
    change(&mut draft);
    rehearse(&draft, &record(desk).await)
}

/// The table of illness.
fn illness(scheme: &mut Scheme) -> &mut Schedule {
    &mut scheme.perils[0].tables[0].schedule
}

fn rate(scheme: &mut Scheme, percent: u32) {
    let band = Band {
        from: Fen::ZERO,
        to: None,
        rate: Rate::from_basis_points(percent * 100).expect("a rate"),
    };
    if let Rule::Banded { bands, .. } = &mut illness(scheme).rule {
        *bands = vec![band];
    }
}

fn cap(scope: CapScope, limit: i64) -> Cap {
    Cap {
        scope,
        limit: yuan(limit),
    }
}

/// A claim of the first household of a place, from referral to the money's arrival.
fn paid(desk: &TestDesk, place: &str, self_paid: i64) -> Journey {
    desk.refer(desk.world.household(place))
        .through_verification(yuan(self_paid))
        .through_notice()
        .through_payout()
}

fn new_of(rehearsal: &Rehearsal) -> Vec<Option<Fen>> {
    rehearsal.cases.iter().map(|case| case.new).collect()
}

fn code(case: &CaseLine) -> Option<&'static str> {
    case.stuck.as_ref().map(Stuck::code)
}

#[tokio::test]
async fn the_same_scheme_pays_the_same() {
    let desk = TestDesk::in_memory().await;
    paid(&desk, "石门寨", 41_200).await;
    desk.refer(desk.world.household("驻操营"))
        .through_verification(yuan(9_000))
        .await;
    let rehearsal = run(&desk, |_| {}).await;
    assert_eq!((rehearsal.year, rehearsal.moved_years), (2020, 0));
    assert_eq!(rehearsal.recorded_under, [("test-2020".to_owned(), 1)]);
    let differences: Vec<_> = rehearsal.cases.iter().map(CaseLine::difference).collect();
    assert_eq!(differences, [Some(Fen::ZERO), Some(Fen::ZERO)]);
    let sums = |claims, old, new| Sums { claims, old, new };
    let (approved, computed) = (yuan(25_340), yuan(2_800));
    assert_eq!(rehearsal.approved, sums(1, approved, approved));
    assert_eq!(rehearsal.computed, sums(1, computed, computed));
    assert_eq!(rehearsal.open, Sums::default());
    assert_eq!(rehearsal.pool.old, rehearsal.pool.new);
    assert!(rehearsal.villages.values().all(|it| it.same == 1));
    assert_eq!(rehearsal.never_held, BTreeMap::new());
}

/// 60 % instead of 70 %: worse. A deductible of 2,000 on top: those with little lose nothing.
#[tokio::test]
async fn better_and_worse_are_told_by_village() {
    let desk = TestDesk::in_memory().await;
    paid(&desk, "石门寨", 41_200).await;
    paid(&desk, "驻操营", 9_000).await;
    let worse = run(&desk, |draft| rate(draft, 60)).await;
    assert_eq!(new_of(&worse), [Some(yuan(21_720)), Some(yuan(2_400))]);
    assert_eq!(
        (worse.approved.old, worse.approved.new),
        (yuan(28_140), yuan(24_120))
    );
    let mixed = run(&desk, |draft| {
        rate(draft, 60);
        illness(draft).deductible = yuan(2_000);
    })
    .await;
    // 39,200 and 7,000 at 60 %.
    assert_eq!(new_of(&mixed), [Some(yuan(23_520)), Some(yuan(4_200))]);
    let villages: Vec<(&str, u64, Fen, u64, Fen)> = mixed
        .villages
        .values()
        .map(|it| {
            let (better, worse) = (it.better, it.worse);
            let name = it.name.as_str();
            let (up, down) = (better.difference, worse.difference);
            (name, better.households, up, worse.households, down)
        })
        .collect();
    let all = mixed.households();
    let sides = (all.better.difference, all.worse.difference);
    assert_eq!(sides, (yuan(1_400), yuan(-1_820)));
    assert_eq!((all.better.households, all.worse.households), (1, 1));
    assert_eq!(mixed.approved.difference(), yuan(-420));
    let (none, zero) = (0, Fen::ZERO);
    assert_eq!(
        villages,
        [
            ("西上庄坨村", none, zero, 1, yuan(-1_820)),
            ("驻操营村", 1, yuan(1_400), none, zero),
        ]
    );
}

/// Gains and losses of one household are told together.
#[tokio::test]
async fn a_household_counts_once() {
    let desk = TestDesk::in_memory().await;
    paid(&desk, "石门寨", 41_200).await;
    let household = desk.world.household("石门寨").clone();
    desk.refer(&household)
        .event_on(day(2020, 4, 1))
        .through_verification(yuan(6_000))
        .await;
    let rehearsal = run(&desk, |draft| {
        illness(draft).deductible = yuan(0);
        rate(draft, 62);
    })
    .await;
    let new = [Some(yuan(25_544)), Some(yuan(3_720))];
    assert_eq!(new_of(&rehearsal), new);
    let village = rehearsal.villages.values().next().expect("one village");
    let better = Side {
        households: 1,
        difference: yuan(204 + 3_020),
    };
    assert_eq!((village.better, village.worse.households), (better, 0));
}

/// Both were computed on an empty year; the cap bites at the second approval, and the third finds
/// nothing left.
#[tokio::test]
async fn a_cap_is_reached_in_the_order_of_approval() {
    let desk = TestDesk::in_memory().await;
    let household = desk.world.household("石门寨").clone();
    let mut claims = Vec::new();
    for month in 3..6 {
        let story = desk.refer(&household).event_on(day(2020, month, 6));
        let story = story.through_verification(yuan(41_200));
        claims.push(story.through_notice().await);
    }
    // The last to be verified is the first to be approved.
    claims.rotate_right(1);
    for claim in &claims {
        desk.on(claim).approve().await;
    }
    let scopes = [CapScope::PersonYear, CapScope::HouseholdYear];
    for scope in scopes {
        let rehearsal = run(&desk, |draft| {
            illness(draft).caps = vec![cap(scope, 30_000)];
        })
        .await;
        let new = [Some(yuan(4_660)), Some(Fen::ZERO), Some(yuan(25_340))];
        assert_eq!(new_of(&rehearsal), new, "{scope:?}");
        let codes: Vec<_> = rehearsal.cases.iter().map(code).collect();
        assert_eq!(codes, [None, Some("NO_BENEFIT"), None]);
        assert_eq!(rehearsal.approved.new, yuan(30_000));
    }
    let event = run(&desk, |draft| {
        illness(draft).caps = vec![cap(CapScope::Event, 20_000)];
    })
    .await;
    assert_eq!(event.approved.new, yuan(60_000));
}

/// A cap of the person leaves another person of the household alone.
#[tokio::test]
async fn a_cap_counts_whom_it_names() {
    let desk = TestDesk::in_memory().await;
    let household = desk.world.household("石门寨").clone();
    for member in &household.members[..2] {
        let story = desk.refer(&household).insured(member.id);
        let story = story.through_verification(yuan(41_200)).through_notice();
        story.approve().await;
    }
    let capped = async |scope| {
        let change = |draft: &mut Scheme| illness(draft).caps = vec![cap(scope, 30_000)];
        run(&desk, change).await.approved.new
    };
    assert_eq!(capped(CapScope::PersonYear).await, yuan(50_680));
    assert_eq!(capped(CapScope::HouseholdYear).await, yuan(30_000));
}

/// Where losses add up over the year, the second claim has no second deductible.
#[tokio::test]
async fn losses_add_up_as_the_draft_says() {
    let desk = TestDesk::in_memory().await;
    let household = desk.world.household("石门寨").clone();
    for month in [4, 5] {
        let story = desk.refer(&household).event_on(day(2020, month, 6));
        let story = story.through_verification(yuan(41_200)).through_notice();
        story.approve().await;
    }
    let rehearsal = run(&desk, |draft| {
        illness(draft).accumulation = Accumulation::PersonYear;
    })
    .await;
    assert_eq!(new_of(&rehearsal), [Some(yuan(25_340)), Some(yuan(28_840))]);
}

/// Money that came free again leaves room for others, and a reopened case is under way.
#[tokio::test]
async fn what_comes_free_is_free() {
    let desk = TestDesk::in_memory().await;
    let household = desk.world.household("石门寨").clone();
    let first = desk
        .refer(&household)
        .through_verification(yuan(41_200))
        .through_notice()
        .approve();
    first.object().uphold().await;
    let withdrawn = desk
        .refer(&household)
        .event_on(day(2020, 4, 1))
        .through_verification(yuan(41_200))
        .through_notice();
    withdrawn.approve().withdraw().await;
    let last = desk.refer(&household).event_on(day(2020, 3, 1));
    let last = last.through_verification(yuan(41_200)).through_notice();
    last.approve().await;
    let rehearsal = run(&desk, |draft| {
        illness(draft).caps = vec![cap(CapScope::PersonYear, 30_000)];
        draft.pool.headcount = 600;
    })
    .await;
    assert_eq!((rehearsal.under_way, rehearsal.ended), (1, 1));
    assert_eq!(new_of(&rehearsal), [Some(yuan(25_340))]);
    assert_eq!(rehearsal.pool.first_short, None);
    assert_eq!(rehearsal.pool.new.paid, yuan(25_340));
}

#[tokio::test]
async fn claims_without_accepted_facts_are_only_counted() {
    let desk = TestDesk::in_memory().await;
    let household = desk.world.household("石门寨").clone();
    let story = |month| desk.refer(&household).event_on(day(2020, month, 2));
    story(1).await;
    story(2).accept().assign().await;
    story(3).accept().declare_ineligible().await;
    let rejected = story(4).through_verification(yuan(41_200)).through_notice();
    rejected.reject().await;
    let recovered = story(5).through_verification(yuan(41_200)).through_notice();
    recovered.through_payout().start_recovery().recover().await;
    let rehearsal = run(&desk, |_| {}).await;
    assert_eq!(rehearsal.cases, []);
    assert_eq!((rehearsal.under_way, rehearsal.ended), (2, 3));
    assert_eq!(rehearsal.pool.new.paid, Fen::ZERO);
}

/// An uplift is granted again as far as the draft lets it.
#[tokio::test]
async fn an_uplift_is_kept_within_the_draft() {
    let desk = TestDesk::in_memory().await;
    let story = desk.refer(desk.world.household("石门寨"));
    let story = story.through_verification(yuan(20_000)).through_notice();
    story
        .approve_with_uplift(yuan(1_500))
        .second_approve()
        .await;
    let with = async |change: fn(&mut Scheme)| new_of(&run(&desk, change).await)[0];
    assert_eq!(with(|_| {}).await, Some(yuan(12_000)));
    assert_eq!(
        with(|draft| draft.uplift_max = yuan(1_000)).await,
        Some(yuan(11_500))
    );
    let capped = |draft: &mut Scheme| illness(draft).caps = vec![cap(CapScope::Event, 11_200)];
    assert_eq!(with(capped).await, Some(yuan(11_200)));
    // Never more than the household bore itself.
    let whole = |draft: &mut Scheme| {
        rate(draft, 100);
        illness(draft).deductible = yuan(500);
    };
    assert_eq!(with(whole).await, Some(yuan(20_000)));
}

type Change = fn(&mut Scheme);

/// One paid claim, and everything a draft can put in its way.
#[tokio::test]
async fn each_reason_to_get_stuck() {
    let desk = TestDesk::in_memory().await;
    let paid = paid(&desk, "石门寨", 41_200).await;
    let rule = |kind: &str, due| DocumentRule {
        kind: kind.into(),
        count_min: 1,
        supplier: Supplier::Household,
        due,
        advance: false,
    };
    let group = "边缘易致贫户";
    let whose = ["脱贫不稳定户".to_owned()];
    let refused: [(&str, Change); 8] = [
        ("PERIL_NOT_COVERED", |draft| draft.perils.clear()),
        ("GROUP_NOT_COVERED", |draft| {
            draft.coverage.groups = vec!["脱贫不稳定户".into()];
        }),
        ("GROUP_NOT_COVERED", |draft| {
            draft.perils[0].tables[0].groups = vec!["脱贫不稳定户".into()];
        }),
        ("OUTSIDE_PERIOD", |draft| {
            draft.perils[0].covers_from = day(2020, 5, 7);
        }),
        ("OUTSIDE_POLICY_YEAR", |draft| {
            draft.year.from = day(2020, 7, 1);
        }),
        ("EVALUATION_FAILS", |draft| {
            draft.evaluation.present_min = 31;
        }),
        ("EVALUATION_FAILS", |draft| {
            (draft.evaluation.numerator, draft.evaluation.denominator) = (29, 30);
        }),
        ("NO_BENEFIT", |draft| {
            illness(draft).deductible = yuan(41_200);
        }),
    ];
    for (expected, change) in refused {
        let rehearsal = run(&desk, change).await;
        let case = &rehearsal.cases[0];
        assert_eq!(code(case), Some(expected));
        assert_eq!(case.difference(), Some(yuan(-25_340)), "{expected}");
        let village = rehearsal.villages.values().next().expect("one");
        assert_eq!(village.worse.households, 1, "{expected}");
        assert_eq!(rehearsal.pool.new.paid, Fen::ZERO, "{expected}");
    }
    let waiting: [(&str, Change); 5] = [
        ("FIGURES_UNKNOWN", |draft| {
            illness(draft).rule = Rule::Unknown {
                missing: "比例".into(),
            };
        }),
        ("FACTS_MISSING", |draft| {
            illness(draft).layers = vec!["基本医保".into()];
        }),
        ("BEYOND_AUTHORITY", |draft| {
            draft.authority = vec![Authority {
                duty: Duty::Approver,
                alone_max: yuan(10_000),
                second_max: Some(yuan(25_339)),
                twelve_months_alone_max: None,
                twelve_months_second_max: None,
            }];
        }),
        ("BEYOND_AUTHORITY", |draft| draft.authority.clear()),
        ("PROOFS_MISSING", |draft| draft.notice.proofs_min = 2),
    ];
    for (expected, change) in waiting {
        let rehearsal = run(&desk, change).await;
        let case = &rehearsal.cases[0];
        assert_eq!(code(case), Some(expected));
        assert_eq!(case.new, None, "{expected}");
        let open = Sums {
            claims: 1,
            old: yuan(25_340),
            new: Fen::ZERO,
        };
        assert_eq!((rehearsal.open, rehearsal.approved.claims), (open, 0));
        let stuck: Vec<_> = rehearsal.stuck().into_keys().collect();
        assert_eq!(stuck, [expected]);
        let village = rehearsal.villages.values().next().expect("one");
        let told = (village.open, village.open_old, village.worse.households);
        assert_eq!(told, (1, yuan(25_340), 0), "{expected}");
    }
    // The group that the household is of, in a table of its own after another's.
    let own = run(&desk, |draft| {
        let mut table = draft.perils[0].tables[0].clone();
        draft.perils[0].tables[0].groups = whose.to_vec();
        table.groups = vec![group.to_owned()];
        table.schedule.deductible = yuan(6_000);
        draft.perils[0].tables.push(table);
    })
    .await;
    assert_eq!(new_of(&own), [Some(yuan(24_640))]);
    // Documents: due at a step that was passed, not at one that was not, and those on file serve.
    let with = async |due: DueStep, kind: &str| {
        let rehearsal = run(&desk, |draft| {
            draft.perils[0].documents.push(rule(kind, due));
        })
        .await;
        rehearsal.cases[0].stuck.clone()
    };
    let lacking = Some(Stuck::Documents {
        kinds: vec!["户口本×1(农户)".into()],
    });
    for due in [
        DueStep::Referral,
        DueStep::Verification,
        DueStep::PublicNotice,
        DueStep::Approval,
        DueStep::Payout,
    ] {
        assert_eq!(with(due, "户口本").await, lacking, "{due}");
        assert_eq!(with(due, "入户照片").await, None, "{due}");
        assert_eq!(with(due, "公示照片").await, None, "{due}");
    }
    assert_eq!(with(DueStep::Archive, "户口本").await, None);
    desk.on(&paid).archive().await;
    assert_eq!(with(DueStep::Archive, "户口本").await, lacking);
    let twice = run(&desk, |draft| {
        draft.perils[0].documents[0].count_min = 2;
    })
    .await;
    assert_eq!(code(&twice.cases[0]), Some("DOCUMENTS_MISSING"));
}

/// What only some facts can meet: income, bills with dates, outcome, heads, units.
#[tokio::test]
async fn facts_that_a_draft_asks_for() {
    let desk = TestDesk::in_memory().await;
    let (from, to) = (day(2019, 1, 1), day(2019, 12, 31));
    let facts = |number: &str, on, income: Option<i64>| LossFacts {
        bills: vec![Bill {
            key: BillKey::of("秦皇岛市某医院(测试)", number),
            amount: yuan(41_200),
            on,
        }],
        other_compensation: Some(Fen::ZERO),
        evidence: vec![evidence("医疗费用结算单"), evidence("诊断证明")],
        income: income.map(|income| IncomeFacts {
            per_head: yuan(income),
            from,
            to,
        }),
        ..LossFacts::default()
    };
    let household = desk.world.household("石门寨").clone();
    let verified = async |month, facts: LossFacts| {
        let story = desk.refer(&household).event_on(day(2020, month, 6));
        let story = story.accept().assign().visit().evaluate();
        story.verify_facts(facts).await
    };
    verified(3, facts("1", None, None)).await;
    verified(4, facts("2", Some(day(2020, 4, 6)), Some(6_000))).await;
    verified(5, facts("3", Some(day(2019, 12, 30)), Some(6_001))).await;
    let codes = async |change: &dyn Fn(&mut Scheme)| -> Vec<Option<&'static str>> {
        let rehearsal = run(&desk, change).await;
        rehearsal.cases.iter().map(code).collect()
    };
    let income = |window| {
        move |draft: &mut Scheme| {
            draft.coverage.income = Some(IncomeTerms {
                base: yuan(4_000),
                multiplier_bp: 15_000,
                window,
                groups: Vec::new(),
            });
        }
    };
    let missing = Some("FACTS_MISSING");
    assert_eq!(
        codes(&income(IncomeWindow::PreviousYear)).await,
        [missing, None, Some("OVER_INCOME_LINE")]
    );
    assert_eq!(
        codes(&income(IncomeWindow::RollingYear)).await,
        [missing; 3],
        "income of other months"
    );
    assert_eq!(
        codes(&|draft| draft.year.fixed_by = YearDate::Bill).await,
        [missing, None, Some("OUTSIDE_POLICY_YEAR")]
    );
    assert_eq!(
        codes(&|draft| {
            draft.year.fixed_by = YearDate::Event;
            draft.year.from = day(2020, 4, 1);
        })
        .await,
        [Some("OUTSIDE_POLICY_YEAR"), None, None]
    );
    let asks_for = |rule: Rule| move |draft: &mut Scheme| illness(draft).rule = rule.clone();
    let units = Rule::PerUnit {
        values: vec![UnitValue {
            unit: "猪".into(),
            value: yuan(800),
        }],
        minimum: Fen::ZERO,
    };
    assert_eq!(codes(&asks_for(units)).await, [missing; 3]);
    let outcome = Rule::FixedByOutcome {
        amounts: vec![OutcomeAmount {
            outcome: "本科".into(),
            amount: yuan(3_000),
        }],
    };
    assert_eq!(codes(&asks_for(outcome)).await, [missing; 3]);
    let gap = Rule::IncomeGap { line: yuan(6_500) };
    let rehearsal = run(&desk, asks_for(gap)).await;
    // 500 and 499 for each of four persons; heads are those of the household.
    assert_eq!(
        new_of(&rehearsal),
        [None, Some(yuan(2_000)), Some(yuan(1_996))]
    );
}

/// Whoever is accepted is covered; the table is that of the group at the verification.
#[tokio::test]
async fn a_household_may_change_its_group() {
    let desk = TestDesk::in_memory().await;
    let mut household = desk.world.household("石门寨").clone();
    let before = household.kind.clone();
    let accepted = desk.refer(&household).accept().await;
    household.kind = "脱贫不稳定户".into();
    let written = desk.store().put_household(&household).await;
    written.expect("the household is written");
    let story = desk.on(&accepted).assign().visit().evaluate();
    story.verify(yuan(41_200)).await;
    let covered = run(&desk, |draft| draft.coverage.groups = vec![before.clone()]).await;
    assert_eq!(covered.cases[0].stuck, None);
    let table = run(&desk, |draft| {
        draft.perils[0].tables[0].groups = vec![before.clone()];
    })
    .await;
    let group = household.kind.clone();
    assert_eq!(table.cases[0].stuck, Some(Stuck::Group { group }));
}

/// Beyond what one may approve alone, the second approver must be able to, too.
#[tokio::test]
async fn a_second_approver_has_limits_too() {
    let desk = TestDesk::in_memory().await;
    paid(&desk, "石门寨", 41_200).await;
    let with = async |alone| {
        let rehearsal = run(&desk, |draft| {
            let second = vec![Duty::CountyReviewer];
            draft.duties.insert(CommandKind::SecondApproveClaim, second);
            let row = |duty, alone_max, second_max| Authority {
                duty,
                alone_max,
                second_max,
                twelve_months_alone_max: None,
                twelve_months_second_max: None,
            };
            draft.authority = vec![
                row(Duty::Approver, yuan(alone), None),
                row(Duty::CountyReviewer, Fen::ZERO, Some(yuan(20_000))),
            ];
        })
        .await;
        rehearsal.cases[0].stuck.clone()
    };
    assert_eq!(with(25_340).await, None);
    let (amount, limit) = (yuan(25_340), yuan(20_000));
    assert_eq!(with(25_339).await, Some(Stuck::Authority { amount, limit }));
}

/// Two approvals of a household within twelve months, and a draft that lets them come to less.
#[tokio::test]
async fn twelve_months_have_limits_too() {
    let desk = TestDesk::in_memory().await;
    let household = desk.world.household("石门寨").clone();
    for month in [4, 5] {
        let story = desk.refer(&household).event_on(day(2020, month, 6));
        let story = story.through_verification(yuan(20_000)).through_notice();
        story.approve().await;
    }
    let with = async |alone: Option<i64>, second: Option<i64>| {
        let rehearsal = run(&desk, |draft| {
            for row in &mut draft.authority {
                row.twelve_months_alone_max = alone.map(yuan);
                row.twelve_months_second_max = second.map(yuan);
            }
        })
        .await;
        let stuck = rehearsal.cases.iter().map(|it| it.stuck.clone());
        stuck.collect::<Vec<_>>()
    };
    let (sum, limit) = (yuan(21_000), yuan(20_999));
    let stuck = Some(Stuck::TwelveMonths { sum, limit });
    assert_eq!(with(None, Some(21_000)).await, [None, None]);
    assert_eq!(with(None, Some(20_999)).await, [None, stuck]);
    // Beyond what one may do alone a second can still do.
    assert_eq!(with(Some(15_000), None).await, [None, None]);
}

/// An advance is netted by the draft, too.
#[tokio::test]
async fn claims_of_one_event_are_one() {
    let desk = TestDesk::open_with(Arc::new(MemoryStore::new()), World::advancing()).await;
    let household = desk.world.household("石门寨").clone();
    let advance = desk.draft(&household).advance().refer();
    let advance = advance.accept().assign().visit().evaluate();
    let facts = LossFacts {
        other_compensation: Some(Fen::ZERO),
        ..LossFacts::default()
    };
    let advance = advance.verify_facts(facts).through_notice();
    let advance = advance.through_payout().await;
    let settled = desk.draft(&household).follows(&advance).refer();
    let settled = settled.through_verification(yuan(41_200)).through_notice();
    settled.approve().await;
    assert_eq!(
        new_of(&run(&desk, |_| {}).await),
        [Some(yuan(5_000)), Some(yuan(20_340))]
    );
    let more = run(&desk, |draft| {
        let advance = &mut draft.perils[0].tables[1].schedule;
        advance.rule = Rule::Fixed {
            amount: yuan(6_000),
            per: Per::Event,
        };
    });
    assert_eq!(new_of(&more.await), [Some(yuan(6_000)), Some(yuan(19_340))]);
}

/// A scheme that takes whoever comes, and a draft that wants the village's list first.
#[tokio::test]
async fn whoever_was_not_listed() {
    let mut world = World::new();
    world.scheme.coverage.listed_first = false;
    let desk = TestDesk::open_with(Arc::new(MemoryStore::new()), world).await;
    let story = desk.refer(desk.world.unlisted());
    story.through_verification(yuan(41_200)).await;
    let rehearsal = run(&desk, |draft| draft.coverage.listed_first = true).await;
    assert_eq!(rehearsal.cases[0].stuck, Some(Stuck::NotListed));
    assert_eq!(run(&desk, |_| {}).await.cases[0].stuck, None);
}

/// An approval that came after the year's end, where approvals fix the year.
#[tokio::test]
async fn approvals_may_fix_the_year() {
    let desk = TestDesk::in_memory().await;
    let paid = paid(&desk, "石门寨", 41_200).await;
    let approved = paid.state.approved().expect("it is paid");
    let on = calendar::legal_day(approved.approval.approved.at);
    let until = async |to| {
        let rehearsal = run(&desk, |draft| {
            draft.year.fixed_by = YearDate::Approval;
            draft.year.to = to;
        })
        .await;
        code(&rehearsal.cases[0])
    };
    assert_eq!(until(on).await, None);
    let before = on.pred_opt().expect("a day");
    assert_eq!(until(before).await, Some("OUTSIDE_POLICY_YEAR"));
}

/// Premium 50 yuan for 1,000 persons, fee 15 % of what is paid.
#[tokio::test]
async fn the_pool_by_the_drafts_terms() {
    let desk = TestDesk::in_memory().await;
    paid(&desk, "石门寨", 41_200).await;
    let second = paid(&desk, "驻操营", 41_200).await;
    let rehearsal = run(&desk, |_| {}).await;
    let account = |premium, paid, fee, balance| YearAccount {
        premium: yuan(premium),
        paid: yuan(paid),
        fee: yuan(fee),
        balance: yuan(balance),
    };
    let short = account(50_000, 50_680, 7_602, -8_282);
    assert_eq!((rehearsal.pool.old, rehearsal.pool.new), (short, short));
    // The second is still paid once the pool is topped up: it differs in nothing.
    let first_short = rehearsal.pool.first_short.as_deref();
    assert_eq!(first_short, Some(second.number.as_str()));
    let case = &rehearsal.cases[1];
    let lacking = yuan(680);
    assert_eq!(case.stuck, Some(Stuck::PoolEmpty { lacking }));
    assert_eq!(case.difference(), Some(Fen::ZERO));
    let rehearsal = run(&desk, |draft| {
        draft.pool.headcount = 1_014;
        draft.pool.fee = Rate::from_basis_points(1).expect("a rate");
        draft.pool.surplus = Surplus::Returned;
        draft.pool.shortage = Shortage::InsurerBears;
        rate(draft, 60);
    })
    .await;
    assert_eq!(rehearsal.pool.first_short, None);
    // One basis point of 43,440.00 is 4.344.
    assert_eq!(
        rehearsal.pool.new,
        YearAccount {
            fee: Fen::new(434),
            balance: Fen::new(725_566),
            ..account(50_700, 43_440, 0, 0)
        }
    );
    let terms = (rehearsal.pool.surplus, rehearsal.pool.shortage);
    assert_eq!(terms, (Surplus::Returned, Shortage::InsurerBears));
}

/// Half a fen goes up.
#[test]
fn a_fee_is_rounded_once() {
    let half = Rate::from_basis_points(5_000).expect("a rate");
    assert_eq!(share(Fen::new(3), half), Fen::new(2));
    assert_eq!(share(Fen::new(i64::MAX), Rate::WHOLE), Fen::new(i64::MAX));
}

/// A draft for next year is rehearsed on this year's dates.
#[tokio::test]
async fn periods_move_by_whole_years() {
    let desk = TestDesk::in_memory().await;
    paid(&desk, "石门寨", 41_200).await;
    let next = |draft: &mut Scheme| {
        let (from, to) = (day(2021, 1, 1), day(2021, 12, 31));
        (draft.year.year, draft.year.from, draft.year.to) = (2021, from, to);
        for peril in &mut draft.perils {
            (peril.covers_from, peril.covers_to) = (from, to);
        }
    };
    let rehearsal = run(&desk, next).await;
    assert_eq!(rehearsal.moved_years, -1);
    assert_eq!(new_of(&rehearsal), [Some(yuan(25_340))]);
    let late = run(&desk, |draft| {
        next(draft);
        draft.perils[0].covers_from = day(2021, 5, 7);
    })
    .await;
    let (from, to) = (day(2020, 5, 7), day(2020, 12, 31));
    assert_eq!(late.cases[0].stuck, Some(Stuck::Period { from, to }));
    let mut leap = desk.world.scheme.clone();
    leap.year.to = day(2020, 2, 29);
    assert_eq!(moved(&leap, 1).year.to, day(2021, 2, 28));
    assert_eq!(moved(&leap, 4).year.to, day(2024, 2, 29));
    assert_eq!(moved(&leap, 0), leap);
}

#[tokio::test]
async fn checks_that_were_never_held_are_told() {
    let desk = TestDesk::in_memory().await;
    paid(&desk, "石门寨", 41_200).await;
    let rehearsal = run(&desk, |draft| draft.checks.push(Check::TownshipReview)).await;
    assert_eq!(rehearsal.cases[0].stuck, None);
    let never_held = BTreeMap::from([(Check::TownshipReview, 1)]);
    assert_eq!(rehearsal.never_held, never_held);
    // Votes have no part in a procedure without an evaluation.
    let without = run(&desk, |draft| {
        draft.checks = vec![Check::FieldVisit];
        draft.evaluation.present_min = 99;
    })
    .await;
    assert_eq!(without.cases[0].stuck, None);
}

#[tokio::test]
async fn the_newest_year_or_the_one_named() {
    let mut world = World::new();
    world.rival.year.year = 2021;
    let desk = TestDesk::open_with(Arc::new(MemoryStore::new()), world).await;
    let of = async |year| {
        let recorded = recorded_year(desk.store().as_ref(), county(), year).await;
        recorded.expect("reading")
    };
    assert_eq!(of(None).await, None);
    let first = desk.refer(desk.world.household("石门寨")).await;
    let rival = desk.world.rival.clone();
    let household = desk.world.household("驻操营").clone();
    let second = desk.draft(&household).under(&rival).await;
    // An event of the older year after the newer one began.
    desk.on(&first).accept().await;
    let newest = of(None).await.expect("claims");
    assert_eq!(newest.year, 2021);
    assert_eq!(newest.years, BTreeSet::from([2020, 2021]));
    let ids: Vec<ClaimId> = newest.claims.keys().copied().collect();
    assert_eq!(ids, [second.id]);
    let named = of(Some(2020)).await.expect("claims");
    let ids: Vec<ClaimId> = named.claims.keys().copied().collect();
    assert_eq!((named.year, ids), (2020, vec![first.id]));
    let none = of(Some(2019)).await.expect("claims of other years");
    assert_eq!((none.claims.len(), none.years.len()), (0, 2));
}

/// All rows that a rehearsal could have touched, as text.
async fn everything(desk: &TestDesk) -> String {
    let store = desk.store();
    let claims = store.claims_after(county(), None, 1_000).await;
    let payments = store.payments(county()).await;
    let texts = store.log_rows(county(), 0, 1_000).await;
    let schemes = store.schemes(county()).await;
    format!(
        "{claims:?} {payments:?} {texts:?} {schemes:?} {:?}",
        desk.pool().await
    )
}

#[tokio::test]
async fn it_changes_nothing() {
    let desk = TestDesk::in_memory().await;
    paid(&desk, "石门寨", 41_200).await;
    let before = everything(&desk).await;
    run(&desk, |draft| rate(draft, 60)).await;
    assert_eq!(everything(&desk).await, before);
}

/// One step of a random history: which claim, and which of the steps its status allows.
#[derive(Debug, Clone, Copy)]
struct Move {
    claim: usize,
    choice: u8,
}

/// What the step of a claim is; `None` where there is nothing more to do.
fn next(desk: &TestDesk, claim: &Claim, choice: u8) -> Option<Journey> {
    let story = desk.on(claim);
    let rare = choice.is_multiple_of(16);
    let amount = yuan(i64::from(choice) * 300 + 2_000);
    Some(match &claim.state {
        State::Draft(_) => story.refer(),
        State::Referred(_) => story.accept(),
        State::Accepted(_) => story.assign(),
        State::Verifying(verifying) => match verifying.next_check(&desk.world.scheme.checks) {
            Some(Check::FieldVisit) => story.visit(),
            Some(Check::VillageEvaluation) => story.evaluate(),
            Some(Check::DataComparison | Check::TownshipReview) => return None,
            None => story.verify(amount),
        },
        State::Verified(verified) if verified.preview.is_none() => story.preview(),
        State::Verified(_) if rare => story.withdraw(),
        State::Verified(_) => story.open_notice(),
        State::NoticeOpen(open) if open.proofs.is_empty() => story.prove(),
        State::NoticeOpen(_) => {
            desk.pass_days(6);
            story.close_notice()
        }
        State::NoticeClosed(closed) if closed.first_approval.is_some() => story.second_approve(),
        State::NoticeClosed(_) if rare => story.reject(),
        State::NoticeClosed(_) if choice % 16 == 1 => story.send_back(),
        State::NoticeClosed(_) if choice % 4 == 2 => {
            story.approve_with_uplift(yuan(i64::from(choice) + 1))
        }
        State::NoticeClosed(_) => story.approve(),
        State::Approved(_) | State::PayFailed(_) | State::PayReturned(_)
            if claim.open_objections() > 0 =>
        {
            story.uphold()
        }
        State::Approved(_) if rare => story.withdraw(),
        State::Approved(_) if choice % 16 == 1 => story.object(),
        State::Approved(_) => story.instruct(),
        State::Instructed(_) if rare => story.fail(),
        State::Instructed(_) => story.confirm(),
        State::PayFailed(_) | State::PayReturned(_) => story.reinstate(),
        State::Paid(_) if choice.is_multiple_of(4) => story.start_recovery(),
        State::Paid(_) if choice % 4 == 1 => story.give_money_back(),
        State::Paid(_) => story.archive(),
        State::Recovering(_) => story.recover(),
        State::Returned(_)
        | State::Ineligible(_)
        | State::Rejected(_)
        | State::PayUnknown(_)
        | State::Closed(_)
        | State::AwaitingFunds(_)
        | State::Recovered(_)
        | State::WrittenOff(_)
        | State::Withdrawn(_)
        | State::Appealed(_)
        | State::AppealDismissed(_)
        | State::RefusalClosed(_) => return None,
    })
}

/// What a random history came to.
#[derive(Default)]
struct Tally {
    approved: Cell<u64>,
    capped: Cell<u64>,
    released: Cell<u64>,
    differs: Cell<u64>,
}

fn cut_by_earlier_claims(assessment: &Assessment) -> bool {
    assessment.benefit < assessment.table_amount && assessment.used.household_year > Fen::ZERO
}

async fn random_history(world: World, moves: &[Move], tally: &Tally) {
    let desk = TestDesk::open_with(Arc::new(MemoryStore::new()), world).await;
    let one = desk.world.household("石门寨").clone();
    let other = desk.world.household("驻操营").clone();
    let mut claims = [
        desk.draft(&one).await,
        desk.draft(&one).event_on(day(2020, 4, 6)).await,
        desk.draft(&one).insured(one.members[1].id).await,
        desk.draft(&other).await,
    ];
    let mut capped = false;
    for step in moves {
        let claim = &mut claims[step.claim];
        let Some(story) = next(&desk, claim, step.choice) else {
            continue;
        };
        // A refusal is part of the history: a cap was reached, a sum is nothing.
        let outcome = story.outcome().await;
        capped |= matches!(&outcome, Outcome::Blocked(Blocked::CapExceeded { .. }));
        if let Outcome::Done { claim: after, .. } = outcome {
            *claim = *after;
            capped |= claim.assessment().is_some_and(cut_by_earlier_claims);
        }
    }
    let recorded = record(&desk).await;
    let rehearsal = rehearse(&desk.world.scheme, &recorded);
    for case in &rehearsal.cases {
        assert_eq!(case.difference(), Some(Fen::ZERO), "{case:?}");
        let pool = matches!(case.stuck, None | Some(Stuck::PoolEmpty { .. }));
        assert!(pool, "{case:?}");
    }
    assert_eq!(rehearsal.approved.old, rehearsal.approved.new);
    assert_eq!(rehearsal.pool.old, rehearsal.pool.new);
    assert_eq!(rehearsal.pool.new.paid, rehearsal.approved.new);
    let counted = claims.iter().map(|claim| claim.counted().benefit.get());
    assert_eq!(rehearsal.pool.new.paid.get(), counted.sum::<i64>());
    let all = rehearsal.ended + rehearsal.under_way;
    assert_eq!(all + u64::try_from(rehearsal.cases.len()).unwrap_or(0), 4);

    // So that the property is known to bite: where it can, another draft does differ.
    let mut other = desk.world.scheme.clone();
    rate(&mut other, 69);
    let other = rehearse(&other, &recorded);
    let add = |cell: &Cell<u64>, more: bool| cell.set(cell.get() + u64::from(more));
    add(&tally.differs, other.approved.old != other.approved.new);
    add(&tally.approved, rehearsal.approved.claims > 0);
    add(&tally.capped, capped);
    let released = |it: &Moment| matches!(it, Moment::Released { .. });
    add(&tally.released, recorded.moments.iter().any(released));
}

/// Whatever happened, the scheme it happened under would have it happen again.
#[test]
fn a_record_rehearses_to_itself() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let tally = Tally::default();
    let scopes = prop::sample::select(vec![
        None,
        Some(CapScope::Event),
        Some(CapScope::PersonYear),
        // Three of the four claims are of one household: here a cap is reached most often.
        Some(CapScope::HouseholdYear),
        Some(CapScope::HouseholdYear),
        Some(CapScope::HouseholdYear),
    ]);
    let accumulations = prop::sample::select(vec![
        Accumulation::Event,
        Accumulation::PersonYear,
        Accumulation::HouseholdYear,
    ]);
    let moves = prop::collection::vec(
        (0_usize..4, any::<u8>()).prop_map(|(claim, choice)| Move { claim, choice }),
        100..180,
    );
    let mut runner = TestRunner::new(Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(
        &(scopes, 15_000_i64..45_000, accumulations, moves),
        |(scope, limit, accumulation, moves)| {
            let mut world = World::new();
            illness(&mut world.scheme).accumulation = accumulation;
            illness(&mut world.scheme).caps = scope.map(|it| cap(it, limit)).into_iter().collect();
            runtime.block_on(random_history(world, &moves, &tally));
            Ok(())
        },
    );
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let Tally {
        approved,
        capped,
        released,
        differs,
    } = tally;
    let seen = [approved, capped, released, differs].map(Cell::into_inner);
    assert!(
        seen.iter().all(|it| *it >= 5),
        "approved, capped, released, differing: {seen:?}"
    );
}
