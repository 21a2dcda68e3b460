-- Payments as people order and read them back (批量代发、回盘): batches of approved claims, and the files a bank answers with.
-- Neither moves money: the lines become commands of claims. What was chosen and what was read never changes.

CREATE TABLE payment_batch (
    county_code integer NOT NULL,
    id text NOT NULL,
    scheme_id text NOT NULL,
    insurer_id text NOT NULL,
    account_id text NOT NULL,
    made_by text NOT NULL,
    made_for text,
    made_at text NOT NULL,
    payer_name text NOT NULL CHECK (payer_name <> ''),
    payer_account text NOT NULL CHECK (payer_account <> ''),
    payer_bank text NOT NULL CHECK (payer_bank <> ''),
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, scheme_id) REFERENCES scheme (county_code, id),
    FOREIGN KEY (county_code, insurer_id) REFERENCES org (county_code, id)
) STRICT;

CREATE INDEX payment_batch_by_time ON payment_batch (county_code, made_at, id);

CREATE TABLE payment_batch_line (
    county_code integer NOT NULL,
    batch_id text NOT NULL,
    line_no integer NOT NULL CHECK (line_no > 0),
    claim_id text NOT NULL,
    claim_number text NOT NULL,
    claim_version integer NOT NULL,
    household_id text NOT NULL,
    payee_id text NOT NULL,
    amount_fen integer NOT NULL CHECK (amount_fen > 0),
    ended text NOT NULL CHECK (ended IN ('WAITING', 'INSTRUCTED', 'FAILED', 'SKIPPED')),
    code text,
    instruction_no text,
    PRIMARY KEY (county_code, batch_id, line_no),
    UNIQUE (batch_id, claim_id, county_code),
    FOREIGN KEY (county_code, batch_id) REFERENCES payment_batch (county_code, id),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    CONSTRAINT payment_batch_line_told CHECK ((ended = 'INSTRUCTED') = (instruction_no IS NOT NULL)
        AND (ended IN ('FAILED', 'SKIPPED')) = (code IS NOT NULL))
) STRICT;

CREATE INDEX payment_batch_line_by_claim ON payment_batch_line (claim_id);

CREATE TABLE bank_file (
    county_code integer NOT NULL,
    id text NOT NULL,
    insurer_id text NOT NULL,
    account_id text NOT NULL,
    read_by text NOT NULL,
    read_for text,
    read_at text NOT NULL,
    name text NOT NULL,
    form text NOT NULL CHECK (form IN ('RESULT_LIST', 'CAMT_053', 'MT_940')),
    hash text NOT NULL,
    batch_id text,
    PRIMARY KEY (county_code, id),
    UNIQUE (insurer_id, hash, county_code),
    FOREIGN KEY (county_code, insurer_id) REFERENCES org (county_code, id),
    FOREIGN KEY (county_code, batch_id) REFERENCES payment_batch (county_code, id)
) STRICT;

CREATE INDEX bank_file_by_time ON bank_file (county_code, read_at, id);

CREATE TABLE bank_line (
    county_code integer NOT NULL,
    file_id text NOT NULL,
    line_no integer NOT NULL CHECK (line_no > 0),
    instruction_no text,
    amount_fen integer,
    said text NOT NULL CHECK (said IN ('SETTLED', 'FAILED', 'RETURNED', 'UNKNOWN')),
    bank_ref text NOT NULL,
    reason text NOT NULL,
    class text NOT NULL CHECK (class IN ('CONFIRMED', 'FAILED', 'RETURNED', 'UNKNOWN', 'WRONG_AMOUNT', 'DUPLICATE', 'MISSING',
        'UNKNOWN_REFERENCE', 'CONTRADICTION')),
    claim_id text,
    state text NOT NULL CHECK (state IN ('OPEN', 'POSTED', 'CLOSED')),
    code text,
    note text,
    decided_by text,
    decided_for text,
    decided_at text,
    PRIMARY KEY (county_code, file_id, line_no),
    FOREIGN KEY (county_code, file_id) REFERENCES bank_file (county_code, id),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    CONSTRAINT bank_line_decided CHECK ((state = 'OPEN') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)
        AND (state = 'CLOSED') = (note IS NOT NULL)),
    -- What does not fit is never posted.
    CONSTRAINT bank_line_posted CHECK (state <> 'POSTED' OR class IN ('CONFIRMED', 'FAILED', 'RETURNED', 'UNKNOWN'))
) STRICT;

CREATE INDEX bank_line_by_instruction ON bank_line (county_code, instruction_no);
CREATE INDEX bank_line_by_claim ON bank_line (claim_id);

CREATE TRIGGER payment_batch_no_update BEFORE UPDATE ON payment_batch
BEGIN SELECT RAISE(ABORT, 'payment_batch stays as it was written'); END;
CREATE TRIGGER payment_batch_no_delete BEFORE DELETE ON payment_batch
BEGIN SELECT RAISE(ABORT, 'payment_batch stays as it was written'); END;
CREATE TRIGGER bank_file_no_update BEFORE UPDATE ON bank_file
BEGIN SELECT RAISE(ABORT, 'bank_file stays as it was written'); END;
CREATE TRIGGER bank_file_no_delete BEFORE DELETE ON bank_file
BEGIN SELECT RAISE(ABORT, 'bank_file stays as it was written'); END;
CREATE TRIGGER payment_batch_line_never_deleted BEFORE DELETE ON payment_batch_line
BEGIN SELECT RAISE(ABORT, 'payment_batch_line is never deleted'); END;
CREATE TRIGGER bank_line_never_deleted BEFORE DELETE ON bank_line
BEGIN SELECT RAISE(ABORT, 'bank_line is never deleted'); END;
CREATE TRIGGER payment_batch_line_course BEFORE UPDATE ON payment_batch_line
WHEN OLD.ended <> 'WAITING' OR NEW.county_code <> OLD.county_code OR NEW.batch_id <> OLD.batch_id OR NEW.line_no <> OLD.line_no OR NEW.claim_id <> OLD.claim_id OR NEW.claim_number <> OLD.claim_number OR NEW.claim_version <> OLD.claim_version OR NEW.household_id <> OLD.household_id OR NEW.payee_id <> OLD.payee_id OR NEW.amount_fen <> OLD.amount_fen
BEGIN SELECT RAISE(ABORT, 'a line stays as it was chosen, and as it ended'); END;
CREATE TRIGGER payment_batch_line_begins BEFORE INSERT ON payment_batch_line WHEN NEW.ended <> 'WAITING'
BEGIN SELECT RAISE(ABORT, 'a line begins waiting'); END;
CREATE TRIGGER bank_line_course BEFORE UPDATE ON bank_line
WHEN OLD.state <> 'OPEN' OR NEW.county_code <> OLD.county_code OR NEW.file_id <> OLD.file_id OR NEW.line_no <> OLD.line_no OR NEW.said <> OLD.said OR NEW.bank_ref <> OLD.bank_ref OR NEW.reason <> OLD.reason OR NEW.class <> OLD.class OR NEW.instruction_no IS NOT OLD.instruction_no OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.claim_id IS NOT OLD.claim_id
BEGIN SELECT RAISE(ABORT, 'a line stays as it was read, and as it was decided'); END;
CREATE TRIGGER bank_line_begins BEFORE INSERT ON bank_line WHEN NEW.state <> 'OPEN'
BEGIN SELECT RAISE(ABORT, 'a line begins open'); END;
