-- Letters of refusals and appeals against them (拒赔通知书、申诉). The refusal itself is the claim's; `refusal_no` counts those of a
-- claim from 1, and an appeal that was upheld is followed by the next. (The table `refusal` holds commands that were blocked.)

CREATE TABLE refusal_letter (
    county_code integer NOT NULL,
    claim_id uuid NOT NULL,
    refusal_no integer NOT NULL CHECK (refusal_no > 0),
    kind text NOT NULL CHECK (kind IN ('REFUSAL', 'APPEAL_DISMISSED')),
    content_hash text NOT NULL CHECK (length(content_hash) = 64),
    due_on date NOT NULL,
    delivered_on date NOT NULL,
    delivery text NOT NULL CHECK (delivery IN ('HANDED_OVER', 'LEFT_WITH_FAMILY', 'POSTED')),
    appeal_ends_at timestamptz,
    issued_by uuid NOT NULL,
    issued_for uuid,
    issued_at timestamptz NOT NULL,
    PRIMARY KEY (county_code, claim_id, refusal_no, kind),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    CONSTRAINT refusal_letter_tells CHECK ((kind = 'REFUSAL') = (appeal_ends_at IS NOT NULL))
);

CREATE TABLE appeal (
    county_code integer NOT NULL,
    claim_id uuid NOT NULL,
    refusal_no integer NOT NULL CHECK (refusal_no > 0),
    status text NOT NULL CHECK (status IN ('OPEN', 'UPHELD', 'DISMISSED')),
    refused_by uuid NOT NULL,
    refused_for uuid,
    lodged_by uuid NOT NULL,
    lodged_for uuid,
    lodged_at timestamptz NOT NULL,
    decided_by uuid,
    decided_for uuid,
    decided_at timestamptz,
    PRIMARY KEY (county_code, claim_id, refusal_no),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    CONSTRAINT appeal_decided CHECK ((status = 'OPEN') = (decided_by IS NULL) AND (status = 'OPEN') = (decided_at IS NULL)
        AND (decided_by IS NOT NULL OR decided_for IS NULL)),
    -- Invariant 4: another person, whoever stands behind.
    CONSTRAINT appeal_is_decided_by_another CHECK (
        decided_by <> refused_by AND decided_by <> lodged_by
        AND (refused_for IS NULL OR decided_by <> refused_for) AND (lodged_for IS NULL OR decided_by <> lodged_for)
        AND (decided_for IS NULL OR (decided_for <> refused_by AND decided_for <> lodged_by
            AND (refused_for IS NULL OR decided_for <> refused_for) AND (lodged_for IS NULL OR decided_for <> lodged_for))))
);

CREATE TRIGGER refusal_letter_never_updated BEFORE UPDATE ON refusal_letter
    FOR EACH ROW EXECUTE FUNCTION refuse('refusal_letter is insert-only');
CREATE TRIGGER refusal_letter_never_deleted BEFORE DELETE ON refusal_letter
    FOR EACH ROW EXECUTE FUNCTION refuse('refusal_letter is insert-only');
CREATE TRIGGER refusal_letter_never_truncated BEFORE TRUNCATE ON refusal_letter
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('refusal_letter is insert-only');
CREATE TRIGGER appeal_never_deleted BEFORE DELETE ON appeal
    FOR EACH ROW EXECUTE FUNCTION refuse('appeal is never deleted');
CREATE TRIGGER appeal_never_truncated BEFORE TRUNCATE ON appeal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('appeal is never deleted');
CREATE TRIGGER appeal_begins BEFORE INSERT ON appeal FOR EACH ROW
    WHEN (NEW.status <> 'OPEN')
    EXECUTE FUNCTION refuse('an appeal begins open');
CREATE TRIGGER appeal_course BEFORE UPDATE ON appeal FOR EACH ROW
    WHEN (OLD.status <> 'OPEN' OR NEW.county_code <> OLD.county_code OR NEW.claim_id <> OLD.claim_id OR NEW.refusal_no <> OLD.refusal_no OR NEW.refused_by <> OLD.refused_by OR NEW.refused_for IS DISTINCT FROM OLD.refused_for OR NEW.lodged_by <> OLD.lodged_by OR NEW.lodged_for IS DISTINCT FROM OLD.lodged_for OR NEW.lodged_at <> OLD.lodged_at)
    EXECUTE FUNCTION refuse('an appeal stays as it was lodged, and as it was decided');

-- Invariant 13: a refused claim ends when its household was told, and the time for its appeal is over or the appeal was dismissed.

CREATE FUNCTION letter_owed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM claim c WHERE c.county_code = NEW.county_code AND c.id = NEW.claim_id
        AND CASE NEW.kind WHEN 'REFUSAL' THEN c.status IN ('INELIGIBLE', 'REJECTED') ELSE c.status = 'APPEAL_DISMISSED' END
        AND NEW.refusal_no = 1 + (SELECT count(*) FROM appeal u WHERE u.county_code = NEW.county_code AND u.claim_id = NEW.claim_id AND u.status = 'UPHELD')) THEN
        RAISE EXCEPTION 'no letter is owed' USING ERRCODE = 'check_violation', TABLE = 'refusal_letter';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER letter_owed BEFORE INSERT ON refusal_letter FOR EACH ROW EXECUTE FUNCTION letter_owed();

CREATE FUNCTION appeal_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM refusal_letter l WHERE l.county_code = NEW.county_code AND l.claim_id = NEW.claim_id AND l.kind = 'REFUSAL'
            AND l.refusal_no = NEW.refusal_no AND NEW.refusal_no = 1 + (SELECT count(*) FROM appeal u WHERE u.county_code = NEW.county_code AND u.claim_id = NEW.claim_id AND u.status = 'UPHELD') AND NEW.lodged_at < l.appeal_ends_at) THEN
        RAISE EXCEPTION 'an appeal follows its letter, in its time' USING ERRCODE = 'check_violation', TABLE = 'appeal';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER appeal_in_time BEFORE INSERT ON appeal FOR EACH ROW EXECUTE FUNCTION appeal_in_time();

CREATE FUNCTION appeal_by_no_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'OPEN' AND EXISTS (SELECT 1 FROM claim c WHERE c.county_code = NEW.county_code AND c.id = NEW.claim_id
        AND (NEW.decided_by IN (c.referrer_id, c.surveyor_id) OR NEW.decided_for IN (c.referrer_id, c.surveyor_id))) THEN
        RAISE EXCEPTION 'an appeal is decided by another person' USING ERRCODE = 'check_violation', TABLE = 'appeal';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER appeal_by_no_part BEFORE UPDATE ON appeal FOR EACH ROW EXECUTE FUNCTION appeal_by_no_part();

CREATE FUNCTION claim_refusal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'APPEALED' AND OLD.status <> 'APPEALED' AND NOT EXISTS (
        SELECT 1 FROM appeal a WHERE a.county_code = NEW.county_code AND a.claim_id = NEW.id AND a.status = 'OPEN') THEN
        RAISE EXCEPTION 'no appeal is open' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    IF OLD.status = 'APPEALED' AND NEW.status <> 'APPEALED' AND NOT EXISTS (
        SELECT 1 FROM appeal a WHERE a.county_code = NEW.county_code AND a.claim_id = NEW.id
            AND a.refusal_no = (SELECT max(b.refusal_no) FROM appeal b WHERE b.county_code = NEW.county_code AND b.claim_id = NEW.id)
            AND a.status = CASE WHEN NEW.status = 'APPEAL_DISMISSED' THEN 'DISMISSED' ELSE 'UPHELD' END) THEN
        RAISE EXCEPTION 'the appeal was not decided so' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    IF NEW.status = 'REFUSAL_CLOSED' AND NOT EXISTS (SELECT 1 FROM refusal_letter l WHERE l.county_code = NEW.county_code AND l.claim_id = NEW.id AND l.kind = 'REFUSAL'
            AND l.refusal_no = 1 + (SELECT count(*) FROM appeal u WHERE u.county_code = NEW.county_code AND u.claim_id = NEW.id AND u.status = 'UPHELD')
            AND (OLD.status = 'APPEAL_DISMISSED' OR NEW.updated_at >= l.appeal_ends_at)) THEN
        RAISE EXCEPTION 'a refusal ends with its letter and the time for an appeal' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    IF NEW.status = 'REFUSAL_CLOSED' AND OLD.status = 'APPEAL_DISMISSED' AND NOT EXISTS (SELECT 1 FROM refusal_letter l WHERE l.county_code = NEW.county_code AND l.claim_id = NEW.id AND l.kind = 'APPEAL_DISMISSED'
            AND l.refusal_no = 1 + (SELECT count(*) FROM appeal u WHERE u.county_code = NEW.county_code AND u.claim_id = NEW.id AND u.status = 'UPHELD')) THEN
        RAISE EXCEPTION 'a dismissed appeal is told by a letter' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claim_refusal BEFORE UPDATE ON claim FOR EACH ROW
    WHEN (NEW.status <> OLD.status AND (OLD.status = 'APPEALED' OR NEW.status IN ('APPEALED', 'REFUSAL_CLOSED'))) EXECUTE FUNCTION claim_refusal();

-- They are seen with their claim.
DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['refusal_letter', 'appeal'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY system_all ON %I TO fangpin_system USING ((SELECT current_user) = ''fangpin_system'')', guarded);
        EXECUTE format('CREATE POLICY scoped_claim ON %I FOR SELECT TO fangpin_scoped USING (county_code = (SELECT sight_county()) '
            'AND EXISTS (SELECT 1 FROM claim c WHERE c.county_code = %I.county_code AND c.id = %I.claim_id))', guarded, guarded, guarded);
        EXECUTE format('CREATE POLICY judge_county ON %I TO fangpin_judge USING (county_code = (SELECT sight_county()))', guarded);
    END LOOP;
END $$;

GRANT SELECT ON refusal_letter, appeal TO fangpin_scoped;
GRANT SELECT, INSERT ON refusal_letter TO fangpin_judge;
GRANT SELECT, INSERT, UPDATE ON appeal TO fangpin_judge;
GRANT SELECT, INSERT, UPDATE, DELETE ON refusal_letter, appeal TO fangpin_system;
