-- The county's log: one row an event, chained by hash, in commit order, insert-only (0008).

CREATE TABLE claim_event (
    county_code INTEGER NOT NULL,
    county_seq INTEGER NOT NULL CHECK (county_seq >= 1),
    claim_id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    at TEXT NOT NULL,
    event TEXT NOT NULL,
    seen TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (county_code, county_seq),
    UNIQUE (claim_id, version, county_code),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id)
) STRICT;

-- The head of the log. Its row is the county's lock: whoever writes takes it first, so a place in
-- the log is a place in commit order and facts cannot change under a judgement. `last_at` is empty
-- before the first entry; no instant of the log lies before the one of the entry before it.
CREATE TABLE county_head (
    county_code INTEGER NOT NULL PRIMARY KEY,
    last_seq INTEGER NOT NULL CHECK (last_seq >= 0),
    last_hash TEXT NOT NULL,
    last_at TEXT
) STRICT;

-- What was answered to an idempotency key.
CREATE TABLE receipt (
    county_code INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    county_seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (county_code, account_id, idempotency_key),
    FOREIGN KEY (county_code, county_seq) REFERENCES claim_event (county_code, county_seq)
) STRICT;

-- Commands that were blocked: who tried what, and the code of the refusal. The claim may not exist.
CREATE TABLE refusal (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    command TEXT NOT NULL,
    code TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (county_code, id)
) STRICT;
