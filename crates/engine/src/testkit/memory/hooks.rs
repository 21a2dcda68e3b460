//! Webhooks in memory.

use super::{MemoryStore, rows_of};
use crate::hooks::{
    Again, Delivery, DeliveryStatus, Disabled, DisabledReason, Endpoint, EndpointChange, HookKey,
    Hooks, Kept, Lease, Message, MessageState, Quarantine, Round,
};
use crate::ports::{Fault, Page, Slice};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lifecycle::{AccountId, ClaimId, CountyCode, OrgId};
use std::collections::BTreeMap;
use uuid::Uuid;

#[derive(Default)]
pub(super) struct Webhooks {
    endpoints: BTreeMap<(CountyCode, Uuid), (Endpoint, Option<Lease>)>,
    keys: Vec<(CountyCode, HookKey)>,
    deliveries: BTreeMap<(CountyCode, Uuid), Delivery>,
    messages: BTreeMap<(CountyCode, Uuid), Message>,
}

impl Webhooks {
    fn put_key(&mut self, county: CountyCode, key: &HookKey, earlier_end: DateTime<Utc>) {
        if self.keys.iter().any(|(_, it)| it.id == key.id) {
            return;
        }
        for (_, earlier) in &mut self.keys {
            if earlier.owner == key.owner {
                earlier.ends_at = Some(
                    earlier
                        .ends_at
                        .map_or(earlier_end, |it| it.min(earlier_end)),
                );
            }
        }
        self.keys.push((county, key.clone()));
    }

    /// Deliveries of an endpoint that wait, in order of the log.
    fn waiting(&self, county: CountyCode, endpoint: Uuid) -> Vec<&Delivery> {
        let all = self.deliveries.iter();
        let mut waiting: Vec<&Delivery> = all
            .filter(|((of, _), it)| *of == county && it.endpoint == endpoint)
            .map(|(_, it)| it)
            .filter(|it| it.status == DeliveryStatus::Waiting)
            .collect();
        // Events, what is due soon, what is overdue: as their words sort.
        let told = |it: &Delivery| it.reminder.as_ref().map(|it| it.state.code());
        waiting.sort_by_key(|it| (it.event.county_seq, told(it)));
        waiting
    }
}

#[async_trait]
impl Hooks for MemoryStore {
    async fn put_endpoint(
        &self,
        county: CountyCode,
        endpoint: &Endpoint,
        key: &HookKey,
    ) -> Result<bool, Fault> {
        let mut tables = self.tables();
        let hooks = &mut tables.hooks;
        if let Some((known, _)) = hooks.endpoints.get(&(county, endpoint.id)) {
            let same = known.org == endpoint.org
                && known.url == endpoint.url
                && known.kinds == endpoint.kinds;
            return if same {
                Ok(false)
            } else {
                Err(Fault::Conflict("webhook_endpoint"))
            };
        }
        hooks
            .endpoints
            .insert((county, endpoint.id), (endpoint.clone(), None));
        hooks.put_key(county, key, key.made_at);
        Ok(true)
    }

    async fn change_endpoint(
        &self,
        county: CountyCode,
        id: Uuid,
        change: &EndpointChange,
        at: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let mut tables = self.tables();
        let Some((found, _)) = tables.hooks.endpoints.get_mut(&(county, id)) else {
            return Ok(());
        };
        if let Some(url) = &change.url {
            found.url.clone_from(url);
        }
        if let Some(kinds) = &change.kinds {
            found.kinds.clone_from(kinds);
        }
        match change.enabled {
            Some(true) => {
                found.disabled = None;
                found.failing_since = None;
                found.paused_until = None;
            }
            Some(false) if found.disabled.is_none() => {
                let reason = DisabledReason::ByHand;
                found.disabled = Some(Disabled { at, reason });
            }
            Some(false) | None => {}
        }
        Ok(())
    }

    async fn endpoints(
        &self,
        county: CountyCode,
        org: Option<OrgId>,
    ) -> Result<Vec<Endpoint>, Fault> {
        let tables = self.tables();
        let all = tables.hooks.endpoints.iter();
        Ok(all
            .filter(|((of, _), (it, _))| *of == county && org.is_none_or(|org| org == it.org))
            .map(|(_, (it, _))| it.clone())
            .collect())
    }

    async fn put_hook_key(
        &self,
        county: CountyCode,
        key: &HookKey,
        earlier_end: DateTime<Utc>,
    ) -> Result<(), Fault> {
        self.tables().hooks.put_key(county, key, earlier_end);
        Ok(())
    }

    async fn hook_keys(&self, county: CountyCode, owner: Uuid) -> Result<Vec<HookKey>, Fault> {
        let tables = self.tables();
        let own = tables.hooks.keys.iter();
        let own = own.filter(|(of, it)| *of == county && it.owner == owner);
        let mut keys: Vec<HookKey> = own.map(|(_, it)| it.clone()).collect();
        keys.sort_by_key(|it| (it.made_at, it.id));
        Ok(keys)
    }

    async fn lease(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        lease: &Lease,
    ) -> Result<Option<Endpoint>, Fault> {
        let mut tables = self.tables();
        let Some((found, held)) = tables.hooks.endpoints.get_mut(&(county, endpoint)) else {
            return Ok(None);
        };
        if held.is_some_and(|held| held.by != lease.by && lease.now < held.until) {
            return Ok(None);
        }
        *held = Some(*lease);
        Ok(Some(found.clone()))
    }

    async fn end_lease(&self, county: CountyCode, endpoint: Uuid, by: Uuid) -> Result<(), Fault> {
        let mut tables = self.tables();
        if let Some((_, held)) = tables.hooks.endpoints.get_mut(&(county, endpoint))
            && held.is_some_and(|held| held.by == by)
        {
            *held = None;
        }
        Ok(())
    }

    async fn due_deliveries(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Fault> {
        let tables = self.tables();
        let mut claims = std::collections::BTreeSet::new();
        let heads = tables.hooks.waiting(county, endpoint).into_iter();
        let heads = heads.filter(|it| claims.insert(it.event.claim) && it.next_at <= now);
        Ok(heads.take(rows_of(limit)).cloned().collect())
    }

    async fn held_up(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        claims: &[ClaimId],
    ) -> Result<Vec<ClaimId>, Fault> {
        let tables = self.tables();
        let waiting = tables.hooks.waiting(county, endpoint);
        let held = |claim: &&ClaimId| waiting.iter().any(|it| it.event.claim == **claim);
        Ok(claims.iter().filter(held).copied().collect())
    }

    async fn waiting(&self, county: CountyCode, endpoint: Uuid) -> Result<u64, Fault> {
        let waiting = self.tables().hooks.waiting(county, endpoint).len();
        Ok(u64::try_from(waiting).unwrap_or(u64::MAX))
    }

    async fn record_round(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        lease: &Lease,
        round: &Round,
    ) -> Result<bool, Fault> {
        let mut tables = self.tables();
        let hooks = &mut tables.hooks;
        let Some((found, held)) = hooks.endpoints.get_mut(&(county, endpoint)) else {
            return Ok(false);
        };
        if held.is_none_or(|held| held.by != lease.by) {
            return Ok(false);
        }
        found.cursor = found.cursor.max(round.cursor);
        match round.arrived {
            Some(true) => found.failing_since = None,
            Some(false) => found.failing_since = found.failing_since.or(Some(lease.now)),
            None => {}
        }
        found.paused_until = round.paused_until.or(found.paused_until);
        if let (Some(reason), None) = (round.disabled, found.disabled) {
            found.disabled = Some(Disabled {
                at: lease.now,
                reason,
            });
        }
        for delivery in &round.deliveries {
            let key = (county, delivery.id());
            let known = hooks.deliveries.get(&key);
            let open =
                |it: &Delivery| it.round == delivery.round && it.status == DeliveryStatus::Waiting;
            if known.is_none_or(open) {
                hooks.deliveries.insert(key, delivery.clone());
            }
        }
        Ok(true)
    }

    async fn put_reminders(
        &self,
        county: CountyCode,
        _: &Endpoint,
        reminders: &[Delivery],
    ) -> Result<u64, Fault> {
        let mut tables = self.tables();
        let mut fresh = 0;
        for reminder in reminders {
            let entry = tables.hooks.deliveries.entry((county, reminder.id()));
            entry.or_insert_with(|| {
                fresh += 1;
                reminder.clone()
            });
        }
        Ok(fresh)
    }

    async fn redeliver(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        which: &Again,
        now: DateTime<Utc>,
    ) -> Result<u64, Fault> {
        let mut tables = self.tables();
        let mut again = 0;
        for ((of, id), delivery) in &mut tables.hooks.deliveries {
            let meant = match which {
                Again::One(one) => one == id,
                Again::Between(from, until) => (*from..*until).contains(&delivery.event.at),
            };
            let waits = delivery.status == DeliveryStatus::Waiting;
            if *of == county && delivery.endpoint == endpoint && meant && !waits {
                delivery.status = DeliveryStatus::Waiting;
                delivery.round += 1;
                delivery.attempts = 0;
                delivery.next_at = now;
                again += 1;
            }
        }
        Ok(again)
    }

    async fn delivery(&self, county: CountyCode, id: Uuid) -> Result<Option<Delivery>, Fault> {
        Ok(self.tables().hooks.deliveries.get(&(county, id)).cloned())
    }

    async fn deliveries(
        &self,
        county: CountyCode,
        endpoint: Uuid,
        status: Option<DeliveryStatus>,
        page: &Page,
    ) -> Result<Slice<Delivery>, Fault> {
        let tables = self.tables();
        let all = tables.hooks.deliveries.iter();
        let rows = all
            .filter(|((of, _), it)| *of == county && it.endpoint == endpoint)
            .map(|(_, it)| it)
            .filter(|it| status.is_none_or(|status| it.status == status));
        Ok(page.cut_in_time(rows.cloned().collect(), |it| (it.event.at, it.id())))
    }

    async fn keep_message(&self, county: CountyCode, message: &Message) -> Result<Kept, Fault> {
        let mut tables = self.tables();
        let messages = &mut tables.hooks.messages;
        if let Some(known) = messages.get(&(county, message.id)) {
            if known.body_hash == message.body_hash {
                return Ok(Kept::Again(Box::new(known.clone())));
            }
            let other = message.reused();
            messages.entry((county, other.id)).or_insert(other);
            return Ok(Kept::Reused);
        }
        messages.insert((county, message.id), message.clone());
        Ok(Kept::First)
    }

    async fn forged_since(
        &self,
        county: CountyCode,
        account: AccountId,
        since: DateTime<Utc>,
    ) -> Result<u64, Fault> {
        let tables = self.tables();
        let forged = tables.hooks.messages.iter().filter(|((of, _), it)| {
            *of == county
                && it.account == account
                && it.code == Some(Quarantine::Forged)
                && it.received_at >= since
        });
        Ok(u64::try_from(forged.count()).unwrap_or(u64::MAX))
    }

    async fn due_messages(
        &self,
        county: CountyCode,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Message>, Fault> {
        let tables = self.tables();
        let all = tables.hooks.messages.iter();
        let due = all.filter(|((of, _), it)| {
            *of == county && it.state == MessageState::Waiting && it.next_at <= now
        });
        let mut due: Vec<Message> = due.map(|(_, it)| it.clone()).collect();
        due.sort_by_key(|it| (it.received_at, it.id));
        due.truncate(rows_of(limit));
        Ok(due)
    }

    async fn settle_message(
        &self,
        county: CountyCode,
        seen: MessageState,
        message: &Message,
    ) -> Result<bool, Fault> {
        let mut tables = self.tables();
        let messages = &mut tables.hooks.messages;
        let Some(found) = messages
            .get_mut(&(county, message.id))
            .filter(|it| it.state == seen)
        else {
            return Ok(false);
        };
        *found = message.clone();
        if message.state == MessageState::Applied {
            for ((of, _), other) in messages {
                let same = *of == county && other.instruction_no == message.instruction_no;
                if same && other.state == MessageState::Waiting {
                    other.next_at = other.received_at;
                }
            }
        }
        Ok(true)
    }

    async fn message(&self, county: CountyCode, id: Uuid) -> Result<Option<Message>, Fault> {
        Ok(self.tables().hooks.messages.get(&(county, id)).cloned())
    }

    async fn messages(
        &self,
        county: CountyCode,
        org: OrgId,
        state: Option<MessageState>,
        page: &Page,
    ) -> Result<Slice<Message>, Fault> {
        let tables = self.tables();
        let all = tables.hooks.messages.iter();
        let rows = all
            .filter(|((of, _), it)| *of == county && it.org == org)
            .map(|(_, it)| it)
            .filter(|it| state.is_none_or(|state| it.state == state));
        Ok(page.cut_in_time(rows.cloned().collect(), |it| (it.received_at, it.id)))
    }
}
