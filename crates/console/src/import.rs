//! A referral list through the desk: each good line becomes a draft and a referral, through the
//! same door as everybody's; what cannot go on comes back as a sheet of the same layout.
//!
//! Reading the same list again, or the mended one, adds only what is missing: a household is found
//! by its people's identity numbers, a claim by a key that follows from account, member, peril and
//! day. Ids of people are fresh, not hashes of their numbers: whoever sees such an id could find
//! the number by trying all of them.

use crate::sheet::referral::{self, Column, ReferralLine, ReferralSheet};
use crate::sheet::{CellFault, SheetFault};
use engine::desk::Submission;
use engine::household::{Household, IdNumber, Member, Payee};
use engine::registry::Region;
use engine::{Caller, Desk, Fault, Outcome, ids, sight};
use lifecycle::phase::referral::{Basis, Case};
use lifecycle::{
    Blocked, Claim, ClaimId, Command, CommandKind, DraftReferral, HouseholdId, MemberId, PayeeId,
    RegionCode, Scheme, SchemeId,
};
use std::fmt;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Names offered when a village is not found.
const SUGGESTIONS_MAX: usize = 3;

/// A claim that stands for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Row of the sheet, from 1.
    pub row: u32,
    /// The claim.
    pub claim: ClaimId,
    /// Its number.
    pub number: String,
    /// Whether this reading added it.
    pub added: bool,
}

/// What became of a list. `added + already_there + failed + skipped == rows`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// The title above the headers.
    pub title: Option<String>,
    /// Rows below the headers.
    pub rows: usize,
    /// Rows that became a claim now.
    pub added: usize,
    /// Rows whose claim stood already.
    pub already_there: usize,
    /// Rows that come back.
    pub failed: usize,
    /// Rows that are no households: blank, totals, notes.
    pub skipped: usize,
    /// Every fault, by row.
    pub faults: Vec<CellFault>,
    /// The claims that stand for this list, old and new, in the order of its rows.
    pub claims: Vec<ClaimId>,
    /// The same with row and number; empty after a dry run.
    pub standing: Vec<Standing>,
    /// The sheet to mend, if a row comes back.
    pub faulty: Option<Vec<u8>>,
    /// Whether nothing was written.
    pub dry_run: bool,
}

impl fmt::Display for ImportReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.dry_run { "可新增" } else { "新增" };
        write!(
            out,
            "{}行:{verb}{},已有{},退回{},跳过{} ({} rows: {} added, {} already there, {} returned, {} skipped)",
            self.rows,
            self.added,
            self.already_there,
            self.failed,
            self.skipped,
            self.rows,
            self.added,
            self.already_there,
            self.failed,
            self.skipped
        )?;
        for fault in &self.faults {
            write!(out, "\n  {fault}")?;
        }
        Ok(())
    }
}

/// Why a list was not read at all, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportFault {
    /// The spreadsheet.
    #[error(transparent)]
    Sheet(#[from] SheetFault),
    /// The store; what was added until then stands, and reading the list again goes on.
    #[error(
        "导入中断;已导入的有效,请重新导入 / the import was interrupted: read the list again, what stands is kept"
    )]
    Interrupted(#[source] Fault),
}

impl From<Fault> for ImportFault {
    fn from(fault: Fault) -> Self {
        Self::Interrupted(fault)
    }
}

/// Reads a workbook and refers what is good; a dry run writes nothing.
pub async fn workbook(
    desk: &Desk,
    caller: &Caller,
    bytes: &[u8],
    scheme: SchemeId,
    dry_run: bool,
) -> Result<ImportReport, ImportFault> {
    let sheet = referral::read(bytes)?;
    let mut report = referrals(desk, caller, &sheet, scheme, dry_run).await?;
    if !report.faults.is_empty() {
        report.faulty = Some(referral::write_faults(bytes, &report.faults)?);
    }
    Ok(report)
}

/// Refers the good lines of a list that was read.
pub async fn referrals(
    desk: &Desk,
    caller: &Caller,
    sheet: &ReferralSheet,
    scheme: SchemeId,
    dry_run: bool,
) -> Result<ImportReport, Fault> {
    let county = caller.scope.county;
    let mut report = ImportReport {
        title: sheet.title.clone(),
        rows: sheet.rows.len() + sheet.skipped.len(),
        skipped: sheet.skipped.len(),
        dry_run,
        ..ImportReport::default()
    };
    let scheme = desk.scheme(caller, scheme).await?;
    let gazetteer = Gazetteer {
        regions: desk.store().regions(county).await?,
        scope: caller.scope.region.clone(),
    };
    for row in &sheet.rows {
        let line = match row {
            Ok(line) => line,
            Err(faults) => {
                report.failed += 1;
                report.faults.extend(faults.iter().cloned());
                continue;
            }
        };
        let clerk = Clerk {
            desk,
            caller,
            sheet,
            line,
            dry_run,
        };
        let end = match clerk.permitted(scheme.as_deref()) {
            Ok(scheme) => clerk.take(scheme, &gazetteer).await?,
            Err(fault) => End::Faulty(vec![fault]),
        };
        match end {
            End::Stands { claim, added } => {
                if added {
                    report.added += 1;
                } else {
                    report.already_there += 1;
                }
                if let Some(claim) = claim {
                    report.claims.push(claim.id);
                    report.standing.push(Standing {
                        row: line.row,
                        claim: claim.id,
                        number: claim.number,
                        added,
                    });
                }
            }
            End::Faulty(faults) => {
                report.failed += 1;
                report.faults.extend(faults);
            }
        }
    }
    Ok(report)
}

/// What became of a line.
enum End {
    /// A claim stands for it; `None` when a dry run would add it.
    Stands {
        claim: Option<Box<Claim>>,
        added: bool,
    },
    /// It comes back.
    Faulty(Vec<CellFault>),
}

/// Names of townships and villages, as far as the caller may refer from them.
struct Gazetteer {
    regions: Vec<Region>,
    scope: RegionCode,
}

/// A place name without the word for its rank: 石门寨镇 and 石门寨 are one.
fn plain(name: &str) -> String {
    let name: String = name.split_whitespace().collect();
    let name = name.strip_suffix("委会").unwrap_or(&name);
    for rank in ["街道", "镇", "乡", "村"] {
        if let Some(short) = name.strip_suffix(rank)
            && short.chars().count() > 1
        {
            return short.to_owned();
        }
    }
    name.to_owned()
}

impl Gazetteer {
    /// Whether any of a region may be referred from: its own part, or what it is part of.
    fn concerns(&self, code: &RegionCode) -> bool {
        self.scope.covers(code) || code.covers(&self.scope)
    }

    fn townships(&self) -> impl Iterator<Item = &Region> {
        let of_rank = |region: &&Region| region.code.as_str().len() == 9;
        self.regions
            .iter()
            .filter(of_rank)
            .filter(|it| self.concerns(&it.code))
    }

    fn villages<'a>(&'a self, township: &'a Region) -> impl Iterator<Item = &'a Region> {
        self.regions
            .iter()
            .filter(|it| it.code.as_str().len() == 12 && township.code.covers(&it.code))
            .filter(|it| self.scope.covers(&it.code))
    }

    /// The village a line names, or what is wrong with it.
    fn find(&self, line: &ReferralLine) -> Result<RegionCode, NoPlace<'_>> {
        let wanted = plain(&line.township);
        let named = |it: &&Region| plain(&it.name) == wanted;
        let Some(township) = self.townships().find(named) else {
            let mut elsewhere = self.regions.iter().filter(|it| it.code.as_str().len() == 9);
            return Err(elsewhere.find(named).map_or_else(
                || NoPlace::Unknown(Column::Township, nearest(&wanted, self.townships())),
                |township| NoPlace::Elsewhere(&township.name),
            ));
        };
        let wanted = plain(&line.village);
        let mut found = self
            .villages(township)
            .filter(|it| plain(&it.name) == wanted);
        match (found.next(), found.next()) {
            (Some(village), None) => Ok(village.code.clone()),
            // Two places whose names differ only in rank: the whole name decides.
            (Some(_), Some(_)) => self
                .villages(township)
                .find(|it| it.name == line.village)
                .map(|it| it.code.clone())
                .ok_or_else(|| self.no_village(&wanted, township)),
            (None, _) => Err(self.no_village(&wanted, township)),
        }
    }

    fn no_village<'a>(&'a self, wanted: &str, township: &'a Region) -> NoPlace<'a> {
        NoPlace::Unknown(Column::Village, nearest(wanted, self.villages(township)))
    }
}

/// Why a line has no village.
enum NoPlace<'a> {
    /// The column that names no place of the caller's region, and names like it.
    Unknown(Column, Vec<&'a str>),
    /// The township is another's.
    Elsewhere(&'a str),
}

fn nearest<'a>(wanted: &str, among: impl Iterator<Item = &'a Region>) -> Vec<&'a str> {
    let mut names: Vec<(usize, &str)> = among
        .map(|it| {
            (
                strsim::levenshtein(wanted, &plain(&it.name)),
                it.name.as_str(),
            )
        })
        .collect();
    names.sort_unstable();
    names
        .into_iter()
        .take(SUGGESTIONS_MAX)
        .map(|(_, name)| name)
        .collect()
}

/// One line on its way through the desk.
struct Clerk<'a> {
    desk: &'a Desk,
    caller: &'a Caller,
    sheet: &'a ReferralSheet,
    line: &'a ReferralLine,
    dry_run: bool,
}

/// Household, member and payee of a line.
struct Home {
    household: HouseholdId,
    insured: MemberId,
    payee: PayeeId,
}

impl Clerk<'_> {
    fn fault(
        &self,
        column: Option<Column>,
        what: impl Into<String>,
        what_to_do: impl Into<String>,
    ) -> CellFault {
        self.sheet.fault(self.line.row, column, what, what_to_do)
    }

    /// Nothing may be registered for somebody who may not refer; the judge would say so too late.
    fn permitted<'s>(&self, scheme: Option<&'s Scheme>) -> Result<&'s Scheme, CellFault> {
        let Some(scheme) = scheme else {
            return Err(self.fault(
                None,
                "没有这个方案 / there is no such scheme",
                "请重新选择方案 / choose the scheme again",
            ));
        };
        let duties = scheme.duties_of(CommandKind::DraftReferral);
        if duties.iter().any(|duty| self.caller.holds(*duty)) {
            Ok(scheme)
        } else {
            Err(self.blocked(&Blocked::DutyMissing {
                command: CommandKind::DraftReferral,
            }))
        }
    }

    async fn take(&self, scheme: &Scheme, gazetteer: &Gazetteer) -> Result<End, Fault> {
        let village = match gazetteer.find(self.line) {
            Ok(village) => village,
            Err(NoPlace::Unknown(column, names)) => {
                return Ok(End::Faulty(vec![self.unknown_place(column, &names)]));
            }
            Err(NoPlace::Elsewhere(township)) => {
                return Ok(End::Faulty(vec![self.fault(
                    Some(Column::Township),
                    format!("{township}不在您的辖区 / this township is not in your region"),
                    "请由该乡镇或县级经办导入;本行可从表中删去 / leave this row to that township or the county",
                )]));
            }
        };
        match self.settle(&village).await? {
            Ok(Some(home)) => self.refer(scheme, &home).await,
            Ok(None) => Ok(End::Stands {
                claim: None,
                added: true,
            }),
            Err(faults) => Ok(End::Faulty(faults)),
        }
    }

    fn unknown_place(&self, column: Column, names: &[&str]) -> CellFault {
        let (what, english) = if column == Column::Township {
            ("乡镇", "township")
        } else {
            ("村", "village")
        };
        let to_do = if names.is_empty() {
            format!("请核对{what}名称 / check the name")
        } else {
            format!(
                "是否为 {}?请按行政区划名称填写 / did you mean one of these?",
                names.join("、")
            )
        };
        self.fault(
            Some(column),
            format!("您的辖区内没有这个{what} / no such {english} in your region"),
            to_do,
        )
    }

    /// Finds or registers household, member and payee. `None` when a dry run would register them.
    async fn settle(
        &self,
        village: &RegionCode,
    ) -> Result<Result<Option<Home>, Vec<CellFault>>, Fault> {
        // Two readings of one list at the same time (a double click) must not register a household
        // twice; between processes the store's unique key decides, and the loser looks again.
        static REGISTERING: Mutex<()> = Mutex::const_new(());
        let _alone = REGISTERING.lock().await;
        let mut attempts = 0;
        loop {
            let known = self.household_of(&self.line.head_id).await?;
            let insured_at = self.household_of(&self.line.insured_id).await?;
            let faults = self.contradictions(village, known.as_ref(), insured_at.as_ref());
            if !faults.is_empty() {
                return Ok(Err(faults));
            }
            let (household, home, changed) = self.with_line(village, known);
            let home = match home {
                Ok(home) => home,
                Err(fault) => return Ok(Err(vec![fault])),
            };
            if !changed {
                return Ok(Ok(Some(home)));
            }
            if self.dry_run {
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

    /// What the list says otherwise than the register. The texts do not say what the register says:
    /// the household may be outside the caller's region.
    fn contradictions(
        &self,
        village: &RegionCode,
        known: Option<&Household>,
        insured_at: Option<&Household>,
    ) -> Vec<CellFault> {
        let line = self.line;
        let mut faults = Vec::new();
        if known.is_some_and(|it| it.village != *village) {
            faults.push(self.fault(
                Some(Column::Village),
                "户主登记的村与本表不同 / the head is registered in another village",
                "请核对村和户主身份证号;若已迁移请先变更登记 / check village and ID number",
            ));
        }
        let home = known.map(|it| it.id);
        if insured_at.is_some_and(|it| Some(it.id) != home) {
            faults.push(self.fault(
                Some(Column::InsuredId),
                "涉及人登记在另一户 / the person is registered in another household",
                "请核对涉及人和户主的身份证号;若已分户请先变更登记 / check both ID numbers",
            ));
        }
        if !faults.is_empty() {
            return faults;
        }
        let people = [
            (Column::HeadName, &line.head_id, &line.head_name),
            (Column::InsuredName, &line.insured_id, &line.insured_name),
        ];
        for (column, id_number, name) in people {
            let registered = known.and_then(|it| member(it, id_number));
            if registered.is_some_and(|it| it.name != *name) {
                faults.push(self.fault(
                    Some(column),
                    "姓名与该身份证号已登记的姓名不同 / the ID number is registered under another name",
                    "请核对姓名和身份证号 / check name and ID number",
                ));
            }
        }
        faults
    }

    /// The household with what the line adds to it, and whether it adds anything.
    fn with_line(
        &self,
        village: &RegionCode,
        known: Option<Household>,
    ) -> (Household, Result<Home, CellFault>, bool) {
        let line = self.line;
        let mut changed = known.is_none();
        let mut household = known.unwrap_or_else(|| {
            let head = Self::new_member(&line.head_name, &line.head_id, "户主");
            Household {
                id: HouseholdId(ids::fresh()),
                county: self.caller.scope.county,
                village: village.clone(),
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
            let new = Self::new_member(&line.insured_name, &line.insured_id, &line.relation);
            let id = new.id;
            household.members.push(new);
            id
        });
        let payee = self.payee(&mut household, &mut changed);
        let home = payee.map(|payee| Home {
            household: household.id,
            insured,
            payee,
        });
        (household, home, changed)
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

    /// The payee must be a member: a list cannot make a stranger one by naming an account.
    fn payee(&self, household: &mut Household, changed: &mut bool) -> Result<PayeeId, CellFault> {
        let line = self.line;
        let mut named = household.members.iter().filter(|it| match &line.payee_id {
            Some(id_number) => it.id_number == *id_number,
            None => it.name == line.payee_name,
        });
        let (Some(member), None) = (named.next(), named.next()) else {
            return Err(self.fault(
                Some(Column::PayeeName),
                "收款人不是户主、涉及人或已登记的家庭成员 / the payee is not a known member of the household",
                "请填本户成员;同名时请加“收款人身份证号” / name a member, with the ID number if two share the name",
            ));
        };
        if member.name != line.payee_name {
            return Err(self.fault(
                Some(Column::PayeeName),
                "收款人姓名与身份证号不符 / name and ID number of the payee do not belong together",
                "请核对收款人 / check the payee",
            ));
        }
        let known = household.payees.iter().find(|it| {
            it.member == member.id
                && it.holder_name == line.payee_name
                && it.bank == line.bank
                && it.account == line.account
        });
        if let Some(payee) = known {
            return Ok(payee.id);
        }
        *changed = true;
        let payee = Payee {
            id: PayeeId(ids::fresh()),
            member: member.id,
            holder_name: line.payee_name.clone(),
            bank: line.bank.clone(),
            account: line.account.clone(),
        };
        let id = payee.id;
        household.payees.push(payee);
        Ok(id)
    }

    /// Drafts and refers, each with a key of its own that follows from the line.
    async fn refer(&self, scheme: &Scheme, home: &Home) -> Result<End, Fault> {
        let line = self.line;
        let name = format!(
            "{}/{}/{}/{}/{}",
            self.caller.scope.county, self.caller.account, home.insured, line.peril, line.event_on
        );
        let key = ids::named("import", &name);
        let id = Desk::ids(self.caller, key).claim();
        let case = Case {
            insured: home.insured,
            peril: line.peril,
            event_on: line.event_on,
            submitted: line.self_paid,
            payee: home.payee,
            basis: Some(Basis {
                decided_on: line.decided_on,
                document: line.document.clone(),
            }),
        };
        if self.dry_run {
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
                case,
            }),
        };
        let (drafted, replay) = match self.desk.submit(self.caller, draft).await? {
            Outcome::Done { claim, replay, .. } => (claim, replay),
            Outcome::Blocked(Blocked::DuplicateEvent { number }) => {
                return self.stands_already(&number).await;
            }
            Outcome::Blocked(blocked) => return Ok(End::Faulty(vec![self.blocked(&blocked)])),
            Outcome::KeyReused => return Ok(End::Faulty(vec![self.differs()])),
            Outcome::Stale { .. } | Outcome::NotFound => {
                return Ok(End::Faulty(vec![self.blocked(&Blocked::Validation {
                    field: "householdId",
                    reason: "UNKNOWN",
                })]));
            }
        };
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
            Outcome::Blocked(blocked) => End::Faulty(vec![self.blocked(&blocked)]),
            Outcome::Stale { .. } | Outcome::NotFound | Outcome::KeyReused => {
                End::Faulty(vec![self.differs()])
            }
        })
    }

    /// Another account, or another way, has already referred this event.
    async fn stands_already(&self, number: &str) -> Result<End, Fault> {
        let scope = &self.caller.scope;
        let claim = self.desk.store().claim_by_number(scope, number).await?;
        let same = claim
            .as_ref()
            .is_none_or(|claim| claim.case.submitted == self.line.self_paid);
        if same {
            Ok(End::Stands {
                claim: claim.map(Box::new),
                added: false,
            })
        } else {
            Ok(End::Faulty(vec![self.differs()]))
        }
    }

    fn differs(&self) -> CellFault {
        self.fault(
            None,
            "该人该次事件已经推送,但金额、评议或收款人与本表不同 / already referred, with other contents",
            "导入不会改动已有案件;请在案件中修改,或改正本行 / amend the claim itself, or correct this row",
        )
    }

    /// A refusal of the desk, in words, at the column it is about.
    fn blocked(&self, blocked: &Blocked) -> CellFault {
        let (column, what, to_do) = refusal(blocked);
        self.fault(column, what, to_do)
    }
}

fn member<'a>(household: &'a Household, id_number: &IdNumber) -> Option<&'a Member> {
    let mut members = household.members.iter();
    members.find(|it| it.id_number == *id_number)
}

fn refusal(blocked: &Blocked) -> (Option<Column>, String, String) {
    let say = |column, what: &str, to_do: &str| (column, what.to_owned(), to_do.to_owned());
    match blocked {
        Blocked::DutyMissing { .. } => say(
            None,
            "您没有推送的岗位权限 / you do not hold the duty to refer",
            "请由乡镇或县级经办人导入 / let a caseworker read the list in",
        ),
        Blocked::SelfDealing {} => say(
            Some(Column::HeadName),
            "这是您本人或您申报回避的家庭 / a household of your own, or one you declared an interest in",
            "请由另一位经办人推送 / let a colleague refer it",
        ),
        Blocked::Validation { field, .. } => match *field {
            "submittedFen" => say(
                Some(Column::SelfPaid),
                "金额应大于零 / the amount is not above zero",
                "请填写自付金额 / give the amount",
            ),
            "eventOn" => say(
                Some(Column::EventOn),
                "事件日期晚于今天 / the event lies in the future",
                "请核对年份和日期 / check year and day",
            ),
            _ => say(
                Some(Column::InsuredId),
                "涉及人不属于该户 / the person is not of this household",
                "请核对涉及人和户主 / check person and head",
            ),
        },
        Blocked::PayeeUnknown {} => say(
            Some(Column::PayeeName),
            "收款人不属于该户 / the payee is not of this household",
            "请核对收款人 / check the payee",
        ),
        Blocked::MissingBasis {} => say(
            Some(Column::Document),
            "缺少村级评议依据 / no village decision is named",
            "请填写评议日期和文号 / give its day and reference",
        ),
        Blocked::HouseholdNotListed {} => say(
            Some(Column::HeadId),
            "该户不在监测名单 / the household is not on the list",
            "请先完成监测对象认定 / have it recognised first",
        ),
        Blocked::NotCovered { reason } => say(
            Some(if *reason == "PERIL" {
                Column::Peril
            } else {
                Column::EventOn
            }),
            "方案不保该原因或该日期 / the scheme does not cover cause or day",
            "请核对,或选择另一年度方案 / check, or choose the scheme of another year",
        ),
        Blocked::OutsidePolicyYear { from, to, .. } => (
            Some(Column::EventOn),
            format!("不在方案的保单年度内({from}至{to}) / outside the scheme's policy year"),
            "请选择另一年度方案 / choose the scheme of another year".to_owned(),
        ),
        Blocked::EvidenceMissing { kinds } => (
            None,
            format!(
                "推送前缺少材料:{} / documents are due before referral",
                kinds.join("、")
            ),
            "请先补充材料,再推送 / hand them in on the draft, then refer it".to_owned(),
        ),
        Blocked::InvalidState { .. }
        | Blocked::DutyConflict { .. }
        | Blocked::ConflictOfInterest {}
        | Blocked::NotQualified { .. }
        | Blocked::DuplicateEvent { .. }
        | Blocked::CheckOrder { .. }
        | Blocked::InsuredDeceased { .. }
        | Blocked::PayeeDeceased {}
        | Blocked::OtherCompensationRequired {}
        | Blocked::BillTaken { .. }
        | Blocked::NoBenefit {}
        | Blocked::AssessmentFailed { .. }
        | Blocked::PayeeUnconfirmed {}
        | Blocked::AccountNameMismatch {}
        | Blocked::AccountShared {}
        | Blocked::SecondPersonRequired {}
        | Blocked::PreviewRequired {}
        | Blocked::ContentChanged {}
        | Blocked::NoticePrivate { .. }
        | Blocked::PrivateInText { .. }
        | Blocked::PeriodIncomplete { .. }
        | Blocked::ProofMissing { .. }
        | Blocked::ObjectionOpen { .. }
        | Blocked::ObjectionUnknown {}
        | Blocked::ReviewRequired {}
        | Blocked::OverLimit { .. }
        | Blocked::BeyondAuthority { .. }
        | Blocked::AssessmentStale {}
        | Blocked::IncomeWindow { .. }
        | Blocked::OverIncomeLine { .. }
        | Blocked::FlagStands { .. }
        | Blocked::QuorumMissing { .. }
        | Blocked::NoFirstApproval {}
        | Blocked::OverAssessment { .. }
        | Blocked::CapExceeded { .. }
        | Blocked::PoolInsufficient { .. }
        | Blocked::Mismatch { .. }
        | Blocked::Contradiction {}
        | Blocked::AlreadyInstructed {}
        | Blocked::LivenessStale { .. }
        | Blocked::CalendarMissing { .. } => (
            None,
            format!("不能推送({}) / refused", blocked.code()),
            "请与县级经办人联系 / ask the county's caseworker".to_owned(),
        ),
    }
}

/// The schemes under which a caller's duties let the caller refer, newest first.
pub async fn schemes(desk: &Desk, caller: &Caller) -> Result<Vec<Arc<Scheme>>, Fault> {
    let mut schemes = desk.store().schemes(caller.scope.county).await?;
    schemes.retain(|scheme| {
        let duties = scheme.duties_of(CommandKind::ReferCase);
        duties.iter().any(|duty| caller.holds(*duty))
    });
    schemes.sort_by(|one, other| {
        (other.year.year, &one.code, other.version).cmp(&(one.year.year, &other.code, one.version))
    });
    Ok(schemes)
}
