-- The claim: the aggregate as JSON in `body`, beside it what queries and guards need. Status stands
-- in no index and no index predicate: every event updates it, and an indexed column would keep
-- PostgreSQL from updating in place (0 of 2.2 million updates were HOT with it).

CREATE TABLE claim (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    number TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    status TEXT NOT NULL CONSTRAINT claim_status CHECK (status IN (
        'DRAFT', 'REFERRED', 'RETURNED', 'ACCEPTED', 'VERIFYING', 'VERIFIED', 'INELIGIBLE', 'NOTICE_OPEN', 'NOTICE_CLOSED', 'AWAITING_FUNDS', 'APPROVED',
        'REJECTED', 'INSTRUCTED', 'PAY_UNKNOWN', 'PAY_FAILED', 'PAID', 'PAY_RETURNED', 'CLOSED', 'RECOVERING', 'RECOVERED', 'WRITTEN_OFF', 'WITHDRAWN',
        'APPEALED', 'APPEAL_DISMISSED', 'REFUSAL_CLOSED')),
    phase TEXT NOT NULL CHECK (phase IN ('REFERRAL', 'VERIFICATION', 'PUBLIC_NOTICE', 'APPROVAL', 'PAYOUT', 'REFUSAL')),
    peril TEXT NOT NULL CHECK (peril IN ('ILLNESS', 'SCHOOLING', 'DISASTER', 'ACCIDENT')),
    scheme_id TEXT NOT NULL,
    insurer_id TEXT NOT NULL,
    household_id TEXT NOT NULL,
    insured_id TEXT NOT NULL,
    payee_id TEXT NOT NULL,
    village TEXT NOT NULL,
    event_on TEXT NOT NULL,
    policy_year INTEGER NOT NULL,
    submitted_fen INTEGER NOT NULL CHECK (submitted_fen > 0),
    assessed_fen INTEGER CHECK (assessed_fen >= 0),
    uplift_fen INTEGER NOT NULL CHECK (uplift_fen >= 0),
    approved_fen INTEGER CHECK (approved_fen > 0),
    referrer_id TEXT,
    surveyor_id TEXT,
    approver_id TEXT,
    second_approver_id TEXT,
    payer_id TEXT,
    due_on TEXT,
    opened_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (county_code, id),
    UNIQUE (number, county_code),
    FOREIGN KEY (county_code, scheme_id) REFERENCES scheme (county_code, id),
    FOREIGN KEY (county_code, household_id) REFERENCES household (county_code, id),
    -- Invariant 3: never more than the table computes and the uplift that was approved as its own line.
    CONSTRAINT claim_within_assessment CHECK (
        approved_fen IS NULL OR (assessed_fen IS NOT NULL AND approved_fen <= assessed_fen + uplift_fen)),
    -- Invariant 4: different persons.
    CONSTRAINT claim_referrer_is_not_surveyor CHECK (referrer_id <> surveyor_id),
    CONSTRAINT claim_referrer_is_not_approver CHECK (referrer_id <> approver_id),
    CONSTRAINT claim_referrer_is_not_second_approver CHECK (referrer_id <> second_approver_id),
    CONSTRAINT claim_referrer_is_not_payer CHECK (referrer_id <> payer_id),
    CONSTRAINT claim_surveyor_is_not_approver CHECK (surveyor_id <> approver_id),
    CONSTRAINT claim_surveyor_is_not_second_approver CHECK (surveyor_id <> second_approver_id),
    CONSTRAINT claim_surveyor_is_not_payer CHECK (surveyor_id <> payer_id),
    CONSTRAINT claim_approver_is_not_second_approver CHECK (approver_id <> second_approver_id),
    CONSTRAINT claim_approver_is_not_payer CHECK (approver_id <> payer_id),
    CONSTRAINT claim_second_approver_is_not_payer CHECK (second_approver_id <> payer_id)
) STRICT;

CREATE INDEX claim_by_household ON claim (household_id);

-- The last number given in a policy year.
CREATE TABLE claim_counter (
    county_code INTEGER NOT NULL,
    policy_year INTEGER NOT NULL,
    last_number INTEGER NOT NULL CHECK (last_number >= 1),
    PRIMARY KEY (county_code, policy_year)
) STRICT;

-- One living claim for one event: the row goes when the claim no longer counts against a second.
CREATE TABLE living_event (
    county_code INTEGER NOT NULL,
    insured_id TEXT NOT NULL,
    peril TEXT NOT NULL,
    event_on TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    PRIMARY KEY (county_code, insured_id, peril, event_on),
    UNIQUE (claim_id, county_code),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id)
) STRICT;
