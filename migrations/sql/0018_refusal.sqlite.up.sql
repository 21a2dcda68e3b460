-- Letters of refusals and appeals against them (拒赔通知书、申诉). The refusal itself is the claim's; `refusal_no` counts those of a
-- claim from 1, and an appeal that was upheld is followed by the next. (The table `refusal` holds commands that were blocked.)

CREATE TABLE refusal_letter (
    county_code INTEGER NOT NULL,
    claim_id TEXT NOT NULL,
    refusal_no INTEGER NOT NULL CHECK (refusal_no > 0),
    kind TEXT NOT NULL CHECK (kind IN ('REFUSAL', 'APPEAL_DISMISSED')),
    content_hash TEXT NOT NULL CHECK (length(content_hash) = 64),
    due_on TEXT NOT NULL,
    delivered_on TEXT NOT NULL,
    delivery TEXT NOT NULL CHECK (delivery IN ('HANDED_OVER', 'LEFT_WITH_FAMILY', 'POSTED')),
    appeal_ends_at TEXT,
    issued_by TEXT NOT NULL,
    issued_for TEXT,
    issued_at TEXT NOT NULL,
    PRIMARY KEY (county_code, claim_id, refusal_no, kind),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    CONSTRAINT refusal_letter_tells CHECK ((kind = 'REFUSAL') = (appeal_ends_at IS NOT NULL))
) STRICT;

CREATE TABLE appeal (
    county_code INTEGER NOT NULL,
    claim_id TEXT NOT NULL,
    refusal_no INTEGER NOT NULL CHECK (refusal_no > 0),
    status TEXT NOT NULL CHECK (status IN ('OPEN', 'UPHELD', 'DISMISSED')),
    refused_by TEXT NOT NULL,
    refused_for TEXT,
    lodged_by TEXT NOT NULL,
    lodged_for TEXT,
    lodged_at TEXT NOT NULL,
    decided_by TEXT,
    decided_for TEXT,
    decided_at TEXT,
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
) STRICT;

CREATE TRIGGER refusal_letter_never_updated BEFORE UPDATE ON refusal_letter BEGIN SELECT RAISE(ABORT, 'refusal_letter is insert-only'); END;
CREATE TRIGGER refusal_letter_never_deleted BEFORE DELETE ON refusal_letter BEGIN SELECT RAISE(ABORT, 'refusal_letter is insert-only'); END;
CREATE TRIGGER appeal_never_deleted BEFORE DELETE ON appeal BEGIN SELECT RAISE(ABORT, 'appeal is never deleted'); END;

-- Invariant 13: a refused claim ends when its household was told, and the time for its appeal is over or the appeal was dismissed.

CREATE TRIGGER letter_owed BEFORE INSERT ON refusal_letter
WHEN NOT EXISTS (SELECT 1 FROM claim c WHERE c.county_code = NEW.county_code AND c.id = NEW.claim_id
    AND CASE NEW.kind WHEN 'REFUSAL' THEN c.status IN ('INELIGIBLE', 'REJECTED') ELSE c.status = 'APPEAL_DISMISSED' END
    AND NEW.refusal_no = 1 + (SELECT count(*) FROM appeal u WHERE u.county_code = NEW.county_code AND u.claim_id = NEW.claim_id AND u.status = 'UPHELD'))
BEGIN SELECT RAISE(ABORT, 'no letter is owed'); END;

CREATE TRIGGER appeal_in_time BEFORE INSERT ON appeal
WHEN NOT EXISTS (SELECT 1 FROM refusal_letter l WHERE l.county_code = NEW.county_code AND l.claim_id = NEW.claim_id AND l.kind = 'REFUSAL'
        AND l.refusal_no = NEW.refusal_no AND NEW.refusal_no = 1 + (SELECT count(*) FROM appeal u WHERE u.county_code = NEW.county_code AND u.claim_id = NEW.claim_id AND u.status = 'UPHELD') AND NEW.lodged_at < l.appeal_ends_at)
BEGIN SELECT RAISE(ABORT, 'an appeal follows its letter, in its time'); END;

CREATE TRIGGER appeal_begins BEFORE INSERT ON appeal
WHEN NEW.status <> 'OPEN'
BEGIN SELECT RAISE(ABORT, 'an appeal begins open'); END;

CREATE TRIGGER appeal_course BEFORE UPDATE ON appeal
WHEN OLD.status <> 'OPEN' OR NEW.county_code <> OLD.county_code OR NEW.claim_id <> OLD.claim_id OR NEW.refusal_no <> OLD.refusal_no OR NEW.refused_by <> OLD.refused_by OR NEW.refused_for IS NOT OLD.refused_for OR NEW.lodged_by <> OLD.lodged_by OR NEW.lodged_for IS NOT OLD.lodged_for OR NEW.lodged_at <> OLD.lodged_at
BEGIN SELECT RAISE(ABORT, 'an appeal stays as it was lodged, and as it was decided'); END;

CREATE TRIGGER appeal_by_no_part BEFORE UPDATE ON appeal
WHEN NEW.status <> 'OPEN' AND EXISTS (SELECT 1 FROM claim c WHERE c.county_code = NEW.county_code AND c.id = NEW.claim_id
    AND (NEW.decided_by IN (c.referrer_id, c.surveyor_id) OR NEW.decided_for IN (c.referrer_id, c.surveyor_id)))
BEGIN SELECT RAISE(ABORT, 'an appeal is decided by another person'); END;

CREATE TRIGGER claim_appealed BEFORE UPDATE ON claim
WHEN NEW.status = 'APPEALED' AND OLD.status <> 'APPEALED' AND NOT EXISTS (
    SELECT 1 FROM appeal a WHERE a.county_code = NEW.county_code AND a.claim_id = NEW.id AND a.status = 'OPEN')
BEGIN SELECT RAISE(ABORT, 'no appeal is open'); END;

CREATE TRIGGER claim_appeal_decided BEFORE UPDATE ON claim
WHEN OLD.status = 'APPEALED' AND NEW.status <> 'APPEALED' AND NOT EXISTS (
    SELECT 1 FROM appeal a WHERE a.county_code = NEW.county_code AND a.claim_id = NEW.id
        AND a.refusal_no = (SELECT max(b.refusal_no) FROM appeal b WHERE b.county_code = NEW.county_code AND b.claim_id = NEW.id)
        AND a.status = CASE WHEN NEW.status = 'APPEAL_DISMISSED' THEN 'DISMISSED' ELSE 'UPHELD' END)
BEGIN SELECT RAISE(ABORT, 'the appeal was not decided so'); END;

CREATE TRIGGER claim_refusal_told BEFORE UPDATE ON claim
WHEN NEW.status = 'REFUSAL_CLOSED' AND NOT EXISTS (SELECT 1 FROM refusal_letter l WHERE l.county_code = NEW.county_code AND l.claim_id = NEW.id AND l.kind = 'REFUSAL'
        AND l.refusal_no = 1 + (SELECT count(*) FROM appeal u WHERE u.county_code = NEW.county_code AND u.claim_id = NEW.id AND u.status = 'UPHELD')
        AND (OLD.status = 'APPEAL_DISMISSED' OR NEW.updated_at >= l.appeal_ends_at))
BEGIN SELECT RAISE(ABORT, 'a refusal ends with its letter and the time for an appeal'); END;

CREATE TRIGGER claim_appeal_told BEFORE UPDATE ON claim
WHEN NEW.status = 'REFUSAL_CLOSED' AND OLD.status = 'APPEAL_DISMISSED' AND NOT EXISTS (SELECT 1 FROM refusal_letter l WHERE l.county_code = NEW.county_code AND l.claim_id = NEW.id AND l.kind = 'APPEAL_DISMISSED'
        AND l.refusal_no = 1 + (SELECT count(*) FROM appeal u WHERE u.county_code = NEW.county_code AND u.claim_id = NEW.id AND u.status = 'UPHELD'))
BEGIN SELECT RAISE(ABORT, 'a dismissed appeal is told by a letter'); END;
