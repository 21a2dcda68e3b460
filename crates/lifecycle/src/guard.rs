//! Guards: the named conditions by which `decide` holds the invariants.
//!
//! Every guard goes through [`hold`], so that a test can switch exactly one off (feature
//! `broken-guards`) and show that the invariant it serves is then seen to break.

use crate::Blocked;
use crate::coded;

coded! {
    /// A guard that serves an invariant of the design.
    Guard {
        NoticeTermRan = "NOTICE_TERM_RAN" "不变量1 公示期满",
        NoticeProved = "NOTICE_PROVED" "不变量1 张贴证明",
        NoticeUnchanged = "NOTICE_UNCHANGED" "不变量1 公示内容未变",
        NoObjectionOpen = "NO_OBJECTION_OPEN" "不变量1 无未决异议",
        WithinOutstanding = "WITHIN_OUTSTANDING" "不变量2 追回核销不超已付",
        ReferenceOnce = "REFERENCE_ONCE" "不变量2 追回流水一次",
        OutcomeKnown = "OUTCOME_KNOWN" "不变量2 付款结果已明",
        ExactlyInstructed = "EXACTLY_INSTRUCTED" "不变量2 金额与指令一致",
        WithinAssessment = "WITHIN_ASSESSMENT" "不变量3 不超理算",
        WithinCaps = "WITHIN_CAPS" "不变量3 不超封顶",
        WithinPool = "WITHIN_POOL" "不变量3 不超资金池",
        QueueOrder = "QUEUE_ORDER" "不变量3 待资金不插队",
        WithinLimit = "WITHIN_LIMIT" "不变量3 不超审批权限",
        WithinTwelveMonths = "WITHIN_TWELVE_MONTHS" "不变量3 不超十二个月审批权限",
        SeparatePersons = "SEPARATE_PERSONS" "不变量4 职责分离",
        NoOwnHousehold = "NO_OWN_HOUSEHOLD" "不变量4 回避",
        PositiveAmount = "POSITIVE_AMOUNT" "不变量5 金额为正",
        NoticePrivate = "NOTICE_PRIVATE" "不变量9 公示无隐私",
        PayeeAsApproved = "PAYEE_AS_APPROVED" "不变量10 收款人一致",
        DossierAsSeen = "DOSSIER_AS_SEEN" "不变量10 卷宗如所见",
        ApprovalStands = "APPROVAL_STANDS" "不变量10 审批所依卷宗未变",
        BillOnce = "BILL_ONCE" "不变量10 票据一次",
        NoTimerDecides = "NO_TIMER_DECIDES" "不变量11 定时任务不审批",
        NameChecked = "NAME_CHECKED" "不变量10 户名已核验",
        HeirProved = "HEIR_PROVED" "不变量10 继承人有证明",
        PayeeAlive = "PAYEE_ALIVE" "不付给逝者",
        RefusalTold = "REFUSAL_TOLD" "不变量13 拒赔已告知",
        AppealTimeRan = "APPEAL_TIME_RAN" "不变量13 申诉期满",
        AppealInTime = "APPEAL_IN_TIME" "不变量13 期内申诉",
    }
}

#[cfg(feature = "broken-guards")]
mod broken {
    use super::Guard;
    use std::cell::Cell;

    thread_local! { static BROKEN: Cell<Option<Guard>> = const { Cell::new(None) }; }

    /// Runs `work` with one guard switched off on this thread.
    pub fn with_broken<T>(guard: Guard, work: impl FnOnce() -> T) -> T {
        BROKEN.set(Some(guard));
        let result = work();
        BROKEN.set(None);
        result
    }

    pub(super) fn is_broken(guard: Guard) -> bool {
        BROKEN.get() == Some(guard)
    }
}

#[cfg(feature = "broken-guards")]
pub use broken::with_broken;

#[cfg(not(feature = "broken-guards"))]
const fn is_broken(_: Guard) -> bool {
    false
}
#[cfg(feature = "broken-guards")]
use broken::is_broken;

/// `Ok` when the condition holds, the refusal otherwise.
pub(crate) fn hold(
    guard: Guard,
    condition: bool,
    refusal: impl FnOnce() -> Blocked,
) -> Result<(), Blocked> {
    if condition || is_broken(guard) {
        Ok(())
    } else {
        Err(refusal())
    }
}
