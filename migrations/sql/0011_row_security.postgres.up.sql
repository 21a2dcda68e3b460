-- The second lock on who sees and changes a row (invariant 8). The store never works as the owner of the
-- tables: each time it takes a connection it says as whom, and for a caller within what.
--
--   fangpin_door     nobody has signed in yet: logins, sessions, staff; nothing of the county
--   fangpin_scoped   a caller: fangpin.county, fangpin.region, fangpin.account, and for an insurer fangpin.insurer
--   fangpin_judge    a round of commands, all of one scope: claims, households and schemes within it, and of
--                    the county the facts a judgement rests on, which are shown to nobody
--   fangpin_system   the system's own work: timers, relays, verification, the command line
--
-- Without a setting there are no rows. A table without a policy for a role is closed to it. The owner is
-- bound as well (FORCE); a superuser, or a role with BYPASSRLS, is not, until it takes one of these roles.
-- Whoever inherits the privileges of a role without having taken it has no rows either: hence `current_user`.

-- Roles belong to the whole server: they may be there, and another database may be making them now.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['fangpin_door', 'fangpin_scoped', 'fangpin_judge', 'fangpin_system'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', wanted);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN NULL;
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'the database user "%" may not create the role %', current_user, wanted USING
                        ERRCODE = 'insufficient_privilege',
                        HINT = format('a superuser runs once: CREATE ROLE fangpin_door NOLOGIN; CREATE ROLE fangpin_scoped NOLOGIN; '
                            'CREATE ROLE fangpin_judge NOLOGIN; CREATE ROLE fangpin_system NOLOGIN; '
                            'GRANT fangpin_door, fangpin_scoped, fangpin_judge, fangpin_system TO %I;', current_user);
            END;
        END IF;
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
            BEGIN
                EXECUTE format('GRANT %I TO %I', wanted, current_user);
            EXCEPTION
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'the database user "%" may not take the role %', current_user, wanted USING
                        ERRCODE = 'insufficient_privilege',
                        HINT = format('a superuser runs once: GRANT fangpin_door, fangpin_scoped, fangpin_judge, fangpin_system TO %I;', current_user);
            END;
        END IF;
    END LOOP;
END $$;

-- What the store said. As subqueries of a policy they are looked up once a statement.
CREATE FUNCTION sight_county() RETURNS integer LANGUAGE sql STABLE AS
    $$ SELECT NULLIF(current_setting('fangpin.county', true), '')::integer $$;
-- A pattern for region codes: the caller's own and everything below it.
CREATE FUNCTION sight_region() RETURNS text LANGUAGE sql STABLE AS
    $$ SELECT NULLIF(current_setting('fangpin.region', true), '') $$;
CREATE FUNCTION sight_insurer() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT NULLIF(current_setting('fangpin.insurer', true), '')::uuid $$;
CREATE FUNCTION sight_account() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT NULLIF(current_setting('fangpin.account', true), '')::uuid $$;

DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY[
        'region', 'org', 'person', 'account', 'login', 'credential', 'household', 'member', 'payee', 'interest', 'scheme',
        'pool_account', 'transfer', 'claim', 'claim_counter', 'living_event', 'claim_event', 'county_head', 'receipt', 'refusal',
        'notice', 'objection', 'payment', 'bill', 'running_total'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY system_all ON %I TO fangpin_system USING ((SELECT current_user) = ''fangpin_system'')', guarded);
    END LOOP;
    -- Who there is: read before anybody has signed in.
    FOREACH guarded IN ARRAY ARRAY['org', 'person', 'account', 'login', 'credential'] LOOP
        EXECUTE format('CREATE POLICY door_all ON %I TO fangpin_door USING ((SELECT current_user) = ''fangpin_door'')', guarded);
    END LOOP;
    -- Staff and the log's head: by county.
    FOREACH guarded IN ARRAY ARRAY['org', 'person', 'account', 'login', 'credential', 'county_head'] LOOP
        EXECUTE format('CREATE POLICY scoped_county ON %I TO fangpin_scoped USING (county_code = (SELECT sight_county()))', guarded);
    END LOOP;
    -- What belongs to a claim is seen with the claim.
    FOREACH guarded IN ARRAY ARRAY['living_event', 'claim_event', 'notice', 'objection', 'payment', 'bill'] LOOP
        EXECUTE format('CREATE POLICY scoped_claim ON %I FOR SELECT TO fangpin_scoped USING (county_code = (SELECT sight_county()) '
            'AND EXISTS (SELECT 1 FROM claim c WHERE c.county_code = %I.county_code AND c.id = %I.claim_id))', guarded, guarded, guarded);
    END LOOP;
    -- What belongs to a household is seen, and written, with the household.
    FOREACH guarded IN ARRAY ARRAY['member', 'payee', 'interest'] LOOP
        EXECUTE format('CREATE POLICY scoped_household ON %I TO fangpin_scoped USING (county_code = (SELECT sight_county()) '
            'AND EXISTS (SELECT 1 FROM household h WHERE h.county_code = %I.county_code AND h.id = %I.household_id))', guarded, guarded, guarded);
    END LOOP;
    -- Pools are seen with their schemes.
    FOREACH guarded IN ARRAY ARRAY['pool_account', 'transfer'] LOOP
        EXECUTE format('CREATE POLICY scoped_scheme ON %I FOR SELECT TO fangpin_scoped USING (county_code = (SELECT sight_county()) '
            'AND EXISTS (SELECT 1 FROM scheme s WHERE s.county_code = %I.county_code AND s.id = %I.scheme_id))', guarded, guarded, guarded);
    END LOOP;
    -- The facts of a judgement: the county.
    FOREACH guarded IN ARRAY ARRAY[
        'region', 'person', 'member', 'payee', 'interest', 'pool_account', 'transfer', 'claim_counter',
        'living_event', 'claim_event', 'county_head', 'receipt', 'refusal', 'notice', 'objection', 'payment', 'bill', 'running_total'] LOOP
        EXECUTE format('CREATE POLICY judge_county ON %I TO fangpin_judge USING (county_code = (SELECT sight_county()))', guarded);
    END LOOP;
END $$;

CREATE POLICY scoped_claim ON claim TO fangpin_scoped, fangpin_judge USING (county_code = (SELECT sight_county())
    AND village LIKE (SELECT sight_region())
    AND ((SELECT sight_insurer()) IS NULL OR insurer_id = (SELECT sight_insurer())));

-- The household a claim is begun for lies there too; one that moved away is found through its claim.
CREATE POLICY judge_household ON household FOR SELECT TO fangpin_judge USING (county_code = (SELECT sight_county())
    AND (village LIKE (SELECT sight_region())
        OR EXISTS (SELECT 1 FROM claim c WHERE c.county_code = household.county_code AND c.household_id = household.id)));

-- An insurer sees a household only through a claim of its own.
CREATE POLICY scoped_household ON household TO fangpin_scoped USING (county_code = (SELECT sight_county())
    AND village LIKE (SELECT sight_region())
    AND ((SELECT sight_insurer()) IS NULL
        OR EXISTS (SELECT 1 FROM claim c WHERE c.county_code = household.county_code AND c.household_id = household.id)));

CREATE POLICY scoped_scheme ON scheme FOR SELECT TO fangpin_scoped, fangpin_judge USING (county_code = (SELECT sight_county())
    AND ((SELECT sight_insurer()) IS NULL OR insurer_id = (SELECT sight_insurer())));

-- Names of regions: below the caller's own, and above it.
CREATE POLICY scoped_region ON region FOR SELECT TO fangpin_scoped USING (county_code = (SELECT sight_county())
    AND (code LIKE (SELECT sight_region()) OR rtrim((SELECT sight_region()), '%') LIKE code || '%'));

-- Privileges: what a role has no business with it cannot even name. `receipt`, `refusal`, `running_total`
-- and `claim_counter` are shown to nobody.
DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO fangpin_door, fangpin_scoped, fangpin_judge, fangpin_system', current_schema());
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO fangpin_system', current_schema());
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO fangpin_system', current_schema());
END $$;

GRANT SELECT, INSERT, UPDATE ON org, person, account, login, credential TO fangpin_door;

GRANT SELECT, INSERT, UPDATE ON org, person, account, login, credential, household, member, county_head TO fangpin_scoped;
GRANT SELECT, INSERT ON payee TO fangpin_scoped;
GRANT SELECT, INSERT, DELETE ON interest TO fangpin_scoped;
GRANT SELECT ON region, scheme, pool_account, transfer, claim, living_event, claim_event, notice, objection, payment, bill TO fangpin_scoped;

GRANT SELECT ON region, person, household, member, payee, interest, scheme, lawful_transition TO fangpin_judge;
GRANT SELECT, INSERT, UPDATE ON claim, claim_event, county_head, receipt, refusal, claim_counter, notice, objection, payment,
    running_total, transfer, pool_account TO fangpin_judge;
GRANT SELECT, INSERT, DELETE ON living_event, bill TO fangpin_judge;
