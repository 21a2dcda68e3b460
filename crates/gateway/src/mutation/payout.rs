//! PAYOUT (赔付).

use crate::mutation::claim_mutations;
use crate::mutation::input;
use crate::types::scalars::Fen;
use async_graphql::{Enum, ID};
use lifecycle::phase::payout::BankOutcome;
use lifecycle::{Blocked, Command};

/// What a statement says about an unknown payment.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconcileOutcome {
    /// 已到账: the money arrived.
    Settled,
    /// 未到账: it did not, and cannot any more.
    Failed,
}

claim_mutations! {
    /// Mutations of PAYOUT.
    PayoutMutations {
        "Names another payee; notice and approval are void and the case is verified again (变更收款人)."
        codes "PAYEE_UNKNOWN, ACCOUNT_NAME_MISMATCH, NAME_CHECK_DUE, ACCOUNT_SHARED, RELATION_MISMATCH, HEIR_REQUIRED, PAYEE_DECEASED"
        change_payee(ChangePayeeInput {
            /// The new payee, registered before with `registerPayee`.
            payee_id: ID,
        }) -> ChangePayeePayload = |_ids| Ok(Command::ChangePayee {
            payee: input::payee(&payee_id)?,
        });

        "Confirms, as a second person, the new payee (确认收款人)."
        codes "SECOND_PERSON_REQUIRED, MISMATCH, PAYEE_UNKNOWN, ACCOUNT_NAME_MISMATCH, NAME_CHECK_DUE, ACCOUNT_SHARED, RELATION_MISMATCH, HEIR_REQUIRED, PAYEE_DECEASED"
        confirm_payee(ConfirmPayeeInput {
            /// The payee that was seen: an echo.
            payee_id: ID,
        }) -> ConfirmPayeePayload = |_ids| Ok(Command::ConfirmPayee {
            payee: input::payee(&payee_id)?,
        });

        "Orders the payment (下达付款指令)."
        codes "DUTY_CONFLICT, PERIOD_INCOMPLETE, PROOF_MISSING, CONTENT_CHANGED, OBJECTION_OPEN, MISMATCH, DOSSIER_CHANGED, DUPLICATE_EVENT, DUPLICATE_ELSEWHERE, CAP_EXCEEDED, PAYEE_UNKNOWN, PAYEE_DECEASED, ACCOUNT_NAME_MISMATCH, NAME_CHECK_DUE, ACCOUNT_SHARED, RELATION_MISMATCH, HEIR_REQUIRED, EVIDENCE_MISSING, LIVENESS_STALE"
        instruct_payout(InstructPayoutInput {
            /// The approved amount that was seen: an echo, checked, never a correction.
            approved_amount_fen: Fen,
            /// The payee that was seen: an echo.
            payee_id: ID,
        }) -> InstructPayoutPayload = |ids| Ok(Command::InstructPayout {
            payment: ids.payment(),
            amount: approved_amount_fen.0,
            payee: input::payee(&payee_id)?,
        });

        "Confirms that the money arrived, from the bank or by a second person with the statement (确认到账)."
        codes "MISMATCH, SECOND_PERSON_REQUIRED"
        confirm_payout(ConfirmPayoutInput {
            /// The instruction's number.
            instruction_no: String,
            /// The amount on the statement.
            amount_fen: Fen,
            /// The bank's reference.
            bank_ref: String,
        }) -> ConfirmPayoutPayload = |_ids| Ok(Command::ConfirmPayout {
            instruction_no: input::text("instructionNo", instruction_no)?,
            amount: amount_fen.0,
            bank_ref: input::text("bankRef", bank_ref)?,
        });

        "Reports a proven failure of the payment (付款失败)."
        codes "CONTRADICTION, MISMATCH, SECOND_PERSON_REQUIRED"
        report_payout_failure(ReportPayoutFailureInput {
            /// The instruction's number.
            instruction_no: String,
            /// The bank's reason.
            reason: String,
        }) -> ReportPayoutFailurePayload = |_ids| Ok(Command::ReportPayoutFailure {
            instruction_no: input::text("instructionNo", instruction_no)?,
            reason: input::text("reason", reason)?,
        });

        "Reports that the money came back after it was paid (退票)."
        codes "MISMATCH, SECOND_PERSON_REQUIRED"
        report_payout_returned(ReportPayoutReturnedInput {
            /// The instruction's number.
            instruction_no: String,
            /// The amount on the statement.
            amount_fen: Fen,
            /// The bank's reference of the return.
            bank_ref: String,
        }) -> ReportPayoutReturnedPayload = |_ids| Ok(Command::ReportPayoutReturned {
            instruction_no: input::text("instructionNo", instruction_no)?,
            amount: amount_fen.0,
            bank_ref: input::text("bankRef", bank_ref)?,
        });

        "Records that nobody knows whether the money arrived (结果不明)."
        codes "none"
        mark_payout_unknown(MarkPayoutUnknownInput {
            /// Why nobody knows.
            reason: String,
        }) -> MarkPayoutUnknownPayload = |_ids| Ok(Command::MarkPayoutUnknown {
            reason: input::text("reason", reason)?,
        });

        "Settles an unknown payment by the bank's statement (对账)."
        codes "MISMATCH, SECOND_PERSON_REQUIRED"
        reconcile_payout(ReconcilePayoutInput {
            /// What the statement says.
            outcome: ReconcileOutcome,
            /// The amount on the statement; needed when SETTLED.
            amount_fen: Option<Fen>,
            /// The bank's reference.
            bank_ref: String,
        }) -> ReconcilePayoutPayload = |_ids| Ok(Command::ReconcilePayout {
            outcome: match (outcome, amount_fen) {
                (ReconcileOutcome::Settled, Some(amount)) => BankOutcome::Settled {
                    amount: amount.0,
                    bank_ref: input::text("bankRef", bank_ref)?,
                },
                (ReconcileOutcome::Settled, None) => {
                    return Err(Blocked::Validation { field: "amountFen", reason: "MISSING" });
                }
                (ReconcileOutcome::Failed, _) => BankOutcome::Failed {
                    bank_ref: input::text("bankRef", bank_ref)?,
                },
            },
        });

        "Makes a failed or returned payment payable again (恢复待付)."
        codes "ALREADY_INSTRUCTED, MISMATCH, PAYEE_UNKNOWN, ACCOUNT_NAME_MISMATCH, NAME_CHECK_DUE, ACCOUNT_SHARED, RELATION_MISMATCH, HEIR_REQUIRED, PAYEE_DECEASED"
        reinstate_payout(ReinstatePayoutInput {
            /// The approved payee that was seen: an echo.
            payee_id: ID,
        }) -> ReinstatePayoutPayload = |_ids| Ok(Command::ReinstatePayout {
            payee: input::payee(&payee_id)?,
        });

        "Archives a paid claim, or a refused one whose household was told and can appeal no more (归档)."
        codes "EVIDENCE_MISSING, LETTER_MISSING, APPEAL_TIME_RUNS"
        close_claim(CloseClaimInput {
            /// Archive number.
            archive_no: String,
        }) -> CloseClaimPayload = |_ids| Ok(Command::CloseClaim {
            archive_no: input::text("archiveNo", archive_no)?,
        });

        "Begins to recover a wrong payment (启动追回)."
        codes "none"
        start_recovery(StartRecoveryInput {
            /// Why.
            reason: String,
        }) -> StartRecoveryPayload = |_ids| Ok(Command::StartRecovery {
            reason: input::text("reason", reason)?,
        });

        "Records what came back of a wrong payment: all that is outstanding, or a part (登记追回)."
        codes "OVER_OUTSTANDING, REFERENCE_TAKEN, NO_BENEFIT, SECOND_PERSON_REQUIRED"
        record_recovery(RecordRecoveryInput {
            /// The amount on the statement.
            amount_fen: Fen,
            /// The bank's reference.
            bank_ref: String,
        }) -> RecordRecoveryPayload = |_ids| Ok(Command::RecordRecovery {
            amount: amount_fen.0,
            bank_ref: input::text("bankRef", bank_ref)?,
        });

        "Proposes to write off what is outstanding; it waits for a second person (提议核销)."
        codes "MISMATCH, BEYOND_AUTHORITY, SECOND_PERSON_REQUIRED"
        write_off_recovery(WriteOffRecoveryInput {
            /// What is outstanding, as it was seen: an echo.
            outstanding_fen: Fen,
            /// Why it cannot be recovered.
            reason: String,
        }) -> WriteOffRecoveryPayload = |_ids| Ok(Command::WriteOffRecovery {
            amount: outstanding_fen.0,
            reason: input::text("reason", reason)?,
        });

        "Confirms, as a second person, that what is outstanding is written off (确认核销)."
        codes "NO_WRITE_OFF, MISMATCH, BEYOND_AUTHORITY, SECOND_PERSON_REQUIRED"
        confirm_write_off(ConfirmWriteOffInput {
            /// What is outstanding, as it was seen: an echo.
            outstanding_fen: Fen,
        }) -> ConfirmWriteOffPayload = |_ids| Ok(Command::ConfirmWriteOff {
            amount: outstanding_fen.0,
        });
    }
}
