-- The second lock on identities, as in 0011: what came with 0009 is read at the door, before anybody has
-- signed in, and within the county afterwards. Of all this a judgement needs the duties for a time of whom a command names.
DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY[
        'pass', 'assignment', 'substitution', 'second_factor', 'recovery_code', 'identity_event', 'subject'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY system_all ON %I TO fangpin_system USING ((SELECT current_user) = ''fangpin_system'')', guarded);
        EXECUTE format('CREATE POLICY door_all ON %I TO fangpin_door USING ((SELECT current_user) = ''fangpin_door'')', guarded);
        EXECUTE format('CREATE POLICY scoped_county ON %I TO fangpin_scoped USING (county_code = (SELECT sight_county()))', guarded);
    END LOOP;
    -- Of the installation: counters and links, by hashes that tell nothing. Whoever has signed in counts, too.
    FOREACH guarded IN ARRAY ARRAY['attempt', 'setup_link'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY system_all ON %I TO fangpin_system USING ((SELECT current_user) = ''fangpin_system'')', guarded);
        EXECUTE format('CREATE POLICY door_all ON %I TO fangpin_door USING ((SELECT current_user) = ''fangpin_door'')', guarded);
    END LOOP;
END $$;
CREATE POLICY judge_county ON assignment FOR SELECT TO fangpin_judge USING (county_code = (SELECT sight_county()));
CREATE POLICY scoped_attempt ON attempt TO fangpin_scoped USING ((SELECT current_user) = 'fangpin_scoped');

GRANT SELECT, INSERT, UPDATE ON pass, substitution, assignment, identity_event, subject TO fangpin_door, fangpin_scoped;
GRANT SELECT, INSERT, UPDATE, DELETE ON second_factor, recovery_code, attempt TO fangpin_door, fangpin_scoped;
GRANT SELECT ON assignment TO fangpin_judge;
GRANT SELECT, INSERT, UPDATE ON setup_link TO fangpin_door;
GRANT SELECT, INSERT, UPDATE, DELETE ON pass, substitution, assignment, identity_event, subject, second_factor, recovery_code, attempt,
    setup_link TO fangpin_system;
