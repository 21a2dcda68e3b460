-- The county's log: one row an event, chained by hash, in commit order, insert-only (0008).

CREATE TABLE claim_event (
    county_code integer NOT NULL,
    county_seq bigint NOT NULL CHECK (county_seq >= 1),
    claim_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    kind text NOT NULL,
    actor_id uuid NOT NULL,
    at timestamptz NOT NULL,
    event text NOT NULL,
    seen text NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (county_code, county_seq),
    UNIQUE (claim_id, version, county_code),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id)
);

-- The head of the log. Its row is the county's lock: whoever writes takes it first, so a place in
-- the log is a place in commit order and facts cannot change under a judgement. `last_at` is empty
-- before the first entry; no instant of the log lies before the one of the entry before it.
CREATE TABLE county_head (
    county_code integer NOT NULL PRIMARY KEY,
    last_seq bigint NOT NULL CHECK (last_seq >= 0),
    last_hash text NOT NULL,
    last_at timestamptz
);

-- What was answered to an idempotency key.
CREATE TABLE receipt (
    county_code integer NOT NULL,
    account_id uuid NOT NULL,
    idempotency_key uuid NOT NULL,
    fingerprint text NOT NULL,
    claim_id uuid NOT NULL,
    version integer NOT NULL,
    county_seq bigint NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (county_code, account_id, idempotency_key),
    FOREIGN KEY (county_code, county_seq) REFERENCES claim_event (county_code, county_seq)
);

-- Commands that were blocked: who tried what, and the code of the refusal. The claim may not exist.
CREATE TABLE refusal (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    claim_id uuid NOT NULL,
    account_id uuid NOT NULL,
    command text NOT NULL,
    code text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (county_code, id)
);
