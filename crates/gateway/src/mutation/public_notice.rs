//! `PUBLIC_NOTICE` (公示).

use crate::mutation::claim_mutations;
use crate::mutation::input::{self, EvidenceInput};
use crate::node_id::Kind;
use async_graphql::ID;
use lifecycle::{Command, ObjectionId};

claim_mutations! {
    /// Mutations of `PUBLIC_NOTICE`.
    PublicNoticeMutations {
        "Confirms, as a second person, the notice as it will be posted (预览公示)."
        codes "CONTENT_CHANGED, NOTICE_PRIVATE"
        preview_notice(PreviewNoticeInput {
            /// The `contentHash` of the preview that was seen.
            content_hash: String,
        }) -> PreviewNoticePayload = |_ids| Ok(Command::PreviewNotice {
            content_hash: input::text("contentHash", content_hash)?,
        });

        "Posts the notice; its term begins (发布公示)."
        codes "PREVIEW_REQUIRED, NOTICE_PRIVATE, EVIDENCE_MISSING, CALENDAR_MISSING"
        open_public_notice(OpenPublicNoticeInput {}) -> OpenPublicNoticePayload = |ids| Ok(Command::OpenPublicNotice {
            notice: ids.notice(),
        });

        "Proves that the notice hangs, unchanged (登记张贴证明)."
        codes "CONTENT_CHANGED"
        record_publication_proof(RecordPublicationProofInput {
            /// The content hash of what was seen.
            content_hash: String,
            /// The photo or file.
            evidence: EvidenceInput,
        }) -> RecordPublicationProofPayload = |_ids| Ok(Command::RecordPublicationProof {
            content_hash: input::text("contentHash", content_hash)?,
            evidence: input::one_evidence(evidence)?,
        });

        "Records an objection; late ones are accepted until the money is instructed (提出异议)."
        codes "none"
        raise_objection(RaiseObjectionInput {
            /// What is objected.
            grounds: String,
        }) -> RaiseObjectionPayload = |ids| Ok(Command::RaiseObjection {
            objection: ids.objection(),
            grounds: input::text("grounds", grounds)?,
        });

        "Decides an objection; upheld, the case is verified again (处理异议)."
        codes "OBJECTION_UNKNOWN, DUTY_CONFLICT"
        resolve_objection(ResolveObjectionInput {
            /// The objection.
            objection_id: ID,
            /// Whether it is upheld (成立).
            upheld: bool,
            /// What was found.
            findings: String,
        }) -> ResolveObjectionPayload = |_ids| Ok(Command::ResolveObjection {
            objection: ObjectionId(input::uuid("objectionId", Kind::Objection, &objection_id)?),
            upheld,
            findings: input::text("findings", findings)?,
        });

        "Closes a notice that ran its full term; usually the timer does (公示期满)."
        codes "PERIOD_INCOMPLETE, PROOF_MISSING, CONTENT_CHANGED, OBJECTION_OPEN"
        close_notice(CloseNoticeInput {}) -> CloseNoticePayload = |_ids| Ok(Command::CloseNotice);
    }
}
