//! Orders of a pool: one person orders, another confirms.

use super::registry::{Refused, named};
use crate::errors::ApiError;
use crate::messages::{UserError, UserErrorCode};
use crate::mutation::key_reused;
use crate::node_id::{self, Kind};
use crate::query::pool::book;
use crate::types::enums::PoolFunding;
use crate::types::pool::{PoolNode, PoolOrder};
use crate::types::scalars::{Fen, Uuid};
use crate::visit::Visit;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use engine::Desk;
use lifecycle::SchemeId;
use lifecycle::pool::{PoolBlocked, PoolCommand};
use std::sync::Arc;

/// Input. Orders money into a pool.
#[derive(InputObject)]
pub struct FundPoolInput {
    /// Made by the client: the same key with the same input acts once and answers the same.
    idempotency_key: Uuid,
    /// A version of the scheme.
    scheme_id: ID,
    /// As what it comes in.
    kind: PoolFunding,
    /// How much.
    amount_fen: Fen,
    /// The voucher (凭证号).
    reference: String,
    /// Why.
    reason: String,
}

/// Input. Orders the settlement of a year.
#[derive(InputObject)]
pub struct SettlePoolInput {
    /// Made by the client: the same key with the same input acts once and answers the same.
    idempotency_key: Uuid,
    /// A version of the scheme.
    scheme_id: ID,
    /// The voucher (凭证号).
    reference: String,
    /// Why.
    reason: String,
}

/// Input. Decides on an order that waits.
#[derive(InputObject)]
pub struct PoolOrderInput {
    /// A version of the scheme.
    scheme_id: ID,
    /// The order.
    order_id: ID,
}

macro_rules! payloads {
    ($($doc:literal $name:ident)+) => {$(
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub struct $name {
            /// The order; null when it was refused.
            order: Option<PoolOrder>,
            /// The pool as it stands.
            pool: Option<PoolNode>,
            /// Why it was refused; empty when it was done.
            user_errors: Vec<UserError>,
        }

        impl From<Answer> for $name {
            fn from(answer: Answer) -> Self {
                let Answer { order, pool, user_errors } = answer;
                Self { order, pool, user_errors }
            }
        }
    )+};
}

struct Answer {
    order: Option<PoolOrder>,
    pool: Option<PoolNode>,
    user_errors: Vec<UserError>,
}

payloads! {
    "Answer. Orders money into a pool." FundPoolPayload
    "Answer. Orders the settlement of a year." SettlePoolPayload
    "Answer. Confirms an order." ConfirmPoolOrderPayload
    "Answer. Voids an order." VoidPoolOrderPayload
}

/// Mutations of pools.
#[derive(Default)]
pub struct PoolMutations;

/// The id of the order a key makes.
fn made(visit: &Visit, key: Uuid) -> Result<uuid::Uuid, ApiError> {
    Ok(Desk::ids(visit.caller()?, key.0).made("pool-order"))
}

async fn submit(
    ctx: &Context<'_>,
    scheme: &ID,
    order: uuid::Uuid,
    command: Result<PoolCommand, Refused>,
) -> Result<Answer, ApiError> {
    let visit = Visit::of(ctx)?;
    let refused = async |user_errors| {
        Ok(Answer {
            order: None,
            pool: Some(PoolNode(Arc::new(book(visit, scheme).await?))),
            user_errors,
        })
    };
    let command = match command {
        Ok(command) => command,
        Err(fault) => return refused(fault.told(visit)).await,
    };
    let id = node_id::decode_as(Kind::Scheme, scheme).ok_or_else(ApiError::not_found)?;
    let desk = &visit.office.desk;
    let answer = desk
        .order_pool(visit.caller()?, SchemeId(id), order, command)
        .await?;
    match answer.ok_or_else(ApiError::not_found)? {
        Ok(decision) => {
            if decision.replay {
                visit.note_replay();
            }
            Ok(Answer {
                order: Some((&decision.order).into()),
                pool: Some(PoolNode(Arc::new(book(visit, scheme).await?))),
                user_errors: Vec::new(),
            })
        }
        Err(PoolBlocked::OrderUnknown) => Err(ApiError::not_found()),
        Err(PoolBlocked::KeyReused) => Err(key_reused()),
        Err(blocked) => {
            let code = UserErrorCode::from_code(blocked.code()).ok_or_else(ApiError::not_found)?;
            refused(vec![UserError::new(
                code,
                &blocked.params(),
                visit.language,
            )])
            .await
        }
    }
}

fn waiting(order: &ID) -> Result<uuid::Uuid, ApiError> {
    node_id::decode_as(Kind::PoolOrder, order).ok_or_else(ApiError::not_found)
}

#[Object]
impl PoolMutations {
    /// Orders premium or a top-up into a pool (缴入保费、补足资金). Nothing moves until another person
    /// confirms it. Premium: at most headcount times premium, less what is paid in and what waits. Codes:
    /// VALIDATION, `PRIVATE_IN_TEXT`, `PREMIUM_EXCEEDED`, `POOL_SETTLED`.
    async fn fund_pool(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How much, as what, by which voucher.")] input: FundPoolInput,
    ) -> Result<FundPoolPayload, ApiError> {
        let order = made(Visit::of(ctx)?, input.idempotency_key)?;
        let command = named("reference", &input.reference).and_then(|reference| {
            Ok(PoolCommand::Fund {
                funding: input.kind.into(),
                amount: input.amount_fen.0,
                reference,
                reason: named("reason", &input.reason)?,
            })
        });
        let answer = submit(ctx, &input.scheme_id, order, command).await?;
        Ok(answer.into())
    }

    /// Orders the settlement of a year that is over (年度核算): the insurer's fee, and what the scheme says
    /// of a shortage or a surplus (多退少补、余额结转). Nothing moves until another person confirms what it
    /// comes to. Codes: VALIDATION, `PRIVATE_IN_TEXT`, `YEAR_NOT_OVER`, `NOT_BALANCED`, `CLAIMS_WAITING`, `ORDER_PENDING`,
    /// `NEXT_POOL_MISSING`, `POOL_SETTLED`.
    async fn settle_pool(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which pool, by which voucher.")] input: SettlePoolInput,
    ) -> Result<SettlePoolPayload, ApiError> {
        let order = made(Visit::of(ctx)?, input.idempotency_key)?;
        let command = named("reference", &input.reference).and_then(|reference| {
            let reason = named("reason", &input.reason)?;
            Ok(PoolCommand::Settle { reference, reason })
        });
        let answer = submit(ctx, &input.scheme_id, order, command).await?;
        Ok(answer.into())
    }

    /// Confirms an order as the second person (第二人确认): it is posted, once; the order is the key. Codes:
    /// `SECOND_PERSON_REQUIRED`, `ORDER_DECIDED`, `PREMIUM_EXCEEDED`, `POOL_SETTLED`, `NOT_BALANCED`, `CLAIMS_WAITING`,
    /// `YEAR_NOT_OVER`, `NEXT_POOL_MISSING`, `SETTLEMENT_CHANGED`.
    async fn confirm_pool_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which order of which pool.")] input: PoolOrderInput,
    ) -> Result<ConfirmPoolOrderPayload, ApiError> {
        let order = waiting(&input.order_id)?;
        let answer = submit(ctx, &input.scheme_id, order, Ok(PoolCommand::Confirm)).await?;
        Ok(answer.into())
    }

    /// Voids an order that waits (作废): it never moves money; the order is the key. Codes: `ORDER_DECIDED`.
    async fn void_pool_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which order of which pool.")] input: PoolOrderInput,
    ) -> Result<VoidPoolOrderPayload, ApiError> {
        let order = waiting(&input.order_id)?;
        let answer = submit(ctx, &input.scheme_id, order, Ok(PoolCommand::Void)).await?;
        Ok(answer.into())
    }
}
