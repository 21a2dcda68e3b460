//! What an administrator does: where the own organisation is told of its claims, with which secrets, and what is
//! sent again.

use super::signature::{fresh_secret, read_public, shown};
use super::{
    Again, Delivery, DeliveryStatus, Endpoint, EndpointChange, HookKey, HookSecret, KeyKind,
};
use crate::access::{Answer, Refusal};
use crate::caller::Caller;
use crate::desk::Desk;
use crate::limits;
use crate::ports::{Fault, Page, Slice};
use chrono::{DateTime, Duration, Utc};
use lifecycle::{Duty, EventKind};
use uuid::Uuid;

/// A key and what the other side needs to verify with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKey {
    /// The key.
    pub key: HookKey,
    /// The shared secret (told once) or the public key; `None` for the public key of a connector, who has it.
    pub shown: Option<HookSecret>,
}

const fn invalid<T>(field: &'static str, reason: &'static str) -> Result<T, Refusal> {
    Err(Refusal::Invalid { field, reason })
}

/// Hours both keys hold.
fn overlap(hours: i64) -> Option<Duration> {
    (0..=limits::HOOK_OVERLAP_HOURS_MAX)
        .contains(&hours)
        .then(|| Duration::hours(hours))
}

impl Desk {
    /// The endpoints of the caller's organisation.
    pub async fn endpoints(&self, caller: &Caller) -> Result<Vec<Endpoint>, Fault> {
        let org = Some(caller.org);
        self.store().endpoints(caller.scope.county, org).await
    }

    /// An endpoint of the caller's organisation.
    pub async fn endpoint(&self, caller: &Caller, id: Uuid) -> Result<Option<Endpoint>, Fault> {
        let found = self.endpoints(caller).await?;
        Ok(found.into_iter().find(|it| it.id == id))
    }

    /// The keys of an endpoint that are used now, with what verifies them: of a shared secret nothing.
    pub async fn endpoint_keys(&self, endpoint: &Endpoint) -> Result<Vec<ShownKey>, Fault> {
        let keys = self.store().hook_keys(endpoint.scope.county, endpoint.id);
        let now = self.clock().now();
        let used = keys.await?.into_iter().filter(|key| key.is_used(now));
        let used = used.map(|key| {
            let public = match key.kind {
                KeyKind::Hmac => None,
                KeyKind::Ed25519 => shown(key.kind, &key.secret).map(HookSecret::new),
            };
            ShownKey { shown: public, key }
        });
        Ok(used.collect())
    }

    /// Sets up an endpoint for what the caller's organisation may see; it is told of what happens from now on. The
    /// same key makes the same endpoint, with the same secret. Whether the address may be sent to is the courier's to say.
    pub async fn create_endpoint(
        &self,
        caller: &Caller,
        key: Uuid,
        url: &str,
        kinds: Vec<EventKind>,
        kind: KeyKind,
    ) -> Answer<(Endpoint, ShownKey)> {
        let county = caller.scope.county;
        let id = Self::ids(caller, key).made("webhook-endpoint");
        let known = self.endpoints(caller).await?;
        let is_known = known.iter().any(|it| it.id == id);
        if !is_known && known.len() >= limits::HOOK_ENDPOINTS_MAX {
            return Ok(invalid("url", "TOO_MANY"));
        }
        let now = self.clock().now();
        let endpoint = Endpoint {
            id,
            org: caller.org,
            scope: caller.scope.clone(),
            url: url.to_owned(),
            kinds,
            cursor: self.store().log_end(county).await?,
            created_by: caller.person,
            created_at: now,
            failing_since: None,
            paused_until: None,
            disabled: None,
        };
        let first = HookKey {
            id: Self::ids(caller, key).made("webhook-key"),
            org: caller.org,
            owner: id,
            kind,
            secret: fresh_secret()?,
            made_at: now,
            ends_at: None,
        };
        self.store().put_endpoint(county, &endpoint, &first).await?;
        let kept = self.endpoint(caller, id).await?;
        let keys = self.store().hook_keys(county, id).await?;
        let kept_key = keys.into_iter().find(|it| it.id == first.id);
        let (Some(endpoint), Some(key)) = (kept, kept_key) else {
            return Ok(Err(Refusal::NotFound));
        };
        let told = shown(key.kind, &key.secret).map(HookSecret::new);
        Ok(Ok((endpoint, ShownKey { key, shown: told })))
    }

    /// Changes an endpoint of the caller's organisation.
    pub async fn change_endpoint(
        &self,
        caller: &Caller,
        id: Uuid,
        change: &EndpointChange,
    ) -> Answer<Endpoint> {
        if self.endpoint(caller, id).await?.is_none() {
            return Ok(Err(Refusal::NotFound));
        }
        let (county, now) = (caller.scope.county, self.clock().now());
        self.store()
            .change_endpoint(county, id, change, now)
            .await?;
        let changed = self.endpoint(caller, id).await?;
        Ok(changed.ok_or(Refusal::NotFound))
    }

    /// Gives an endpoint another key; the earlier ones sign beside it for the overlap.
    pub async fn rotate_secret(
        &self,
        caller: &Caller,
        key: Uuid,
        id: Uuid,
        kind: KeyKind,
        overlap_hours: i64,
    ) -> Answer<ShownKey> {
        let Some(overlap) = overlap(overlap_hours) else {
            return Ok(invalid("overlapHours", "NOT_0_TO_168"));
        };
        if self.endpoint(caller, id).await?.is_none() {
            return Ok(Err(Refusal::NotFound));
        }
        let now = self.clock().now();
        let key = HookKey {
            id: Self::ids(caller, key).made("webhook-key"),
            org: caller.org,
            owner: id,
            kind,
            secret: fresh_secret()?,
            made_at: now,
            ends_at: None,
        };
        self.kept_key(caller, key, now + overlap).await
    }

    async fn kept_key(
        &self,
        caller: &Caller,
        key: HookKey,
        earlier_end: DateTime<Utc>,
    ) -> Answer<ShownKey> {
        let county = caller.scope.county;
        self.store().put_hook_key(county, &key, earlier_end).await?;
        let keys = self.store().hook_keys(county, key.owner).await?;
        let kept = keys.into_iter().find(|it| it.id == key.id);
        Ok(kept.ok_or(Refusal::NotFound).map(|key| {
            let told = shown(key.kind, &key.secret).map(HookSecret::new);
            ShownKey { key, shown: told }
        }))
    }

    /// Registers the key with which the messages of a connector of the caller's organisation are verified: its public key,
    /// or a shared secret made here. The earlier ones hold for the overlap.
    pub async fn register_connector_key(
        &self,
        caller: &Caller,
        key: Uuid,
        login: &str,
        public: Option<&str>,
        overlap_hours: i64,
    ) -> Answer<ShownKey> {
        let Some(overlap) = overlap(overlap_hours) else {
            return Ok(invalid("overlapHours", "NOT_0_TO_168"));
        };
        let (county, now) = (caller.scope.county, self.clock().now());
        let found = self.store().account(login).await?;
        let Some((_, account)) = found.filter(|(of, _)| *of == county) else {
            return Ok(Err(Refusal::NotFound));
        };
        let holder = self.holder(county, account.person).await?;
        let own = holder.filter(|it| it.org.id == caller.org);
        let Some(holder) = own else {
            return Ok(Err(Refusal::NotFound));
        };
        if !holder.person.duties.contains(&Duty::BankConnector) {
            return Ok(invalid("login", "NOT_A_CONNECTOR"));
        }
        let (kind, secret) = match public {
            None => (KeyKind::Hmac, fresh_secret()?),
            Some(text) => match read_public(text) {
                Some(secret) => (KeyKind::Ed25519, secret),
                None => return Ok(invalid("publicKey", "NOT_A_KEY")),
            },
        };
        let key = HookKey {
            id: Self::ids(caller, key).made("connector-key"),
            org: caller.org,
            owner: account.id.0,
            kind,
            secret,
            made_at: now,
            ends_at: None,
        };
        let kept = self.kept_key(caller, key, now + overlap).await?;
        // The connector has its own public key; only a shared secret must be handed over.
        Ok(kept.map(|it| ShownKey {
            shown: it.shown.filter(|_| kind == KeyKind::Hmac),
            ..it
        }))
    }

    /// Sends again what was sent to an endpoint of the caller's organisation, or is dead. How many.
    pub async fn redeliver(&self, caller: &Caller, id: Uuid, which: &Again) -> Answer<u64> {
        if self.endpoint(caller, id).await?.is_none() {
            return Ok(Err(Refusal::NotFound));
        }
        if let Again::Between(from, until) = which
            && from >= until
        {
            return Ok(invalid("until", "BEFORE_FROM"));
        }
        let (county, now) = (caller.scope.county, self.clock().now());
        self.store().redeliver(county, id, which, now).await.map(Ok)
    }

    /// A page of what became of events at an endpoint of the caller's organisation.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: Uuid,
        status: Option<DeliveryStatus>,
        page: &Page,
    ) -> Answer<Slice<Delivery>> {
        if self.endpoint(caller, id).await?.is_none() {
            return Ok(Err(Refusal::NotFound));
        }
        let county = caller.scope.county;
        let found = self.store().deliveries(county, id, status, page).await?;
        Ok(Ok(found))
    }

    /// A delivery to an endpoint of the caller's organisation.
    pub async fn delivery(
        &self,
        caller: &Caller,
        id: Uuid,
    ) -> Result<Option<(Endpoint, Delivery)>, Fault> {
        let found = self.store().delivery(caller.scope.county, id).await?;
        let Some(delivery) = found else {
            return Ok(None);
        };
        let endpoint = self.endpoint(caller, delivery.endpoint).await?;
        Ok(endpoint.map(|endpoint| (endpoint, delivery)))
    }
}
