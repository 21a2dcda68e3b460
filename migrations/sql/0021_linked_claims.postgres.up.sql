-- Claims of one event go on with one another (前案): an advance and its settlement, a supplement, a reopened case. Still nobody is
-- paid twice: they form one line, each after the end of the one before, and what the earlier ones hold is netted.

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

-- The living claims of an event, with what each counts for against those after it; all of one line.
ALTER TABLE living_event DROP CONSTRAINT living_event_pkey;
ALTER TABLE living_event ADD PRIMARY KEY (county_code, insured_id, peril, event_on, claim_id);
ALTER TABLE living_event ADD COLUMN first_id uuid;
ALTER TABLE living_event ADD COLUMN policy_year integer;
ALTER TABLE living_event ADD COLUMN benefit_fen bigint NOT NULL DEFAULT 0 CHECK (benefit_fen >= 0);
ALTER TABLE living_event ADD COLUMN loss_fen bigint NOT NULL DEFAULT 0 CHECK (loss_fen >= 0);
ALTER TABLE living_event ADD COLUMN submitted_fen bigint NOT NULL DEFAULT 0 CHECK (submitted_fen >= 0);
ALTER TABLE living_event NO FORCE ROW LEVEL SECURITY;
ALTER TABLE claim NO FORCE ROW LEVEL SECURITY;
UPDATE living_event l SET first_id = l.claim_id, policy_year = c.policy_year FROM claim c WHERE c.county_code = l.county_code AND c.id = l.claim_id;
ALTER TABLE claim FORCE ROW LEVEL SECURITY;
ALTER TABLE living_event FORCE ROW LEVEL SECURITY;
ALTER TABLE living_event ALTER COLUMN first_id SET NOT NULL, ALTER COLUMN policy_year SET NOT NULL,
    ALTER COLUMN benefit_fen DROP DEFAULT, ALTER COLUMN loss_fen DROP DEFAULT, ALTER COLUMN submitted_fen DROP DEFAULT;

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
