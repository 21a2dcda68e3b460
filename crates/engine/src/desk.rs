//! The desk (经办台): one door for every command, whoever knocks.

use crate::caller::Caller;
use crate::clock::Clock;
use crate::disclosure::{Disclosing, Disclosure, PrivateSubject, Purpose, Revealed};
use crate::free_text::private_in;
use crate::ids;
use crate::limits::{REMIND_WORKDAYS, REVEALS_PER_DAY_MAX};
use crate::ports::{Ask, Commit, EventKey, Fault, Found, Judge, Outcome, Store, Target};
use crate::sight;
use chrono::{NaiveDate, SubsecRound};
use lifecycle::letter::Letter;
use lifecycle::{
    Blocked, Calendar, ClaimId, Command, Decision, Facts, HouseholdId, MemberId, NoticeId,
    ObjectionId, Order, PaymentId, Scheme, SchemeId, State, calendar, decide, open_claim,
};
use std::sync::Arc;
use tracing::Instrument;
use uuid::Uuid;

/// A command as it is submitted.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The claim and the version the caller saw; `None` only for a new draft.
    pub claim: Option<(ClaimId, u32)>,
    /// Idempotency key.
    pub key: Uuid,
    /// The command.
    pub command: Command,
}

/// The desk: gathers an ask, lends the judge, hands back the outcome.
#[derive(Clone)]
pub struct Desk {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    outside: Arc<dyn Clock>,
    calendar: Arc<Calendar>,
    reveals_per_day: u32,
    remind_workdays: u16,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Desk")
    }
}

/// Ids of what is made follow from the account and the idempotency key, so that a repeated call makes
/// the same.
#[derive(Debug, Clone, Copy)]
pub struct MadeIds<'a> {
    caller: &'a Caller,
    key: Uuid,
}

impl MadeIds<'_> {
    /// The id of a new thing of a kind.
    pub fn made(self, kind: &str) -> Uuid {
        ids::named(kind, &format!("{}/{}", self.caller.account, self.key))
    }

    /// The id of a new claim.
    pub fn claim(self) -> ClaimId {
        ClaimId(self.made("claim"))
    }

    /// The id of a new notice.
    pub fn notice(self) -> NoticeId {
        NoticeId(self.made("notice"))
    }

    /// The id of a new objection.
    pub fn objection(self) -> ObjectionId {
        ObjectionId(self.made("objection"))
    }

    /// The id of a new payment.
    pub fn payment(self) -> PaymentId {
        PaymentId(self.made("payment"))
    }
}

impl Desk {
    /// A desk on a store, with a clock and a calendar.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, calendar: Arc<Calendar>) -> Self {
        Self {
            store,
            outside: Arc::clone(&clock),
            clock,
            calendar,
            reveals_per_day: REVEALS_PER_DAY_MAX,
            remind_workdays: REMIND_WORKDAYS,
        }
    }

    /// The same with another number of private values that an account may read in a day.
    #[must_use]
    pub fn reveals_per_day(self, reveals_per_day: u32) -> Self {
        Self {
            reveals_per_day,
            ..self
        }
    }

    /// The same that reminds another number of working days before a deadline.
    #[must_use]
    pub fn reminding(self, remind_workdays: u16) -> Self {
        Self {
            remind_workdays,
            ..self
        }
    }

    /// Working days before the last day of a term from which on it is due soon.
    pub const fn remind_workdays(&self) -> u16 {
        self.remind_workdays
    }

    /// The same where other systems live in another time than the desk's: a demo of years ago.
    #[must_use]
    pub fn with_outside(self, outside: Arc<dyn Clock>) -> Self {
        Self { outside, ..self }
    }

    /// The time other systems live in: of timestamps in webhooks.
    pub fn outside(&self) -> &dyn Clock {
        self.outside.as_ref()
    }

    /// The store, for reading and for the registry.
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// The store, for work in a task of its own.
    pub(crate) fn shared_store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The calendar.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The ids that are made with this key.
    pub const fn ids(caller: &Caller, key: Uuid) -> MadeIds<'_> {
        MadeIds { caller, key }
    }

    /// Submits one command. One whose free texts hold a private value is refused before anything is looked up.
    /// The work runs in a task of its own, so that a caller who hangs up cannot leave a transaction half done
    /// (measured trap).
    pub async fn submit(&self, caller: &Caller, submission: Submission) -> Result<Outcome, Fault> {
        if let Some(field) = private_in(&submission.command) {
            return Ok(Outcome::Blocked(Blocked::PrivateInText { field }));
        }
        let span = tracing::info_span!("claim.command", command = submission.command.kind().code());
        let Some((ask, judge)) = self.prepared(caller, submission) else {
            return Ok(Outcome::NotFound);
        };
        let store = Arc::clone(&self.store);
        let work = async move { store.transact(ask, judge).await }.instrument(span);
        tokio::spawn(sight::carried(work))
            .await
            .map_err(|fault| Fault::store("the command's task ended", fault))?
    }

    /// The ask of a submission, and its judge; `None` if it names no claim and begins none.
    pub(crate) fn prepared(&self, caller: &Caller, submission: Submission) -> Option<(Ask, Judge)> {
        let ask = self.ask(caller, &submission)?;
        let order = Order {
            actor: caller.actor(),
            command: submission.command,
        };
        let calendar = Arc::clone(&self.calendar);
        let judge: Judge = Box::new(move |claim: Option<&lifecycle::Claim>, found: Found| {
            let facts = Facts {
                scheme: found.scheme,
                calendar,
                seen: found.seen,
            };
            let Decision {
                claim,
                event,
                postings,
            } = match claim {
                Some(claim) => decide(claim, &order, &facts)?,
                None => open_claim(&order, &facts)?,
            };
            Ok(Commit {
                claim,
                event,
                postings,
                seen: facts.seen,
                bills: order.command.bills(),
            })
        });
        Some((ask, judge))
    }

    /// What the store must look up for a submission; `None` if it names no claim and begins none.
    fn ask(&self, caller: &Caller, submission: &Submission) -> Option<Ask> {
        let command = &submission.command;
        let target = match (command, submission.claim) {
            (Command::DraftReferral(draft), None) => Target::New {
                id: draft.id,
                scheme: draft.scheme,
                household: draft.household,
            },
            (_, Some((id, expected_version))) => Target::Existing {
                id,
                expected_version,
            },
            (_, None) => return None,
        };
        let event = event_of(command);
        let fingerprint = ids::sha256(format!("{target:?} {command:?}"));
        Some(Ask {
            county: caller.scope.county,
            account: caller.account,
            key: submission.key,
            fingerprint,
            command: command.kind(),
            target,
            scope: caller.scope.clone(),
            persons: caller
                .actor()
                .persons()
                .chain(command.named_person())
                .collect(),
            named: command.named_person(),
            payee: command.payee(),
            event,
            follows: follows(command),
            bills: command.bills(),
            recovery_ref: command.recovery_ref().map(str::to_owned),
            now: self.clock.now(),
        })
    }

    /// The facts a claim would be judged on now, without a lock: for previews.
    pub async fn notice_preview(
        &self,
        caller: &Caller,
        claim: &lifecycle::Claim,
    ) -> Result<Option<lifecycle::notice::NoticeLine>, Fault> {
        let State::Verified(verified) = &claim.state else {
            return Ok(None);
        };
        let county = caller.scope.county;
        let Some(scheme) = self.store.scheme(county, claim.scheme).await? else {
            return Ok(None);
        };
        let Some(household) = self.store.household(county, claim.household).await? else {
            return Ok(None);
        };
        let village = self.village_of(&household).await?;
        Ok(lifecycle::notice::NoticeLine::compose(
            &claim.number,
            &village,
            household.head_name(),
            household.persons,
            claim.case.peril,
            verified.assessment.benefit,
            &scheme.notice,
        )
        .ok())
    }

    /// The name of the village where a household lives now, as a judgement sees it.
    async fn village_of(&self, household: &crate::household::Household) -> Result<String, Fault> {
        let regions = self.store.regions(household.county).await?;
        let village = regions.into_iter().find(|it| it.code == household.village);
        Ok(village.map(|it| it.name).unwrap_or_default())
    }

    /// The letter that a refused claim owes its household, delivered on a day: as it is printed, to be
    /// handed over. `None` if none is owed, or the household has moved out of sight; blocked by what would
    /// block its issue.
    pub async fn refusal_letter(
        &self,
        caller: &Caller,
        claim: &lifecycle::Claim,
        delivered_on: NaiveDate,
    ) -> Result<Option<Result<Letter, Blocked>>, Fault> {
        let county = caller.scope.county;
        let Some(scheme) = self.store.scheme(county, claim.scheme).await? else {
            return Ok(None);
        };
        let household = self.store.household(county, claim.household).await?;
        let Some(household) = household.filter(|it| caller.scope.covers_household(it)) else {
            return Ok(None);
        };
        let village = self.village_of(&household).await?;
        let letter = Letter::compose(
            claim,
            &village,
            household.head_name(),
            &scheme,
            &self.calendar,
            delivered_on,
        );
        Ok(letter.transpose())
    }

    /// A scheme of the caller's county.
    pub async fn scheme(
        &self,
        caller: &Caller,
        id: SchemeId,
    ) -> Result<Option<Arc<Scheme>>, Fault> {
        self.store.scheme(caller.scope.county, id).await
    }

    /// A household in the caller's region. An insurer sees a household only through a claim of its
    /// own.
    pub async fn household(
        &self,
        caller: &Caller,
        id: HouseholdId,
    ) -> Result<Option<crate::household::Household>, Fault> {
        let household = self.store.household(caller.scope.county, id).await?;
        let Some(household) = household.filter(|it| caller.scope.covers_household(it)) else {
            return Ok(None);
        };
        if caller.scope.insurer.is_some() {
            let filter = crate::ports::ClaimFilter {
                household: Some(id),
                ..crate::ports::ClaimFilter::default()
            };
            let claims = self
                .store
                .claims(&caller.scope, &filter, &crate::ports::Page::first(1))
                .await?;
            if claims.rows.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(household))
    }

    /// Tells a private value to a caller whose work needs it: on record first, then told. `None` if
    /// there is no such household or claim in the caller's scope. Whether the credential is good for
    /// reading private values is asked of [`crate::authority`] before.
    pub async fn reveal(
        &self,
        caller: &Caller,
        household: HouseholdId,
        subject: PrivateSubject,
        purpose: Purpose,
        reason: String,
    ) -> Result<Option<Revealed>, Fault> {
        let limit = self.reveals_per_day;
        self.told_on_record(caller, household, (subject, purpose, reason), limit)
            .await
    }

    /// The same, up to another number of values a day.
    pub(crate) async fn told_on_record(
        &self,
        caller: &Caller,
        household: HouseholdId,
        (subject, purpose, reason): (PrivateSubject, Purpose, String),
        limit: u32,
    ) -> Result<Option<Revealed>, Fault> {
        let Some(home) = self.household(caller, household).await? else {
            return Ok(None);
        };
        let readers = subject.field().readers();
        if !readers.iter().any(|duty| caller.holds(*duty)) {
            return Ok(Some(Revealed::DutyMissing));
        }
        let known = match subject {
            PrivateSubject::IdNumber(id) => Self::member(&home, id).is_some(),
            PrivateSubject::Account(id) => home.payees.iter().any(|payee| payee.id == id),
            PrivateSubject::Phone(id) => id == home.id,
            PrivateSubject::Diagnosis(id) => {
                let claim = self.store.claim(&caller.scope, id).await?;
                claim.is_some_and(|claim| claim.household == home.id)
            }
        };
        if !known {
            return Ok(None);
        }
        let now = self.clock.now().trunc_subsecs(6);
        let disclosure = Disclosure {
            county: home.county,
            household: home.id,
            subject,
            purpose,
            reason,
            account: caller.account,
            person: caller.person,
            at: now,
        };
        let since = calendar::start_of(calendar::legal_day(now));
        let store = Arc::clone(&self.store);
        // A task of its own, as for a command: a caller who hangs up leaves nothing half done.
        let work = sight::carried(async move { store.disclose(disclosure, since, limit).await });
        let told = tokio::spawn(work)
            .await
            .map_err(|fault| Fault::store("the disclosure's task ended", fault))??;
        Ok(Some(match told {
            Disclosing::Told { entry, value } => Revealed::Told { entry, value },
            Disclosing::Absent => Revealed::Absent,
            Disclosing::Exhausted => Revealed::Exhausted { limit },
        }))
    }

    /// The member a claim is about.
    pub fn member(
        household: &crate::household::Household,
        id: MemberId,
    ) -> Option<&crate::household::Member> {
        household.members.iter().find(|member| member.id == id)
    }
}

/// The earlier claim that a draft goes on with.
fn follows(command: &Command) -> Option<ClaimId> {
    if let Command::DraftReferral(draft) = command {
        draft.follows
    } else {
        None
    }
}

/// The event a draft or an amendment is about.
fn event_of(command: &Command) -> Option<EventKey> {
    let case = if let Command::DraftReferral(draft) = command {
        &draft.case
    } else if let Command::AmendReferral { case } = command {
        case
    } else {
        return None;
    };
    Some(EventKey::of(case))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlook::Outlook;
    use crate::testkit::{Expect, Role, TestDesk, yuan};
    use lifecycle::Status;
    use lifecycle::phase::refusal::{RefusalCode, RefusalLine};
    use std::collections::BTreeSet;

    /// A repeated call makes the same ids; another key, account or kind of thing makes others.
    #[test]
    fn made_ids_follow_from_account_and_key() {
        let (caller, other) = (Role::Shimenzhai.caller(), Role::Zhucaoying.caller());
        let (key, other_key) = (ids::fresh(), ids::fresh());
        let made = |caller: &Caller, key| {
            let made = Desk::ids(caller, key);
            [
                made.claim().0,
                made.notice().0,
                made.objection().0,
                made.payment().0,
            ]
        };
        assert_eq!(made(&caller, key), made(&caller, key));
        let mut all = BTreeSet::new();
        all.extend(made(&caller, key));
        all.extend(made(&caller, other_key));
        all.extend(made(&other, key));
        assert_eq!(all.len(), 12);
    }

    /// A command that names no claim and begins none, or begins one that is there, is not served.
    #[tokio::test]
    async fn a_target_is_named_or_begun() {
        let desk = TestDesk::in_memory().await;
        let caller = Role::Shimenzhai.caller();
        let submission = Submission {
            claim: None,
            key: ids::fresh(),
            command: Command::ReferCase,
        };
        let outcome = desk.desk.submit(&caller, submission).await;
        assert!(matches!(outcome, Ok(Outcome::NotFound)), "{outcome:?}");
    }

    /// Facts of a refusal and findings of an appeal are refused by the desk, whichever door they came through, and
    /// in a preview as well.
    #[tokio::test]
    async fn no_private_value_comes_into_the_log() {
        let desk = TestDesk::in_memory().await;
        let household = desk.world.household("石门寨").clone();
        let id_number = household.members[0].id_number.reveal();
        let accepted = desk.refer(&household).accept().await;
        let (clause, _) = desk.world.scheme.all_clauses().next().expect("a clause");
        let refuse = Command::DeclareIneligible {
            lines: vec![RefusalLine {
                code: RefusalCode::Other,
                facts: format!("身份证{id_number}名下有商品房"),
                clause: clause.to_owned(),
            }],
        };
        let refused =
            async |role, claim, command| match desk.submit(role, Some(claim), command).await {
                Outcome::Blocked(blocked) => blocked,
                other => panic!("{other:?}"),
            };
        let blocked = |field| Blocked::PrivateInText { field };
        let told = refused(Role::Handler, &accepted, refuse.clone()).await;
        assert_eq!(told, blocked("lines"));
        let submission = Submission {
            claim: Some((accepted.id, accepted.version)),
            key: ids::fresh(),
            command: refuse,
        };
        let outlook = desk.desk.preview(&Role::Handler.caller(), submission).await;
        assert_eq!(
            outlook.expect("reading"),
            Outlook::Blocked(blocked("lines"))
        );
        let appealed = desk
            .on(&accepted)
            .declare_ineligible()
            .issue_letter()
            .appeal()
            .await;
        let decide = Command::DecideAppeal {
            upheld: false,
            findings: "已打电话13900000000核对".into(),
        };
        let told = refused(Role::Supervisor, &appealed, decide).await;
        assert_eq!(told, blocked("findings"));
        desk.claim(appealed.id)
            .await
            .expect_status(Status::Appealed);
    }

    /// The preview is what will be posted: same words, same hash.
    #[tokio::test]
    async fn previewed_is_posted() {
        let desk = TestDesk::in_memory().await;
        let story = desk.refer(desk.world.household("石门寨"));
        let verified = story.through_verification(yuan(41_200)).await;
        let caller = Role::Supervisor.caller();
        let line = desk.desk.notice_preview(&caller, &verified).await;
        let line = line.expect("reading").expect("a verified claim has one");
        assert_eq!(line.amount, Some(yuan(25_340)));
        let open = desk.on(&verified).preview().open_notice().await;
        open.expect_status(Status::NoticeOpen);
        let posted = open.state.notice().map(|open| &open.notice.line);
        assert_eq!(posted, Some(&line));
        let none = desk.desk.notice_preview(&caller, &open).await;
        assert_eq!(none.expect("reading"), None);
    }

    /// A private value is told to a duty that needs the field, of the household that was named, so many
    /// times in a day of the village.
    #[tokio::test]
    async fn a_private_value_is_told_to_whoever_needs_it() {
        let test = TestDesk::in_memory().await;
        let desk = test.desk.clone().reveals_per_day(2);
        let (home, other) = (&test.world.households[0], &test.world.households[1]);
        let claim = test.refer(other).await;
        let reveal = async |role: Role, subject: PrivateSubject| {
            let (caller, purpose) = (role.caller(), Purpose::Verification);
            let revealed = desk.reveal(&caller, home.id, subject, purpose, "入户前核对".into());
            revealed.await.expect("reading")
        };
        let number = PrivateSubject::IdNumber(home.members[0].id);
        for role in [Role::Supervisor, Role::Auditor, Role::Administrator] {
            let missing = Some(Revealed::DutyMissing);
            assert_eq!(reveal(role, number).await, missing, "{role:?}");
        }
        assert_eq!(reveal(Role::Zhucaoying, number).await, None, "elsewhere");
        for subject in [
            PrivateSubject::IdNumber(other.members[0].id),
            PrivateSubject::Account(other.payees[0].id),
            PrivateSubject::Phone(other.id),
            PrivateSubject::Diagnosis(claim.id),
        ] {
            let revealed = reveal(Role::Shimenzhai, subject).await;
            assert_eq!(revealed, None, "another household's");
        }
        let told = async || {
            let revealed = reveal(Role::Shimenzhai, number).await;
            match revealed {
                Some(Revealed::Told { value, .. }) => {
                    assert_eq!(value.reveal(), home.members[0].id_number.reveal());
                    true
                }
                Some(Revealed::Exhausted { limit: 2 }) => false,
                other => panic!("{other:?}"),
            }
        };
        assert!(told().await && told().await && !told().await);
        let today = calendar::legal_day(test.now());
        let morrow = calendar::start_of(today.succ_opt().expect("a day"));
        test.clock.set(morrow - chrono::Duration::microseconds(1));
        assert!(!told().await, "the day is not over");
        test.clock.set(morrow);
        assert!(told().await);
    }
}
