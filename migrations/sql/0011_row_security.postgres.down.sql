-- The roles stay: other databases of the server may use them.
DO $$
DECLARE
    policy record;
    guarded record;
BEGIN
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE ALL ON TABLES FROM fangpin_system', current_schema());
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM fangpin_door, fangpin_scoped, fangpin_judge, fangpin_system', current_schema());
    EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM fangpin_door, fangpin_scoped, fangpin_judge, fangpin_system', current_schema());
    FOR policy IN SELECT tablename, policyname FROM pg_policies WHERE schemaname = current_schema() LOOP
        EXECUTE format('DROP POLICY %I ON %I', policy.policyname, policy.tablename);
    END LOOP;
    FOR guarded IN SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace = current_schema()::regnamespace LOOP
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', guarded.relname);
    END LOOP;
END $$;

DROP FUNCTION sight_account();
DROP FUNCTION sight_insurer();
DROP FUNCTION sight_region();
DROP FUNCTION sight_county();
