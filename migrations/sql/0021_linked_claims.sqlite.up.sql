-- Claims of one event go on with one another (前案): an advance and its settlement, a supplement, a reopened case. Still nobody is
-- paid twice: they form one line, each begun once the one before has ended or is paid, and what was advanced is netted.

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

-- The living claims of an event, with what each counts for among the others; all of one line. (Claims of before this step count for
-- nothing: no database of before is supported.)
ALTER TABLE living_event RENAME TO living_event_before;
CREATE TABLE living_event (
    county_code INTEGER NOT NULL,
    insured_id TEXT NOT NULL,
    peril TEXT NOT NULL,
    event_on TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    first_id TEXT NOT NULL,
    place INTEGER NOT NULL CHECK (place >= 0),
    is_advance INTEGER NOT NULL CHECK (is_advance IN (0, 1)),
    policy_year INTEGER NOT NULL,
    held_fen INTEGER NOT NULL CHECK (held_fen >= 0),
    benefit_fen INTEGER NOT NULL CHECK (benefit_fen >= 0),
    advanced_fen INTEGER NOT NULL CHECK (advanced_fen >= 0),
    netted_fen INTEGER NOT NULL CHECK (netted_fen >= 0),
    loss_fen INTEGER NOT NULL CHECK (loss_fen >= 0),
    submitted_fen INTEGER NOT NULL CHECK (submitted_fen >= 0),
    PRIMARY KEY (county_code, insured_id, peril, event_on, claim_id),
    UNIQUE (claim_id, county_code),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id)
) STRICT;
INSERT INTO living_event SELECT l.county_code, l.insured_id, l.peril, l.event_on, l.claim_id, l.claim_id, 0, 0, c.policy_year, 0, 0, 0, 0, 0, 0
    FROM living_event_before l JOIN claim c ON c.county_code = l.county_code AND c.id = l.claim_id;
DROP TABLE living_event_before;

CREATE TRIGGER living_event_of_line BEFORE INSERT ON living_event
    WHEN EXISTS (SELECT 1 FROM living_event e WHERE e.county_code = NEW.county_code AND e.insured_id = NEW.insured_id AND e.peril = NEW.peril
            AND e.event_on = NEW.event_on AND e.first_id <> NEW.first_id)
        OR NOT EXISTS (SELECT 1 FROM claim c WHERE c.county_code = NEW.county_code AND c.id = NEW.claim_id AND COALESCE(c.first_id, c.id) = NEW.first_id)
BEGIN SELECT RAISE(ABORT, 'the event is claimed already'); END;
CREATE TRIGGER living_event_is_made_anew BEFORE UPDATE ON living_event
BEGIN SELECT RAISE(ABORT, 'a living event is not changed'); END;

-- While an advance stands that no claim of its line has settled, no other claim begins for the member and the peril.
CREATE TRIGGER claim_settles_advance BEFORE INSERT ON claim
    WHEN EXISTS (SELECT 1 FROM living_event e WHERE e.county_code = NEW.county_code AND e.insured_id = NEW.insured_id AND e.peril = NEW.peril
        AND e.is_advance = 1 AND e.first_id <> COALESCE(NEW.first_id, NEW.id)
        AND NOT EXISTS (SELECT 1 FROM living_event n WHERE n.county_code = e.county_code AND n.insured_id = e.insured_id AND n.peril = e.peril
            AND n.event_on = e.event_on AND n.claim_id <> e.claim_id AND n.held_fen > 0))
BEGIN SELECT RAISE(ABORT, 'an advance waits to be settled'); END;
