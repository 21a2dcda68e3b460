-- Private values are stored sealed (`v1.<key>.<text>`); what is looked up stands beside them as a keyed
-- blind index (`<key>.<hash>`). The unique key of identity numbers and the index of accounts go with the
-- renamed columns. Values of an older database stand there in the clear until the program, which has
-- the key, seals them right after this step.

ALTER TABLE member RENAME COLUMN id_number TO id_index;
ALTER TABLE member ADD COLUMN id_number TEXT;
ALTER TABLE payee RENAME COLUMN account_no TO account_index;
ALTER TABLE payee ADD COLUMN account_no TEXT;
ALTER TABLE household ADD COLUMN phone TEXT;

-- What the office wrote down of the illness behind a claim. Never in the log or in the claim itself.
CREATE TABLE diagnosis (
    county_code INTEGER NOT NULL,
    claim_id TEXT NOT NULL,
    sealed TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    recorded_by TEXT NOT NULL,
    PRIMARY KEY (county_code, claim_id),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id)
) STRICT;

-- Which key seals a county's values and which one all its indexes are made with, each with a sealed
-- word that only the right key opens; and the head of the list of disclosures.
CREATE TABLE private_head (
    county_code INTEGER NOT NULL,
    seal_key TEXT NOT NULL,
    index_key TEXT NOT NULL,
    probe TEXT NOT NULL,
    last_seq INTEGER NOT NULL DEFAULT 0,
    last_hash TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (county_code)
) STRICT;

-- Who has read what, when and why: written before the value leaves.
CREATE TABLE disclosure (
    county_code INTEGER NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    household_id TEXT NOT NULL,
    field TEXT NOT NULL CHECK (field IN ('ID_NUMBER', 'ACCOUNT', 'PHONE', 'DIAGNOSIS')),
    subject_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    reason TEXT NOT NULL,
    account_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    at TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (county_code, seq),
    FOREIGN KEY (county_code, household_id) REFERENCES household (county_code, id)
) STRICT;

CREATE INDEX disclosure_by_household ON disclosure (household_id);
CREATE INDEX disclosure_by_person ON disclosure (person_id);
CREATE INDEX disclosure_by_account ON disclosure (account_id, at);

CREATE TRIGGER disclosure_never_updated BEFORE UPDATE ON disclosure
BEGIN SELECT RAISE(ABORT, 'disclosure is insert-only'); END;
CREATE TRIGGER disclosure_never_deleted BEFORE DELETE ON disclosure
BEGIN SELECT RAISE(ABORT, 'disclosure is insert-only'); END;
CREATE TRIGGER private_head_forward BEFORE UPDATE ON private_head
WHEN NEW.last_seq < OLD.last_seq
BEGIN SELECT RAISE(ABORT, 'the list of disclosures only grows'); END;
CREATE TRIGGER private_head_never_deleted BEFORE DELETE ON private_head
BEGIN SELECT RAISE(ABORT, 'private_head is never deleted'); END;
CREATE TRIGGER diagnosis_never_deleted BEFORE DELETE ON diagnosis
BEGIN SELECT RAISE(ABORT, 'diagnosis is never deleted'); END;

-- A payee stays what it is; only under another key may its account be sealed and indexed anew.
DROP TRIGGER payee_never_updated;
CREATE TRIGGER payee_never_updated BEFORE UPDATE ON payee
WHEN NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.household_id <> OLD.household_id OR NEW.position <> OLD.position OR NEW.member_id <> OLD.member_id OR NEW.holder_name <> OLD.holder_name OR NEW.bank <> OLD.bank OR NEW.fingerprint <> OLD.fingerprint
    OR (NEW.account_no IS NOT OLD.account_no AND NOT (NEW.account_no LIKE 'v1.________.%' AND coalesce(substr(NEW.account_no, 1, 12) <> substr(OLD.account_no, 1, 12), true)))
    OR (NEW.account_index <> OLD.account_index AND NOT (NEW.account_index LIKE '________.%' AND substr(NEW.account_index, 1, 9) <> substr(OLD.account_index, 1, 9)))
    OR NEW.account_no IS NULL
BEGIN SELECT RAISE(ABORT, 'payee is insert-only'); END;
