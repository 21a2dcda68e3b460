//! What a round must know, read under the county's lock: one statement for all asks, one more for
//! their bills if they name any.

use crate::connect::Core;
use crate::dialect::Dialect;
use crate::household::passed;
use crate::rows;
use benefits::Fen;
use chrono::{DateTime, NaiveDate, Utc};
use engine::identity::{Assignment, duties_in};
use engine::{Ask, EventKey, Fault, Receipt, Target, limits};
use lifecycle::calendar::legal_day;
use lifecycle::scheme::twelve_months_before;
use lifecycle::{
    AccountId, BillKey, Claim, ClaimId, CountyCode, Duty, EarlierClaim, EventKind, EventShare,
    HouseholdId, InEvent, Liveness, MemberId, NameCheck, NameCheckMeans, OpenAdvance, OrgId,
    PayeeFacts, PayeeId, PayeeRelation, PayeeSeal, PersonId, RegionCode, RunningShare, SchemeId,
};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// An ask as the statement reads it.
#[derive(Serialize)]
struct AskRow {
    ord: i32,
    county_code: u32,
    account_id: AccountId,
    key: Uuid,
    claim_id: ClaimId,
    household_id: Option<HouseholdId>,
    scheme_id: Option<SchemeId>,
    named_id: Option<PersonId>,
    payee_id: Option<Uuid>,
    insured_id: Option<MemberId>,
    peril: Option<&'static str>,
    event_on: Option<NaiveDate>,
    follows_id: Option<ClaimId>,
    /// The day after which an approval counts. A clock that is a little behind the log's last entry
    /// counts a day more, never less.
    twelve_months_from: NaiveDate,
    recovery_ref: Option<String>,
}

/// The receipt of an earlier call with the same key.
#[derive(Debug, Clone)]
pub(crate) struct Earlier {
    pub(crate) fingerprint: String,
    pub(crate) receipt: Receipt,
}

/// The household of an ask.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    pub(crate) id: HouseholdId,
    pub(crate) group: String,
    pub(crate) village: RegionCode,
    pub(crate) listed: bool,
    pub(crate) persons: u16,
    pub(crate) head_name: String,
    pub(crate) village_name: String,
    pub(crate) interested: Vec<PersonId>,
}

/// What was found for one ask, as it stood before the round.
#[derive(Debug, Clone)]
pub(crate) struct Gathered {
    pub(crate) earlier: Option<Earlier>,
    pub(crate) claim: Option<Claim>,
    pub(crate) home: Option<Home>,
    pub(crate) insured: Option<Liveness>,
    pub(crate) payee: Option<PayeeFacts>,
    pub(crate) payee_seal: Option<PayeeSeal>,
    pub(crate) named: Option<Named>,
    /// The living claims of the event the ask is about.
    pub(crate) living: Vec<Living>,
    /// The advances for the ask's member and peril that wait to be settled.
    pub(crate) open_advances: Vec<Advance>,
    /// The earlier claim the ask names.
    pub(crate) followed: Option<EarlierClaim>,
    pub(crate) scheme: Option<(SchemeId, OrgId)>,
    pub(crate) last_number: u32,
    pub(crate) pool_available: i64,
    /// Whether the year is settled: nothing is reserved any more.
    pub(crate) pool_settled: bool,
    /// Whether claims wait for the pool's money.
    pub(crate) pool_waits: bool,
    /// The claim for whose recovery the bank's reference named was recorded before.
    pub(crate) reference_of: Option<ClaimId>,
    pub(crate) person: RunningShare,
    pub(crate) household: RunningShare,
    /// What other claims of the household were approved for in twelve months, and still are.
    pub(crate) approved_twelve_months: i64,
}

/// The statement. `$1` is the list of asks. The two dialects differ only in how the list becomes rows.
pub(crate) fn text(dialect: Dialect) -> String {
    let asks = match dialect {
        Dialect::Sqlite => {
            let columns = [
                "ord",
                "county_code",
                "account_id",
                "key",
                "claim_id",
                "household_id",
                "scheme_id",
                "named_id",
                "payee_id",
                "insured_id",
                "peril",
                "event_on",
                "follows_id",
                "twelve_months_from",
                "recovery_ref",
            ];
            dialect.rows(1, "", &columns)
        }
        Dialect::Postgres => "jsonb_to_recordset($1::jsonb)".to_owned(),
    };
    let columns = match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => {
            "(ord integer, county_code integer, account_id uuid, key uuid, claim_id uuid, household_id uuid, scheme_id uuid, named_id uuid, payee_id uuid, insured_id uuid, peril text, event_on date, follows_id uuid, twelve_months_from date, recovery_ref text)"
        }
    };
    let named = "CAST(e.claim_id AS TEXT) || ' ' || CAST(e.first_id AS TEXT) || ' ' || COALESCE(ec.number, '-') || ' ' \
                 || COALESCE(ec.village, '-') || ' ' || COALESCE(CAST(ec.insurer_id AS TEXT), '-')";
    format!(
        "SELECT a.ord,
    r.fingerprint AS receipt_fingerprint, CAST(r.claim_id AS TEXT) AS receipt_claim, r.version AS receipt_version,
    r.county_seq AS receipt_seq, r.kind AS receipt_kind, r.at AS receipt_at,
    c.version AS claim_version, c.body AS claim_body,
    CAST(h.id AS TEXT) AS household_id, h.kind AS household_kind, h.village AS village, CAST(h.listed_on AS TEXT) AS listed_on, h.persons AS persons,
    hm.name AS head_name, g.name AS village_name,
    (SELECT string_agg(CAST(i.person_id AS TEXT), ',') FROM interest i
        WHERE i.county_code = a.county_code AND i.household_id = h.id) AS interested,
    CAST(m.id AS TEXT) AS insured_id, CAST(m.died_on AS TEXT) AS insured_died_on, CAST(m.checked_on AS TEXT) AS insured_checked_on,
    CAST(p.id AS TEXT) AS payee_id, p.fingerprint AS payee_fingerprint,
    CAST(p.household_id AS TEXT) AS payee_household, CAST(p.member_id AS TEXT) AS payee_member, p.relation AS payee_relation,
    (SELECT string_agg(k.position || ' ' || k.means || ' ' || k.result || ' ' || CAST(k.checked_on AS TEXT), ',')
        FROM payee_check k WHERE k.county_code = a.county_code AND k.payee_id = p.id) AS payee_checks,
    CAST(pm.died_on AS TEXT) AS payee_died_on, CAST(pm.checked_on AS TEXT) AS payee_checked_on,
    CASE WHEN EXISTS (SELECT 1 FROM payee o WHERE o.county_code = p.county_code AND o.account_index = p.account_index
        AND o.household_id <> p.household_id) THEN 1 ELSE 0 END AS payee_shared,
    np.region_code AS named_region, np.duties AS named_duties,
    (SELECT string_agg(x.duty || ' ' || x.region_code || ' ' || CAST(x.valid_from AS TEXT) || ' ' || COALESCE(CAST(x.valid_until AS TEXT), ''), ',')
        FROM assignment x WHERE x.county_code = a.county_code AND x.person_id = a.named_id) AS named_assignments,
    (SELECT string_agg({named} || ' ' || CAST(e.is_advance AS TEXT) || ' ' || CAST(e.place AS TEXT) || ' ' || CAST(e.policy_year AS TEXT)
            || ' ' || CAST(e.held_fen AS TEXT) || ' ' || CAST(e.benefit_fen AS TEXT) || ' ' || CAST(e.advanced_fen AS TEXT)
            || ' ' || CAST(e.netted_fen AS TEXT) || ' ' || CAST(e.loss_fen AS TEXT) || ' ' || CAST(e.submitted_fen AS TEXT), ',')
        FROM living_event e LEFT JOIN claim ec ON ec.county_code = e.county_code AND ec.id = e.claim_id
        WHERE e.county_code = a.county_code AND e.insured_id = COALESCE(a.insured_id, c.insured_id)
            AND e.peril = COALESCE(a.peril, c.peril) AND e.event_on = COALESCE(a.event_on, c.event_on)) AS living,
    (SELECT string_agg({named} || ' ' || CAST(e.held_fen AS TEXT), ',')
        FROM living_event e LEFT JOIN claim ec ON ec.county_code = e.county_code AND ec.id = e.claim_id
        WHERE e.county_code = a.county_code AND e.insured_id = COALESCE(a.insured_id, c.insured_id)
            AND e.peril = COALESCE(a.peril, c.peril) AND e.is_advance = 1
            AND NOT EXISTS (SELECT 1 FROM living_event n WHERE n.county_code = e.county_code AND n.insured_id = e.insured_id
                AND n.peril = e.peril AND n.event_on = e.event_on AND n.claim_id <> e.claim_id AND n.held_fen > 0)) AS open_advances,
    f.body AS followed_body,
    CASE WHEN EXISTS (SELECT 1 FROM claim fc WHERE fc.county_code = a.county_code AND fc.follows_id = a.follows_id) THEN 1 ELSE 0 END AS followed_again,
    CAST(s.id AS TEXT) AS scheme_id, CAST(s.insurer_id AS TEXT) AS insurer_id,
    cc.last_number AS last_number,
    (SELECT pa.balance_fen FROM pool_account pa WHERE pa.county_code = a.county_code AND pa.scheme_id = s.pool_id
        AND pa.account = 'AVAILABLE') AS pool_available,
    CASE WHEN EXISTS (SELECT 1 FROM pool_order po WHERE po.county_code = a.county_code AND po.scheme_id = s.pool_id
        AND po.kind = 'SETTLEMENT' AND po.status = 'POSTED') THEN 1 ELSE 0 END AS pool_settled,
    (SELECT CAST(SUM(ap.amount_fen) AS BIGINT) FROM approval ap WHERE ap.county_code = a.county_code AND ap.household_id = h.id
        AND ap.claim_id <> a.claim_id AND ap.approved_on > a.twelve_months_from AND ap.ended_at IS NULL) AS approved_twelve_months,
    CASE WHEN EXISTS (SELECT 1 FROM pool_queue pq WHERE pq.county_code = a.county_code AND pq.scheme_id = s.pool_id
        AND pq.left_at IS NULL) THEN 1 ELSE 0 END AS pool_waits,
    (SELECT CAST(re.claim_id AS TEXT) FROM recovery re WHERE re.county_code = a.county_code AND re.bank_ref = a.recovery_ref)
        AS reference_of,
    tp.used_fen AS person_used, tp.loss_fen AS person_loss, th.used_fen AS household_used, th.loss_fen AS household_loss
FROM {asks} AS a{columns}
LEFT JOIN receipt r ON r.county_code = a.county_code AND r.account_id = a.account_id AND r.idempotency_key = a.key
LEFT JOIN claim c ON c.county_code = a.county_code AND c.id = a.claim_id
LEFT JOIN household h ON h.county_code = a.county_code AND h.id = COALESCE(c.household_id, a.household_id)
LEFT JOIN member hm ON hm.county_code = a.county_code AND hm.id = h.head_id
LEFT JOIN region g ON g.county_code = a.county_code AND g.code = h.village
LEFT JOIN member m ON m.county_code = a.county_code AND m.id = COALESCE(a.insured_id, c.insured_id) AND m.household_id = h.id
LEFT JOIN payee p ON p.county_code = a.county_code AND p.id = COALESCE(a.payee_id, c.payee_id)
LEFT JOIN member pm ON pm.county_code = a.county_code AND pm.id = p.member_id
LEFT JOIN person np ON np.county_code = a.county_code AND np.id = a.named_id
LEFT JOIN claim f ON f.county_code = a.county_code AND f.id = a.follows_id
LEFT JOIN scheme s ON s.county_code = a.county_code AND s.id = COALESCE(c.scheme_id, a.scheme_id)
LEFT JOIN running_total tp ON tp.county_code = a.county_code AND tp.policy_year = s.policy_year
    AND tp.peril = COALESCE(a.peril, c.peril) AND tp.subject_kind = 'PERSON' AND tp.subject_id = COALESCE(a.insured_id, c.insured_id)
LEFT JOIN running_total th ON th.county_code = a.county_code AND th.policy_year = s.policy_year
    AND th.peril = COALESCE(a.peril, c.peril) AND th.subject_kind = 'HOUSEHOLD' AND th.subject_id = h.id
LEFT JOIN claim_counter cc ON cc.county_code = a.county_code AND cc.policy_year = s.policy_year
ORDER BY a.ord"
    )
}

/// The bills of a round that somebody already holds. `$1` county, `$2` the list of keys.
pub(crate) fn bills_text(dialect: Dialect) -> String {
    let keys = match dialect {
        Dialect::Sqlite => "SELECT value FROM json_each($2)",
        Dialect::Postgres => "SELECT jsonb_array_elements_text($2::jsonb)",
    };
    format!(
        "SELECT bill_key, CAST(claim_id AS TEXT) AS claim_id FROM bill WHERE county_code = $1 AND bill_key IN ({keys})"
    )
}

fn ask_row(ord: usize, ask: &Ask) -> Result<AskRow, Fault> {
    let (household_id, scheme_id) = match ask.target {
        Target::New {
            id: _,
            scheme,
            household,
        } => (Some(household), Some(scheme)),
        Target::Existing {
            id: _,
            expected_version: _,
        } => (None, None),
    };
    let event = ask.event;
    Ok(AskRow {
        ord: rows::whole("ask", "ord", &ord, ord)?,
        county_code: ask.county.get(),
        account_id: ask.account,
        key: ask.key,
        claim_id: ask.target.id(),
        household_id,
        scheme_id,
        named_id: ask.named,
        payee_id: ask.payee.map(|payee| payee.0),
        insured_id: event.map(|event| event.insured),
        peril: event.map(|event| event.peril.code()),
        event_on: event.map(|event| event.event_on),
        follows_id: ask.follows,
        twelve_months_from: twelve_months_before(legal_day(ask.now)),
        recovery_ref: ask.recovery_ref.clone(),
    })
}

/// The event an ask is about, or the claim's own.
pub(crate) fn event_of(ask: &Ask, claim: Option<&Claim>) -> Option<EventKey> {
    ask.event.or_else(|| claim.map(|it| EventKey::of(&it.case)))
}

/// Gathers for all asks of a round, in their order.
pub(crate) async fn gather<C: ConnectionTrait>(
    core: &Core,
    connection: &C,
    asks: &[&Ask],
) -> Result<Vec<Gathered>, Fault> {
    let list = asks
        .iter()
        .enumerate()
        .map(|(ord, ask)| ask_row(ord, ask))
        .collect::<Result<Vec<_>, _>>()?;
    let list =
        serde_json::to_string(&list).map_err(|fault| Fault::store("writing the asks", fault))?;
    let statement = core.dialect.statement(&core.texts.gather, [list.into()]);
    let found = connection
        .query_all_raw(statement)
        .await
        .map_err(|fault| Fault::store("gathering facts", fault))?;
    rows::sure(
        "gathering facts",
        u64::try_from(found.len()).unwrap_or(u64::MAX),
        asks.len(),
    )?;
    (found.iter().zip(asks))
        .map(|(row, ask)| gathered(row, ask))
        .collect()
}

/// Who holds the bills that the asks of a round name.
pub(crate) async fn bills<C: ConnectionTrait>(
    core: &Core,
    connection: &C,
    county: CountyCode,
    asks: &[&Ask],
) -> Result<HashMap<String, ClaimId>, Fault> {
    let keys: Vec<&BillKey> = asks.iter().flat_map(|ask| &ask.bills).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let keys =
        serde_json::to_string(&keys).map_err(|fault| Fault::store("writing the bills", fault))?;
    let statement = core
        .dialect
        .statement(&core.texts.bills, [rows::county(county), keys.into()]);
    let found = connection
        .query_all_raw(statement)
        .await
        .map_err(|fault| Fault::store("reading bills", fault))?;
    found
        .iter()
        .map(|row| {
            let key: String = rows::get(row, "bill_key")?;
            Ok((key, ClaimId(rows::sure_id(row, "claim_id")?)))
        })
        .collect()
}

/// Who waits for a pool's money, by rank: as many as one round can change, and one more.
pub(crate) async fn queue<C: ConnectionTrait>(
    core: &Core,
    connection: &C,
    county: CountyCode,
    pool: SchemeId,
) -> Result<Vec<(String, ClaimId)>, Fault> {
    let most = rows::count(u32::try_from(limits::BATCH_MAX + 1).unwrap_or(u32::MAX));
    let statement = core.dialect.statement(
        &core.texts.queue,
        [rows::county(county), core.dialect.id(pool.0), most],
    );
    let found = connection
        .query_all_raw(statement)
        .await
        .map_err(|fault| Fault::store("reading a queue", fault))?;
    found
        .iter()
        .map(|row| {
            let claim = ClaimId(rows::sure_id(row, "claim_id")?);
            Ok((rows::get(row, "rank")?, claim))
        })
        .collect()
}

fn gathered(row: &QueryResult, ask: &Ask) -> Result<Gathered, Fault> {
    let scheme = match (rows::id(row, "scheme_id")?, rows::id(row, "insurer_id")?) {
        (Some(id), Some(insurer)) => Some((SchemeId(id), OrgId(insurer))),
        (None, None) => None,
        (Some(id), None) | (None, Some(id)) => {
            return Err(rows::impossible("scheme", "insurer_id", &id, "half a row"));
        }
    };
    let fen =
        |column| -> Result<i64, Fault> { Ok(rows::get::<Option<i64>>(row, column)?.unwrap_or(0)) };
    let last_number: Option<i32> = rows::get(row, "last_number")?;
    Ok(Gathered {
        earlier: earlier(row)?,
        claim: claim(row)?,
        home: home(row)?,
        insured: match rows::id(row, "insured_id")? {
            Some(_) => Some(liveness(row, "insured_died_on", "insured_checked_on")?),
            None => None,
        },
        payee: payee(row)?,
        payee_seal: seal(row)?,
        named: named(row, ask)?,
        living: living(row, ask)?,
        open_advances: open_advances(row, ask)?,
        followed: followed(row, ask)?,
        scheme,
        last_number: rows::whole(
            "claim_counter",
            "last_number",
            &"",
            last_number.unwrap_or(0),
        )?,
        pool_available: fen("pool_available")?,
        pool_settled: rows::get::<i32>(row, "pool_settled")? == 1,
        pool_waits: rows::get::<i32>(row, "pool_waits")? == 1,
        reference_of: rows::id(row, "reference_of")?.map(ClaimId),
        person: RunningShare {
            benefit: Fen::new(fen("person_used")?),
            loss: Fen::new(fen("person_loss")?),
        },
        household: RunningShare {
            benefit: Fen::new(fen("household_used")?),
            loss: Fen::new(fen("household_loss")?),
        },
        approved_twelve_months: fen("approved_twelve_months")?,
    })
}

/// Whom an ask names for a task.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    region: RegionCode,
    standing: Vec<Duty>,
    assignments: Vec<Assignment>,
}

impl Named {
    /// What it may do in a region on a day.
    pub(crate) fn duties_in(&self, region: &RegionCode, today: NaiveDate) -> Vec<Duty> {
        duties_in(
            &self.region,
            &self.standing,
            &self.assignments,
            region,
            today,
        )
    }
}

fn named(row: &QueryResult, ask: &Ask) -> Result<Option<Named>, Fault> {
    let Some((person, duties)) = ask
        .named
        .zip(rows::get::<Option<String>>(row, "named_duties")?)
    else {
        return Ok(None);
    };
    let listed: Option<String> = rows::get(row, "named_assignments")?;
    let half = |why: &str| rows::impossible("assignment", "person_id", &person, why);
    let assignment = |text: &str| -> Result<Assignment, Fault> {
        let parts: Vec<&str> = text.split(' ').collect();
        let &[duty, region, from, until] = parts.as_slice() else {
            return Err(half("not four parts"));
        };
        let day = |text: &str| text.parse().map_err(|_| half("not a day"));
        Ok(Assignment {
            id: person.0,
            person,
            duty: rows::code("assignment", "duty", &person, duty, Duty::from_code)?,
            region: rows::region("assignment", "region_code", &person, region.to_owned())?,
            from: day(from)?,
            until: (!until.is_empty()).then(|| day(until)).transpose()?,
        })
    };
    Ok(Some(Named {
        region: rows::region(
            "person",
            "region_code",
            &person,
            rows::get(row, "named_region")?,
        )?,
        standing: rows::json("person", "duties", &person, &duties)?,
        assignments: (listed.iter().flat_map(|list| list.split(',')))
            .map(assignment)
            .collect::<Result<_, _>>()?,
    }))
}

/// A living claim of an event.
#[derive(Debug, Clone)]
pub(crate) struct Living {
    pub(crate) claim: ClaimId,
    /// The first claim of its line.
    pub(crate) first: ClaimId,
    pub(crate) is_advance: bool,
    pub(crate) in_event: InEvent,
    /// Its number; empty where it is out of the caller's sight.
    pub(crate) number: String,
}

impl Living {
    /// A claim as those after it in a round see it.
    pub(crate) fn of(claim: &Claim) -> Option<Self> {
        claim.status().is_living().then(|| Self {
            claim: claim.id,
            first: claim.first_of_event(),
            is_advance: claim.case.advance,
            in_event: InEvent::of(claim),
            number: claim.number.clone(),
        })
    }

    /// Itself, if it is an advance.
    pub(crate) fn as_advance(&self) -> Option<Advance> {
        self.is_advance.then(|| Advance {
            claim: self.claim,
            first: self.first,
            stands: OpenAdvance {
                number: self.number.clone(),
                holds_money: self.in_event.share.held > Fen::ZERO,
            },
        })
    }
}

/// A living advance that no claim of its line has settled.
#[derive(Debug, Clone)]
pub(crate) struct Advance {
    pub(crate) claim: ClaimId,
    /// The first claim of its line.
    pub(crate) first: ClaimId,
    pub(crate) stands: OpenAdvance,
}

/// What a list of claims tells first of each: id, first of its line, number as far as it is told.
fn listed(ask: &Ask, parts: [&str; 5]) -> Result<(ClaimId, ClaimId, String), Fault> {
    let [claim, first, number, village, insurer] = parts;
    let claim = ClaimId(rows::parse_id("claim_id", claim)?);
    // Row-level security hides the whole claim; else its number is told to whom the claim is shown.
    let is_seen = insurer != "-" && {
        let insurer = OrgId(rows::parse_id("insurer_id", insurer)?);
        let village = rows::region("claim", "village", &claim, village.to_owned())?;
        (ask.scope).covers_claims_of(ask.county, &village, insurer)
    };
    let number = if is_seen { number } else { "" };
    let first = ClaimId(rows::parse_id("first_id", first)?);
    Ok((claim, first, number.to_owned()))
}

/// The living claims of the event.
fn living(row: &QueryResult, ask: &Ask) -> Result<Vec<Living>, Fault> {
    let list: Option<String> = rows::get(row, "living")?;
    let of = |text: &str| -> Result<Living, Fault> {
        let odd = |why: &str| rows::impossible("living_event", "claim_id", &text, why);
        let parts: Vec<&str> = text.split(' ').collect();
        let &[
            claim,
            first,
            number,
            village,
            insurer,
            is_advance,
            place,
            year,
            held,
            benefit,
            advanced,
            netted,
            loss,
            submitted,
        ] = parts.as_slice()
        else {
            return Err(odd("not fourteen parts"));
        };
        let fen = |text: &str| text.parse().map(Fen::new).map_err(|_| odd("not a sum"));
        let (claim, first, number) = listed(ask, [claim, first, number, village, insurer])?;
        Ok(Living {
            claim,
            first,
            is_advance: is_advance == "1",
            in_event: InEvent {
                place: place.parse().map_err(|_| odd("not a place"))?,
                policy_year: year.parse().map_err(|_| odd("not a year"))?,
                share: EventShare {
                    held: fen(held)?,
                    benefit: fen(benefit)?,
                    advanced: fen(advanced)?,
                    netted: fen(netted)?,
                    loss: fen(loss)?,
                    submitted: fen(submitted)?,
                },
            },
            number,
        })
    };
    (list.iter().flat_map(|list| list.split(',')))
        .map(of)
        .collect()
}

/// The advances that wait to be settled.
fn open_advances(row: &QueryResult, ask: &Ask) -> Result<Vec<Advance>, Fault> {
    let list: Option<String> = rows::get(row, "open_advances")?;
    let of = |text: &str| -> Result<Advance, Fault> {
        let parts: Vec<&str> = text.split(' ').collect();
        let &[claim, first, number, village, insurer, held] = parts.as_slice() else {
            let why = "not six parts";
            return Err(rows::impossible("living_event", "claim_id", &text, why));
        };
        let (claim, first, number) = listed(ask, [claim, first, number, village, insurer])?;
        let holds_money = held != "0";
        Ok(Advance {
            claim,
            first,
            stands: OpenAdvance {
                number,
                holds_money,
            },
        })
    };
    (list.iter().flat_map(|list| list.split(',')))
        .map(of)
        .collect()
}

/// The earlier claim that the ask names; row-level security and the scope hide it alike.
fn followed(row: &QueryResult, ask: &Ask) -> Result<Option<EarlierClaim>, Fault> {
    let Some(body) = rows::get::<Option<String>>(row, "followed_body")? else {
        return Ok(None);
    };
    let claim: Claim = rows::json("claim", "body", &"", &body)?;
    let is_followed = rows::get::<i32>(row, "followed_again")? == 1;
    Ok((ask.scope.covers(&claim)).then(|| EarlierClaim::of(&claim, is_followed)))
}

fn earlier(row: &QueryResult) -> Result<Option<Earlier>, Fault> {
    let Some(fingerprint) = rows::get::<Option<String>>(row, "receipt_fingerprint")? else {
        return Ok(None);
    };
    let claim = ClaimId(rows::sure_id(row, "receipt_claim")?);
    let version: i32 = rows::get(row, "receipt_version")?;
    let kind: String = rows::get(row, "receipt_kind")?;
    let recorded_at: DateTime<Utc> = rows::get(row, "receipt_at")?;
    Ok(Some(Earlier {
        fingerprint,
        receipt: Receipt {
            claim,
            version: rows::whole("receipt", "version", &claim, version)?,
            county_seq: rows::get(row, "receipt_seq")?,
            event: rows::code("receipt", "kind", &claim, &kind, EventKind::from_code)?,
            recorded_at,
        },
    }))
}

fn claim(row: &QueryResult) -> Result<Option<Claim>, Fault> {
    let Some(body) = rows::get::<Option<String>>(row, "claim_body")? else {
        return Ok(None);
    };
    let claim: Claim = rows::json("claim", "body", &"", &body)?;
    let version: i32 = rows::get(row, "claim_version")?;
    if u32::try_from(version) != Ok(claim.version) {
        return Err(rows::impossible(
            "claim",
            "version",
            &claim.id,
            "column and body differ",
        ));
    }
    Ok(Some(claim))
}

fn home(row: &QueryResult) -> Result<Option<Home>, Fault> {
    let Some(id) = rows::id(row, "household_id")? else {
        return Ok(None);
    };
    let persons: i32 = rows::get(row, "persons")?;
    let interested: Option<String> = rows::get(row, "interested")?;
    Ok(Some(Home {
        id: HouseholdId(id),
        group: rows::get(row, "household_kind")?,
        village: rows::region("household", "village", &id, rows::get(row, "village")?)?,
        listed: rows::day(row, "listed_on")?.is_some(),
        persons: rows::whole("household", "persons", &id, persons)?,
        head_name: rows::get::<Option<String>>(row, "head_name")?.unwrap_or_default(),
        village_name: rows::get::<Option<String>>(row, "village_name")?.unwrap_or_default(),
        interested: interested
            .iter()
            .flat_map(|list| list.split(','))
            .map(|person| rows::parse_id("person_id", person).map(PersonId))
            .collect::<Result<_, _>>()?,
    }))
}

fn payee(row: &QueryResult) -> Result<Option<PayeeFacts>, Fault> {
    let Some(home) = rows::id(row, "payee_household")? else {
        return Ok(None);
    };
    let id = rows::sure_id(row, "payee_id")?;
    let relation: String = rows::get(row, "payee_relation")?;
    let checks: Option<String> = rows::get(row, "payee_checks")?;
    let mut checks = checks
        .iter()
        .flat_map(|list| list.split(','))
        .map(|text| name_check(&id, text))
        .collect::<Result<Vec<_>, _>>()?;
    checks.sort_by_key(|(position, _)| *position);
    let shared: i32 = rows::get(row, "payee_shared")?;
    Ok(Some(PayeeFacts {
        of_household: rows::id(row, "household_id")? == Some(home),
        member: MemberId(rows::sure_id(row, "payee_member")?),
        relation: rows::code(
            "payee",
            "relation",
            &id,
            &relation,
            PayeeRelation::from_code,
        )?,
        name_checks: checks.into_iter().map(|(_, check)| check).collect(),
        shared: shared == 1,
        liveness: liveness(row, "payee_died_on", "payee_checked_on")?,
    }))
}

/// A check of a name as the statement lists it, with its place.
fn name_check(payee: &Uuid, text: &str) -> Result<(u32, NameCheck), Fault> {
    let odd = |why: &str| rows::impossible("payee_check", "position", payee, why);
    let parts: Vec<&str> = text.split(' ').collect();
    let &[position, means, result, on] = parts.as_slice() else {
        return Err(odd("not four parts"));
    };
    let check = NameCheck {
        means: rows::code(
            "payee_check",
            "means",
            payee,
            means,
            NameCheckMeans::from_code,
        )?,
        passed: passed(payee, result)?,
        on: on.parse().map_err(|_| odd("not a day"))?,
    };
    let position = position.parse().map_err(|_| odd("not a number"))?;
    Ok((position, check))
}

fn seal(row: &QueryResult) -> Result<Option<PayeeSeal>, Fault> {
    let Some(payee) = rows::id(row, "payee_id")? else {
        return Ok(None);
    };
    Ok(Some(PayeeSeal {
        payee: PayeeId(payee),
        fingerprint: rows::get(row, "payee_fingerprint")?,
    }))
}

fn liveness(
    row: &QueryResult,
    died_on: &'static str,
    checked_on: &'static str,
) -> Result<Liveness, Fault> {
    Ok(Liveness {
        died_on: rows::day(row, died_on)?,
        checked_on: rows::day(row, checked_on)?,
    })
}
