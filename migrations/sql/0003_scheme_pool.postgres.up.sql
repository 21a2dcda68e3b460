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

-- Only an account that money comes from may stand below zero: it shows how much came in.
CREATE TABLE pool_account (
    county_code integer NOT NULL,
    scheme_id uuid NOT NULL,
    account text NOT NULL CHECK (account IN (
        'COUNTY_FUND', 'PREMIUM', 'TOP_UP', 'CARRIED_IN', 'INSURER_SHARE', 'AVAILABLE', 'RESERVED', 'IN_FLIGHT', 'PAID_OUT',
        'WRITTEN_OFF', 'FEE', 'CARRIED_OUT', 'SURPLUS_RETURNED')),
    balance_fen bigint NOT NULL,
    PRIMARY KEY (county_code, scheme_id, account),
    FOREIGN KEY (county_code, scheme_id) REFERENCES scheme (county_code, id),
    CONSTRAINT pool_account_covered CHECK (
        balance_fen >= 0 OR account IN ('COUNTY_FUND', 'PREMIUM', 'TOP_UP', 'CARRIED_IN', 'INSURER_SHARE'))
);

-- Money that no claim moves waits here until a second person confirms it: posted once or voided once. Only
-- what the operator enters at the machine has no persons, and its account says so. `county_seq` is the last
-- entry of the county's log when it was posted; `settlement` what a year came to.
CREATE TABLE pool_order (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    scheme_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('OPERATOR_FUNDING', 'PREMIUM', 'TOP_UP', 'SETTLEMENT')),
    amount_fen bigint NOT NULL,
    reference text NOT NULL CHECK (reference <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    ordered_by uuid,
    ordered_for uuid,
    ordered_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('PENDING', 'POSTED', 'VOIDED')),
    decided_by uuid,
    decided_for uuid,
    decided_at timestamptz,
    county_seq bigint,
    settlement text,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, scheme_id) REFERENCES scheme (county_code, id),
    CONSTRAINT pool_order_amount CHECK (amount_fen > 0 OR (kind = 'SETTLEMENT' AND amount_fen = 0)),
    CONSTRAINT pool_order_settlement CHECK ((kind = 'SETTLEMENT') = (settlement IS NOT NULL)),
    CONSTRAINT pool_order_ordered CHECK ((kind = 'OPERATOR_FUNDING') = (ordered_by IS NULL)),
    CONSTRAINT pool_order_decided CHECK ((status = 'PENDING' OR kind = 'OPERATOR_FUNDING') = (decided_by IS NULL)
        AND (decided_by IS NULL) = (decided_at IS NULL) AND (status = 'POSTED') = (county_seq IS NOT NULL)),
    -- Invariant 4: two persons, and delegation does not launder it. Nothing compared with nobody is nothing, and passes.
    CONSTRAINT pool_order_two_persons CHECK (status <> 'POSTED' OR (decided_by <> ordered_by AND COALESCE(decided_by <> ordered_for, true)
        AND COALESCE(decided_for <> ordered_by, true) AND COALESCE(decided_for <> ordered_for, true)) OR kind = 'OPERATOR_FUNDING')
);

CREATE INDEX pool_order_by_scheme ON pool_order (scheme_id);

-- One transfer is one row: `amount_fen` leaves `debit` and enters `credit`, and the two say what it is: no
-- others move. Insert-only (0008). `claim_id` and `county_seq` name the event of a claim that moved the
-- money; what no claim moved names its order.
CREATE TABLE transfer (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    scheme_id uuid NOT NULL,
    debit text NOT NULL,
    credit text NOT NULL,
    amount_fen bigint NOT NULL CONSTRAINT transfer_positive CHECK (amount_fen > 0),
    claim_id uuid,
    county_seq bigint,
    order_id uuid,
    at timestamptz NOT NULL,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, scheme_id, debit) REFERENCES pool_account (county_code, scheme_id, account),
    FOREIGN KEY (county_code, scheme_id, credit) REFERENCES pool_account (county_code, scheme_id, account),
    FOREIGN KEY (county_code, order_id) REFERENCES pool_order (county_code, id),
    CONSTRAINT transfer_origin CHECK ((claim_id IS NULL) = (county_seq IS NULL) AND (claim_id IS NULL) <> (order_id IS NULL)),
    CONSTRAINT transfer_kind CHECK (
        (claim_id IS NOT NULL AND debit || '>' || credit IN (
            'AVAILABLE>RESERVED', 'RESERVED>AVAILABLE', 'RESERVED>IN_FLIGHT', 'IN_FLIGHT>RESERVED', 'IN_FLIGHT>PAID_OUT',
            'PAID_OUT>RESERVED', 'PAID_OUT>AVAILABLE', 'PAID_OUT>WRITTEN_OFF'))
        OR (order_id IS NOT NULL AND debit || '>' || credit IN (
            'COUNTY_FUND>AVAILABLE', 'PREMIUM>AVAILABLE', 'TOP_UP>AVAILABLE', 'CARRIED_IN>AVAILABLE', 'INSURER_SHARE>AVAILABLE',
            'AVAILABLE>FEE', 'FEE>AVAILABLE', 'AVAILABLE>CARRIED_OUT', 'AVAILABLE>SURPLUS_RETURNED')))
);

CREATE INDEX transfer_by_scheme ON transfer (scheme_id);
