-- Private values are stored sealed (`v1.<key>.<text>`); what is looked up stands beside them as a keyed
-- blind index (`<key>.<hash>`). The unique key of identity numbers and the index of accounts go with the
-- renamed columns. Values of an older database stand there in the clear until the program, which has
-- the key, seals them right after this step.

ALTER TABLE member RENAME COLUMN id_number TO id_index;
ALTER TABLE member ADD COLUMN id_number text;
ALTER TABLE payee RENAME COLUMN account_no TO account_index;
ALTER TABLE payee ADD COLUMN account_no text;
ALTER TABLE household ADD COLUMN phone text;

-- What the office wrote down of the illness behind a claim. Never in the log or in the claim itself.
CREATE TABLE diagnosis (
    county_code integer NOT NULL,
    claim_id uuid NOT NULL,
    sealed text NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by uuid NOT NULL,
    PRIMARY KEY (county_code, claim_id),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id)
);

-- Which key seals a county's values and which one all its indexes are made with, each with a sealed
-- word that only the right key opens; and the head of the list of disclosures.
CREATE TABLE private_head (
    county_code integer NOT NULL,
    seal_key text NOT NULL,
    index_key text NOT NULL,
    probe text NOT NULL,
    last_seq bigint NOT NULL DEFAULT 0,
    last_hash text NOT NULL DEFAULT '',
    PRIMARY KEY (county_code)
);

-- Who has read what, when and why: written before the value leaves.
CREATE TABLE disclosure (
    county_code integer NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    household_id uuid NOT NULL,
    field text NOT NULL CHECK (field IN ('ID_NUMBER', 'ACCOUNT', 'PHONE', 'DIAGNOSIS')),
    subject_id uuid NOT NULL,
    purpose text NOT NULL,
    reason text NOT NULL,
    account_id uuid NOT NULL,
    person_id uuid NOT NULL,
    at timestamptz NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (county_code, seq),
    FOREIGN KEY (county_code, household_id) REFERENCES household (county_code, id)
);

CREATE INDEX disclosure_by_household ON disclosure (household_id);
CREATE INDEX disclosure_by_person ON disclosure (person_id);
CREATE INDEX disclosure_by_account ON disclosure (account_id, at);

CREATE TRIGGER disclosure_never_updated BEFORE UPDATE ON disclosure
    FOR EACH ROW EXECUTE FUNCTION refuse('disclosure is insert-only');
CREATE TRIGGER disclosure_never_deleted BEFORE DELETE ON disclosure
    FOR EACH ROW EXECUTE FUNCTION refuse('disclosure is insert-only');
CREATE TRIGGER disclosure_never_truncated BEFORE TRUNCATE ON disclosure
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('disclosure is insert-only');
CREATE TRIGGER private_head_forward BEFORE UPDATE ON private_head
    FOR EACH ROW WHEN (NEW.last_seq < OLD.last_seq)
    EXECUTE FUNCTION refuse('the list of disclosures only grows');
CREATE TRIGGER private_head_never_deleted BEFORE DELETE ON private_head
    FOR EACH ROW EXECUTE FUNCTION refuse('private_head is never deleted');
CREATE TRIGGER private_head_never_truncated BEFORE TRUNCATE ON private_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('private_head is never deleted');
CREATE TRIGGER diagnosis_never_deleted BEFORE DELETE ON diagnosis
    FOR EACH ROW EXECUTE FUNCTION refuse('diagnosis is never deleted');
CREATE TRIGGER diagnosis_never_truncated BEFORE TRUNCATE ON diagnosis
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('diagnosis is never deleted');

-- A payee stays what it is; only under another key may its account be sealed and indexed anew.
DROP TRIGGER payee_never_updated ON payee;
CREATE TRIGGER payee_never_updated BEFORE UPDATE ON payee
    FOR EACH ROW WHEN (NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.household_id <> OLD.household_id OR NEW.position <> OLD.position OR NEW.member_id <> OLD.member_id OR NEW.holder_name <> OLD.holder_name OR NEW.bank <> OLD.bank OR NEW.fingerprint <> OLD.fingerprint
        OR (NEW.account_no IS DISTINCT FROM OLD.account_no AND NOT (NEW.account_no LIKE 'v1.________.%' AND coalesce(substr(NEW.account_no, 1, 12) <> substr(OLD.account_no, 1, 12), true)))
        OR (NEW.account_index <> OLD.account_index AND NOT (NEW.account_index LIKE '________.%' AND substr(NEW.account_index, 1, 9) <> substr(OLD.account_index, 1, 9)))
        OR NEW.account_no IS NULL)
    EXECUTE FUNCTION refuse('payee is insert-only');

-- The second lock: a diagnosis is seen and written with its claim, a disclosure with its household; the head
-- goes with the county, for whoever writes there.
ALTER TABLE diagnosis ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE private_head ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE disclosure ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY system_all ON diagnosis TO fangpin_system USING ((SELECT current_user) = 'fangpin_system');
CREATE POLICY system_all ON private_head TO fangpin_system USING ((SELECT current_user) = 'fangpin_system');
CREATE POLICY system_all ON disclosure TO fangpin_system USING ((SELECT current_user) = 'fangpin_system');
CREATE POLICY scoped_claim ON diagnosis TO fangpin_scoped USING (county_code = (SELECT sight_county())
    AND EXISTS (SELECT 1 FROM claim c WHERE c.county_code = diagnosis.county_code AND c.id = diagnosis.claim_id));
CREATE POLICY scoped_county ON private_head TO fangpin_scoped USING (county_code = (SELECT sight_county()));
CREATE POLICY scoped_household ON disclosure TO fangpin_scoped USING (county_code = (SELECT sight_county())
    AND EXISTS (SELECT 1 FROM household h WHERE h.county_code = disclosure.county_code AND h.id = disclosure.household_id));
GRANT SELECT, INSERT, UPDATE ON diagnosis, private_head TO fangpin_scoped;
GRANT SELECT, INSERT ON disclosure TO fangpin_scoped;
GRANT SELECT, INSERT, UPDATE, DELETE ON diagnosis, private_head, disclosure TO fangpin_system;
