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
use crate::caller::Caller;
use crate::clock::{Clock, ManualClock};
use crate::desk::{Desk, Submission};
use crate::household::{BankAccount, Household, IdNumber, Member, Payee, PoolBalances};
use crate::ids;
use crate::ports::{Fault, Outcome, Recorded, Store};
use crate::registry::{Account, Credential, Org, OrgKind, Person, Region};
use crate::scheme_file::{org_id, parse_calendar, parse_scheme};
use crate::testkit::memory::{MemoryStore, caller_of};
use benefits::Fen;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use lifecycle::phase::approval::Uplift;
use lifecycle::phase::payout::BankOutcome;
use lifecycle::phase::referral::{Basis, Case};
use lifecycle::phase::verification::{Bill, Evidence, LossFacts, Votes};
use lifecycle::{
    AccountId, BillKey, Calendar, Check, Claim, ClaimId, Command, CountyCode, DraftReferral, Duty,
    HouseholdId, MemberId, ObjectionId, ObjectionStatus, OrgId, PayeeId, Peril, PersonId,
    RegionCode, Scheme, State, Status, calendar,
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
pub const SCHEME: &str = r#"
county = 130302
code = "test-2020"
version = 1
name = "海港区防贫险方案(测试)2020年度"
source = "崇左市2021年标准 (R3); a test's scheme"
policy_year = 2020
insurer = "insurer"
single_approval_max_fen = 3000000
uplift_max_fen = 200000
county_review = false
liveness_days_max = 30
refusal_letter_days = 3
checks = ["FIELD_VISIT", "VILLAGE_EVALUATION"]

[notice]
days = 5
counting = "CALENDAR_DAYS"
rolls = false
proofs_min = 1
shows_amount = true
shows_peril = true
hot_line = "0335-0000000 (测试)"

[[perils]]
peril = "ILLNESS"
covers_from = 2019-01-01
covers_to = 2020-12-31
evidence = ["医疗费用结算单", "诊断证明"]

[perils.schedule]
id = "illness-2020"
clause = "因病:个人自付超过5,000元的部分,按70%赔付,不设封顶"
source = "R3"
warning_line = 500000
rounding = "half_up"
caps = []

[perils.schedule.rule]
kind = "banded"
deductible = 500000
base = "excess_over_deductible"
mode = "progressive"
bands = [{ from = 0, rate = 7000 }]

[[perils]]
peril = "SCHOOLING"
covers_from = 2019-01-01
covers_to = 2020-12-31
evidence = ["学费收据", "学籍证明"]

[perils.schedule]
id = "schooling-2020"
clause = "因学:年度学杂费、住宿费、教科书费自付超过6,000元的部分,按100%赔付"
source = "R3"
warning_line = 600000
rounding = "half_up"
caps = []

[perils.schedule.rule]
kind = "banded"
deductible = 600000
base = "excess_over_deductible"
mode = "progressive"
bands = [{ from = 0, rate = 10000 }]
"#;

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

    /// The caller, as the store resolves it.
    pub fn caller(self) -> Caller {
        let person = self.person();
        let orgs = orgs();
        let org = orgs.iter().find(|org| org.id == person.org);
        caller_of(
            county(),
            self.account_id(),
            &person,
            org.expect("every post has an organisation"),
        )
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
    let check = "10X98765432".chars();
    check
        .filter_map(|check| IdNumber::parse(&format!("{body}{check}")).ok())
        .next()
        .expect("one of eleven check characters fits")
}

/// A household that nobody lives in, always the same one for the same number.
pub fn invent_household(number: u32, village: &str) -> Household {
    const FAMILIES: [&str; 10] = ["张", "李", "刘", "陈", "杨", "黄", "吴", "徐", "马", "朱"];
    const GIVEN: [&str; 8] = [
        "建国", "秀英", "志强", "桂兰", "永福", "春梅", "德顺", "玉珍",
    ];
    let pick = |list: &[&'static str], at: u32| {
        list[usize::try_from(at).unwrap_or_default() % list.len()]
    };
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
    let spouse_name = format!("{}{}", pick(&FAMILIES, number + 3), pick(&GIVEN, number + 1));
    let payee = |which: &str, holder_name: &str, last: u32| Payee {
        id: PayeeId(ids::named("payee", &format!("test/{number}/{which}"))),
        member: member_id(which),
        holder_name: holder_name.into(),
        bank: "某农信社(测试)".into(),
        account: BankAccount::parse(&format!("622848{number:012}{last}")).expect("digits"),
    };
    Household {
        id: HouseholdId(ids::named("household", &format!("test/{number}"))),
        county: county(),
        village: code(village),
        kind: "边缘易致贫户".into(),
        listed_on: Some(day(2020, 3, 10)),
        head: member_id("head"),
        persons: 4,
        payees: vec![
            payee("head", &head_name, 1),
            payee("spouse", &spouse_name, 2),
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
            let credential = Credential {
                hash: ids::sha256(role.token()),
                account: account.id,
                label: "session".into(),
                expires_at: calendar::start_of(day(2030, 1, 1)),
            };
            store.put_credential(county, &credential).await?;
        }
        for scheme in [&self.scheme, &self.rival] {
            store.put_scheme(scheme).await?;
            let key = ids::named("funding", &scheme.id.to_string());
            let at = calendar::start_of(day(2020, 1, 2));
            store
                .fund_pool(county, scheme.id, self.pool, key, at)
                .await?;
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

    /// Drafts a referral (不推送): illness of the head of household, 41,200 yuan self-paid.
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
            },
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
}

/// What is done next.
#[derive(Debug, Clone)]
enum Act {
    Draft(Box<Plan>),
    Amend(Box<dyn Amendment>),
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
    Command(Box<Command>),
    PassDays(i64),
}

/// A change of what is claimed.
trait Amendment: Send + std::fmt::Debug {
    fn amend(&self, case: Case) -> Case;
    fn copy(&self) -> Box<dyn Amendment>;
}

impl Clone for Box<dyn Amendment> {
    fn clone(&self) -> Self {
        self.copy()
    }
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
