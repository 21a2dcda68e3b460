//! Webhooks on record.

use crate::connect::{SqlStore, commit};
use crate::dialect::instant;
use crate::rows;
use crate::seal::Place;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use engine::deadline::DueState;
use engine::hooks::{
    Again, Delivery, DeliveryStatus, Disabled, DisabledReason, Endpoint, EndpointChange, HookKey,
    HookSecret, Hooks, Kept, KeyKind, Lease, Message, MessageState, Quarantine, Reminder, Round,
};
use engine::{Fault, Happened, Page, Scope, Slice};
use lifecycle::{AccountId, ClaimId, CountyCode, EventKind, OrgId, PersonId, Status};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Value};
use serde_json::{Value as Json, json};
use uuid::Uuid;

const ENDPOINT: &[&str] = &[
    "county_code",
    "id",
    "org_id",
    "region_code",
    "insurer_id",
    "url",
    "kinds",
    "cursor_seq",
    "created_by",
    "created_at",
];
const ENDPOINT_READ: &str = "SELECT CAST(id AS TEXT) AS id, CAST(org_id AS TEXT) AS org_id, region_code, CAST(insurer_id AS TEXT) AS insurer_id, \
     url, kinds, cursor_seq, CAST(created_by AS TEXT) AS created_by, created_at, failing_since, paused_until, disabled_at, disabled_reason \
     FROM webhook_endpoint WHERE county_code = $1";
const KEY: &[&str] = &[
    "county_code",
    "id",
    "org_id",
    "owner_id",
    "kind",
    "sealed",
    "made_at",
];
const DELIVERY: &[&str] = &[
    "county_code",
    "id",
    "endpoint_id",
    "county_seq",
    "org_id",
    "claim_id",
    "version",
    "kind",
    "at",
    "status",
    "round",
    "attempts",
    "next_at",
    "tried_at",
    "answer",
    "reminder",
    "due_status",
    "due_on",
];
const DELIVERY_READ: &str = "SELECT CAST(d.id AS TEXT) AS id, CAST(d.endpoint_id AS TEXT) AS endpoint_id, d.county_seq, \
     CAST(d.claim_id AS TEXT) AS claim_id, d.version, d.kind, d.at, d.status, d.round, d.attempts, d.next_at, d.tried_at, d.answer, d.reminder, d.due_status, d.due_on \
     FROM webhook_delivery d WHERE d.county_code = $1";
const MESSAGE: &[&str] = &[
    "county_code",
    "id",
    "org_id",
    "account_id",
    "message_id",
    "body_hash",
    "body",
    "instruction_no",
    "received_at",
    "state",
    "code",
    "tries",
    "next_at",
    "settled_at",
];
const MESSAGE_READ: &str = "SELECT CAST(id AS TEXT) AS id, CAST(org_id AS TEXT) AS org_id, CAST(account_id AS TEXT) AS account_id, message_id, \
     body_hash, body, instruction_no, received_at, state, code, tries, next_at, settled_at, CAST(closed_by AS TEXT) AS closed_by, closed_reason \
     FROM hook_message WHERE county_code = $1";

fn key_place(county: CountyCode, id: Uuid) -> Place {
    Place {
        table: "webhook_key",
        column: "sealed",
        county,
        row: id,
    }
}

fn kinds_text(kinds: &[EventKind]) -> String {
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code()).collect();
    json!(codes).to_string()
}

fn endpoint_of(county: CountyCode, row: &QueryResult) -> Result<Endpoint, Fault> {
    const TABLE: &str = "webhook_endpoint";
    let id = rows::sure_id(row, "id")?;
    let kinds: String = rows::get(row, "kinds")?;
    let kinds: Vec<String> = rows::json(TABLE, "kinds", &id, &kinds)?;
    let kinds = kinds
        .iter()
        .map(|kind| rows::code(TABLE, "kinds", &id, kind, EventKind::from_code));
    let disabled_at: Option<DateTime<Utc>> = rows::get(row, "disabled_at")?;
    let reason: Option<String> = rows::get(row, "disabled_reason")?;
    let reason = reason
        .map(|it| {
            rows::code(
                TABLE,
                "disabled_reason",
                &id,
                &it,
                DisabledReason::from_code,
            )
        })
        .transpose()?;
    Ok(Endpoint {
        id,
        org: OrgId(rows::sure_id(row, "org_id")?),
        scope: Scope {
            county,
            region: rows::region(TABLE, "region_code", &id, rows::get(row, "region_code")?)?,
            insurer: rows::id(row, "insurer_id")?.map(OrgId),
        },
        url: rows::get(row, "url")?,
        kinds: kinds.collect::<Result<_, _>>()?,
        cursor: rows::get(row, "cursor_seq")?,
        created_by: PersonId(rows::sure_id(row, "created_by")?),
        created_at: rows::get(row, "created_at")?,
        failing_since: rows::get(row, "failing_since")?,
        paused_until: rows::get(row, "paused_until")?,
        disabled: disabled_at
            .zip(reason)
            .map(|(at, reason)| Disabled { at, reason }),
    })
}

fn delivery_of(row: &QueryResult) -> Result<Delivery, Fault> {
    const TABLE: &str = "webhook_delivery";
    let id = rows::sure_id(row, "id")?;
    let number = |column| {
        let number: i32 = rows::get(row, column)?;
        rows::whole(TABLE, column, &id, number)
    };
    let (kind, status): (String, String) = (rows::get(row, "kind")?, rows::get(row, "status")?);
    let reminder: (Option<String>, Option<String>) =
        (rows::get(row, "reminder")?, rows::get(row, "due_status")?);
    let reminder = match (reminder, rows::get(row, "due_on")?) {
        ((Some(state), Some(status)), Some(due_on)) => Some(Reminder {
            state: rows::code(TABLE, "reminder", &id, &state, DueState::from_code)?,
            status: rows::code(TABLE, "due_status", &id, &status, Status::from_code)?,
            due_on,
        }),
        ((None, None), None) => None,
        _ => return Err(rows::impossible(TABLE, "reminder", &id, "half of one")),
    };
    Ok(Delivery {
        endpoint: rows::sure_id(row, "endpoint_id")?,
        event: Happened {
            claim: ClaimId(rows::sure_id(row, "claim_id")?),
            version: number("version")?,
            county_seq: rows::get(row, "county_seq")?,
            kind: rows::code(TABLE, "kind", &id, &kind, EventKind::from_code)?,
            at: rows::get(row, "at")?,
        },
        reminder,
        status: rows::code(TABLE, "status", &id, &status, DeliveryStatus::from_code)?,
        round: number("round")?,
        attempts: number("attempts")?,
        next_at: rows::get(row, "next_at")?,
        tried_at: rows::get(row, "tried_at")?,
        answer: rows::get(row, "answer")?,
    })
}

fn message_of(row: &QueryResult) -> Result<Message, Fault> {
    const TABLE: &str = "hook_message";
    let id = rows::sure_id(row, "id")?;
    let (state, code): (String, Option<String>) =
        (rows::get(row, "state")?, rows::get(row, "code")?);
    let tries: i32 = rows::get(row, "tries")?;
    let closed_by = rows::id(row, "closed_by")?.map(PersonId);
    let reason: Option<String> = rows::get(row, "closed_reason")?;
    Ok(Message {
        id,
        org: OrgId(rows::sure_id(row, "org_id")?),
        account: AccountId(rows::sure_id(row, "account_id")?),
        message_id: rows::get(row, "message_id")?,
        body_hash: rows::get(row, "body_hash")?,
        body: rows::get(row, "body")?,
        instruction_no: rows::get(row, "instruction_no")?,
        received_at: rows::get(row, "received_at")?,
        state: rows::code(TABLE, "state", &id, &state, MessageState::from_code)?,
        code: code
            .map(|it| rows::code(TABLE, "code", &id, &it, Quarantine::from_code))
            .transpose()?,
        tries: rows::whole(TABLE, "tries", &id, tries)?,
        next_at: rows::get(row, "next_at")?,
        settled_at: rows::get(row, "settled_at")?,
        closed: closed_by.zip(reason),
    })
}

impl SqlStore {
    async fn put_key(
        &self,
        transaction: &DatabaseTransaction,
        county: CountyCode,
        key: &HookKey,
    ) -> Result<u64, Fault> {
        let sealing = self.core.sealing(transaction, county).await?;
        let sealed = sealing.seal(&key_place(county, key.id), key.secret.reveal())?;
        let row = json!([{
            "county_code": county.get(), "id": key.id, "org_id": key.org, "owner_id": key.owner,
            "kind": key.kind.code(), "sealed": sealed, "made_at": instant(key.made_at),
        }]);
        self.put(
            transaction,
            "webhook_key",
            KEY,
            row,
            "ON CONFLICT DO NOTHING",
        )
        .await
    }

    async fn endpoint_for(
        &self,
        transaction: &DatabaseTransaction,
        county: CountyCode,
        id: Uuid,
    ) -> Result<Option<Endpoint>, Fault> {
        let dialect = self.core.dialect;
        let select = dialect.statement(
            &format!("{ENDPOINT_READ} AND id = $2"),
            [rows::county(county), dialect.id(id)],
        );
        let found = transaction
            .query_one_raw(select)
            .await
            .map_err(|fault| Fault::store("reading a webhook endpoint", fault))?;
        found.map(|row| endpoint_of(county, &row)).transpose()
    }

    async fn deliveries_by(
        &self,
        county: CountyCode,
        then: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Delivery>, Fault> {
        let mut all = vec![rows::county(county)];
        all.extend(values);
        let select = self
            .core
            .dialect
            .statement(&format!("{DELIVERY_READ} {then}"), all);
        let found = self.all("reading webhook deliveries", select).await?;
        found.iter().map(delivery_of).collect()
    }

    async fn messages_by(
        &self,
        county: CountyCode,
        then: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Message>, Fault> {
        let mut all = vec![rows::county(county)];
        all.extend(values);
        let select = self
            .core
            .dialect
            .statement(&format!("{MESSAGE_READ} {then}"), all);
        let found = self.all("reading messages", select).await?;
        found.iter().map(message_of).collect()
    }
}

fn delivery_row(county: CountyCode, org: OrgId, delivery: &Delivery) -> Json {
    let Happened {
        claim,
        version,
        county_seq,
        kind,
        at,
    } = delivery.event;
    json!({
        "county_code": county.get(), "id": delivery.id(), "endpoint_id": delivery.endpoint, "county_seq": county_seq,
        "org_id": org, "claim_id": claim, "version": version, "kind": kind.code(), "at": instant(at),
        "status": delivery.status.code(), "round": delivery.round, "attempts": delivery.attempts,
        "next_at": instant(delivery.next_at), "tried_at": delivery.tried_at.map(instant), "answer": delivery.answer,
        "reminder": delivery.reminder.map(|it| it.state.code()), "due_status": delivery.reminder.map(|it| it.status.code()),
        "due_on": delivery.reminder.map(|it| it.due_on),
    })
}

fn message_row(county: CountyCode, message: &Message) -> Json {
    json!([{
        "county_code": county.get(), "id": message.id, "org_id": message.org, "account_id": message.account,
        "message_id": message.message_id, "body_hash": message.body_hash, "body": message.body,
        "instruction_no": message.instruction_no, "received_at": instant(message.received_at),
        "state": message.state.code(), "code": message.code.map(Quarantine::code), "tries": message.tries,
        "next_at": instant(message.next_at), "settled_at": message.settled_at.map(instant),
    }])
}

#[async_trait]
impl Hooks for SqlStore {
    async fn put_endpoint(
        &self,
        county: CountyCode,
        endpoint: &Endpoint,
        key: &HookKey,
    ) -> Result<bool, Fault> {
        let row = json!([{
            "county_code": county.get(), "id": endpoint.id, "org_id": endpoint.org,
            "region_code": endpoint.scope.region.as_str(), "insurer_id": endpoint.scope.insurer, "url": endpoint.url,
            "kinds": kinds_text(&endpoint.kinds), "cursor_seq": endpoint.cursor, "created_by": endpoint.created_by,
            "created_at": instant(endpoint.created_at),
        }]);
        let (transaction, _) = self.core.begin_county(county).await?;
        if let Some(known) = self.endpoint_for(&transaction, county, endpoint.id).await? {
            let same = known.org == endpoint.org
                && known.url == endpoint.url
                && known.kinds == endpoint.kinds;
            return if same {
                Ok(false)
            } else {
                Err(Fault::Conflict("webhook_endpoint"))
            };
        }
        self.put(&transaction, "webhook_endpoint", ENDPOINT, row, "")
            .await?;
        self.put_key(&transaction, county, key).await?;
        commit(transaction).await?;
        Ok(true)
    }

    async fn change_endpoint(
        &self,
        county: CountyCode,
        id: Uuid,
        change: &EndpointChange,
        at: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let dialect = self.core.dialect;
        let own = || [rows::county(county), dialect.id(id)];
        let transaction = self.core.begin().await?;
        let mut set = Vec::new();
        if let Some(url) = &change.url {
            set.push((
                "UPDATE webhook_endpoint SET url = $3 WHERE county_code = $1 AND id = $2",
                vec![url.as_str().into()],
            ));
        }
        if let Some(kinds) = &change.kinds {
            set.push((
                "UPDATE webhook_endpoint SET kinds = $3 WHERE county_code = $1 AND id = $2",
                vec![kinds_text(kinds).into()],
            ));
        }
        match change.enabled {
            Some(true) => set.push((
                "UPDATE webhook_endpoint SET disabled_at = NULL, disabled_reason = NULL, failing_since = NULL, paused_until = NULL \
                 WHERE county_code = $1 AND id = $2",
                Vec::new(),
            )),
            Some(false) => set.push((
                "UPDATE webhook_endpoint SET disabled_at = $3, disabled_reason = 'BY_HAND' \
                 WHERE county_code = $1 AND id = $2 AND disabled_at IS NULL",
                vec![dialect.at(at)],
            )),
            None => {}
        }
        for (sql, values) in set {
            let values = own().into_iter().chain(values);
            self.change(&transaction, "webhook_endpoint", sql, values)
                .await?;
        }
        commit(transaction).await
    }

    async fn endpoints(
        &self,
        county: CountyCode,
        org: Option<OrgId>,
    ) -> Result<Vec<Endpoint>, Fault> {
        let dialect = self.core.dialect;
        let select = match org {
            None => dialect.statement(
                &format!("{ENDPOINT_READ} ORDER BY id"),
                [rows::county(county)],
            ),
            Some(org) => dialect.statement(
                &format!("{ENDPOINT_READ} AND org_id = $2 ORDER BY id"),
                [rows::county(county), dialect.id(org.0)],
            ),
        };
        let found = self.all("reading webhook endpoints", select).await?;
        found.iter().map(|row| endpoint_of(county, row)).collect()
    }

    async fn put_hook_key(
        &self,
        county: CountyCode,
        key: &HookKey,
        earlier_end: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let dialect = self.core.dialect;
        let (transaction, _) = self.core.begin_county(county).await?;
        if self.put_key(&transaction, county, key).await? == 1 {
            self.change(
                &transaction,
                "webhook_key",
                "UPDATE webhook_key SET ends_at = $4 WHERE county_code = $1 AND owner_id = $2 AND id <> $3 \
                 AND (ends_at IS NULL OR ends_at > $4)",
                [rows::county(county), dialect.id(key.owner), dialect.id(key.id), dialect.at(earlier_end)],
            )
            .await?;
        }
        commit(transaction).await
    }

    async fn hook_keys(&self, county: CountyCode, owner: Uuid) -> Result<Vec<HookKey>, Fault> {
        let dialect = self.core.dialect;
        let select = dialect.statement(
            "SELECT CAST(id AS TEXT) AS id, CAST(org_id AS TEXT) AS org_id, kind, sealed, made_at, ends_at FROM webhook_key \
             WHERE county_code = $1 AND owner_id = $2 ORDER BY made_at, id",
            [rows::county(county), dialect.id(owner)],
        );
        let found = self.all("reading keys of webhooks", select).await?;
        let key = |row: &QueryResult| {
            let id = rows::sure_id(row, "id")?;
            let (kind, sealed): (String, String) =
                (rows::get(row, "kind")?, rows::get(row, "sealed")?);
            let secret = self.core.keys.open(&key_place(county, id), &sealed)?;
            Ok(HookKey {
                id,
                org: OrgId(rows::sure_id(row, "org_id")?),
                owner,
                kind: rows::code("webhook_key", "kind", &id, &kind, KeyKind::from_code)?,
                secret: HookSecret::new(secret.as_str()),
                made_at: rows::get(row, "made_at")?,
                ends_at: rows::get(row, "ends_at")?,
            })
        };
        found.iter().map(key).collect()
    }

    async fn lease(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        lease: &Lease,
    ) -> Result<Option<Endpoint>, Fault> {
        let dialect = self.core.dialect;
        let transaction = self.core.begin().await?;
        let taken = self
            .change(
                &transaction,
                "webhook_endpoint",
                "UPDATE webhook_endpoint SET lease_by = $3, lease_until = $5 WHERE county_code = $1 AND id = $2 \
                 AND (lease_by IS NULL OR lease_by = $3 OR lease_until <= $4)",
                [
                    rows::county(county),
                    dialect.id(endpoint),
                    dialect.id(lease.by),
                    dialect.at(lease.now),
                    dialect.at(lease.until),
                ],
            )
            .await?;
        let found = if taken == 1 {
            self.endpoint_for(&transaction, county, endpoint).await?
        } else {
            None
        };
        commit(transaction).await?;
        Ok(found)
    }

    async fn end_lease(&self, county: CountyCode, endpoint: Uuid, by: Uuid) -> Result<(), Fault> {
        let dialect = self.core.dialect;
        let transaction = self.core.begin().await?;
        self.change(
            &transaction,
            "webhook_endpoint",
            "UPDATE webhook_endpoint SET lease_by = NULL, lease_until = NULL \
             WHERE county_code = $1 AND id = $2 AND lease_by = $3",
            [rows::county(county), dialect.id(endpoint), dialect.id(by)],
        )
        .await?;
        commit(transaction).await
    }

    async fn due_deliveries(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Fault> {
        let dialect = self.core.dialect;
        self.deliveries_by(
            county,
            "AND d.endpoint_id = $2 AND d.status = 'WAITING' AND d.next_at <= $3 AND NOT EXISTS ( \
             SELECT 1 FROM webhook_delivery e WHERE e.county_code = d.county_code AND e.endpoint_id = d.endpoint_id \
             AND e.claim_id = d.claim_id AND e.status = 'WAITING' AND (e.county_seq < d.county_seq \
             OR (e.county_seq = d.county_seq AND COALESCE(e.reminder, '') < COALESCE(d.reminder, '')))) \
             ORDER BY d.county_seq, COALESCE(d.reminder, '') LIMIT $4",
            vec![dialect.id(endpoint), dialect.at(now), rows::count(limit)],
        )
        .await
    }

    async fn held_up(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        claims: &[ClaimId],
    ) -> Result<Vec<ClaimId>, Fault> {
        let dialect = self.core.dialect;
        let list: Vec<Json> = claims
            .iter()
            .map(|claim| json!({ "claim_id": claim }))
            .collect();
        let sql = format!(
            "SELECT DISTINCT CAST(d.claim_id AS TEXT) AS claim_id FROM webhook_delivery d JOIN {} AS r ON r.claim_id = d.claim_id \
             WHERE d.county_code = $1 AND d.endpoint_id = $2 AND d.status = 'WAITING'",
            dialect.rows(3, "webhook_delivery", &["claim_id"])
        );
        let select = dialect.statement(
            &sql,
            [
                rows::county(county),
                dialect.id(endpoint),
                Json::Array(list).to_string().into(),
            ],
        );
        let found = self.all("reading which claims wait", select).await?;
        found
            .iter()
            .map(|row| rows::sure_id(row, "claim_id").map(ClaimId))
            .collect()
    }

    async fn waiting(&self, county: CountyCode, endpoint: Uuid) -> Result<u64, Fault> {
        let dialect = self.core.dialect;
        let select = dialect.statement(
            "SELECT count(*) AS many FROM webhook_delivery WHERE county_code = $1 AND endpoint_id = $2 AND status = 'WAITING'",
            [rows::county(county), dialect.id(endpoint)],
        );
        let found = self.all("counting webhook deliveries", select).await?;
        let many: i64 = found.first().map_or(Ok(0), |row| rows::get(row, "many"))?;
        rows::whole("webhook_delivery", "", &endpoint, many)
    }

    async fn record_round(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        lease: &Lease,
        round: &Round,
    ) -> Result<bool, Fault> {
        let dialect = self.core.dialect;
        let transaction = self.core.begin().await?;
        let arrived = match round.arrived {
            Some(true) => "NULL",
            Some(false) => "COALESCE(failing_since, $6)",
            None => "failing_since",
        };
        // Whatever is not used is still bound: a statement keeps its parameters.
        let sql = format!(
            "UPDATE webhook_endpoint SET cursor_seq = CASE WHEN cursor_seq < $4 THEN $4 ELSE cursor_seq END, \
             paused_until = COALESCE($5, paused_until), failing_since = {arrived}, \
             disabled_at = CASE WHEN disabled_at IS NULL AND $7 <> '' THEN $6 ELSE disabled_at END, \
             disabled_reason = CASE WHEN disabled_at IS NULL AND $7 <> '' THEN $7 ELSE disabled_reason END \
             WHERE county_code = $1 AND id = $2 AND lease_by = $3"
        );
        let values = [
            rows::county(county),
            dialect.id(endpoint),
            dialect.id(lease.by),
            round.cursor.into(),
            dialect.at_or_null(round.paused_until),
            dialect.at(lease.now),
            round.disabled.map_or("", DisabledReason::code).into(),
        ];
        if self
            .change(&transaction, "webhook_endpoint", &sql, values)
            .await?
            != 1
        {
            return Ok(false);
        }
        if !round.deliveries.is_empty() {
            let found = self.endpoint_for(&transaction, county, endpoint).await?;
            let org = found
                .ok_or_else(|| rows::missing("webhook_endpoint", endpoint))?
                .org;
            let list = round
                .deliveries
                .iter()
                .map(|it| delivery_row(county, org, it))
                .collect();
            self.put(
                &transaction,
                "webhook_delivery",
                DELIVERY,
                Json::Array(list),
                "ON CONFLICT (county_code, id) DO UPDATE SET status = excluded.status, attempts = excluded.attempts, \
                 next_at = excluded.next_at, tried_at = excluded.tried_at, answer = excluded.answer \
                 WHERE webhook_delivery.round = excluded.round AND webhook_delivery.status = 'WAITING'",
            )
            .await?;
        }
        commit(transaction).await?;
        Ok(true)
    }

    async fn put_reminders(
        &self,
        county: CountyCode,
        endpoint: &Endpoint,
        reminders: &[Delivery],
    ) -> Result<u64, Fault> {
        if reminders.is_empty() {
            return Ok(0);
        }
        let rows = reminders
            .iter()
            .map(|it| delivery_row(county, endpoint.org, it));
        let list = Json::Array(rows.collect());
        let then = "ON CONFLICT DO NOTHING";
        let transaction = self.core.begin().await?;
        let fresh = self
            .put(&transaction, "webhook_delivery", DELIVERY, list, then)
            .await?;
        commit(transaction).await?;
        Ok(fresh)
    }

    async fn redeliver(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        which: &Again,
        now: DateTime<Utc>,
    ) -> Result<u64, Fault> {
        let dialect = self.core.dialect;
        let (which, values) = match which {
            Again::One(id) => ("id = $4", vec![dialect.id(*id)]),
            Again::Between(from, until) => (
                "at >= $4 AND at < $5",
                vec![dialect.at(*from), dialect.at(*until)],
            ),
        };
        let sql = format!(
            "UPDATE webhook_delivery SET status = 'WAITING', round = round + 1, attempts = 0, next_at = $3 \
             WHERE county_code = $1 AND endpoint_id = $2 AND status <> 'WAITING' AND {which}"
        );
        let own = [rows::county(county), dialect.id(endpoint), dialect.at(now)];
        let transaction = self.core.begin().await?;
        let values = own.into_iter().chain(values);
        let again = self
            .change(&transaction, "webhook_delivery", &sql, values)
            .await?;
        commit(transaction).await?;
        Ok(again)
    }

    async fn delivery(&self, county: CountyCode, id: Uuid) -> Result<Option<Delivery>, Fault> {
        let id = self.core.dialect.id(id);
        let mut found = self
            .deliveries_by(county, "AND d.id = $2", vec![id])
            .await?;
        Ok(found.pop())
    }

    async fn deliveries(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        status: Option<DeliveryStatus>,
        page: &Page,
    ) -> Result<Slice<Delivery>, Fault> {
        let mut sql = format!("{DELIVERY_READ} AND d.endpoint_id = $2");
        let mut values = vec![rows::county(county), self.core.dialect.id(endpoint)];
        if let Some(status) = status {
            sql.push_str(" AND d.status = $3");
            values.push(status.code().into());
        }
        let (found, more) = self
            .by_time(
                "reading webhook deliveries",
                &sql,
                values,
                ("d.at", "d.id"),
                page,
            )
            .await?;
        let rows = found
            .iter()
            .map(delivery_of)
            .collect::<Result<_, Fault>>()?;
        Ok(Slice { rows, more })
    }

    async fn keep_message(&self, county: CountyCode, message: &Message) -> Result<Kept, Fault> {
        // Under the county's lock, so that of two at once one is the first.
        let (transaction, _) = self.core.begin_county(county).await?;
        let dialect = self.core.dialect;
        let select = dialect.statement(
            &format!("{MESSAGE_READ} AND id = $2"),
            [rows::county(county), dialect.id(message.id)],
        );
        let known = transaction
            .query_one_raw(select)
            .await
            .map_err(|fault| Fault::store("reading a message", fault))?;
        let known = known.map(|row| message_of(&row)).transpose()?;
        let (row, kept) = match known {
            None => (message_row(county, message), Kept::First),
            Some(known) if known.body_hash == message.body_hash => {
                return Ok(Kept::Again(Box::new(known)));
            }
            Some(_) => (message_row(county, &message.reused()), Kept::Reused),
        };
        self.put(
            &transaction,
            "hook_message",
            MESSAGE,
            row,
            "ON CONFLICT DO NOTHING",
        )
        .await?;
        commit(transaction).await?;
        Ok(kept)
    }

    async fn forged_since(
        &self,
        county: CountyCode,
        account: AccountId,
        since: DateTime<Utc>,
    ) -> Result<u64, Fault> {
        let dialect = self.core.dialect;
        let select = dialect.statement(
            "SELECT count(*) AS many FROM hook_message WHERE county_code = $1 AND account_id = $2 AND code = 'FORGED' AND received_at >= $3",
            [rows::county(county), dialect.id(account.0), dialect.at(since)],
        );
        let found = self.all("counting forged messages", select).await?;
        let many: i64 = found.first().map_or(Ok(0), |row| rows::get(row, "many"))?;
        rows::whole("hook_message", "", &account, many)
    }

    async fn due_messages(
        &self,
        county: CountyCode,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Message>, Fault> {
        let dialect = self.core.dialect;
        self.messages_by(
            county,
            "AND state = 'WAITING' AND next_at <= $2 ORDER BY received_at, id LIMIT $3",
            vec![dialect.at(now), rows::count(limit)],
        )
        .await
    }

    async fn settle_message(
        &self,
        county: CountyCode,
        seen: MessageState,
        message: &Message,
    ) -> Result<bool, Fault> {
        let dialect = self.core.dialect;
        let transaction = self.core.begin().await?;
        let (closed_by, reason) = match &message.closed {
            Some((by, reason)) => (Some(by.0), Some(reason.clone())),
            None => (None, None),
        };
        let touched = self
            .change(
                &transaction,
                "hook_message",
                "UPDATE hook_message SET state = $4, code = $5, tries = $6, next_at = $7, settled_at = $8, closed_by = $9, closed_reason = $10 \
                 WHERE county_code = $1 AND id = $2 AND state = $3",
                [
                    rows::county(county),
                    dialect.id(message.id),
                    seen.code().into(),
                    message.state.code().into(),
                    Value::String(message.code.map(|it| it.code().to_owned())),
                    rows::count(message.tries),
                    dialect.at(message.next_at),
                    dialect.at_or_null(message.settled_at),
                    dialect.id_or_null(closed_by),
                    Value::String(reason),
                ],
            )
            .await?;
        if touched == 1
            && message.state == MessageState::Applied
            && let Some(no) = &message.instruction_no
        {
            self.change(
                &transaction,
                "hook_message",
                "UPDATE hook_message SET next_at = received_at WHERE county_code = $1 AND instruction_no = $2 AND state = 'WAITING'",
                [rows::county(county), no.as_str().into()],
            )
            .await?;
        }
        commit(transaction).await?;
        Ok(touched == 1)
    }

    async fn message(&self, county: CountyCode, id: Uuid) -> Result<Option<Message>, Fault> {
        let id = self.core.dialect.id(id);
        let mut found = self.messages_by(county, "AND id = $2", vec![id]).await?;
        Ok(found.pop())
    }

    async fn messages(
        &self,
        county: CountyCode,
        org: OrgId,
        state: Option<MessageState>,
        page: &Page,
    ) -> Result<Slice<Message>, Fault> {
        let mut sql = format!("{MESSAGE_READ} AND org_id = $2");
        let mut values = vec![rows::county(county), self.core.dialect.id(org.0)];
        if let Some(state) = state {
            sql.push_str(" AND state = $3");
            values.push(state.code().into());
        }
        let by = ("hook_message.received_at", "hook_message.id");
        let (found, more) = self
            .by_time("reading messages", &sql, values, by, page)
            .await?;
        let rows = found.iter().map(message_of).collect::<Result<_, Fault>>()?;
        Ok(Slice { rows, more })
    }
}
