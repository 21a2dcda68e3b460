-- Who may come in, and as whom: organisations under organisations, duties for a time, substitution,
-- sessions and keys with their secrets, second factors, links, and the record of it all.

ALTER TABLE org DROP CONSTRAINT org_kind_check;
ALTER TABLE org ADD CONSTRAINT org_kind_check CHECK (kind IN ('OFFICE', 'INSURER', 'AUDITOR'));
ALTER TABLE org ADD COLUMN parent_id uuid;
ALTER TABLE org ADD FOREIGN KEY (county_code, parent_id) REFERENCES org (county_code, id);

-- A session, an API key, a ticket between password and second factor, a one-time link. It may have several
-- secrets (`credential`), one after the other. `grants` and `duties` are JSON arrays; `duties` and
-- `region_code` narrow what the person holds.
CREATE TABLE pass (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('SESSION', 'KEY', 'TICKET', 'LINK')),
    label text NOT NULL,
    grants text NOT NULL,
    duties text,
    region_code text,
    on_behalf_of uuid,
    second_factor boolean NOT NULL,
    opened_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    renewed_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, account_id) REFERENCES account (county_code, id)
);

CREATE INDEX pass_by_account ON pass (account_id);

-- Which pass a secret opens. A credential without one opens nothing.
ALTER TABLE credential ADD COLUMN pass_id uuid;
UPDATE credential SET pass_id = gen_random_uuid();
INSERT INTO pass (county_code, id, account_id, kind, label, grants, second_factor, opened_at, seen_at, renewed_at, ends_at, ended_at)
    SELECT county_code, pass_id, account_id, CASE WHEN label = 'session' THEN 'SESSION' ELSE 'KEY' END, label,
        '["READ","ACT","BULK","SCHEMA","REVEAL"]', false, now(), now(), now(), expires_at,
        CASE WHEN revoked THEN expires_at END
    FROM credential;
CREATE INDEX credential_by_pass ON credential (pass_id);

-- A duty in a region for a time, beside the standing ones of `person`. Days are legal days, the last one included.
CREATE TABLE assignment (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    duty text NOT NULL,
    region_code text NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, person_id) REFERENCES person (county_code, id)
);

CREATE INDEX assignment_by_person ON assignment (person_id);

-- Who may act in whose place, and when (代理). Days as above.
CREATE TABLE substitution (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    absent_id uuid NOT NULL,
    substitute_id uuid NOT NULL,
    valid_from date NOT NULL,
    valid_until date NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, absent_id) REFERENCES person (county_code, id),
    FOREIGN KEY (county_code, substitute_id) REFERENCES person (county_code, id),
    CONSTRAINT substitution_two_persons CHECK (absent_id <> substitute_id)
);

CREATE INDEX substitution_by_substitute ON substitution (substitute_id);

-- The second factor of an account (TOTP). `last_step` is the last time step that was used: none is used twice.
CREATE TABLE second_factor (
    county_code integer NOT NULL,
    account_id uuid NOT NULL,
    secret text NOT NULL,
    confirmed_at timestamptz,
    last_step bigint NOT NULL,
    PRIMARY KEY (county_code, account_id),
    FOREIGN KEY (county_code, account_id) REFERENCES account (county_code, id)
);

-- Codes for a lost telephone, by their hash; each opens once.
CREATE TABLE recovery_code (
    county_code integer NOT NULL,
    account_id uuid NOT NULL,
    hash text NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (county_code, account_id, hash),
    FOREIGN KEY (county_code, account_id) REFERENCES account (county_code, id)
);

-- Who did what to whose access, and when. `actor_id` is null for the operator of the machine.
CREATE TABLE identity_event (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor_id uuid,
    subject_id uuid,
    detail text NOT NULL,
    PRIMARY KEY (county_code, id)
);

-- Of the whole installation, as `login` is: whom an OpenID provider means.
CREATE TABLE subject (
    issuer text NOT NULL,
    subject text NOT NULL,
    county_code integer NOT NULL,
    account_id uuid NOT NULL,
    PRIMARY KEY (issuer, subject)
);

-- Of the whole installation: failed attempts by the hash of a login, an address, an account. Forgotten when they are old.
CREATE TABLE attempt (
    key text NOT NULL PRIMARY KEY,
    failures bigint NOT NULL,
    last_at timestamptz NOT NULL,
    blocked_until timestamptz
);

-- Of the whole installation: the links that make the first administrator.
CREATE TABLE setup_link (
    hash text NOT NULL PRIMARY KEY,
    ends_at timestamptz NOT NULL,
    used_at timestamptz
);

-- Who did what stays (invariant 12).
CREATE TRIGGER identity_event_never_changed BEFORE UPDATE OR DELETE ON identity_event
    FOR EACH ROW EXECUTE FUNCTION refuse('identity_event is insert-only');
CREATE TRIGGER identity_event_never_truncated BEFORE TRUNCATE ON identity_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('identity_event is insert-only');
CREATE TRIGGER pass_never_deleted BEFORE DELETE ON pass
    FOR EACH ROW EXECUTE FUNCTION refuse('pass is never deleted');
CREATE TRIGGER pass_never_truncated BEFORE TRUNCATE ON pass
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('pass is never deleted');
CREATE TRIGGER assignment_never_deleted BEFORE DELETE ON assignment
    FOR EACH ROW EXECUTE FUNCTION refuse('assignment is never deleted');
CREATE TRIGGER assignment_never_truncated BEFORE TRUNCATE ON assignment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('assignment is never deleted');
CREATE TRIGGER substitution_never_deleted BEFORE DELETE ON substitution
    FOR EACH ROW EXECUTE FUNCTION refuse('substitution is never deleted');
CREATE TRIGGER substitution_never_truncated BEFORE TRUNCATE ON substitution
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('substitution is never deleted');
