-- Claims that wait for their pool's money (待资金), in the order their scheme declares: `rank` sorts as text. A row stays when the
-- claim leaves the queue; one that waits again gets another rank.
CREATE TABLE pool_queue (
    county_code integer NOT NULL,
    claim_id uuid NOT NULL,
    scheme_id uuid NOT NULL,
    rank text COLLATE "C" NOT NULL CHECK (rank <> ''),
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    queued_at timestamptz NOT NULL,
    left_at timestamptz,
    PRIMARY KEY (county_code, claim_id),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    FOREIGN KEY (county_code, scheme_id) REFERENCES scheme (county_code, id)
);

CREATE UNIQUE INDEX pool_queue_waiting ON pool_queue (scheme_id, rank, county_code) WHERE left_at IS NULL;

-- What of a wrong payment came back (INSTALMENT), each by its reference of the bank, and what will not (WRITE_OFF), by two persons.
CREATE TABLE recovery (
    county_code integer NOT NULL,
    claim_id uuid NOT NULL,
    line_no integer NOT NULL CHECK (line_no > 0),
    kind text NOT NULL CHECK (kind IN ('INSTALMENT', 'WRITE_OFF')),
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    bank_ref text,
    proposed_by uuid,
    proposed_for uuid,
    recorded_by uuid NOT NULL,
    recorded_for uuid,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (county_code, claim_id, line_no),
    UNIQUE (bank_ref, county_code),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    CONSTRAINT recovery_told CHECK ((kind = 'INSTALMENT') = (bank_ref IS NOT NULL) AND (kind = 'WRITE_OFF') = (proposed_by IS NOT NULL)),
    -- Invariant 4: two persons, also behind a delegation.
    CONSTRAINT recovery_two_persons CHECK ((proposed_by IS NOT NULL OR proposed_for IS NULL) AND proposed_by <> recorded_by
        AND (proposed_for IS NULL OR proposed_for <> recorded_by)
        AND (recorded_for IS NULL OR (recorded_for <> proposed_by AND (proposed_for IS NULL OR recorded_for <> proposed_for))))
);

-- Every order of a pool as somebody left it: given, confirmed, voided. Each entry holds the hash of the one before, as in the log of
-- claims.
CREATE TABLE pool_log (
    county_code integer NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    order_id uuid NOT NULL,
    entry text NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (county_code, seq),
    UNIQUE (previous_hash, county_code),
    FOREIGN KEY (county_code, order_id) REFERENCES pool_order (county_code, id)
);

CREATE INDEX pool_log_by_order ON pool_log (order_id);

CREATE TRIGGER pool_log_never_updated BEFORE UPDATE ON pool_log
    FOR EACH ROW EXECUTE FUNCTION refuse('pool_log is insert-only');
CREATE TRIGGER pool_log_never_deleted BEFORE DELETE ON pool_log
    FOR EACH ROW EXECUTE FUNCTION refuse('pool_log is insert-only');
CREATE TRIGGER pool_log_never_truncated BEFORE TRUNCATE ON pool_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('pool_log is insert-only');
CREATE TRIGGER pool_queue_never_deleted BEFORE DELETE ON pool_queue
    FOR EACH ROW EXECUTE FUNCTION refuse('pool_queue is never deleted');
CREATE TRIGGER pool_queue_never_truncated BEFORE TRUNCATE ON pool_queue
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('pool_queue is never deleted');
-- A place is not bettered while the claim waits.
CREATE TRIGGER pool_queue_course BEFORE UPDATE ON pool_queue FOR EACH ROW
    WHEN (NEW.county_code <> OLD.county_code OR NEW.claim_id <> OLD.claim_id OR NEW.scheme_id <> OLD.scheme_id
    OR ((OLD.left_at IS NULL) = (NEW.left_at IS NULL))
    OR (NEW.left_at IS NOT NULL AND (NEW.rank <> OLD.rank OR NEW.amount_fen <> OLD.amount_fen OR NEW.queued_at <> OLD.queued_at)))
    EXECUTE FUNCTION refuse('not the course of a queue');

CREATE TRIGGER recovery_never_updated BEFORE UPDATE ON recovery
    FOR EACH ROW EXECUTE FUNCTION refuse('recovery is insert-only');
CREATE TRIGGER recovery_never_deleted BEFORE DELETE ON recovery
    FOR EACH ROW EXECUTE FUNCTION refuse('recovery is insert-only');
CREATE TRIGGER recovery_never_truncated BEFORE TRUNCATE ON recovery
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('recovery is insert-only');

-- Nobody overtakes: money is reserved for the first that waits, or for a new approval while none waits. Whoever leaves the queue in
-- the same round has left it already; its own rank still stands.
CREATE FUNCTION claim_in_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM scheme s JOIN pool_queue q ON q.county_code = s.county_code AND q.scheme_id = s.pool_id
        WHERE s.county_code = NEW.county_code AND s.id = NEW.scheme_id AND q.left_at IS NULL AND q.claim_id <> NEW.id
            AND (OLD.status = 'NOTICE_CLOSED' OR (q.rank > (SELECT own.rank FROM pool_queue own
                WHERE own.county_code = NEW.county_code AND own.claim_id = NEW.id)) IS NOT TRUE)) THEN
        RAISE EXCEPTION 'a claim waits before this one' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claim_in_queue BEFORE UPDATE ON claim FOR EACH ROW
    WHEN (NEW.status = 'APPROVED' AND OLD.status IN ('NOTICE_CLOSED', 'AWAITING_FUNDS'))
    EXECUTE FUNCTION claim_in_queue();

-- Invariant 2: what came back and what was written off is never more than was paid, and at the end exactly that. Whoever paid tells
-- neither.
CREATE FUNCTION recovery_within_paid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.amount_fen + (SELECT COALESCE(sum(r.amount_fen), 0) FROM recovery r WHERE r.county_code = NEW.county_code AND r.claim_id = NEW.claim_id)
        > (SELECT COALESCE(max(p.amount_fen), 0) FROM payment p WHERE p.county_code = NEW.county_code AND p.claim_id = NEW.claim_id
            AND p.status IN ('PAID', 'RECOVERED', 'WRITTEN_OFF')) THEN
        RAISE EXCEPTION 'more than was paid' USING ERRCODE = 'check_violation', TABLE = 'recovery';
    END IF;
    IF EXISTS (SELECT 1 FROM claim c WHERE c.county_code = NEW.county_code AND c.id = NEW.claim_id
        AND (c.payer_id = NEW.recorded_by OR c.payer_id = NEW.proposed_by)) THEN
        RAISE EXCEPTION 'told by whoever paid' USING ERRCODE = 'check_violation', TABLE = 'recovery';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recovery_within_paid BEFORE INSERT ON recovery FOR EACH ROW EXECUTE FUNCTION recovery_within_paid();

CREATE FUNCTION claim_recovered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.approved_fen IS DISTINCT FROM (SELECT sum(r.amount_fen) FROM recovery r WHERE r.county_code = NEW.county_code AND r.claim_id = NEW.id)
        OR (NEW.status = 'WRITTEN_OFF') <> EXISTS (SELECT 1 FROM recovery r
            WHERE r.county_code = NEW.county_code AND r.claim_id = NEW.id AND r.kind = 'WRITE_OFF') THEN
        RAISE EXCEPTION 'not what was paid' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claim_recovered BEFORE UPDATE ON claim FOR EACH ROW
    WHEN (NEW.status IN ('RECOVERED', 'WRITTEN_OFF'))
    EXECUTE FUNCTION claim_recovered();

-- Row-level security, as in 0011 and 0015: a queue is seen with its pool, what came back with its claim.
DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['pool_queue', 'recovery', 'pool_log'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY system_all ON %I TO fangpin_system USING ((SELECT current_user) = ''fangpin_system'')', guarded);
        EXECUTE format('CREATE POLICY judge_county ON %I TO fangpin_judge USING (county_code = (SELECT sight_county()))', guarded);
    END LOOP;
END $$;
CREATE POLICY scoped_pool ON pool_queue FOR SELECT TO fangpin_scoped USING (county_code = (SELECT sight_county())
    AND (SELECT sight_region()) = (SELECT sight_county()) || '%'
    AND EXISTS (SELECT 1 FROM scheme s WHERE s.county_code = pool_queue.county_code AND s.id = pool_queue.scheme_id));
CREATE POLICY scoped_claim ON recovery FOR SELECT TO fangpin_scoped USING (county_code = (SELECT sight_county())
    AND EXISTS (SELECT 1 FROM claim c WHERE c.county_code = recovery.county_code AND c.id = recovery.claim_id));

GRANT SELECT ON pool_queue, recovery TO fangpin_scoped;
GRANT SELECT, INSERT, UPDATE ON pool_queue TO fangpin_judge;
GRANT SELECT, INSERT ON recovery, pool_log TO fangpin_judge;
GRANT SELECT, INSERT, UPDATE, DELETE ON pool_queue, recovery, pool_log TO fangpin_system;
