//! Timers: a due deadline is a command through the same door. No timer can approve or pay.

use crate::caller::{Caller, Scope};
use crate::desk::{Desk, Submission};
use crate::ports::{Fault, Outcome};
use crate::{ids, limits};
use lifecycle::{AccountId, Claim, Command, CountyCode, Door, Duty, OrgId, PersonId, RegionCode};

/// The caller that stands for the timer of a county.
pub fn timer_caller(county: CountyCode) -> Option<Caller> {
    let id = ids::named("system", "timer");
    Some(Caller {
        account: AccountId(id),
        person: PersonId(id),
        name: "定时任务".into(),
        on_behalf_of: None,
        org: OrgId(id),
        org_name: "系统".into(),
        duties: vec![Duty::Timer],
        scope: Scope {
            county,
            region: RegionCode::new(county.to_string()).ok()?,
            insurer: None,
        },
        door: Door::System,
    })
}

/// Closes the notices whose term has run. Returns how many were closed.
pub async fn close_due_notices(desk: &Desk) -> Result<usize, Fault> {
    let due = desk
        .store()
        .due_notices(desk.clock().now(), limits::TIMER_ROUND_MAX)
        .await?;
    let mut closed = 0;
    for claim in due {
        if let Outcome::Done { .. } = close(desk, &claim).await? {
            closed += 1;
        }
    }
    Ok(closed)
}

async fn close(desk: &Desk, claim: &Claim) -> Result<Outcome, Fault> {
    let Some(caller) = timer_caller(claim.county) else {
        return Ok(Outcome::NotFound);
    };
    let submission = Submission {
        claim: Some((claim.id, claim.version)),
        key: ids::named("close-notice", &format!("{}/{}", claim.id, claim.version)),
        command: Command::CloseNotice,
    };
    desk.submit(&caller, submission).await
}
