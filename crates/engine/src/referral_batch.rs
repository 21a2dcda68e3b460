//! Referral of many lines (批量推送): the one rule by which a line of a list becomes household, draft and
//! referral, whether it comes from a spreadsheet or from a system.
//!
//! Reading the same line again, or the mended one, adds only what is missing: a household is found by
//! its people's identity numbers, a claim by its key. Ids of people are fresh, not hashes of their
//! numbers: whoever sees such an id could find the number by trying all of them.

use crate::caller::Caller;
use crate::desk::{Desk, Submission};
use crate::household::{
    BankAccount, Diagnosis, Household, IdNumber, Member, Payee, Phone, PrivateDetails,
};
use crate::limits::MEMBERS_MAX;
use crate::ports::{Fault, Outcome};
use crate::{ids, sight};
use benefits::Fen;
use chrono::NaiveDate;
use lifecycle::calendar::legal_day;
use lifecycle::phase::referral::{Basis, Case};
use lifecycle::{
    Blocked, Claim, Command, CommandKind, DraftReferral, HouseholdId, MemberId, PayeeId,
    PayeeRelation, Peril, RegionCode, Scheme,
};
use tokio::sync::Mutex;

/// A line: a household, a person it concerns, and what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The household's village.
    pub village: RegionCode,
    /// Name of the head of household (户主).
    pub head_name: String,
    /// Identity number of the head.
    pub head_id: IdNumber,
    /// Household type (户类型).
    pub kind: String,
    /// Persons by the police register.
    pub persons: u16,
    /// Name of the person concerned: patient, student.
    pub insured_name: String,
    /// Identity number of the person concerned.
    pub insured_id: IdNumber,
    /// Relation to the head (与户主关系).
    pub relation: String,
    /// Why the household is referred.
    pub peril: Peril,
    /// Day of the event.
    pub event_on: NaiveDate,
    /// What the household paid itself, as it states.
    pub submitted: Fen,
    /// Day of the village's decision.
    pub decided_on: NaiveDate,
    /// The decision's reference.
    pub document: String,
    /// Name of the payee.
    pub payee_name: String,
    /// Identity number of the payee, where two members share the name.
    pub payee_id: Option<IdNumber>,
    /// Bank.
    pub bank: String,
    /// Account.
    pub account: BankAccount,
    /// Where the household is reached.
    pub phone: Option<Phone>,
    /// What illness it is.
    pub diagnosis: Option<Diagnosis>,
}

/// Why a line comes back. None says what the register says: the household may be outside the
/// caller's region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineFault {
    /// The head is registered in another village.
    HeadElsewhere,
    /// The person concerned is registered in another household.
    InsuredElsewhere,
    /// The head's number is registered under another name.
    HeadName,
    /// The number of the person concerned is registered under another name.
    InsuredName,
    /// The payee is no known member of the household, or two share the name.
    PayeeNoMember,
    /// Name and number of the payee do not belong together.
    PayeeName,
    /// The household has as many members by name as can be.
    MembersMax,
    /// The event is referred already, with other contents.
    Differs,
    /// The desk refused.
    Blocked(Blocked),
}

/// What became of a line.
#[derive(Debug)]
pub enum End {
    /// A claim stands for it.
    Stands {
        /// The claim; `None` when a dry run would add it, or when it is out of the caller's sight.
        claim: Option<Box<Claim>>,
        /// Whether this reading added it (a dry run: would add it).
        added: bool,
    },
    /// It comes back.
    Faulty(Vec<LineFault>),
}

/// How much a clerk may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// Registers and refers.
    Writes,
    /// Writes nothing: a dry run.
    Looks,
    /// Repeats a line that was done: what it would register anew is another line.
    Repeats,
}

/// What the key of a line follows from, besides county and account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineKey {
    /// From the event: a sheet has no numbers that last.
    Event,
    /// From what a system calls it.
    Named(String),
}

/// One line on its way through the desk.
#[derive(Debug, Clone, Copy)]
pub struct Clerk<'a> {
    /// The desk.
    pub desk: &'a Desk,
    /// Who refers.
    pub caller: &'a Caller,
    /// How much it may do.
    pub hand: Hand,
}

/// Household, member and payee of a line.
struct Home {
    household: HouseholdId,
    insured: MemberId,
    payee: PayeeId,
}

/// Nothing may be registered for somebody who may not refer; the judge would say so too late.
pub fn may_refer(caller: &Caller, scheme: &Scheme) -> Result<(), Blocked> {
    let command = CommandKind::DraftReferral;
    let duties = scheme.duties_of(command);
    if duties.iter().any(|duty| caller.holds(*duty)) {
        Ok(())
    } else {
        Err(Blocked::DutyMissing { command })
    }
}

impl Clerk<'_> {
    /// Takes one line through the desk. The caller may refer under this scheme ([`may_refer`]).
    pub async fn take(&self, scheme: &Scheme, line: &Line, key: &LineKey) -> Result<End, Fault> {
        match self.settle(line).await? {
            Ok(Some(home)) => self.refer(scheme, line, &home, key).await,
            Ok(None) if self.hand == Hand::Repeats => Ok(End::Faulty(vec![LineFault::Differs])),
            Ok(None) => Ok(End::Stands {
                claim: None,
                added: true,
            }),
            Err(faults) => Ok(End::Faulty(faults)),
        }
    }

    /// Finds or registers household, member and payee. `None` when they would have to be registered
    /// and may not.
    async fn settle(&self, line: &Line) -> Result<Result<Option<Home>, Vec<LineFault>>, Fault> {
        // Two readings of one list at the same time (a double click) must not register a household
        // twice; between processes the store's unique key decides, and the loser looks again.
        static REGISTERING: Mutex<()> = Mutex::const_new(());
        let _alone = REGISTERING.lock().await;
        let mut attempts = 0;
        loop {
            let known = self.household_of(&line.head_id).await?;
            let insured_at = if line.insured_id == line.head_id {
                known.clone()
            } else {
                self.household_of(&line.insured_id).await?
            };
            let faults = contradictions(line, known.as_ref(), insured_at.as_ref());
            if !faults.is_empty() {
                return Ok(Err(faults));
            }
            let (household, home, changed) = self.with_line(line, known);
            let home = match home {
                Ok(home) => home,
                Err(fault) => return Ok(Err(vec![fault])),
            };
            if !changed {
                return Ok(Ok(Some(home)));
            }
            if self.hand != Hand::Writes {
                return Ok(Ok(None));
            }
            match self.desk.store().put_household(&household).await {
                Ok(()) => return Ok(Ok(Some(home))),
                Err(fault) if attempts > 0 => return Err(fault),
                Err(fault) => {
                    tracing::warn!(%fault, "a household was registered elsewhere at the same time?");
                    attempts += 1;
                }
            }
        }
    }

    async fn household_of(&self, id_number: &IdNumber) -> Result<Option<Household>, Fault> {
        // Whether a person is registered elsewhere in the county is told, not where.
        let county = self.caller.scope.county;
        let found = self.desk.store().household_of(county, id_number);
        sight::whole_county(found).await
    }

    /// The household with what the line adds to it, and whether it adds anything.
    fn with_line(
        &self,
        line: &Line,
        known: Option<Household>,
    ) -> (Household, Result<Home, LineFault>, bool) {
        let mut changed = known.is_none();
        let mut household = known.unwrap_or_else(|| {
            let head = new_member(&line.head_name, &line.head_id, "户主");
            Household {
                id: HouseholdId(ids::fresh()),
                county: self.caller.scope.county,
                village: line.village.clone(),
                kind: line.kind.clone(),
                listed_on: Some(line.decided_on),
                head: head.id,
                persons: line.persons,
                phone: None,
                members: vec![head],
                payees: Vec::new(),
            }
        });
        let insured = member(&household, &line.insured_id).map(|it| it.id);
        let insured = insured.unwrap_or_else(|| {
            changed = true;
            let new = new_member(&line.insured_name, &line.insured_id, &line.relation);
            let id = new.id;
            household.members.push(new);
            id
        });
        let payee = if household.members.len() > MEMBERS_MAX {
            Err(LineFault::MembersMax)
        } else {
            self.payee(line, insured, &mut household, &mut changed)
        };
        let home = payee.map(|payee| Home {
            household: household.id,
            insured,
            payee,
        });
        (household, home, changed)
    }

    /// The payee must be a member: a list cannot make a stranger one by naming an account. Whoever brings
    /// the list enters the payee, and the names of account and member are compared.
    fn payee(
        &self,
        line: &Line,
        insured: MemberId,
        household: &mut Household,
        changed: &mut bool,
    ) -> Result<PayeeId, LineFault> {
        let mut named = household.members.iter().filter(|it| match &line.payee_id {
            Some(id_number) => it.id_number == *id_number,
            None => it.name == line.payee_name,
        });
        let (Some(member), None) = (named.next(), named.next()) else {
            return Err(LineFault::PayeeNoMember);
        };
        if member.name != line.payee_name {
            return Err(LineFault::PayeeName);
        }
        let own = member.id == insured;
        let known = household.payees.iter().find(|it| {
            it.member == member.id
                && it.holder_name == line.payee_name
                && it.bank == line.bank
                && it.account == line.account
                && match it.relation {
                    PayeeRelation::Insured => own,
                    PayeeRelation::Head | PayeeRelation::Family | PayeeRelation::Guardian => true,
                    // Of one who has died.
                    PayeeRelation::Heir => false,
                }
        });
        if let Some(payee) = known {
            return Ok(payee.id);
        }
        *changed = true;
        let relation = if own {
            PayeeRelation::Insured
        } else {
            Payee::plain_relation(household, member.id)
        };
        let mut payee = Payee {
            id: PayeeId(ids::fresh()),
            member: member.id,
            relation,
            papers: None,
            holder_name: line.payee_name.clone(),
            bank: line.bank.clone(),
            account: line.account.clone(),
            entered_by: Some(self.caller.person),
            entered_for: self.caller.on_behalf_of,
            checks: Vec::new(),
        };
        let today = legal_day(self.desk.clock().now());
        payee
            .checks
            .push(payee.compared(member, today, self.caller.person));
        let id = payee.id;
        household.payees.push(payee);
        Ok(id)
    }

    /// Drafts and refers, each with a key of its own that follows from the line.
    async fn refer(
        &self,
        scheme: &Scheme,
        line: &Line,
        home: &Home,
        key: &LineKey,
    ) -> Result<End, Fault> {
        let (county, account) = (self.caller.scope.county, self.caller.account);
        let name = match key {
            LineKey::Event => format!(
                "{county}/{account}/{}/{}/{}",
                home.insured, line.peril, line.event_on
            ),
            LineKey::Named(name) => format!("{county}/{account}/{name}"),
        };
        let key = ids::named("import", &name);
        let id = Desk::ids(self.caller, key).claim();
        if self.hand == Hand::Looks {
            let claim = self.desk.store().claim(&self.caller.scope, id).await?;
            let added = claim.is_none();
            return Ok(End::Stands {
                claim: claim.map(Box::new),
                added,
            });
        }
        let draft = Submission {
            claim: None,
            key,
            command: Command::DraftReferral(DraftReferral {
                id,
                scheme: scheme.id,
                household: home.household,
                case: Case {
                    insured: home.insured,
                    peril: line.peril,
                    event_on: line.event_on,
                    submitted: line.submitted,
                    payee: home.payee,
                    basis: Some(Basis {
                        decided_on: line.decided_on,
                        document: line.document.clone(),
                    }),
                    advance: false,
                },
                follows: None,
            }),
        };
        let (drafted, replay) = match self.desk.submit(self.caller, draft).await? {
            Outcome::Done { claim, replay, .. } => (claim, replay),
            Outcome::Blocked(Blocked::DuplicateEvent { number }) => {
                return self.stands_already(line, &number).await;
            }
            Outcome::Blocked(blocked) => return Ok(faulty(LineFault::Blocked(blocked))),
            Outcome::KeyReused => return Ok(faulty(LineFault::Differs)),
            Outcome::Stale { .. } | Outcome::NotFound => {
                return Ok(faulty(LineFault::Blocked(Blocked::Validation {
                    field: "householdId",
                    reason: "UNKNOWN",
                })));
            }
        };
        self.write_private(line, &drafted, replay).await?;
        let refer = Submission {
            claim: Some((drafted.id, drafted.version)),
            key: ids::named("import-refer", &name),
            command: Command::ReferCase,
        };
        Ok(match self.desk.submit(self.caller, refer).await? {
            Outcome::Done {
                claim,
                replay: again,
                ..
            } => End::Stands {
                claim: Some(claim),
                added: !(replay && again),
            },
            // Somebody has taken the draft further since: it stands.
            Outcome::Stale { .. } if replay => End::Stands {
                claim: Some(drafted),
                added: false,
            },
            Outcome::Blocked(blocked) => faulty(LineFault::Blocked(blocked)),
            Outcome::Stale { .. } | Outcome::NotFound | Outcome::KeyReused => {
                faulty(LineFault::Differs)
            }
        })
    }

    /// What is private in the line is written down, all of it or nothing, before the claim goes on: no line is
    /// referred without it, and one that was interrupted is made up for when it is read again. Once the claim has
    /// gone on, what stands may be newer than the line, and stays.
    async fn write_private(&self, line: &Line, drafted: &Claim, replay: bool) -> Result<(), Fault> {
        if line.phone.is_none() && line.diagnosis.is_none() {
            return Ok(());
        }
        let store = self.desk.store();
        if replay {
            let now = store.claim(&self.caller.scope, drafted.id).await?;
            if now.is_none_or(|now| now.version != drafted.version) {
                return Ok(());
            }
        }
        let diagnosis = line.diagnosis.as_ref();
        let details = PrivateDetails {
            county: self.caller.scope.county,
            household: drafted.household,
            phone: line.phone.clone(),
            diagnosis: diagnosis.map(|text| (drafted.id, text.clone())),
            by: self.caller.person,
            at: self.desk.clock().now(),
        };
        store.put_private_details(&details).await
    }

    /// Another account, or another way, has already referred this event.
    async fn stands_already(&self, line: &Line, number: &str) -> Result<End, Fault> {
        let scope = &self.caller.scope;
        let claim = self.desk.store().claim_by_number(scope, number).await?;
        let same = claim
            .as_ref()
            .is_none_or(|claim| claim.case.submitted == line.submitted);
        if same {
            Ok(End::Stands {
                claim: claim.map(Box::new),
                added: false,
            })
        } else {
            Ok(faulty(LineFault::Differs))
        }
    }
}

fn faulty(fault: LineFault) -> End {
    End::Faulty(vec![fault])
}

/// What the line says otherwise than the register.
fn contradictions(
    line: &Line,
    known: Option<&Household>,
    insured_at: Option<&Household>,
) -> Vec<LineFault> {
    let mut faults = Vec::new();
    if known.is_some_and(|it| it.village != line.village) {
        faults.push(LineFault::HeadElsewhere);
    }
    let home = known.map(|it| it.id);
    if insured_at.is_some_and(|it| Some(it.id) != home) {
        faults.push(LineFault::InsuredElsewhere);
    }
    if !faults.is_empty() {
        return faults;
    }
    let people = [
        (LineFault::HeadName, &line.head_id, &line.head_name),
        (LineFault::InsuredName, &line.insured_id, &line.insured_name),
    ];
    for (fault, id_number, name) in people {
        let registered = known.and_then(|it| member(it, id_number));
        if registered.is_some_and(|it| it.name != *name) {
            faults.push(fault);
        }
    }
    faults
}

fn new_member(name: &str, id_number: &IdNumber, relation: &str) -> Member {
    Member {
        id: MemberId(ids::fresh()),
        name: name.to_owned(),
        id_number: id_number.clone(),
        relation: relation.to_owned(),
        died_on: None,
        checked_on: None,
    }
}

fn member<'a>(household: &'a Household, id_number: &IdNumber) -> Option<&'a Member> {
    let mut members = household.members.iter();
    members.find(|it| it.id_number == *id_number)
}
