DROP TRIGGER living_event_is_made_anew ON living_event;
DROP TRIGGER living_event_of_line ON living_event;
DROP FUNCTION living_event_of_line();
DROP TRIGGER claim_settles_advance ON claim;
DROP FUNCTION claim_settles_advance();
DROP TRIGGER claim_keeps_line ON claim;
DROP TRIGGER claim_follows ON claim;
DROP FUNCTION claim_follows();
ALTER TABLE living_event NO FORCE ROW LEVEL SECURITY;
DELETE FROM living_event l WHERE EXISTS (SELECT 1 FROM living_event e WHERE e.county_code = l.county_code AND e.insured_id = l.insured_id
    AND e.peril = l.peril AND e.event_on = l.event_on AND e.claim_id > l.claim_id);
ALTER TABLE living_event FORCE ROW LEVEL SECURITY;
ALTER TABLE living_event DROP COLUMN first_id, DROP COLUMN place, DROP COLUMN is_advance, DROP COLUMN policy_year, DROP COLUMN held_fen,
    DROP COLUMN benefit_fen, DROP COLUMN advanced_fen, DROP COLUMN netted_fen, DROP COLUMN loss_fen, DROP COLUMN submitted_fen;
ALTER TABLE living_event DROP CONSTRAINT living_event_pkey;
ALTER TABLE living_event ADD PRIMARY KEY (county_code, insured_id, peril, event_on);
DROP INDEX claim_followed_once;
ALTER TABLE claim DROP CONSTRAINT claim_in_line;
ALTER TABLE claim DROP COLUMN first_id, DROP COLUMN follows_id;
