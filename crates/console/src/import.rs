//! A referral list through the desk: each good line becomes a draft and a referral, through the
//! same door as everybody's; what cannot go on comes back as a sheet of the same layout.
//!
//! Reading the same list again, or the mended one, adds only what is missing: `engine::referral_batch`
//! has the rule.

use crate::sheet::referral::{self, Column, ReferralLine, ReferralSheet};
use engine::referral_batch::{self, Hand, LineFault, LineKey, may_refer};
use engine::registry::Region;
use engine::{Caller, Desk, Fault};
use lifecycle::{Blocked, Claim, ClaimId, CommandKind, RegionCode, Scheme, SchemeId};
use sheet::{CellFault, SheetFault};
use std::fmt;
use std::sync::Arc;

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

impl Clerk<'_> {
    fn fault(
        &self,
        column: Option<Column>,
        what: impl Into<String>,
        what_to_do: impl Into<String>,
    ) -> CellFault {
        self.sheet.fault(self.line.row, column, what, what_to_do)
    }

    fn permitted<'s>(&self, scheme: Option<&'s Scheme>) -> Result<&'s Scheme, CellFault> {
        let Some(scheme) = scheme else {
            return Err(self.fault(
                None,
                "没有这个方案 / there is no such scheme",
                "请重新选择方案 / choose the scheme again",
            ));
        };
        may_refer(self.caller, scheme).map_err(|blocked| self.blocked(&blocked))?;
        Ok(scheme)
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
        let clerk = referral_batch::Clerk {
            desk: self.desk,
            caller: self.caller,
            hand: if self.dry_run {
                Hand::Looks
            } else {
                Hand::Writes
            },
        };
        let line = self.line.clone().at(village);
        Ok(match clerk.take(scheme, &line, &LineKey::Event).await? {
            referral_batch::End::Stands { claim, added } => End::Stands { claim, added },
            referral_batch::End::Faulty(faults) => {
                End::Faulty(faults.iter().map(|fault| self.told(fault)).collect())
            }
        })
    }

    /// A fault in words, at its column.
    fn told(&self, fault: &LineFault) -> CellFault {
        let (column, what, to_do) = match fault {
            LineFault::HeadElsewhere => (
                Some(Column::Village),
                "户主登记的村与本表不同 / the head is registered in another village",
                "请核对村和户主身份证号;若已迁移请先变更登记 / check village and ID number",
            ),
            LineFault::InsuredElsewhere => (
                Some(Column::InsuredId),
                "涉及人登记在另一户 / the person is registered in another household",
                "请核对涉及人和户主的身份证号;若已分户请先变更登记 / check both ID numbers",
            ),
            LineFault::HeadName | LineFault::InsuredName => (
                Some(if *fault == LineFault::HeadName {
                    Column::HeadName
                } else {
                    Column::InsuredName
                }),
                "姓名与该身份证号已登记的姓名不同 / the ID number is registered under another name",
                "请核对姓名和身份证号 / check name and ID number",
            ),
            LineFault::PayeeNoMember => (
                Some(Column::PayeeName),
                "收款人不是户主、涉及人或已登记的家庭成员 / the payee is not a known member of the household",
                "请填本户成员;同名时请加“收款人身份证号” / name a member, with the ID number if two share the name",
            ),
            LineFault::PayeeName => (
                Some(Column::PayeeName),
                "收款人姓名与身份证号不符 / name and ID number of the payee do not belong together",
                "请核对收款人 / check the payee",
            ),
            LineFault::MembersMax => (
                Some(Column::InsuredId),
                "该户登记的成员已满 / the household has as many members as can be",
                "请核对户主身份证号 / check the head's ID number",
            ),
            LineFault::Differs => (
                None,
                "该人该次事件已经推送,但金额、评议或收款人与本表不同 / already referred, with other contents",
                "导入不会改动已有案件;请在案件中修改,或改正本行 / amend the claim itself, or correct this row",
            ),
            LineFault::Blocked(blocked) => return self.blocked(blocked),
        };
        self.fault(column, what, to_do)
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

    /// A refusal of the desk, in words, at the column it is about.
    fn blocked(&self, blocked: &Blocked) -> CellFault {
        let (column, what, to_do) = refusal(blocked);
        self.fault(column, what, to_do)
    }
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
        | Blocked::DuplicateElsewhere {}
        | Blocked::AdvanceStands { .. }
        | Blocked::CheckOrder { .. }
        | Blocked::InsuredDeceased { .. }
        | Blocked::PayeeDeceased {}
        | Blocked::OtherCompensationRequired {}
        | Blocked::BillTaken { .. }
        | Blocked::NoBenefit {}
        | Blocked::AssessmentFailed { .. }
        | Blocked::PayeeUnconfirmed {}
        | Blocked::AccountNameMismatch {}
        | Blocked::NameCheckDue { .. }
        | Blocked::RelationMismatch {}
        | Blocked::HeirRequired {}
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
        | Blocked::OverTwelveMonthLimit { .. }
        | Blocked::BeyondTwelveMonthAuthority { .. }
        | Blocked::DossierChanged {}
        | Blocked::AssessmentStale {}
        | Blocked::IncomeWindow { .. }
        | Blocked::OverIncomeLine { .. }
        | Blocked::FlagStands { .. }
        | Blocked::QuorumMissing { .. }
        | Blocked::NoFirstApproval {}
        | Blocked::OverAssessment { .. }
        | Blocked::CapExceeded { .. }
        | Blocked::PoolInsufficient { .. }
        | Blocked::NotFirst {}
        | Blocked::OverOutstanding { .. }
        | Blocked::ReferenceTaken {}
        | Blocked::NoWriteOff {}
        | Blocked::Mismatch { .. }
        | Blocked::Contradiction {}
        | Blocked::AlreadyInstructed {}
        | Blocked::LivenessStale { .. }
        | Blocked::ClauseUnknown {}
        | Blocked::LetterMissing {}
        | Blocked::LetterIssued {}
        | Blocked::AppealTimeRuns { .. }
        | Blocked::AppealTimeOver { .. }
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
