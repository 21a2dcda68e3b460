-- Claims of one event go on with one another (前案): an advance and its settlement, a supplement, a reopened case. Still nobody is
-- paid twice: they form one line, each begun once the one before has ended or is paid, and what was advanced is netted.

-- Both are null in the first claim of an event.
ALTER TABLE claim ADD COLUMN follows_id uuid;
ALTER TABLE claim ADD COLUMN first_id uuid;
ALTER TABLE claim ADD CONSTRAINT claim_in_line CHECK ((follows_id IS NULL) = (first_id IS NULL));
CREATE UNIQUE INDEX claim_followed_once ON claim (follows_id, county_code) WHERE follows_id IS NOT NULL;

CREATE FUNCTION claim_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM claim f WHERE f.county_code = NEW.county_code AND f.id = NEW.follows_id
        AND f.household_id = NEW.household_id AND f.insurer_id = NEW.insurer_id AND f.insured_id = NEW.insured_id AND f.peril = NEW.peril
        AND f.event_on = NEW.event_on AND COALESCE(f.first_id, f.id) = NEW.first_id
        AND f.status IN ('PAID', 'CLOSED', 'WRITTEN_OFF', 'WITHDRAWN', 'REFUSAL_CLOSED', 'RECOVERED')) THEN
        RAISE EXCEPTION 'not after an ended claim of the event' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claim_follows BEFORE INSERT ON claim FOR EACH ROW WHEN (NEW.follows_id IS NOT NULL) EXECUTE FUNCTION claim_follows();
CREATE TRIGGER claim_keeps_line BEFORE UPDATE ON claim FOR EACH ROW
    WHEN (NEW.follows_id IS DISTINCT FROM OLD.follows_id OR NEW.first_id IS DISTINCT FROM OLD.first_id
    OR (OLD.follows_id IS NOT NULL AND (NEW.insured_id <> OLD.insured_id OR NEW.peril <> OLD.peril OR NEW.event_on <> OLD.event_on)))
    EXECUTE FUNCTION refuse('a claim keeps what it follows');

-- The living claims of an event, with what each counts for among the others; all of one line. (Claims of before this step count for
-- nothing: no database of before is supported.)
ALTER TABLE living_event DROP CONSTRAINT living_event_pkey;
ALTER TABLE living_event ADD PRIMARY KEY (county_code, insured_id, peril, event_on, claim_id);
ALTER TABLE living_event ADD COLUMN first_id uuid;
ALTER TABLE living_event ADD COLUMN place integer NOT NULL DEFAULT 0 CHECK (place >= 0);
ALTER TABLE living_event ADD COLUMN is_advance integer NOT NULL DEFAULT 0 CHECK (is_advance IN (0, 1));
ALTER TABLE living_event ADD COLUMN policy_year integer;
ALTER TABLE living_event ADD COLUMN held_fen bigint NOT NULL DEFAULT 0 CHECK (held_fen >= 0);
ALTER TABLE living_event ADD COLUMN benefit_fen bigint NOT NULL DEFAULT 0 CHECK (benefit_fen >= 0);
ALTER TABLE living_event ADD COLUMN advanced_fen bigint NOT NULL DEFAULT 0 CHECK (advanced_fen >= 0);
ALTER TABLE living_event ADD COLUMN netted_fen bigint NOT NULL DEFAULT 0 CHECK (netted_fen >= 0);
ALTER TABLE living_event ADD COLUMN loss_fen bigint NOT NULL DEFAULT 0 CHECK (loss_fen >= 0);
ALTER TABLE living_event ADD COLUMN submitted_fen bigint NOT NULL DEFAULT 0 CHECK (submitted_fen >= 0);
ALTER TABLE living_event NO FORCE ROW LEVEL SECURITY;
ALTER TABLE claim NO FORCE ROW LEVEL SECURITY;
UPDATE living_event l SET first_id = l.claim_id, policy_year = c.policy_year FROM claim c WHERE c.county_code = l.county_code AND c.id = l.claim_id;
ALTER TABLE claim FORCE ROW LEVEL SECURITY;
ALTER TABLE living_event FORCE ROW LEVEL SECURITY;
ALTER TABLE living_event ALTER COLUMN first_id SET NOT NULL, ALTER COLUMN policy_year SET NOT NULL,
    ALTER COLUMN place DROP DEFAULT, ALTER COLUMN is_advance DROP DEFAULT, ALTER COLUMN held_fen DROP DEFAULT,
    ALTER COLUMN benefit_fen DROP DEFAULT, ALTER COLUMN advanced_fen DROP DEFAULT, ALTER COLUMN netted_fen DROP DEFAULT, ALTER COLUMN loss_fen DROP DEFAULT, ALTER COLUMN submitted_fen DROP DEFAULT;

CREATE FUNCTION living_event_of_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM living_event e WHERE e.county_code = NEW.county_code AND e.insured_id = NEW.insured_id AND e.peril = NEW.peril
            AND e.event_on = NEW.event_on AND e.first_id <> NEW.first_id)
        OR NOT EXISTS (SELECT 1 FROM claim c WHERE c.county_code = NEW.county_code AND c.id = NEW.claim_id AND COALESCE(c.first_id, c.id) = NEW.first_id) THEN
        RAISE EXCEPTION 'the event is claimed already' USING ERRCODE = 'unique_violation', TABLE = 'living_event';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER living_event_of_line BEFORE INSERT ON living_event FOR EACH ROW EXECUTE FUNCTION living_event_of_line();
CREATE TRIGGER living_event_is_made_anew BEFORE UPDATE ON living_event FOR EACH ROW
    EXECUTE FUNCTION refuse('a living event is not changed');

-- While an advance stands that no claim of its line has settled, no other claim begins for the member and the peril.
CREATE FUNCTION claim_settles_advance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM living_event e WHERE e.county_code = NEW.county_code AND e.insured_id = NEW.insured_id AND e.peril = NEW.peril
        AND e.is_advance = 1 AND e.first_id <> COALESCE(NEW.first_id, NEW.id)
        AND NOT EXISTS (SELECT 1 FROM living_event n WHERE n.county_code = e.county_code AND n.insured_id = e.insured_id AND n.peril = e.peril
            AND n.event_on = e.event_on AND n.claim_id <> e.claim_id AND n.held_fen > 0)) THEN
        RAISE EXCEPTION 'an advance waits to be settled' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claim_settles_advance BEFORE INSERT ON claim FOR EACH ROW EXECUTE FUNCTION claim_settles_advance();
