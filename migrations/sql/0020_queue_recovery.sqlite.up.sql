-- Claims that wait for their pool's money (待资金), in the order their scheme declares: `rank` sorts as text. A row stays when the
-- claim leaves the queue; one that waits again gets another rank.
CREATE TABLE pool_queue (
    county_code INTEGER NOT NULL,
    claim_id TEXT NOT NULL,
    scheme_id TEXT NOT NULL,
    rank TEXT NOT NULL CHECK (rank <> ''),
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    queued_at TEXT NOT NULL,
    left_at TEXT,
    PRIMARY KEY (county_code, claim_id),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    FOREIGN KEY (county_code, scheme_id) REFERENCES scheme (county_code, id)
) STRICT;

CREATE UNIQUE INDEX pool_queue_waiting ON pool_queue (scheme_id, rank, county_code) WHERE left_at IS NULL;

-- What of a wrong payment came back (INSTALMENT), each by its reference of the bank, and what will not (WRITE_OFF), by two persons.
CREATE TABLE recovery (
    county_code INTEGER NOT NULL,
    claim_id TEXT NOT NULL,
    line_no INTEGER NOT NULL CHECK (line_no > 0),
    kind TEXT NOT NULL CHECK (kind IN ('INSTALMENT', 'WRITE_OFF')),
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    bank_ref TEXT,
    proposed_by TEXT,
    proposed_for TEXT,
    recorded_by TEXT NOT NULL,
    recorded_for TEXT,
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (county_code, claim_id, line_no),
    UNIQUE (bank_ref, county_code),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    CONSTRAINT recovery_told CHECK ((kind = 'INSTALMENT') = (bank_ref IS NOT NULL) AND (kind = 'WRITE_OFF') = (proposed_by IS NOT NULL)),
    -- Invariant 4: two persons, also behind a delegation.
    CONSTRAINT recovery_two_persons CHECK ((proposed_by IS NOT NULL OR proposed_for IS NULL) AND proposed_by <> recorded_by
        AND (proposed_for IS NULL OR proposed_for <> recorded_by)
        AND (recorded_for IS NULL OR (recorded_for <> proposed_by AND (proposed_for IS NULL OR recorded_for <> proposed_for))))
) STRICT;

-- Every order of a pool as somebody left it: given, confirmed, voided. Each entry holds the hash of the one before, as in the log of
-- claims.
CREATE TABLE pool_log (
    county_code INTEGER NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    order_id TEXT NOT NULL,
    entry TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (county_code, seq),
    UNIQUE (previous_hash, county_code),
    FOREIGN KEY (county_code, order_id) REFERENCES pool_order (county_code, id)
) STRICT;

CREATE INDEX pool_log_by_order ON pool_log (order_id);

CREATE TRIGGER pool_log_never_updated BEFORE UPDATE ON pool_log
BEGIN SELECT RAISE(ABORT, 'pool_log is insert-only'); END;
CREATE TRIGGER pool_log_never_deleted BEFORE DELETE ON pool_log
BEGIN SELECT RAISE(ABORT, 'pool_log is insert-only'); END;
CREATE TRIGGER pool_queue_never_deleted BEFORE DELETE ON pool_queue
BEGIN SELECT RAISE(ABORT, 'pool_queue is never deleted'); END;
-- A place is not bettered while the claim waits.
CREATE TRIGGER pool_queue_course BEFORE UPDATE ON pool_queue
    WHEN NEW.county_code <> OLD.county_code OR NEW.claim_id <> OLD.claim_id OR NEW.scheme_id <> OLD.scheme_id
    OR ((OLD.left_at IS NULL) = (NEW.left_at IS NULL))
    OR (NEW.left_at IS NOT NULL AND (NEW.rank <> OLD.rank OR NEW.amount_fen <> OLD.amount_fen OR NEW.queued_at <> OLD.queued_at))
BEGIN SELECT RAISE(ABORT, 'not the course of a queue'); END;

CREATE TRIGGER recovery_never_updated BEFORE UPDATE ON recovery
BEGIN SELECT RAISE(ABORT, 'recovery is insert-only'); END;
CREATE TRIGGER recovery_never_deleted BEFORE DELETE ON recovery
BEGIN SELECT RAISE(ABORT, 'recovery is insert-only'); END;

-- Nobody overtakes: money is reserved for the first that waits, or for a new approval while none waits. Whoever leaves the queue in
-- the same round has left it already; its own rank still stands.
CREATE TRIGGER claim_in_queue BEFORE UPDATE ON claim
    WHEN NEW.status = 'APPROVED' AND OLD.status IN ('NOTICE_CLOSED', 'AWAITING_FUNDS')
    AND EXISTS (SELECT 1 FROM scheme s JOIN pool_queue q ON q.county_code = s.county_code AND q.scheme_id = s.pool_id
        WHERE s.county_code = NEW.county_code AND s.id = NEW.scheme_id AND q.left_at IS NULL AND q.claim_id <> NEW.id
            AND (OLD.status = 'NOTICE_CLOSED' OR (q.rank > (SELECT own.rank FROM pool_queue own
                WHERE own.county_code = NEW.county_code AND own.claim_id = NEW.id)) IS NOT TRUE))
BEGIN SELECT RAISE(ABORT, 'a claim waits before this one'); END;

-- Invariant 2: what came back and what was written off is never more than was paid, and at the end exactly that. Whoever paid tells
-- neither.
CREATE TRIGGER recovery_within_paid BEFORE INSERT ON recovery
    WHEN NEW.amount_fen + (SELECT COALESCE(sum(r.amount_fen), 0) FROM recovery r WHERE r.county_code = NEW.county_code AND r.claim_id = NEW.claim_id)
        > (SELECT COALESCE(max(p.amount_fen), 0) FROM payment p WHERE p.county_code = NEW.county_code AND p.claim_id = NEW.claim_id
            AND p.status IN ('PAID', 'RECOVERED', 'WRITTEN_OFF'))
BEGIN SELECT RAISE(ABORT, 'more than was paid'); END;
CREATE TRIGGER recovery_not_by_payer BEFORE INSERT ON recovery
    WHEN EXISTS (SELECT 1 FROM claim c WHERE c.county_code = NEW.county_code AND c.id = NEW.claim_id
        AND (c.payer_id = NEW.recorded_by OR c.payer_id = NEW.proposed_by))
BEGIN SELECT RAISE(ABORT, 'told by whoever paid'); END;

CREATE TRIGGER claim_recovered BEFORE UPDATE ON claim
    WHEN NEW.status IN ('RECOVERED', 'WRITTEN_OFF')
    AND (NEW.approved_fen IS NOT (SELECT sum(r.amount_fen) FROM recovery r WHERE r.county_code = NEW.county_code AND r.claim_id = NEW.id)
        OR (NEW.status = 'WRITTEN_OFF') <> EXISTS (SELECT 1 FROM recovery r
            WHERE r.county_code = NEW.county_code AND r.claim_id = NEW.id AND r.kind = 'WRITE_OFF'))
BEGIN SELECT RAISE(ABORT, 'not what was paid'); END;
