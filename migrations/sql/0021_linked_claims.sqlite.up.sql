-- Claims of one event go on with one another (前案): an advance and its settlement, a supplement, a reopened case. Still nobody is
-- paid twice: they form one line, each after the end of the one before, and what the earlier ones hold is netted.

-- Both are null in the first claim of an event.
ALTER TABLE claim ADD COLUMN follows_id TEXT;
ALTER TABLE claim ADD COLUMN first_id TEXT CONSTRAINT claim_in_line CHECK ((follows_id IS NULL) = (first_id IS NULL));
CREATE UNIQUE INDEX claim_followed_once ON claim (follows_id, county_code) WHERE follows_id IS NOT NULL;

CREATE TRIGGER claim_follows BEFORE INSERT ON claim
    WHEN NEW.follows_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM claim f WHERE f.county_code = NEW.county_code AND f.id = NEW.follows_id
        AND f.household_id = NEW.household_id AND f.insurer_id = NEW.insurer_id AND f.insured_id = NEW.insured_id AND f.peril = NEW.peril
        AND f.event_on = NEW.event_on AND COALESCE(f.first_id, f.id) = NEW.first_id
        AND f.status IN ('PAID', 'CLOSED', 'WRITTEN_OFF', 'WITHDRAWN', 'REFUSAL_CLOSED', 'RECOVERED'))
BEGIN SELECT RAISE(ABORT, 'not after an ended claim of the event'); END;
CREATE TRIGGER claim_keeps_line BEFORE UPDATE ON claim
    WHEN NEW.follows_id IS NOT OLD.follows_id OR NEW.first_id IS NOT OLD.first_id
        OR (OLD.follows_id IS NOT NULL AND (NEW.insured_id <> OLD.insured_id OR NEW.peril <> OLD.peril OR NEW.event_on <> OLD.event_on))
BEGIN SELECT RAISE(ABORT, 'a claim keeps what it follows'); END;

-- The living claims of an event, with what each counts for against those after it; all of one line.
ALTER TABLE living_event RENAME TO living_event_before;
CREATE TABLE living_event (
    county_code INTEGER NOT NULL,
    insured_id TEXT NOT NULL,
    peril TEXT NOT NULL,
    event_on TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    first_id TEXT NOT NULL,
    policy_year INTEGER NOT NULL,
    benefit_fen INTEGER NOT NULL CHECK (benefit_fen >= 0),
    loss_fen INTEGER NOT NULL CHECK (loss_fen >= 0),
    submitted_fen INTEGER NOT NULL CHECK (submitted_fen >= 0),
    PRIMARY KEY (county_code, insured_id, peril, event_on, claim_id),
    UNIQUE (claim_id, county_code),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id)
) STRICT;
INSERT INTO living_event SELECT l.county_code, l.insured_id, l.peril, l.event_on, l.claim_id, l.claim_id, c.policy_year, 0, 0, 0
    FROM living_event_before l JOIN claim c ON c.county_code = l.county_code AND c.id = l.claim_id;
DROP TABLE living_event_before;

CREATE TRIGGER living_event_of_line BEFORE INSERT ON living_event
    WHEN EXISTS (SELECT 1 FROM living_event e WHERE e.county_code = NEW.county_code AND e.insured_id = NEW.insured_id AND e.peril = NEW.peril
            AND e.event_on = NEW.event_on AND e.first_id <> NEW.first_id)
        OR NOT EXISTS (SELECT 1 FROM claim c WHERE c.county_code = NEW.county_code AND c.id = NEW.claim_id AND COALESCE(c.first_id, c.id) = NEW.first_id)
BEGIN SELECT RAISE(ABORT, 'the event is claimed already'); END;
CREATE TRIGGER living_event_is_made_anew BEFORE UPDATE ON living_event
BEGIN SELECT RAISE(ABORT, 'a living event is not changed'); END;
