//! The public notice (公示), objections to it, and its preview.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::connection::{Connection, PageArgs};
use crate::types::enums::{ObjectionStatus, Peril};
use crate::types::event::count;
use crate::types::scalars::{Date, DateTime, Fen};
use crate::visit::Visit;
use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use engine::Recorded;
use lifecycle::phase::public_notice::{NoticeOpen, Proof};
use lifecycle::{ClaimId, Happening};

/// What is posted. It has no field for an identity number, account, phone or diagnosis.
#[derive(SimpleObject, Debug, Clone)]
pub struct NoticeLine {
    /// Claim number.
    number: String,
    /// Village name.
    village: String,
    /// Head of household.
    head_name: String,
    /// Number of persons in the household.
    persons: i32,
    /// Peril, if the scheme shows it.
    peril: Option<Peril>,
    /// Proposed amount, if the scheme shows it.
    amount_fen: Option<Fen>,
    /// Hot line for objections.
    hot_line: String,
    /// The text as it is printed.
    text: String,
}

impl From<&lifecycle::notice::NoticeLine> for NoticeLine {
    fn from(line: &lifecycle::notice::NoticeLine) -> Self {
        let lifecycle::notice::NoticeLine {
            number,
            village,
            head_name,
            persons,
            peril,
            amount,
            hot_line,
        } = line;
        Self {
            number: number.clone(),
            village: village.clone(),
            head_name: head_name.clone(),
            persons: count(*persons),
            peril: peril.map(Peril::from),
            amount_fen: amount.map(Fen),
            hot_line: hot_line.clone(),
            text: line.text(),
        }
    }
}

/// A proof (张贴证明) that the notice hung, unchanged.
#[derive(SimpleObject, Debug, Clone)]
pub struct PublicationProof {
    /// The kind of photo or file.
    kind: String,
    /// SHA-256 of the photo or file, lower-case hexadecimal.
    sha256: String,
    /// The content hash of what was seen.
    content_hash: String,
    /// When it was recorded.
    recorded_at: DateTime,
}

impl From<&Proof> for PublicationProof {
    fn from(proof: &Proof) -> Self {
        let Proof {
            evidence,
            content_hash,
            recorded,
        } = proof;
        Self {
            kind: evidence.kind.clone(),
            sha256: evidence.sha256.clone(),
            content_hash: content_hash.clone(),
            recorded_at: DateTime(recorded.at),
        }
    }
}

/// The notice as it was opened. Immutable.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct Notice {
    /// The node id.
    #[graphql(owned)]
    pub id: ID,
    /// What is posted.
    line: NoticeLine,
    /// Hash of what is posted; a proof must name it.
    content_hash: String,
    /// Day of posting; not counted.
    posted_on: Date,
    /// The last day of the term.
    last_day: Date,
    /// The first instant at which it may close.
    closes_at: DateTime,
    #[graphql(skip)]
    proved: Vec<Proof>,
}

#[ComplexObject]
impl Notice {
    /// Proofs of publication, in order.
    #[expect(clippy::unused_async, reason = "async-graphql's resolvers are async")]
    async fn proofs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<PublicationProof>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let caller = Visit::of(ctx)?.caller()?;
        let binding = Binding::new("proofs", &self.id, caller);
        let page = args.parse(&binding)?;
        Ok(Connection::of_grown(&self.proved, &page, &binding))
    }
}

impl Notice {
    /// Every notice of a claim, by the events of its history.
    pub fn all(events: &[Recorded]) -> Vec<Self> {
        let mut notices: Vec<Self> = Vec::new();
        for recorded in events {
            let stamp = &recorded.event.stamp;
            if let Happening::PublicNoticeOpened {
                notice,
                line,
                content_hash,
                posted_on,
                last_day,
                closes_at,
            } = &recorded.event.what
            {
                notices.push(Self {
                    id: node_id::encode_part(Kind::Notice, recorded.claim.0, notice.0),
                    line: line.as_ref().into(),
                    content_hash: content_hash.clone(),
                    posted_on: Date(*posted_on),
                    last_day: Date(*last_day),
                    closes_at: DateTime(*closes_at),
                    proved: Vec::new(),
                });
            }
            if let Happening::PublicationProved {
                content_hash,
                evidence,
            } = &recorded.event.what
                && let Some(last) = notices.last_mut()
            {
                last.proved.push(Proof {
                    evidence: evidence.clone(),
                    content_hash: content_hash.clone(),
                    recorded: stamp.clone(),
                });
            }
        }
        notices
    }

    /// The notice of a claim.
    pub fn of(claim: ClaimId, open: &NoticeOpen) -> Self {
        let notice = &open.notice;
        Self {
            id: node_id::encode_part(Kind::Notice, claim.0, notice.id.0),
            line: (&notice.line).into(),
            content_hash: notice.content_hash.clone(),
            posted_on: Date(notice.posted_on),
            last_day: Date(notice.last_day),
            closes_at: DateTime(notice.closes_at),
            proved: open.proofs.clone(),
        }
    }
}

/// The notice as it would be posted now. A second person confirms the hash that was seen.
#[derive(SimpleObject, Debug, Clone)]
pub struct NoticePreview {
    /// The text as it would be printed.
    text: String,
    /// Its hash: what `previewNotice` wants as `contentHash`.
    content_hash: String,
}

impl From<&lifecycle::notice::NoticeLine> for NoticePreview {
    fn from(line: &lifecycle::notice::NoticeLine) -> Self {
        Self {
            text: line.text(),
            content_hash: line.content_hash(),
        }
    }
}

/// An objection (异议). It stays with the claim whatever comes of it.
#[derive(SimpleObject, Debug, Clone)]
pub struct Objection {
    /// The node id: what `resolveObjection` wants.
    #[graphql(owned)]
    pub id: ID,
    /// What became of it.
    status: ObjectionStatus,
    /// What is objected.
    grounds: String,
    /// When it was recorded.
    raised_at: DateTime,
    /// When it was decided.
    resolved_at: Option<DateTime>,
    /// What was found.
    findings: Option<String>,
}

impl From<&Self> for Notice {
    fn from(notice: &Self) -> Self {
        notice.clone()
    }
}

impl From<&Self> for Objection {
    fn from(objection: &Self) -> Self {
        objection.clone()
    }
}

impl Objection {
    /// An objection to a claim.
    pub fn of(claim: ClaimId, objection: &lifecycle::Objection) -> Self {
        let lifecycle::Objection {
            id,
            status,
            grounds,
            raised,
            resolved,
            findings,
        } = objection;
        Self {
            id: node_id::encode_part(Kind::Objection, claim.0, id.0),
            status: (*status).into(),
            grounds: grounds.clone(),
            raised_at: DateTime(raised.at),
            resolved_at: resolved.as_ref().map(|stamp| DateTime(stamp.at)),
            findings: findings.clone(),
        }
    }
}
