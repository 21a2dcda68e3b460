DO $$
DECLARE
    guarded text;
BEGIN
    DROP POLICY scoped_attempt ON attempt;
    FOREACH guarded IN ARRAY ARRAY[
        'pass', 'assignment', 'substitution', 'second_factor', 'recovery_code', 'identity_event', 'subject', 'attempt', 'setup_link'] LOOP
        EXECUTE format('DROP POLICY system_all ON %I', guarded);
        EXECUTE format('DROP POLICY door_all ON %I', guarded);
        EXECUTE format('DROP POLICY IF EXISTS scoped_county ON %I', guarded);
        EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('REVOKE ALL ON %I FROM fangpin_door, fangpin_scoped', guarded);
    END LOOP;
END $$;
