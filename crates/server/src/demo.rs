//! The main job on the sample county: a spreadsheet, seventeen households, two of them paid.
//!
//! Everything goes through the doors a user has: the spreadsheet import, then the desk. Every
//! step has a key of its own, so that a second run, or one after a kill, repeats nothing. A claim
//! that somebody moved on in between is left as it stands.

use crate::cli::Ending;
use crate::config::{Config, Introspection};
use crate::{sample_sheet, scheme, serve, wiring};
use benefits::{Fen, Layer};
use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use engine::access::Office;
use engine::desk::Submission;
use engine::{
    Caller, ClaimFilter, Clock, Desk, Fault, ManualClock, OffsetClock, Outcome, Page, Store,
    SystemClock, ids,
};
use lifecycle::phase::refusal::{RefusalCode, RefusalLine};
use lifecycle::phase::verification::{Bill, Evidence, LossFacts, Votes};
use lifecycle::{BillKey, Check, Claim, ClaimId, Command, Peril, Scheme, State, dossier};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

const COUNTY: &str = include_str!("../sample/county.toml");
const SCHEME: &str = include_str!("../sample/scheme.toml");
/// The password of every sample account; the demo listens on this machine only.
const PASSWORD: &str = "fangpin-demo-2020";
/// What the sample county puts into its pool: 2,000,000 yuan, invented.
const POOL: Fen = Fen::from_yuan(2_000_000);
/// The two households of Shimenzhai are paid.
const TOWN: &str = "130302105";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An instant of June 2020 in Asia/Shanghai.
fn june(day: u32, hour: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2020, 6, day, hour, 0, 0)
        .single()
        .unwrap_or_default()
        - chrono::Duration::hours(8)
}

/// `fangpin demo`.
pub async fn run(
    config: &Config,
    no_serve: bool,
    json: bool,
    now: Option<DateTime<Utc>>,
) -> Ending {
    let began = SystemClock.now();
    let store = wiring::open(config).await?;
    let clock = Arc::new(ManualClock::new(june(5, 9)));
    let office = wiring::office(config, &store, Arc::clone(&clock) as Arc<dyn Clock>)?;
    only_beside_itself(store.as_ref()).await?;
    let scheme = seed(&store, &clock).await?;
    let cast = Cast::sign_in(&office).await?;
    let import = refer(config, &office, &cast, &scheme, !json).await?;
    let play = Play {
        desk: &office.desk,
        clock: &clock,
        cast: &cast,
        scheme: &scheme,
        horizon: Cell::new(DateTime::UNIX_EPOCH),
        next: Cell::new(None),
        done: RefCell::default(),
    };
    play.all(&import).await?;
    let claims = play.claims().await?;
    if json {
        say!("{}", as_json(&office, &cast.auditor, &claims).await?);
    } else {
        print(&office, &cast.auditor, &claims).await?;
    }
    if no_serve {
        return Ok(ExitCode::SUCCESS);
    }
    // The demo's time runs from the start of the program: processes that are started together agree.
    let begins_at = now.unwrap_or_else(|| june(23, 18)) + (SystemClock.now() - began);
    // The log's instants never decrease: what was done by hand after an earlier run stands before.
    let begins_at = begins_at.max(last_instant(&office, &scheme).await?);
    drop(office);
    let office = wiring::office(
        config,
        &store,
        Arc::new(OffsetClock::starting_at(begins_at)),
    )?;
    // The sample county is nobody's: whoever tries the demo may look at the schema.
    let config = Config {
        introspection: Introspection::Open,
        ..config.clone()
    };
    serve::listen(&config, office, |address| {
        say!("\n控制台 console   http://{address}/");
        say!("GraphQL          http://{address}/graphql");
        say!("接口文档 docs     http://{address}/docs/graphql");
        say!("示例账号,仅供演示 sample accounts, for the demo only (口令 password: {PASSWORD}):");
        if let Ok(county) = engine::county_file::parse_county(COUNTY) {
            for (login, person) in county.people {
                let duties: Vec<&str> = person.duties.iter().map(|duty| duty.zh()).collect();
                say!("  {login:14} {} · {}", person.name, duties.join("、"));
            }
        }
        say!("Ctrl-C ends it. 按 Ctrl-C 结束。");
        Ok(())
    })
    .await
}

/// The instant of the county's last event.
async fn last_instant(office: &Office, scheme: &Scheme) -> Result<DateTime<Utc>, Failure> {
    let (mut last, mut after) = (DateTime::UNIX_EPOCH, 0);
    loop {
        let entries = office.desk.store().log(scheme.county, after, 1_000).await?;
        let Some(end) = entries.last() else {
            return Ok(last);
        };
        (last, after) = (end.event.stamp.at, end.county_seq);
    }
}

/// Everybody knows the sample accounts' password: they come into an empty database, or into the demo's own, which is
/// known by that password (a demo that was killed goes on).
async fn only_beside_itself(store: &dyn Store) -> Result<(), Failure> {
    let county = engine::county_file::parse_county(COUNTY).map_err(|it| format!("{it:?}"))?;
    let counties = store.counties().await?;
    let accounts = store.accounts(county.county).await?;
    let knows = |hash: &str| engine::access::verify_password(PASSWORD, hash);
    let own = accounts.is_empty() || accounts.iter().any(|it| knows(&it.password_hash));
    if counties.iter().all(|it| *it == county.county) && own {
        return Ok(());
    }
    Err("this database holds a county of its own: the demo would add accounts whose password everybody knows. \
         Give the demo a folder or database of its own (--data DIR, DATABASE_URL)"
        .into())
}

async fn seed(store: &Arc<dyn Store>, clock: &ManualClock) -> Result<Scheme, Failure> {
    let county = engine::county_file::parse_county(COUNTY).map_err(|it| format!("{it:?}"))?;
    let scheme = engine::scheme_file::parse_scheme(SCHEME).map_err(|it| format!("{it:?}"))?;
    let hash = engine::access::hash_password(PASSWORD)?;
    engine::county_file::load_county(store.as_ref(), &county, &hash).await?;
    store.put_scheme(&scheme).await?;
    let (county, now) = (scheme.county, clock.now());
    let funded = engine::pool::fund_pool(store.as_ref(), county, scheme.id, POOL, "demo", now);
    funded.await?.map_err(|blocked| blocked.code())?;
    Ok(scheme)
}

/// The people of the play, signed in with their passwords.
struct Cast {
    town: BTreeMap<String, Caller>,
    county: Caller,
    supervisor: Caller,
    auditor: Caller,
    handler: Caller,
    surveyor: Caller,
    approver: Caller,
    second_approver: Caller,
    cashier: Caller,
    accountant: Caller,
}

impl Cast {
    async fn sign_in(office: &Office) -> Result<Self, Failure> {
        let enter = async |login: &str| wiring::in_the_name_of(office, login).await;
        let mut town = BTreeMap::new();
        for login in ["smz.wang", "zcy.li"] {
            let caller = enter(login).await?;
            town.insert(caller.scope.region.to_string(), caller);
        }
        Ok(Self {
            town,
            county: enter("office.zhao").await?,
            supervisor: enter("office.qian").await?,
            auditor: enter("office.audit").await?,
            handler: enter("ins.sun").await?,
            surveyor: enter("ins.zhou").await?,
            approver: enter("ins.wu").await?,
            second_approver: enter("ins.feng").await?,
            cashier: enter("ins.chen").await?,
            accountant: enter("ins.chu").await?,
        })
    }

    fn township(&self, claim: &Claim) -> &Caller {
        self.town
            .get(claim.village.township().as_str())
            .unwrap_or(&self.county)
    }
}

/// The office's list is read, what is wrong comes back, the corrected sheet is read again.
async fn refer(
    config: &Config,
    office: &Office,
    cast: &Cast,
    scheme: &Scheme,
    talk: bool,
) -> Result<Vec<ClaimId>, Failure> {
    let folder = config.data.join("demo");
    std::fs::create_dir_all(&folder)
        .map_err(|fault| format!("the folder {} cannot be made: {fault}", folder.display()))?;
    let sheet = sample_sheet::referral_workbook();
    std::fs::write(folder.join("推送名单.xlsx"), &sheet)?;
    let first =
        console::import::workbook(&office.desk, &cast.county, &sheet, scheme.id, false).await?;
    let mut claims = first.claims.clone();
    if talk {
        say!("推送名单.xlsx  {first}");
    }
    if let Some(faulty) = &first.faulty {
        std::fs::write(folder.join("待更正.xlsx"), faulty)?;
        let corrected = sample_sheet::corrected(faulty);
        std::fs::write(folder.join("已更正.xlsx"), &corrected)?;
        let second =
            console::import::workbook(&office.desk, &cast.county, &corrected, scheme.id, false)
                .await?;
        if talk {
            say!("已更正.xlsx    {second}");
            say!("files: {}\n", folder.display());
        }
        claims.extend(second.claims.iter().filter(|it| !first.claims.contains(it)));
    }
    Ok(claims)
}

/// How far a claim of the sample goes, and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Paid,
    ObjectionUpheld,
    ObjectionDismissed,
    Ineligible,
    Returned,
    Withdrawn,
    NoticeOpen,
    NoticeClosed,
    Approved,
    Instructed,
    Verified,
    Visited,
    Accepted,
    Referred,
}

/// The parts of the fifteen that are not paid, in the order of their numbers.
const PARTS: [Part; 15] = [
    Part::ObjectionUpheld,
    Part::ObjectionDismissed,
    Part::Ineligible,
    Part::Returned,
    Part::Withdrawn,
    Part::NoticeOpen,
    Part::NoticeClosed,
    Part::Approved,
    Part::Instructed,
    Part::Verified,
    Part::Visited,
    Part::Accepted,
    Part::Referred,
    Part::Referred,
    Part::Accepted,
];

/// The next step of a part, or the reason to stop there.
enum Step {
    Went(Box<Claim>),
    /// It is not its hour yet, or somebody moved the claim on: it stays as it is.
    Stays,
}

struct Play<'a> {
    desk: &'a Desk,
    clock: &'a ManualClock,
    cast: &'a Cast,
    scheme: &'a Scheme,
    /// The hour of the play: nothing later has happened yet.
    horizon: Cell<DateTime<Utc>>,
    /// The first hour at which something is still to happen.
    next: Cell<Option<DateTime<Utc>>>,
    /// What this run has done already.
    done: RefCell<BTreeMap<uuid::Uuid, Claim>>,
}

impl Play<'_> {
    async fn claims(&self) -> Result<Vec<Claim>, Failure> {
        let filter = ClaimFilter {
            scheme: Some(self.scheme.id),
            ..ClaimFilter::default()
        };
        let page = Page::first(engine::limits::PAGE_MAX);
        Ok(self
            .desk
            .store()
            .claims(&self.cast.auditor.scope, &filter, &page)
            .await?
            .rows)
    }

    async fn all(&self, referred: &[ClaimId]) -> Result<(), Failure> {
        let mut claims = self.claims().await?;
        claims.retain(|claim| referred.contains(&claim.id));
        let (mut paid, mut rest) = (Vec::new(), Vec::new());
        for claim in claims {
            if paid.len() < 2 && claim.village.as_str().starts_with(TOWN) {
                paid.push((claim, Part::Paid));
            } else {
                rest.push(claim);
            }
        }
        let parts: Vec<_> = paid
            .into_iter()
            .chain(rest.into_iter().zip(PARTS))
            .collect();
        // Hour by hour, as it would happen: a county's log is in the order of time.
        loop {
            for (claim, part) in &parts {
                self.play(claim.id, *part).await?;
            }
            let Some(next) = self.next.take() else {
                return Ok(());
            };
            self.horizon.set(next);
        }
    }

    /// Plays one claim from its referral to where its part ends.
    async fn play(&self, id: ClaimId, part: Part) -> Result<(), Failure> {
        // The import referred the claim: two events, a draft and a referral.
        let cast = self.cast;
        let scope = &cast.auditor.scope;
        let Some(now) = self.desk.store().claim(scope, id).await? else {
            return Ok(());
        };
        let history = self.desk.store().history(scope, id).await?;
        let Some(mut claim) = Claim::fold(history.iter().take(2).map(|it| &it.event)) else {
            return Ok(());
        };
        let town = cast.township(&now);
        macro_rules! step {
            ($day:literal, $hour:literal, $caller:expr, $name:literal, $command:expr) => {
                match self
                    .step(&claim, june($day, $hour), $caller, $name, $command)
                    .await?
                {
                    Step::Went(next) => claim = *next,
                    Step::Stays => return Ok(()),
                }
            };
        }
        match part {
            Part::Referred => return Ok(()),
            Part::Returned => {
                let reasons = vec!["村级评议记录缺少签到表,请补齐后重新推送".to_owned()];
                step!(
                    8,
                    10,
                    &cast.handler,
                    "return",
                    Command::ReturnReferral { reasons }
                );
                let _ = claim;
                return Ok(());
            }
            Part::Withdrawn => {
                step!(8, 10, &cast.handler, "accept", Command::AcceptReferral);
                let reason = "农户自愿撤回:已由大病保险足额报销".to_owned();
                step!(9, 9, town, "withdraw", Command::WithdrawClaim { reason });
                let _ = claim;
                return Ok(());
            }
            Part::Paid
            | Part::ObjectionUpheld
            | Part::ObjectionDismissed
            | Part::Ineligible
            | Part::NoticeOpen
            | Part::NoticeClosed
            | Part::Approved
            | Part::Instructed
            | Part::Verified
            | Part::Visited
            | Part::Accepted => {}
        }
        step!(8, 10, &cast.handler, "accept", Command::AcceptReferral);
        if part == Part::Accepted {
            return Ok(());
        }
        let surveyor = cast.surveyor.person;
        step!(
            8,
            11,
            &cast.handler,
            "assign",
            Command::AssignSurvey { surveyor }
        );
        step!(9, 10, &cast.surveyor, "visit", visit(&claim));
        if part == Part::Visited {
            return Ok(());
        }
        if part == Part::Ineligible {
            let clause = self.scheme.all_clauses().next();
            let lines = vec![RefusalLine {
                code: RefusalCode::MeansExceeded,
                facts: "家庭名下有未申报的商品房,不符合保障条件".to_owned(),
                clause: clause.map_or_else(String::new, |(id, _)| id.to_owned()),
            }];
            step!(
                10,
                9,
                &cast.handler,
                "ineligible",
                Command::DeclareIneligible { lines }
            );
            let _ = claim;
            return Ok(());
        }
        step!(10, 15, town, "evaluate", evaluation());
        let facts = loss(&claim, self.scheme);
        step!(
            11,
            10,
            &cast.surveyor,
            "verify",
            Command::RecordVerification { facts }
        );
        if part == Part::Verified {
            return Ok(());
        }
        let Some(line) = self.desk.notice_preview(&cast.county, &claim).await? else {
            return Ok(());
        };
        let content_hash = line.content_hash();
        let seen = content_hash.clone();
        step!(
            12,
            8,
            town,
            "preview",
            Command::PreviewNotice { content_hash: seen }
        );
        let notice = Desk::ids(&cast.county, key(id, "open")).notice();
        // Where the notice shall still hang at the end of the play, it is posted later.
        if part == Part::NoticeOpen {
            step!(
                22,
                9,
                &cast.county,
                "open",
                Command::OpenPublicNotice { notice }
            );
        } else {
            step!(
                12,
                9,
                &cast.county,
                "open",
                Command::OpenPublicNotice { notice }
            );
        }
        let proof = Command::RecordPublicationProof {
            content_hash,
            evidence: paper(&claim, "公示照片"),
        };
        if part == Part::NoticeOpen {
            step!(22, 10, town, "prove", proof);
            let _ = claim;
            return Ok(());
        }
        step!(12, 10, town, "prove", proof);
        if matches!(part, Part::ObjectionUpheld | Part::ObjectionDismissed) {
            let upheld = part == Part::ObjectionUpheld;
            let objection = Desk::ids(town, key(id, "object")).objection();
            let grounds = if upheld {
                "村民反映该户另有一笔报销未计入"
            } else {
                "村民反映该户有车辆"
            };
            let raise = Command::RaiseObjection {
                objection,
                grounds: grounds.to_owned(),
            };
            step!(15, 9, town, "object", raise);
            let findings = if upheld {
                "经查确有一笔医疗救助未计入,退回重新核定"
            } else {
                "经查车辆为残疾人代步车,不影响资格"
            };
            let resolve = Command::ResolveObjection {
                objection,
                upheld,
                findings: findings.to_owned(),
            };
            step!(16, 9, &cast.supervisor, "resolve", resolve);
            if upheld {
                return Ok(());
            }
        }
        step!(18, 9, &cast.supervisor, "close", Command::CloseNotice);
        if part == Part::NoticeClosed {
            return Ok(());
        }
        let Some(benefit) = claim.assessment().map(|it| it.benefit) else {
            return Ok(());
        };
        let approve = Command::ApproveClaim {
            benefit,
            uplift: None,
            payee: claim.case.payee,
            dossier: dossier::hash(&claim).unwrap_or_default(),
        };
        step!(19, 10, &cast.approver, "approve", approve);
        if let State::NoticeClosed(_) = claim.state {
            let second = Command::SecondApproveClaim {
                amount: benefit,
                payee: claim.case.payee,
                dossier: dossier::hash(&claim).unwrap_or_default(),
            };
            step!(19, 14, &cast.second_approver, "second", second);
        }
        if matches!(part, Part::Approved | Part::ObjectionDismissed) {
            return Ok(());
        }
        let payment = Desk::ids(&cast.cashier, key(id, "instruct")).payment();
        let payee = claim.case.payee;
        self.check_alive(&claim).await?;
        let instruct = Command::InstructPayout {
            payment,
            amount: benefit,
            payee,
        };
        step!(22, 10, &cast.cashier, "instruct", instruct);
        if part == Part::Instructed {
            return Ok(());
        }
        let Some(instructed) = claim.state.instructed() else {
            return Ok(());
        };
        let instruction_no = instructed.instruction.instruction_no.clone();
        let bank_ref = format!("STMT-20200623-{instruction_no}");
        let confirm = Command::ConfirmPayout {
            instruction_no,
            amount: benefit,
            bank_ref,
        };
        step!(23, 10, &cast.accountant, "confirm", confirm);
        let _ = claim;
        Ok(())
    }

    /// One step, at its hour, by its person.
    async fn step(
        &self,
        claim: &Claim,
        at: DateTime<Utc>,
        caller: &Caller,
        name: &str,
        command: Command,
    ) -> Result<Step, Failure> {
        if at > self.horizon.get() {
            let next = self.next.get().map_or(at, |other| other.min(at));
            self.next.set(Some(next));
            return Ok(Step::Stays);
        }
        let key = key(claim.id, name);
        if let Some(done) = self.done.borrow().get(&key) {
            return Ok(Step::Went(Box::new(done.clone())));
        }
        self.clock.set(at);
        let submission = Submission {
            claim: Some((claim.id, claim.version)),
            key,
            command,
        };
        let outcome = match self.desk.submit(caller, submission).await {
            // A server at work moved the county's time on: the play ends where it stands.
            Err(Fault::ClockSetBack { .. }) => return Ok(Step::Stays),
            outcome => outcome?,
        };
        match outcome {
            Outcome::Done { claim, .. } => {
                self.done.borrow_mut().insert(key, (*claim).clone());
                Ok(Step::Went(claim))
            }
            Outcome::Blocked(blocked) => {
                Err(format!("{}: {name} is blocked: {}", claim.number, blocked.code()).into())
            }
            Outcome::Stale { .. } | Outcome::NotFound | Outcome::KeyReused => Ok(Step::Stays),
        }
    }

    /// The payee is checked against the register of the living on the payment day.
    async fn check_alive(&self, claim: &Claim) -> Result<(), Failure> {
        let household = self
            .desk
            .store()
            .household(claim.county, claim.household)
            .await?;
        let Some(household) = household else {
            return Ok(());
        };
        let payee = household.payees.iter().find(|it| it.id == claim.case.payee);
        if let (Some(payee), Some(day)) = (payee, NaiveDate::from_ymd_opt(2020, 6, 22)) {
            let store = self.desk.store();
            store
                .record_liveness(claim.county, payee.member, day, None)
                .await?;
        }
        Ok(())
    }
}

/// The key of a step: the same on every run.
fn key(claim: ClaimId, step: &str) -> uuid::Uuid {
    ids::named("demo", &format!("{claim}/{step}"))
}

/// A document of the sample: what is hashed is invented, like everything here.
fn paper(claim: &Claim, kind: &str) -> Evidence {
    Evidence {
        kind: kind.to_owned(),
        sha256: ids::sha256(format!("{}/{kind}", claim.number)),
    }
}

fn visit(claim: &Claim) -> Command {
    Command::RecordFinding {
        check: Check::FieldVisit,
        on: NaiveDate::from_ymd_opt(2020, 6, 9).unwrap_or_default(),
        passed: true,
        votes: None,
        evidence: vec![paper(claim, "入户照片"), paper(claim, "核查报告")],
        flags: vec![],
    }
}

fn evaluation() -> Command {
    Command::RecordFinding {
        check: Check::VillageEvaluation,
        on: NaiveDate::from_ymd_opt(2020, 6, 10).unwrap_or_default(),
        passed: true,
        votes: Some(Votes {
            present: 15,
            agree: 13,
            against: 2,
        }),
        evidence: vec![],
        flags: vec![],
    }
}

/// The accepted facts. An illness was billed in full and reimbursed in layers down to what the
/// household said it paid itself; school fees are receipts.
fn loss(claim: &Claim, scheme: &Scheme) -> LossFacts {
    let own = claim.case.submitted.get();
    let evidence = scheme
        .terms(claim.case.peril)
        .into_iter()
        .flat_map(|terms| &terms.documents)
        .map(|rule| paper(claim, &rule.kind))
        .collect();
    let (total, layers) = match claim.case.peril {
        Peril::Illness | Peril::Accident => {
            let insurance = own * 2;
            let serious = own / 2;
            let layer = |name: &str, paid| Layer {
                name: name.into(),
                paid: Fen::new(paid),
            };
            (
                own + insurance + serious,
                vec![layer("基本医保", insurance), layer("大病保险", serious)],
            )
        }
        Peril::Schooling | Peril::Disaster => (own, vec![]),
    };
    LossFacts {
        bills: vec![Bill {
            key: BillKey::of("示例票据", &claim.number),
            amount: Fen::new(total),
            on: Some(claim.case.event_on),
        }],
        layers,
        other_compensation: Some(Fen::ZERO),
        evidence,
        ..LossFacts::default()
    }
}

async fn places(office: &Office, caller: &Caller) -> Result<BTreeMap<String, String>, Failure> {
    let regions = office.desk.store().regions(caller.scope.county).await?;
    Ok(regions
        .into_iter()
        .map(|it| (it.code.to_string(), it.name))
        .collect())
}

async fn as_json(office: &Office, caller: &Caller, claims: &[Claim]) -> Result<String, Failure> {
    let places = places(office, caller).await?;
    let claims: Vec<serde_json::Value> = claims
        .iter()
        .map(|claim| {
            serde_json::json!({
                "number": claim.number,
                "village": places.get(claim.village.as_str()),
                "town": places.get(claim.village.township().as_str()),
                "peril": claim.case.peril.code(),
                "status": claim.status().code(),
                "amountFen": claim.amount().get(),
            })
        })
        .collect();
    Ok(serde_json::json!({ "claims": claims }).to_string())
}

async fn print(office: &Office, caller: &Caller, claims: &[Claim]) -> Result<(), Failure> {
    let places = places(office, caller).await?;
    let place = |code: &str| places.get(code).cloned().unwrap_or_default();
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::UTF8_FULL_CONDENSED);
    table.set_header(["案件编号", "乡镇", "村", "类别", "阶段", "状态", "金额(元)"]);
    for claim in claims {
        let status = claim.status();
        let figure = claim.amount();
        table.add_row([
            claim.number.clone(),
            place(claim.village.township().as_str()),
            place(claim.village.as_str()),
            claim.case.peril.zh().to_owned(),
            status.phase().zh().to_owned(),
            format!("{} {}", status.zh(), status.code()),
            if figure == Fen::ZERO {
                "—".to_owned()
            } else {
                figure.to_string()
            },
        ]);
    }
    say!("{table}");
    for claim in claims
        .iter()
        .filter(|claim| matches!(claim.state, State::Paid(_)))
    {
        if let Some(assessment) = claim.assessment() {
            say!(
                "\n{} 已赔付 paid {} 元 · {}",
                claim.number,
                claim.amount(),
                assessment.clause
            );
            say!("{}", scheme::derivation(assessment));
        }
    }
    Ok(())
}
