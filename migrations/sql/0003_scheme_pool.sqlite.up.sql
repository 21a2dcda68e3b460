-- Schemes as published, and their pools: balances beside the transfers they follow from. All versions
-- of one code, year and insurer share the pool of the first one published: `pool_id`.

CREATE TABLE scheme (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    code TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    policy_year INTEGER NOT NULL,
    insurer_id TEXT NOT NULL,
    pool_id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (county_code, id),
    UNIQUE (code, version, county_code)
) STRICT;

-- Only the county's own account may stand below zero: it shows what the county put in.
CREATE TABLE pool_account (
    county_code INTEGER NOT NULL,
    scheme_id TEXT NOT NULL,
    account TEXT NOT NULL CHECK (account IN ('COUNTY_FUND', 'AVAILABLE', 'RESERVED', 'IN_FLIGHT', 'PAID_OUT')),
    balance_fen INTEGER NOT NULL,
    PRIMARY KEY (county_code, scheme_id, account),
    FOREIGN KEY (county_code, scheme_id) REFERENCES scheme (county_code, id),
    CONSTRAINT pool_account_covered CHECK (account = 'COUNTY_FUND' OR balance_fen >= 0)
) STRICT;

-- One transfer is one row: `amount_fen` leaves `debit` and enters `credit`. Insert-only (0008).
-- `claim_id` and `county_seq` name the event that moved the money; both are empty for a funding.
CREATE TABLE transfer (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    scheme_id TEXT NOT NULL,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CONSTRAINT transfer_positive CHECK (amount_fen > 0),
    claim_id TEXT,
    county_seq INTEGER,
    at TEXT NOT NULL,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, scheme_id, debit) REFERENCES pool_account (county_code, scheme_id, account),
    FOREIGN KEY (county_code, scheme_id, credit) REFERENCES pool_account (county_code, scheme_id, account),
    CONSTRAINT transfer_two_accounts CHECK (debit <> credit),
    CONSTRAINT transfer_origin CHECK ((claim_id IS NULL) = (county_seq IS NULL))
) STRICT;

CREATE INDEX transfer_by_scheme ON transfer (scheme_id);
