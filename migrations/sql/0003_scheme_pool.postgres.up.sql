-- Schemes as published, and their pools: balances beside the transfers they follow from. All versions
-- of one code, year and insurer share the pool of the first one published: `pool_id`.

CREATE TABLE scheme (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    code text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    policy_year integer NOT NULL,
    insurer_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (county_code, id),
    UNIQUE (code, version, county_code)
);

-- Only the county's own account may stand below zero: it shows what the county put in.
CREATE TABLE pool_account (
    county_code integer NOT NULL,
    scheme_id uuid NOT NULL,
    account text NOT NULL CHECK (account IN ('COUNTY_FUND', 'AVAILABLE', 'RESERVED', 'IN_FLIGHT', 'PAID_OUT')),
    balance_fen bigint NOT NULL,
    PRIMARY KEY (county_code, scheme_id, account),
    FOREIGN KEY (county_code, scheme_id) REFERENCES scheme (county_code, id),
    CONSTRAINT pool_account_covered CHECK (account = 'COUNTY_FUND' OR balance_fen >= 0)
);

-- One transfer is one row: `amount_fen` leaves `debit` and enters `credit`. Insert-only (0008).
-- `claim_id` and `county_seq` name the event that moved the money; both are empty for a funding.
CREATE TABLE transfer (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    scheme_id uuid NOT NULL,
    debit text NOT NULL,
    credit text NOT NULL,
    amount_fen bigint NOT NULL CONSTRAINT transfer_positive CHECK (amount_fen > 0),
    claim_id uuid,
    county_seq bigint,
    at timestamptz NOT NULL,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, scheme_id, debit) REFERENCES pool_account (county_code, scheme_id, account),
    FOREIGN KEY (county_code, scheme_id, credit) REFERENCES pool_account (county_code, scheme_id, account),
    CONSTRAINT transfer_two_accounts CHECK (debit <> credit),
    CONSTRAINT transfer_origin CHECK ((claim_id IS NULL) = (county_seq IS NULL))
);

CREATE INDEX transfer_by_scheme ON transfer (scheme_id);
