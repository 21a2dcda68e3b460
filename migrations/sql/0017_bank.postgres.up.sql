-- Payments as people order and read them back (批量代发、回盘): batches of approved claims, and the files a bank answers with.
-- Neither moves money: the lines become commands of claims. What was chosen and what was read never changes.

CREATE TABLE payment_batch (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    scheme_id uuid NOT NULL,
    insurer_id uuid NOT NULL,
    account_id uuid NOT NULL,
    made_by uuid NOT NULL,
    made_for uuid,
    made_at timestamptz NOT NULL,
    payer_name text NOT NULL CHECK (payer_name <> ''),
    payer_account text NOT NULL CHECK (payer_account <> ''),
    payer_bank text NOT NULL CHECK (payer_bank <> ''),
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, scheme_id) REFERENCES scheme (county_code, id),
    FOREIGN KEY (county_code, insurer_id) REFERENCES org (county_code, id)
);

CREATE INDEX payment_batch_by_time ON payment_batch (county_code, made_at, id);

CREATE TABLE payment_batch_line (
    county_code integer NOT NULL,
    batch_id uuid NOT NULL,
    line_no integer NOT NULL CHECK (line_no > 0),
    claim_id uuid NOT NULL,
    claim_number text NOT NULL,
    claim_version integer NOT NULL,
    household_id uuid NOT NULL,
    payee_id uuid NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    ended text NOT NULL CHECK (ended IN ('WAITING', 'INSTRUCTED', 'FAILED', 'SKIPPED')),
    code text,
    instruction_no text,
    PRIMARY KEY (county_code, batch_id, line_no),
    UNIQUE (batch_id, claim_id, county_code),
    FOREIGN KEY (county_code, batch_id) REFERENCES payment_batch (county_code, id),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    CONSTRAINT payment_batch_line_told CHECK ((ended = 'INSTRUCTED') = (instruction_no IS NOT NULL)
        AND (ended IN ('FAILED', 'SKIPPED')) = (code IS NOT NULL))
);

CREATE INDEX payment_batch_line_by_claim ON payment_batch_line (claim_id);

CREATE TABLE bank_file (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    insurer_id uuid NOT NULL,
    account_id uuid NOT NULL,
    read_by uuid NOT NULL,
    read_for uuid,
    read_at timestamptz NOT NULL,
    name text NOT NULL,
    form text NOT NULL CHECK (form IN ('RESULT_LIST', 'CAMT_053', 'MT_940')),
    hash text NOT NULL,
    batch_id uuid,
    PRIMARY KEY (county_code, id),
    UNIQUE (insurer_id, hash, county_code),
    FOREIGN KEY (county_code, insurer_id) REFERENCES org (county_code, id),
    FOREIGN KEY (county_code, batch_id) REFERENCES payment_batch (county_code, id)
);

CREATE INDEX bank_file_by_time ON bank_file (county_code, read_at, id);

CREATE TABLE bank_line (
    county_code integer NOT NULL,
    file_id uuid NOT NULL,
    line_no integer NOT NULL CHECK (line_no > 0),
    instruction_no text,
    amount_fen bigint,
    said text NOT NULL CHECK (said IN ('SETTLED', 'FAILED', 'RETURNED', 'UNKNOWN')),
    bank_ref text NOT NULL,
    reason text NOT NULL,
    class text NOT NULL CHECK (class IN ('CONFIRMED', 'FAILED', 'RETURNED', 'UNKNOWN', 'WRONG_AMOUNT', 'DUPLICATE', 'MISSING',
        'UNKNOWN_REFERENCE', 'CONTRADICTION')),
    claim_id uuid,
    state text NOT NULL CHECK (state IN ('OPEN', 'POSTED', 'CLOSED')),
    code text,
    note text,
    decided_by uuid,
    decided_for uuid,
    decided_at timestamptz,
    PRIMARY KEY (county_code, file_id, line_no),
    FOREIGN KEY (county_code, file_id) REFERENCES bank_file (county_code, id),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    CONSTRAINT bank_line_decided CHECK ((state = 'OPEN') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)
        AND (state = 'CLOSED') = (note IS NOT NULL)),
    -- What does not fit is never posted.
    CONSTRAINT bank_line_posted CHECK (state <> 'POSTED' OR class IN ('CONFIRMED', 'FAILED', 'RETURNED', 'UNKNOWN'))
);

CREATE INDEX bank_line_by_instruction ON bank_line (county_code, instruction_no);
CREATE INDEX bank_line_by_claim ON bank_line (claim_id);

CREATE TRIGGER payment_batch_is_kept BEFORE UPDATE OR DELETE ON payment_batch FOR EACH ROW EXECUTE FUNCTION refuse('payment_batch stays as it was written');
CREATE TRIGGER bank_file_is_kept BEFORE UPDATE OR DELETE ON bank_file FOR EACH ROW EXECUTE FUNCTION refuse('bank_file stays as it was written');
CREATE TRIGGER payment_batch_line_never_deleted BEFORE DELETE ON payment_batch_line FOR EACH ROW EXECUTE FUNCTION refuse('payment_batch_line is never deleted');
CREATE TRIGGER bank_line_never_deleted BEFORE DELETE ON bank_line FOR EACH ROW EXECUTE FUNCTION refuse('bank_line is never deleted');
CREATE TRIGGER payment_batch_never_truncated BEFORE TRUNCATE ON payment_batch FOR EACH STATEMENT EXECUTE FUNCTION refuse('payment_batch is never deleted');
CREATE TRIGGER payment_batch_line_never_truncated BEFORE TRUNCATE ON payment_batch_line FOR EACH STATEMENT EXECUTE FUNCTION refuse('payment_batch_line is never deleted');
CREATE TRIGGER bank_file_never_truncated BEFORE TRUNCATE ON bank_file FOR EACH STATEMENT EXECUTE FUNCTION refuse('bank_file is never deleted');
CREATE TRIGGER bank_line_never_truncated BEFORE TRUNCATE ON bank_line FOR EACH STATEMENT EXECUTE FUNCTION refuse('bank_line is never deleted');
CREATE TRIGGER payment_batch_line_course BEFORE UPDATE ON payment_batch_line FOR EACH ROW
    WHEN (OLD.ended <> 'WAITING' OR NEW.county_code <> OLD.county_code OR NEW.batch_id <> OLD.batch_id OR NEW.line_no <> OLD.line_no OR NEW.claim_id <> OLD.claim_id OR NEW.claim_number <> OLD.claim_number OR NEW.claim_version <> OLD.claim_version OR NEW.household_id <> OLD.household_id OR NEW.payee_id <> OLD.payee_id OR NEW.amount_fen <> OLD.amount_fen)
    EXECUTE FUNCTION refuse('a line stays as it was chosen, and as it ended');
CREATE TRIGGER payment_batch_line_begins BEFORE INSERT ON payment_batch_line FOR EACH ROW
    WHEN (NEW.ended <> 'WAITING') EXECUTE FUNCTION refuse('a line begins waiting');
CREATE TRIGGER bank_line_course BEFORE UPDATE ON bank_line FOR EACH ROW
    WHEN (OLD.state <> 'OPEN' OR NEW.county_code <> OLD.county_code OR NEW.file_id <> OLD.file_id OR NEW.line_no <> OLD.line_no OR NEW.said <> OLD.said OR NEW.bank_ref <> OLD.bank_ref OR NEW.reason <> OLD.reason OR NEW.class <> OLD.class OR NEW.instruction_no IS DISTINCT FROM OLD.instruction_no OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.claim_id IS DISTINCT FROM OLD.claim_id)
    EXECUTE FUNCTION refuse('a line stays as it was read, and as it was decided');
CREATE TRIGGER bank_line_begins BEFORE INSERT ON bank_line FOR EACH ROW
    WHEN (NEW.state <> 'OPEN') EXECUTE FUNCTION refuse('a line begins open');

-- Row-level security, as in 0011: seen and written by whoever has the whole county, an insurer its own.
DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['payment_batch', 'payment_batch_line', 'bank_file', 'bank_line'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY system_all ON %I TO fangpin_system USING ((SELECT current_user) = ''fangpin_system'')', guarded);
    END LOOP;
    FOREACH guarded IN ARRAY ARRAY['payment_batch', 'bank_file'] LOOP
        EXECUTE format('CREATE POLICY scoped_books ON %I TO fangpin_scoped USING (county_code = (SELECT sight_county()) '
            'AND (SELECT sight_region()) = (SELECT sight_county()) || ''%%'' '
            'AND ((SELECT sight_insurer()) IS NULL OR insurer_id = (SELECT sight_insurer())))', guarded);
    END LOOP;
END $$;
CREATE POLICY scoped_books ON payment_batch_line TO fangpin_scoped USING (county_code = (SELECT sight_county())
    AND EXISTS (SELECT 1 FROM payment_batch b WHERE b.county_code = payment_batch_line.county_code AND b.id = payment_batch_line.batch_id));
CREATE POLICY scoped_books ON bank_line TO fangpin_scoped USING (county_code = (SELECT sight_county())
    AND EXISTS (SELECT 1 FROM bank_file f WHERE f.county_code = bank_line.county_code AND f.id = bank_line.file_id));

GRANT SELECT, INSERT ON payment_batch, bank_file TO fangpin_scoped;
GRANT SELECT, INSERT, UPDATE ON payment_batch_line, bank_line TO fangpin_scoped;
GRANT SELECT, INSERT, UPDATE, DELETE ON payment_batch, payment_batch_line, bank_file, bank_line TO fangpin_system;
