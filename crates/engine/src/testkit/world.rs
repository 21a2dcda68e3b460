//! A small county for tests, and a desk that lets a test talk like the office:
//!
//! ```
//! # use engine::testkit::{Expect, TestDesk, yuan};
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let desk = TestDesk::in_memory().await;
//! desk.refer(desk.world.household("石门寨"))
//!     .accept().assign().visit().evaluate().verify(yuan(41_200))
//!     .preview().open_notice().prove().pass_days(6).close_notice()
//!     .approve().instruct().confirm().await
//!     .expect_paid(yuan(25_340));
//! # });
//! ```
//!
//! Everybody in it is invented.

use crate::access::{Access, Office, hash_password};
use crate::audit::{self, Report};
use crate::calendar_file::parse_calendar;
use crate::caller::{Caller, Grant};
use crate::clock::{Clock, ManualClock};
use crate::desk::{Desk, Submission};
use crate::household::{BankAccount, Household, IdNumber, Member, Payee, PayeeCheck, Phone};
use crate::identity::{Change, Holder, Pass, PassId, PassKind, Presented, Rules};
use crate::ids;
use crate::pool::{PoolBalances, fund_pool};
use crate::ports::{Fault, Outcome, Recorded, Store};
use crate::registry::{Account, Org, OrgKind, Person, Region};
use crate::scheme_file::{org_id, parse_scheme};
use crate::testkit::memory::MemoryStore;
use benefits::{Cap, Fen, Per, Rule, Schedule};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use lifecycle::phase::approval::Uplift;
use lifecycle::phase::payout::BankOutcome;
use lifecycle::phase::referral::{Basis, Case};
use lifecycle::phase::refusal::{Delivery, RefusalCode, RefusalLine};
use lifecycle::phase::verification::{Bill, Evidence, LossFacts, Votes};
use lifecycle::pool::Waiting;
use lifecycle::scheme::GroupTable;
use lifecycle::{
    AccountId, BillKey, Calendar, Check, Claim, ClaimId, Command, CountyCode, DraftReferral, Duty,
    HouseholdId, MemberId, NameCheckMeans, ObjectionId, ObjectionStatus, OrgId, PayeeId,
    PayeeRelation, Peril, PersonId, RegionCode, Scheme, State, Status, calendar,
};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// A future on the heap.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Whole yuan.
pub const fn yuan(yuan: i64) -> Fen {
    Fen::from_yuan(yuan)
}

/// The password of every account of the test county.
pub const PASSWORD: &str = "fangpin-test-2020";

/// The scheme of the test county: illness 70 % above 5,000, schooling 100 % above 6,000.
pub const SCHEME: &str = include_str!("scheme.toml");

const CALENDAR: &str = include_str!("../../../server/calendar/cn.toml");

const COUNTY: &str = "130302";
const SHIMENZHAI: &str = "130302105";
const ZHUCAOYING: &str = "130302106";

const REGIONS: &[(&str, &str)] = &[
    (COUNTY, "海港区(测试)"),
    (SHIMENZHAI, "石门寨镇"),
    ("130302105201", "西上庄坨村"),
    ("130302105202", "上庄坨村"),
    ("130302105203", "沙锅店村"),
    (ZHUCAOYING, "驻操营镇"),
    ("130302106201", "驻操营村"),
    ("130302106202", "板厂峪村"),
];

const ORGS: &[(&str, &str, OrgKind)] = &[
    ("office", "海港区扶贫办(测试)", OrgKind::Office),
    ("shimenzhai", "石门寨镇扶贫站(测试)", OrgKind::Office),
    ("zhucaoying", "驻操营镇扶贫站(测试)", OrgKind::Office),
    ("insurer", "某财险海港支公司(测试)", OrgKind::Insurer),
    ("rival", "另一财险海港支公司(测试)", OrgKind::Insurer),
];

macro_rules! roles {
    ($($(#[$meta:meta])* $role:ident = $login:literal $name:literal $org:literal $region:ident [$($duty:ident),*],)+) => {
        /// Whoever works in the test county.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role { $($(#[$meta])* $role,)+ }

        impl Role {
            /// Everybody.
            pub const ALL: &'static [Self] = &[$(Self::$role,)+];

            /// The login.
            pub const fn login(self) -> &'static str {
                match self { $(Self::$role => $login,)+ }
            }

            const fn post(self) -> (&'static str, &'static str, &'static str, &'static [Duty]) {
                match self { $(Self::$role => ($name, $org, $region, &[$(Duty::$duty),*]),)+ }
            }
        }
    };
}

roles! {
    /// Township caseworker (乡镇经办) of 石门寨镇.
    Shimenzhai = "smz.wang" "王经办" "shimenzhai" SHIMENZHAI [TownshipCaseworker],
    /// Township caseworker (乡镇经办) of 驻操营镇.
    Zhucaoying = "zcy.li" "李经办" "zhucaoying" ZHUCAOYING [TownshipCaseworker],
    /// County caseworker (县级经办).
    CountyCaseworker = "office.zhao" "赵干事" "office" COUNTY [CountyCaseworker],
    /// County supervisor (县级主管).
    Supervisor = "office.qian" "钱主管" "office" COUNTY [CountySupervisor],
    /// County reviewer (县级审定).
    Reviewer = "office.shen" "沈审定" "office" COUNTY [CountyReviewer],
    /// Auditor (审计监督).
    Auditor = "office.audit" "郑审计" "office" COUNTY [Auditor],
    /// Administrator of accounts (系统管理).
    Administrator = "office.admin" "何管理员" "office" COUNTY [Administrator],
    /// Insurer's handler (保险经办).
    Handler = "ins.sun" "孙内勤" "insurer" COUNTY [InsurerHandler],
    /// A second handler.
    SecondHandler = "ins.han" "韩内勤" "insurer" COUNTY [InsurerHandler],
    /// Surveyor (查勘员).
    Surveyor = "ins.zhou" "周查勘" "insurer" COUNTY [Surveyor],
    /// Approver (核赔人).
    Approver = "ins.wu" "吴核赔" "insurer" COUNTY [Approver],
    /// A second approver.
    SecondApprover = "ins.feng" "冯核赔" "insurer" COUNTY [Approver],
    /// Finance (保险财务).
    Finance = "ins.chen" "陈出纳" "insurer" COUNTY [Finance],
    /// A second person of finance.
    SecondFinance = "ins.chu" "褚会计" "insurer" COUNTY [Finance],
    /// The bank's connector (银行接口): a system.
    Connector = "bank.link" "银行接口" "insurer" COUNTY [BankConnector],
    /// A handler of another insurer, who sees none of the first one's claims.
    RivalHandler = "rival.jiang" "蒋内勤" "rival" COUNTY [InsurerHandler],
}

impl Role {
    /// The caseworker of the township a village lies in.
    pub fn caseworker_of(village: &RegionCode) -> Self {
        if village.as_str().starts_with(ZHUCAOYING) {
            Self::Zhucaoying
        } else {
            Self::Shimenzhai
        }
    }

    fn key(self) -> String {
        format!("{COUNTY}/{}", self.login())
    }

    /// The person.
    pub fn person_id(self) -> PersonId {
        PersonId(ids::named("person", &self.key()))
    }

    /// The account.
    pub fn account_id(self) -> AccountId {
        AccountId(ids::named("account", &self.key()))
    }

    /// The secret of a session that is always open, for the `Authorization` header.
    pub fn token(self) -> String {
        format!("fps_test_{}", self.login())
    }

    /// The person with duties.
    pub fn person(self) -> Person {
        let (name, org, region, duties) = self.post();
        Person {
            id: self.person_id(),
            name: name.into(),
            org: org_of(org),
            region: code(region),
            duties: duties.to_vec(),
            interests: Vec::new(),
        }
    }

    /// What [`Self::token`] opens: a key, so that no test must keep it awake.
    pub fn pass(self) -> Pass {
        let opened = calendar::start_of(day(2020, 1, 1));
        Pass {
            id: PassId(ids::named("pass", &self.key())),
            account: self.account_id(),
            kind: PassKind::Key,
            label: "测试".into(),
            grants: Grant::ALL.to_vec(),
            duties: None,
            region: None,
            on_behalf_of: None,
            second_factor: false,
            opened_at: opened,
            seen_at: calendar::start_of(day(2030, 1, 1)),
            renewed_at: opened,
            ends_at: calendar::start_of(day(2030, 1, 1)),
            ended_at: None,
        }
    }

    /// The person with its organisation.
    pub fn holder(self) -> Holder {
        let person = self.person();
        let org = orgs().into_iter().find(|org| org.id == person.org);
        Holder {
            org: org.expect("every post has an organisation"),
            person,
            assignments: Vec::new(),
        }
    }

    /// The caller, as it is resolved.
    pub fn caller(self) -> Caller {
        let pass = self.pass();
        let presented = Presented {
            county: county(),
            secret_ends_at: pass.ends_at,
            holder: self.holder(),
            absent: None,
            pass,
        };
        let now = calendar::start_of(day(2020, 6, 1));
        let caller = presented.caller(now, &Rules::default());
        caller.expect("every role has a duty")
    }
}

/// The test county.
pub fn county() -> CountyCode {
    CountyCode::new(130_302).expect("six digits")
}

fn code(text: &str) -> RegionCode {
    RegionCode::new(text).expect("a region code")
}

fn org_of(code: &str) -> OrgId {
    org_id(county(), code)
}

fn orgs() -> Vec<Org> {
    ORGS.iter()
        .map(|(code, name, kind)| Org {
            id: org_of(code),
            name: (*name).into(),
            kind: *kind,
            parent: None,
        })
        .collect()
}

/// A legal day.
pub fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a day")
}

/// A valid made-up identity number: born on this day, with this sequence (odd for men).
pub fn id_number(born_on: NaiveDate, sequence: u16) -> IdNumber {
    let body = format!("{COUNTY}{}{sequence:03}", born_on.format("%Y%m%d"));
    let mut check = "10X98765432".chars();
    check
        .find_map(|check| IdNumber::parse(&format!("{body}{check}")).ok())
        .expect("one of eleven check characters fits")
}

/// A household that nobody lives in, always the same one for the same number.
pub fn invent_household(number: u32, village: &str) -> Household {
    const FAMILIES: [&str; 10] = ["张", "李", "刘", "陈", "杨", "黄", "吴", "徐", "马", "朱"];
    const GIVEN: [&str; 8] = [
        "建国", "秀英", "志强", "桂兰", "永福", "春梅", "德顺", "玉珍",
    ];
    let pick =
        |list: &[&'static str], at: u32| list[usize::try_from(at).unwrap_or_default() % list.len()];
    let family = pick(&FAMILIES, number);
    let member_id = |which: &str| MemberId(ids::named("member", &format!("test/{number}/{which}")));
    let born = |year: i32| day(year, 1, 1) + Duration::days(i64::from(number));
    let member = |which: &str, name: String, born_on, sequence, relation: &str| Member {
        id: member_id(which),
        name,
        id_number: id_number(born_on, sequence),
        relation: relation.into(),
        died_on: None,
        checked_on: Some(day(2020, 5, 25)),
    };
    let head_name = format!("{family}{}", pick(&GIVEN, number / 10));
    let spouse_name = format!(
        "{}{}",
        pick(&FAMILIES, number + 3),
        pick(&GIVEN, number + 1)
    );
    let payee = |which: &str, relation, holder_name: &str, last: u32| Payee {
        id: PayeeId(ids::named("payee", &format!("test/{number}/{which}"))),
        member: member_id(which),
        relation,
        papers: None,
        holder_name: holder_name.into(),
        bank: "某农信社(测试)".into(),
        account: BankAccount::parse(&format!("622848{number:012}{last}")).expect("digits"),
        entered_by: Some(Role::Shimenzhai.person_id()),
        entered_for: None,
        checks: vec![PayeeCheck {
            id: ids::named("payee-compared", &format!("test/{number}{last}")),
            means: NameCheckMeans::NamesCompared,
            passed: true,
            by: Role::Shimenzhai.person_id(),
            on_behalf_of: None,
            on: day(2020, 5, 25),
            sha256: None,
        }],
    };
    Household {
        id: HouseholdId(ids::named("household", &format!("test/{number}"))),
        county: county(),
        village: code(village),
        kind: "边缘易致贫户".into(),
        listed_on: Some(day(2020, 3, 10)),
        head: member_id("head"),
        persons: 4,
        phone: Phone::parse(&format!("139{number:08}")),
        payees: vec![
            payee("head", PayeeRelation::Head, &head_name, 1),
            payee("spouse", PayeeRelation::Family, &spouse_name, 2),
        ],
        members: vec![
            member("head", head_name, born(1950), 11, "户主"),
            member("spouse", spouse_name, born(1952), 22, "配偶"),
            member("child", format!("{family}小北"), born(1999), 33, "子"),
        ],
    }
}

/// A small county: change what a test needs changed, then [`World::seed`] it.
#[derive(Debug, Clone)]
pub struct World {
    /// The scheme of the insurer.
    pub scheme: Scheme,
    /// The scheme of the other insurer.
    pub rival: Scheme,
    /// The calendar, 2018 to 2026.
    pub calendar: Arc<Calendar>,
    /// Households: four of 石门寨镇, two of 驻操营镇, and one of 石门寨镇 that is not listed.
    pub households: Vec<Household>,
    /// What is put into each pool.
    pub pool: Fen,
    /// Persons who declared an interest in a household.
    pub interests: Vec<(Role, HouseholdId)>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Puts one cap, and no other, on every table of the scheme.
    pub fn cap(&mut self, cap: &Cap) {
        for table in self.scheme.perils.iter_mut().flat_map(|it| &mut it.tables) {
            table.schedule.caps = vec![cap.clone()];
        }
    }

    /// The county as most tests want it.
    pub fn new() -> Self {
        let scheme = parse_scheme(SCHEME).expect("the test's scheme is sound");
        let rival = parse_scheme(
            &SCHEME
                .replace("insurer = \"insurer\"", "insurer = \"rival\"")
                .replace("test-2020", "rival-2020"),
        );
        let villages = [
            "130302105201",
            "130302105202",
            "130302105203",
            "130302105201",
            "130302106201",
            "130302106202",
        ];
        let mut households: Vec<Household> = (0..)
            .zip(villages)
            .map(|(number, village)| invent_household(number, village))
            .collect();
        households.push(Household {
            listed_on: None,
            ..invent_household(6, "130302105202")
        });
        Self {
            scheme,
            rival: rival.expect("the rival's scheme is sound"),
            calendar: Arc::new(parse_calendar(CALENDAR).expect("the calendar is sound")),
            households,
            pool: yuan(1_000_000),
            interests: Vec::new(),
        }
    }

    /// The same county, where 5,000 yuan are advanced on an illness.
    pub fn advancing() -> Self {
        let mut world = Self::new();
        let terms = &mut world.scheme.perils[0];
        let schedule = Schedule {
            id: "advance".into(),
            deductible: Fen::ZERO,
            rule: Rule::Fixed {
                amount: yuan(5_000),
                per: Per::Event,
            },
            ..terms.tables[0].schedule.clone()
        };
        terms.tables.push(GroupTable {
            groups: Vec::new(),
            advance: true,
            schedule,
        });
        world
    }

    /// The first listed household of a township or village, by its name or part of it.
    pub fn household(&self, place: &str) -> &Household {
        self.households
            .iter()
            .filter(|it| it.listed_on.is_some())
            .find(|it| {
                REGIONS.iter().any(|(region, name)| {
                    name.contains(place) && it.village.as_str().starts_with(region)
                })
            })
            .unwrap_or_else(|| panic!("no household in {place}"))
    }

    /// The household that the village has not listed.
    pub fn unlisted(&self) -> &Household {
        let mut households = self.households.iter();
        households
            .find(|it| it.listed_on.is_none())
            .expect("one household is not listed")
    }

    /// The person in a role, with declared interests.
    pub fn person(&self, role: Role) -> Person {
        Person {
            interests: self
                .interests
                .iter()
                .filter(|(of, _)| *of == role)
                .map(|(_, household)| *household)
                .collect(),
            ..role.person()
        }
    }

    fn scheme_of(&self, claim: &Claim) -> &Scheme {
        if claim.scheme == self.rival.id {
            &self.rival
        } else {
            &self.scheme
        }
    }

    /// Writes everything: regions, organisations, people with accounts and open sessions,
    /// schemes, households, funded pools. Twice is as good as once.
    pub async fn seed(&self, store: &dyn Store) -> Result<(), Fault> {
        let county = county();
        for (region, name) in REGIONS {
            let region = Region {
                code: code(region),
                name: (*name).into(),
            };
            store.put_region(county, &region).await?;
        }
        for org in orgs() {
            store.put_org(county, &org).await?;
        }
        for role in Role::ALL.iter().copied() {
            store.put_person(county, &self.person(role)).await?;
            let account = Account {
                id: role.account_id(),
                login: role.login().into(),
                password_hash: password_hash(),
                person: role.person_id(),
            };
            store.put_account(county, &account).await?;
            let open = Change::OpenPass {
                pass: role.pass(),
                hash: ids::sha256(role.token()),
            };
            store.change(county, &[open], None).await?;
        }
        for scheme in [&self.scheme, &self.rival] {
            store.put_scheme(scheme).await?;
            let reference = format!("funding {}", scheme.id);
            let at = calendar::start_of(day(2020, 1, 2));
            let funded = fund_pool(store, county, scheme.id, self.pool, &reference, at).await?;
            funded.expect("a pool is funded");
        }
        for household in &self.households {
            store.put_household(household).await?;
        }
        Ok(())
    }
}

/// Hashing is slow by design; every account has the same password, hashed once.
fn password_hash() -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash_password(PASSWORD).expect("the password is long enough"))
        .clone()
}

/// A desk in the test county on Monday, 1 June 2020, nine in the morning.
#[derive(Clone)]
pub struct TestDesk {
    /// The county.
    pub world: Arc<World>,
    /// The real desk.
    pub desk: Desk,
    /// Its clock; it stands until a test moves it.
    pub clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
}

impl TestDesk {
    /// Seeds the usual county into a fresh store and opens a desk on it.
    pub async fn open(store: Arc<dyn Store>) -> Self {
        Self::open_with(store, World::new()).await
    }

    /// Seeds a county into a fresh store and opens a desk on it.
    pub async fn open_with(store: Arc<dyn Store>, world: World) -> Self {
        world
            .seed(store.as_ref())
            .await
            .unwrap_or_else(|fault| panic!("seeding: {fault:?}"));
        let monday = calendar::start_of(day(2020, 6, 1)) + Duration::hours(9);
        let clock = Arc::new(ManualClock::new(monday));
        let desk = Desk::new(
            Arc::clone(&store),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::clone(&world.calendar),
        );
        Self {
            world: Arc::new(world),
            desk,
            clock,
            store,
        }
    }

    /// A desk on a [`MemoryStore`].
    pub async fn in_memory() -> Self {
        Self::open(Arc::new(MemoryStore::new())).await
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Desk and access, as gateway and console receive them.
    pub fn office(&self) -> Office {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Office {
            desk: self.desk.clone(),
            access: Arc::new(Access::new(Arc::clone(&self.store), clock)),
        }
    }

    /// The instant the clock shows.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Lets days pass.
    pub fn pass_days(&self, days: i64) {
        self.clock.advance(Duration::days(days));
    }

    /// Drafts a referral (拟稿): illness of the head of household, 41,200 yuan self-paid.
    pub fn draft(&self, household: &Household) -> Journey {
        let first = household.payees.first().map(|payee| payee.id);
        let plan = Plan {
            household: household.id,
            scheme: self.world.scheme.clone(),
            case: Case {
                insured: household.head,
                peril: Peril::Illness,
                event_on: day(2020, 5, 6),
                submitted: yuan(41_200),
                payee: first.unwrap_or(PayeeId(Uuid::nil())),
                basis: Some(Basis {
                    decided_on: day(2020, 5, 18),
                    document: "村民代表会议决议 2020-11 号(测试)".into(),
                }),
                advance: false,
            },
            follows: None,
        };
        Journey {
            desk: self.clone(),
            village: household.village.clone(),
            claim: None,
            steps: vec![Step {
                act: Act::Draft(Box::new(plan)),
                role: None,
                key: None,
            }],
        }
    }

    /// Drafts a referral and refers it.
    pub fn refer(&self, household: &Household) -> Journey {
        self.draft(household).refer()
    }

    /// Goes on with a claim as it was last seen.
    pub fn on(&self, claim: &Claim) -> Journey {
        Journey {
            desk: self.clone(),
            village: claim.village.clone(),
            claim: Some(claim.clone()),
            steps: Vec::new(),
        }
    }

    /// Submits one command with a fresh key.
    pub async fn submit(&self, role: Role, claim: Option<&Claim>, command: Command) -> Outcome {
        self.submit_with_key(role, claim, command, ids::fresh())
            .await
    }

    /// Submits one command with a key.
    pub async fn submit_with_key(
        &self,
        role: Role,
        claim: Option<&Claim>,
        command: Command,
        key: Uuid,
    ) -> Outcome {
        let submission = Submission {
            claim: claim.map(|claim| (claim.id, claim.version)),
            key,
            command,
        };
        let outcome = self.desk.submit(&role.caller(), submission).await;
        outcome.unwrap_or_else(|fault| panic!("a fault instead of an answer: {fault:?}"))
    }

    /// A claim as it now stands, whoever may see it.
    pub async fn claim(&self, id: ClaimId) -> Claim {
        let claim = self.store.claim(&Role::Auditor.caller().scope, id).await;
        claim.expect("reading").expect("the claim exists")
    }

    /// The history of a claim.
    pub async fn history(&self, id: ClaimId) -> Vec<Recorded> {
        let history = self.store.history(&Role::Auditor.caller().scope, id).await;
        history.expect("reading")
    }

    /// The whole log of the county.
    pub async fn log(&self) -> Vec<Recorded> {
        let log = self.store.log(county(), 0, u32::MAX >> 1).await;
        log.expect("reading")
    }

    /// The insurer's pool.
    pub async fn pool(&self) -> PoolBalances {
        let pool = self.store.pool(county(), self.world.scheme.id).await;
        pool.expect("reading")
    }

    /// What the verification says.
    pub async fn audit(&self) -> Report {
        audit::verify(self.store.as_ref()).await.expect("reading")
    }

    /// The verification finds nothing wrong.
    pub async fn expect_sound(&self) -> Report {
        let report = self.audit().await;
        assert!(report.faults.is_empty(), "{:#?}", report.faults);
        report
    }
}

/// What a draft says.
#[derive(Debug, Clone)]
struct Plan {
    household: HouseholdId,
    scheme: Scheme,
    case: Case,
    follows: Option<ClaimId>,
}

/// What is done next.
#[derive(Debug, Clone)]
enum Act {
    Draft(Box<Plan>),
    Amend(Box<Case>),
    Refer,
    GiveBack,
    Accept,
    Assign(Role),
    Visit,
    Evaluate { agree: u16, against: u16 },
    Verify(Box<LossPlan>),
    Ineligible,
    Preview,
    OpenNotice,
    Prove,
    Object,
    Resolve { upheld: bool },
    CloseNotice,
    Review,
    Approve(Option<Uplift>),
    SecondApprove,
    Reject,
    SendBack,
    ChangePayee(PayeeId),
    ConfirmPayee,
    Instruct,
    Confirm,
    Fail,
    Return,
    MarkUnknown,
    Reconcile { settled: bool },
    Reinstate,
    Withdraw,
    Archive,
    StartRecovery,
    Recover,
    IssueLetter,
    Appeal,
    DecideAppeal { upheld: bool },
    RecoverPart(Fen),
    ProposeWriteOff,
    ConfirmWriteOff,
    ReserveWaiting,
    Command(Box<Command>),
    PassDays(i64),
}

/// What is verified.
#[derive(Debug, Clone)]
enum LossPlan {
    /// One bill of the claim's own.
    SelfPaid(Fen),
    /// One bill with this number.
    Bill(String, Fen),
    /// These facts.
    Facts(LossFacts),
}

/// One step of a story.
struct Step {
    act: Act,
    role: Option<Role>,
    key: Option<Uuid>,
}

/// A claim's story: steps that are carried out, in order, when it is awaited. A step that is
/// refused ends the test with the refusal's code.
#[must_use = "a story happens when it is awaited"]
pub struct Journey {
    desk: TestDesk,
    village: RegionCode,
    claim: Option<Claim>,
    steps: Vec<Step>,
}

/// The draft's contents, before it is awaited.
impl Journey {
    fn plan(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        let first = self.steps.first_mut().map(|step| &mut step.act);
        let Some(Act::Draft(plan)) = first else {
            panic!("only a story that begins with a draft can be planned");
        };
        change(plan);
        self
    }

    /// Another peril.
    pub fn peril(self, peril: Peril) -> Self {
        self.plan(|plan| plan.case.peril = peril)
    }

    /// Another member.
    pub fn insured(self, member: MemberId) -> Self {
        self.plan(|plan| plan.case.insured = member)
    }

    /// Another day of the event.
    pub fn event_on(self, day: NaiveDate) -> Self {
        self.plan(|plan| plan.case.event_on = day)
    }

    /// Another stated cost.
    pub fn submitted(self, amount: Fen) -> Self {
        self.plan(|plan| plan.case.submitted = amount)
    }

    /// Another payee.
    pub fn paid_to(self, payee: PayeeId) -> Self {
        self.plan(|plan| plan.case.payee = payee)
    }

    /// Without a village decision.
    pub fn without_basis(self) -> Self {
        self.plan(|plan| plan.case.basis = None)
    }

    /// An advance.
    pub fn advance(self) -> Self {
        self.plan(|plan| plan.case.advance = true)
    }

    /// Going on with an earlier claim.
    pub fn follows(self, earlier: &Claim) -> Self {
        self.plan(|plan| plan.follows = Some(earlier.id))
    }

    /// Under another scheme.
    pub fn under(self, scheme: &Scheme) -> Self {
        self.plan(|plan| plan.scheme = scheme.clone())
    }
}

/// The steps.
impl Journey {
    fn then(mut self, act: Act) -> Self {
        self.steps.push(Step {
            act,
            role: None,
            key: None,
        });
        self
    }

    /// The last step is done by somebody else than usual.
    pub fn by(mut self, role: Role) -> Self {
        if let Some(step) = self.steps.last_mut() {
            step.role = Some(role);
        }
        self
    }

    /// The last step has this idempotency key.
    pub fn keyed(mut self, key: Uuid) -> Self {
        if let Some(step) = self.steps.last_mut() {
            step.key = Some(key);
        }
        self
    }

    /// The caseworker refers it.
    pub fn refer(self) -> Self {
        self.then(Act::Refer)
    }

    /// The caseworker replaces what is claimed.
    pub fn amend(self, case: Case) -> Self {
        self.then(Act::Amend(Box::new(case)))
    }

    /// The handler returns it for correction.
    pub fn give_back(self) -> Self {
        self.then(Act::GiveBack)
    }

    /// The handler accepts it.
    pub fn accept(self) -> Self {
        self.then(Act::Accept)
    }

    /// The handler gives the survey to the surveyor.
    pub fn assign(self) -> Self {
        self.assign_to(Role::Surveyor)
    }

    /// The handler gives the survey to somebody.
    pub fn assign_to(self, role: Role) -> Self {
        self.then(Act::Assign(role))
    }

    /// The surveyor visits; the household passes.
    pub fn visit(self) -> Self {
        self.then(Act::Visit)
    }

    /// The village evaluates: 30 present, 28 for, one against.
    pub fn evaluate(self) -> Self {
        self.evaluate_with(28, 1)
    }

    /// The village evaluates: 30 present.
    pub fn evaluate_with(self, agree: u16, against: u16) -> Self {
        self.then(Act::Evaluate { agree, against })
    }

    /// The surveyor accepts one bill, the claim's own, and the benefit is computed.
    pub fn verify(self, self_paid: Fen) -> Self {
        self.then(Act::Verify(Box::new(LossPlan::SelfPaid(self_paid))))
    }

    /// The surveyor accepts the bill with this number.
    pub fn verify_bill(self, number: &str, self_paid: Fen) -> Self {
        self.then(Act::Verify(Box::new(LossPlan::Bill(
            number.to_owned(),
            self_paid,
        ))))
    }

    /// The surveyor accepts these facts.
    pub fn verify_facts(self, facts: LossFacts) -> Self {
        self.then(Act::Verify(Box::new(LossPlan::Facts(facts))))
    }

    /// The handler declares the household ineligible.
    pub fn declare_ineligible(self) -> Self {
        self.then(Act::Ineligible)
    }

    /// The supervisor previews the notice.
    pub fn preview(self) -> Self {
        self.then(Act::Preview)
    }

    /// The county caseworker posts it.
    pub fn open_notice(self) -> Self {
        self.then(Act::OpenNotice)
    }

    /// The township caseworker proves that it hangs.
    pub fn prove(self) -> Self {
        self.then(Act::Prove)
    }

    /// Somebody in the village objects.
    pub fn object(self) -> Self {
        self.then(Act::Object)
    }

    /// The supervisor upholds the open objection.
    pub fn uphold(self) -> Self {
        self.then(Act::Resolve { upheld: true })
    }

    /// The supervisor dismisses the open objection.
    pub fn dismiss(self) -> Self {
        self.then(Act::Resolve { upheld: false })
    }

    /// Days pass.
    pub fn pass_days(self, days: i64) -> Self {
        self.then(Act::PassDays(days))
    }

    /// The supervisor closes the notice.
    pub fn close_notice(self) -> Self {
        self.then(Act::CloseNotice)
    }

    /// The county reviews the claim.
    pub fn review(self) -> Self {
        self.then(Act::Review)
    }

    /// The approver approves what was assessed.
    pub fn approve(self) -> Self {
        self.then(Act::Approve(None))
    }

    /// The approver approves what was assessed and an uplift.
    pub fn approve_with_uplift(self, amount: Fen) -> Self {
        let reason = "表定金额不足以消除风险(测试)".to_owned();
        self.then(Act::Approve(Some(Uplift { amount, reason })))
    }

    /// The second approver confirms.
    pub fn second_approve(self) -> Self {
        self.then(Act::SecondApprove)
    }

    /// The approver rejects.
    pub fn reject(self) -> Self {
        self.then(Act::Reject)
    }

    /// The approver sends it back with questions.
    pub fn send_back(self) -> Self {
        self.then(Act::SendBack)
    }

    /// The handler names another payee.
    pub fn change_payee(self, payee: PayeeId) -> Self {
        self.then(Act::ChangePayee(payee))
    }

    /// The second handler confirms the payee.
    pub fn confirm_payee(self) -> Self {
        self.then(Act::ConfirmPayee)
    }

    /// Finance orders the payment.
    pub fn instruct(self) -> Self {
        self.then(Act::Instruct)
    }

    /// The bank confirms it.
    pub fn confirm(self) -> Self {
        self.then(Act::Confirm)
    }

    /// The bank reports that it failed.
    pub fn fail(self) -> Self {
        self.then(Act::Fail)
    }

    /// The bank reports that the money came back (退票).
    pub fn give_money_back(self) -> Self {
        self.then(Act::Return)
    }

    /// Nobody knows what became of it.
    pub fn mark_unknown(self) -> Self {
        self.then(Act::MarkUnknown)
    }

    /// A statement says that it arrived.
    pub fn reconcile_settled(self) -> Self {
        self.then(Act::Reconcile { settled: true })
    }

    /// A statement says that it failed.
    pub fn reconcile_failed(self) -> Self {
        self.then(Act::Reconcile { settled: false })
    }

    /// Finance makes it payable again.
    pub fn reinstate(self) -> Self {
        self.then(Act::Reinstate)
    }

    /// The caseworker withdraws it.
    pub fn withdraw(self) -> Self {
        self.then(Act::Withdraw)
    }

    /// The county caseworker archives it.
    pub fn archive(self) -> Self {
        self.then(Act::Archive)
    }

    /// The supervisor starts recovery.
    pub fn start_recovery(self) -> Self {
        self.then(Act::StartRecovery)
    }

    /// The second person of finance records that the money came back.
    pub fn recover(self) -> Self {
        self.then(Act::Recover)
    }

    /// The handler hands the letter that is owed to the household.
    pub fn issue_letter(self) -> Self {
        self.then(Act::IssueLetter)
    }

    /// The caseworker lodges the household's appeal.
    pub fn appeal(self) -> Self {
        self.then(Act::Appeal)
    }

    /// The supervisor upholds the appeal.
    pub fn uphold_appeal(self) -> Self {
        self.then(Act::DecideAppeal { upheld: true })
    }

    /// The supervisor dismisses the appeal.
    pub fn dismiss_appeal(self) -> Self {
        self.then(Act::DecideAppeal { upheld: false })
    }

    /// The second person of finance records that a part came back.
    pub fn recover_part(self, amount: Fen) -> Self {
        self.then(Act::RecoverPart(amount))
    }

    /// The second person of finance proposes to write off what is outstanding.
    pub fn propose_write_off(self) -> Self {
        self.then(Act::ProposeWriteOff)
    }

    /// The supervisor confirms the write-off.
    pub fn confirm_write_off(self) -> Self {
        self.then(Act::ConfirmWriteOff)
    }

    /// The approver gives a claim that waits its money.
    pub fn reserve_waiting(self) -> Self {
        self.then(Act::ReserveWaiting)
    }

    /// Somebody gives this command.
    pub fn command(self, role: Role, command: Command) -> Self {
        self.then(Act::Command(Box::new(command))).by(role)
    }

    /// From referred to verified.
    pub fn through_verification(self, self_paid: Fen) -> Self {
        self.accept().assign().visit().evaluate().verify(self_paid)
    }

    /// From verified to the notice's regular end, six days later.
    pub fn through_notice(self) -> Self {
        self.preview()
            .open_notice()
            .prove()
            .pass_days(6)
            .close_notice()
    }

    /// From the notice's end to the money's arrival, for amounts one approver may approve.
    pub fn through_payout(self) -> Self {
        self.approve().instruct().confirm()
    }

    /// Carries out the story and expects its last step to be refused with this code, and nothing
    /// to be changed by it. Returns the claim as it stands, if there is one.
    pub async fn expect_blocked(mut self, code: &str) -> Option<Claim> {
        let last = self.steps.pop().expect("a story has a last step");
        let before = self.run().await;
        let log = self.desk.log().await.len();
        let pool = self.desk.pool().await;
        match self.step(&last).await {
            Outcome::Blocked(blocked) => {
                assert_eq!(blocked.code(), code, "{:?}: {blocked:?}", last.act);
            }
            other @ (Outcome::Done { .. }
            | Outcome::Stale { .. }
            | Outcome::NotFound
            | Outcome::KeyReused) => panic!("{:?}: expected {code}, got {other:?}", last.act),
        }
        assert_eq!(
            self.desk.log().await.len(),
            log,
            "a refusal writes no event"
        );
        assert_eq!(self.desk.pool().await, pool, "a refusal moves no money");
        if let Some(before) = &before {
            assert_eq!(self.desk.claim(before.id).await, *before);
        }
        before
    }

    /// Carries out the story and returns what its last step answered.
    pub async fn outcome(mut self) -> Outcome {
        let last = self.steps.pop().expect("a story has a last step");
        self.run().await;
        self.step(&last).await
    }

    async fn run(&mut self) -> Option<Claim> {
        for step in std::mem::take(&mut self.steps) {
            if let Act::PassDays(days) = step.act {
                self.desk.pass_days(days);
                continue;
            }
            match self.step(&step).await {
                Outcome::Done { claim, .. } => self.claim = Some(*claim),
                Outcome::Blocked(blocked) => {
                    panic!("{:?} was refused: {} {blocked:?}", step.act, blocked.code())
                }
                Outcome::Stale { current } => panic!("{:?}: stale, now {current}", step.act),
                Outcome::NotFound => panic!("{:?}: not found", step.act),
                Outcome::KeyReused => panic!("{:?}: the key was used before", step.act),
            }
        }
        self.claim.clone()
    }

    async fn step(&self, step: &Step) -> Outcome {
        let role = step.role.unwrap_or_else(|| self.usual(&step.act));
        let key = step.key.unwrap_or_else(ids::fresh);
        let command = self.order(&step.act, role, key).await;
        let desk = &self.desk;
        desk.submit_with_key(role, self.claim.as_ref(), command, key)
            .await
    }

    /// Who does a step when nobody else is named.
    fn usual(&self, act: &Act) -> Role {
        match act {
            Act::Draft(_)
            | Act::Amend(_)
            | Act::Refer
            | Act::Evaluate { .. }
            | Act::Prove
            | Act::Object
            | Act::Appeal
            | Act::Withdraw
            | Act::Command(_)
            | Act::PassDays(_) => Role::caseworker_of(&self.village),
            Act::GiveBack
            | Act::Accept
            | Act::Assign(_)
            | Act::Ineligible
            | Act::IssueLetter
            | Act::ChangePayee(_) => Role::Handler,
            Act::ConfirmPayee => Role::SecondHandler,
            Act::Visit | Act::Verify(_) => Role::Surveyor,
            Act::Preview
            | Act::Resolve { .. }
            | Act::CloseNotice
            | Act::StartRecovery
            | Act::DecideAppeal { .. }
            | Act::ConfirmWriteOff => Role::Supervisor,
            Act::OpenNotice | Act::Archive => Role::CountyCaseworker,
            Act::Review => Role::Reviewer,
            Act::Approve(_) | Act::Reject | Act::SendBack | Act::ReserveWaiting => Role::Approver,
            Act::SecondApprove => Role::SecondApprover,
            Act::Instruct | Act::MarkUnknown | Act::Reinstate => Role::Finance,
            Act::Confirm | Act::Fail | Act::Return => Role::Connector,
            Act::Reconcile { .. } | Act::Recover | Act::RecoverPart(_) | Act::ProposeWriteOff => {
                Role::SecondFinance
            }
        }
    }

    fn seen(&self) -> &Claim {
        self.claim.as_ref().expect("the story has begun")
    }

    fn seen_objection(&self) -> ObjectionId {
        let mut objections = self.seen().objections.iter();
        objections
            .find(|it| it.status == ObjectionStatus::Open)
            .map_or(ObjectionId(Uuid::nil()), |it| it.id)
    }

    /// The instruction a report is about, or what a report would say that has none.
    fn seen_instruction(&self) -> (String, Fen) {
        let claim = self.seen();
        claim.state.instructed().map_or_else(
            || (format!("FP{}-1", claim.number), claim.amount()),
            |it| {
                let instruction = &it.instruction;
                (instruction.instruction_no.clone(), instruction.amount)
            },
        )
    }

    fn seen_outstanding(&self) -> Fen {
        self.seen().outstanding().unwrap_or(Fen::ZERO)
    }

    fn bank_ref(&self) -> String {
        format!("BANK{}-{}", self.seen().number, self.seen().version)
    }

    fn loss(&self, plan: &LossPlan) -> LossFacts {
        let claim = self.seen();
        let (number, amount) = match plan {
            LossPlan::SelfPaid(amount) => (claim.number.clone(), *amount),
            LossPlan::Bill(number, amount) => (number.clone(), *amount),
            LossPlan::Facts(facts) => return facts.clone(),
        };
        let terms = self.desk.world.scheme_of(claim).terms(claim.case.peril);
        LossFacts {
            bills: vec![Bill {
                key: BillKey::of("秦皇岛市某医院(测试)", &number),
                amount,
                on: Some(claim.case.event_on),
            }],
            other_compensation: Some(Fen::ZERO),
            evidence: terms
                .map(|terms| {
                    terms
                        .documents
                        .iter()
                        .map(|rule| evidence(&rule.kind))
                        .collect()
                })
                .unwrap_or_default(),
            ..LossFacts::default()
        }
    }

    /// The hash of the notice as it hangs or would hang.
    async fn content_hash(&self, role: Role) -> String {
        let claim = self.seen();
        if let State::NoticeOpen(open) = &claim.state {
            return open.notice.content_hash.clone();
        }
        let line = self.desk.desk.notice_preview(&role.caller(), claim).await;
        line.expect("reading")
            .map_or_else(|| ids::sha256("no notice"), |line| line.content_hash())
    }

    /// The hash of the letter that is owed.
    async fn letter_hash(&self, role: Role, delivered_on: NaiveDate) -> String {
        let desk = &self.desk.desk;
        let letter = desk
            .refusal_letter(&role.caller(), self.seen(), delivered_on)
            .await;
        let letter = letter.expect("reading").and_then(Result::ok);
        letter.map_or_else(|| ids::sha256("no letter"), |letter| letter.content_hash())
    }

    fn refusal_line(&self, code: RefusalCode) -> RefusalLine {
        let scheme = self.desk.world.scheme_of(self.seen());
        let clause = scheme.all_clauses().next();
        RefusalLine {
            code,
            facts: "县城有商品房一套(测试)".into(),
            clause: clause.map_or_else(String::new, |(id, _)| id.to_owned()),
        }
    }

    async fn order(&self, act: &Act, role: Role, key: Uuid) -> Command {
        let caller = role.caller();
        let made = Desk::ids(&caller, key);
        let today = calendar::legal_day(self.desk.now());
        match act {
            Act::Draft(plan) => Command::DraftReferral(DraftReferral {
                id: made.claim(),
                scheme: plan.scheme.id,
                household: plan.household,
                case: plan.case.clone(),
                follows: plan.follows,
            }),
            Act::Amend(case) => Command::AmendReferral {
                case: (**case).clone(),
            },
            Act::Refer => Command::ReferCase,
            Act::GiveBack => Command::ReturnReferral {
                reasons: vec!["缺少决议原件(测试)".into()],
            },
            Act::Accept => Command::AcceptReferral,
            Act::Assign(surveyor) => Command::AssignSurvey {
                surveyor: surveyor.person_id(),
            },
            Act::Visit => Command::RecordFinding {
                check: Check::FieldVisit,
                on: today,
                passed: true,
                votes: None,
                evidence: vec![evidence("入户照片")],
                flags: Vec::new(),
            },
            Act::Evaluate { agree, against } => Command::RecordFinding {
                check: Check::VillageEvaluation,
                on: today,
                passed: u32::from(*agree) * 2 > 30,
                votes: Some(Votes {
                    present: 30,
                    agree: *agree,
                    against: *against,
                }),
                evidence: Vec::new(),
                flags: Vec::new(),
            },
            Act::Verify(plan) => Command::RecordVerification {
                facts: self.loss(plan),
            },
            Act::Ineligible => Command::DeclareIneligible {
                lines: vec![self.refusal_line(RefusalCode::MeansExceeded)],
            },
            Act::Preview => Command::PreviewNotice {
                content_hash: self.content_hash(role).await,
            },
            Act::OpenNotice => Command::OpenPublicNotice {
                notice: made.notice(),
            },
            Act::Prove => {
                // Each time another photo: the same one twice is one proof.
                let proofs = self
                    .seen()
                    .state
                    .notice()
                    .map_or(0, |open| open.proofs.len());
                Command::RecordPublicationProof {
                    content_hash: self.content_hash(role).await,
                    evidence: Evidence {
                        sha256: ids::sha256(format!("公示照片{proofs}")),
                        ..evidence("公示照片")
                    },
                }
            }
            Act::Object => Command::RaiseObjection {
                objection: made.objection(),
                grounds: "家有轿车(测试)".into(),
            },
            Act::Resolve { upheld } => Command::ResolveObjection {
                objection: self.seen_objection(),
                upheld: *upheld,
                findings: "已入户核对(测试)".into(),
            },
            Act::CloseNotice => Command::CloseNotice,
            Act::Review => Command::CountyReviewClaim,
            Act::Approve(uplift) => Command::ApproveClaim {
                benefit: self.seen().assessment().map_or(Fen::ZERO, |it| it.benefit),
                uplift: uplift.clone(),
                payee: self.seen().case.payee,
                dossier: dossier_of(self.seen()),
            },
            Act::SecondApprove => Command::SecondApproveClaim {
                amount: self.first_approved(),
                payee: self.seen().case.payee,
                dossier: dossier_of(self.seen()),
            },
            Act::Reject => Command::RejectClaim {
                lines: vec![self.refusal_line(RefusalCode::PaidElsewhere)],
            },
            Act::SendBack => Command::SendBackClaim {
                questions: vec!["票据日期与出院日期不符?(测试)".into()],
            },
            Act::ChangePayee(payee) => Command::ChangePayee { payee: *payee },
            Act::ConfirmPayee => Command::ConfirmPayee {
                payee: self.seen().case.payee,
            },
            Act::Instruct => Command::InstructPayout {
                payment: made.payment(),
                amount: self.seen().amount(),
                payee: self.seen().case.payee,
            },
            Act::Confirm => {
                let (instruction_no, amount) = self.seen_instruction();
                Command::ConfirmPayout {
                    instruction_no,
                    amount,
                    bank_ref: self.bank_ref(),
                }
            }
            Act::Fail => Command::ReportPayoutFailure {
                instruction_no: self.seen_instruction().0,
                reason: "账号错误(测试)".into(),
            },
            Act::Return => {
                let (instruction_no, amount) = self.seen_instruction();
                Command::ReportPayoutReturned {
                    instruction_no,
                    amount,
                    bank_ref: self.bank_ref(),
                }
            }
            Act::MarkUnknown => Command::MarkPayoutUnknown {
                reason: "银行无回执(测试)".into(),
            },
            Act::Reconcile { settled } => Command::ReconcilePayout {
                outcome: if *settled {
                    BankOutcome::Settled {
                        amount: self.seen_instruction().1,
                        bank_ref: self.bank_ref(),
                    }
                } else {
                    BankOutcome::Failed {
                        bank_ref: self.bank_ref(),
                    }
                },
            },
            Act::Reinstate => Command::ReinstatePayout {
                payee: self.seen().case.payee,
            },
            Act::Withdraw => Command::WithdrawClaim {
                reason: "农户撤回(测试)".into(),
            },
            Act::Archive => Command::CloseClaim {
                archive_no: format!("DA-{}", self.seen().number),
            },
            Act::StartRecovery => Command::StartRecovery {
                reason: "重复享受(测试)".into(),
            },
            Act::Recover => Command::RecordRecovery {
                amount: self.seen_outstanding(),
                bank_ref: self.bank_ref(),
            },
            Act::IssueLetter => Command::IssueRefusalLetter {
                content_hash: self.letter_hash(role, today).await,
                delivered_on: today,
                delivery: Delivery::HandedOver,
                handed_to: "户主本人(测试)".into(),
            },
            Act::Appeal => Command::LodgeAppeal {
                grounds: "房屋已灭失(测试)".into(),
            },
            Act::DecideAppeal { upheld } => Command::DecideAppeal {
                upheld: *upheld,
                findings: "已重新核对(测试)".into(),
            },
            Act::RecoverPart(amount) => Command::RecordRecovery {
                amount: *amount,
                bank_ref: self.bank_ref(),
            },
            Act::ProposeWriteOff => Command::WriteOffRecovery {
                amount: self.seen_outstanding(),
                reason: "户主去世,无遗产(测试)".into(),
            },
            Act::ConfirmWriteOff => Command::ConfirmWriteOff {
                amount: self.seen_outstanding(),
            },
            Act::ReserveWaiting => Command::ReserveWaiting {
                amount: Waiting::of(self.seen()).map_or(Fen::ZERO, |it| it.amount),
            },
            Act::Command(command) => (**command).clone(),
            Act::PassDays(_) => panic!("time passes without a command"),
        }
    }

    fn first_approved(&self) -> Fen {
        let claim = self.seen();
        if let State::NoticeClosed(closed) = &claim.state
            && let Some(first) = &closed.first_approval
        {
            return first.amount;
        }
        claim.amount()
    }
}

/// The hash of the dossier as an approver sees it; of nothing while there is nothing to approve.
pub fn dossier_of(claim: &Claim) -> String {
    lifecycle::dossier::hash(claim).unwrap_or_else(|| ids::sha256("no dossier"))
}

/// A made-up photo or file of this kind.
pub fn evidence(kind: &str) -> Evidence {
    Evidence {
        kind: kind.into(),
        sha256: ids::sha256(kind),
    }
}

impl IntoFuture for Journey {
    type Output = Claim;
    type IntoFuture = Boxed<Claim>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move { self.run().await.expect("a story is about a claim") })
    }
}

/// What a test expects of a claim.
pub trait Expect {
    /// It stands in this status.
    #[track_caller]
    fn expect_status(&self, status: Status) -> &Self;
    /// This much was computed.
    #[track_caller]
    fn expect_benefit(&self, amount: Fen) -> &Self;
    /// This much has arrived.
    #[track_caller]
    fn expect_paid(&self, amount: Fen) -> &Self;
}

impl Expect for Claim {
    fn expect_status(&self, status: Status) -> &Self {
        assert_eq!(self.status(), status, "{}", self.number);
        self
    }

    fn expect_benefit(&self, amount: Fen) -> &Self {
        let benefit = self.assessment().map(|it| it.benefit);
        assert_eq!(benefit, Some(amount), "{}", self.number);
        self
    }

    fn expect_paid(&self, amount: Fen) -> &Self {
        assert!(
            matches!(self.status(), Status::Paid | Status::Closed),
            "{} stands in {}",
            self.number,
            self.status()
        );
        assert_eq!(self.approved_amount(), Some(amount), "{}", self.number);
        self
    }
}
