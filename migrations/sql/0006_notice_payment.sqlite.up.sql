-- What crosses claims: notices, objections, payments, bills, running totals.

-- A notice is CLOSED only when its term has run and it was proved; VOID when the claim left it. Its content never
-- changes and it is never deleted (0008).
CREATE TABLE notice (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    posted_on TEXT NOT NULL,
    last_day TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    closes_at TEXT NOT NULL,
    proofs_min INTEGER NOT NULL CHECK (proofs_min >= 0),
    proofs INTEGER NOT NULL CHECK (proofs >= 0),
    status TEXT NOT NULL CHECK (status IN ('OPEN', 'CLOSED', 'VOID')),
    closed_at TEXT,
    voided_at TEXT,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    CONSTRAINT notice_term CHECK (closes_at > opened_at AND last_day > posted_on),
    CONSTRAINT notice_ran CHECK (closed_at IS NULL OR (closed_at >= closes_at AND proofs >= proofs_min)),
    CONSTRAINT notice_status CHECK (
        (status = 'OPEN' AND closed_at IS NULL AND voided_at IS NULL)
        OR (status = 'CLOSED' AND closed_at IS NOT NULL AND voided_at IS NULL)
        OR (status = 'VOID' AND voided_at IS NOT NULL))
) STRICT;

-- One live notice a claim.
CREATE UNIQUE INDEX notice_live ON notice (claim_id, county_code) WHERE status IN ('OPEN', 'CLOSED');
CREATE INDEX notice_by_claim ON notice (claim_id);
CREATE INDEX notice_due ON notice (closes_at) WHERE status = 'OPEN';

CREATE TABLE objection (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('OPEN', 'UPHELD', 'DISMISSED')),
    raised_at TEXT NOT NULL,
    resolved_at TEXT,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    CONSTRAINT objection_resolved CHECK ((status = 'OPEN') = (resolved_at IS NULL))
) STRICT;

CREATE INDEX objection_by_claim ON objection (claim_id);

CREATE TABLE payment (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    instruction_no TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    payee_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('INSTRUCTED', 'UNKNOWN', 'PAID', 'FAILED', 'RETURNED', 'RECOVERED', 'WRITTEN_OFF')),
    instructed_at TEXT NOT NULL,
    settled_at TEXT,
    PRIMARY KEY (county_code, id),
    UNIQUE (instruction_no, county_code),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    FOREIGN KEY (county_code, payee_id) REFERENCES payee (county_code, id)
) STRICT;

-- Invariant 2: at most one live or settled payment for a claim.
CREATE UNIQUE INDEX payment_live ON payment (claim_id, county_code) WHERE status IN ('INSTRUCTED', 'UNKNOWN', 'PAID', 'WRITTEN_OFF');
CREATE INDEX payment_by_claim ON payment (claim_id);

-- Invariant 10: a bill is compensated once ever; the row goes only with a claim that ended without payment.
CREATE TABLE bill (
    county_code INTEGER NOT NULL,
    bill_key TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    PRIMARY KEY (county_code, bill_key),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id)
) STRICT;

CREATE INDEX bill_by_claim ON bill (claim_id);

-- What is reserved or paid in a policy year, for a person and for a household, and the eligible
-- losses it rests on (a table may count the losses of a year together). `cap_fen` is the cap
-- of the scheme that last reserved; empty where that scheme has none.
CREATE TABLE running_total (
    county_code INTEGER NOT NULL,
    policy_year INTEGER NOT NULL,
    peril TEXT NOT NULL,
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('PERSON', 'HOUSEHOLD')),
    subject_id TEXT NOT NULL,
    used_fen INTEGER NOT NULL CONSTRAINT running_total_positive CHECK (used_fen >= 0),
    loss_fen INTEGER NOT NULL CONSTRAINT running_loss_positive CHECK (loss_fen >= 0),
    cap_fen INTEGER,
    PRIMARY KEY (county_code, policy_year, peril, subject_kind, subject_id),
    CONSTRAINT running_total_within_cap CHECK (used_fen <= cap_fen)
) STRICT;
