//! REFUSAL (拒赔).

use crate::mutation::claim_mutations;
use crate::mutation::input;
use crate::types::enums::Delivery;
use crate::types::scalars::Date;
use lifecycle::Command;

claim_mutations! {
    /// Mutations of REFUSAL.
    RefusalMutations {
        "Puts on record that the letter of a refusal, or of a dismissed appeal, reached the household (送达拒赔通知)."
        codes "LETTER_ISSUED, CONTENT_CHANGED, NOTICE_PRIVATE, CALENDAR_MISSING"
        issue_refusal_letter(IssueRefusalLetterInput {
            /// The `contentHash` of the letter that was handed over: an echo.
            content_hash: String,
            /// The legal day on which the household received it: today, or at most three days ago.
            delivered_on: Date,
            /// How it came there.
            delivery: Delivery,
            /// Who took it.
            handed_to: String,
        }) -> IssueRefusalLetterPayload = |_ids| Ok(Command::IssueRefusalLetter {
            content_hash: input::text("contentHash", content_hash)?,
            delivered_on: delivered_on.0,
            delivery: delivery.into(),
            handed_to: input::text("handedTo", handed_to)?,
        });

        "Records the household's appeal against the refusal, within its time (提出申诉)."
        codes "LETTER_MISSING, APPEAL_TIME_OVER"
        lodge_appeal(LodgeAppealInput {
            /// Why the household does not agree.
            grounds: String,
        }) -> LodgeAppealPayload = |_ids| Ok(Command::LodgeAppeal {
            grounds: input::text("grounds", grounds)?,
        });

        "Decides the appeal, by a person who had no part in the claim; upheld, the case is taken up again (处理申诉)."
        codes "DUTY_CONFLICT, CALENDAR_MISSING"
        decide_appeal(DecideAppealInput {
            /// Whether it is upheld (成立).
            upheld: bool,
            /// Why; dismissed, the letter tells it.
            findings: String,
        }) -> DecideAppealPayload = |_ids| Ok(Command::DecideAppeal {
            upheld,
            findings: input::text("findings", findings)?,
        });
    }
}
