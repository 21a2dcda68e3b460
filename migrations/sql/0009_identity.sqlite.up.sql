-- Who may come in, and as whom: organisations under organisations, duties for a time, substitution,
-- sessions and keys with their secrets, second factors, links, and the record of it all.

-- SQLite changes no CHECK in place: the table is made anew, its rows and who points at them kept.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE org_kept AS SELECT county_code, id, name, kind FROM org;
DROP TABLE org;
CREATE TABLE org (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('OFFICE', 'INSURER', 'AUDITOR')),
    parent_id TEXT,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, parent_id) REFERENCES org (county_code, id)
) STRICT;
INSERT INTO org (county_code, id, name, kind) SELECT county_code, id, name, kind FROM org_kept;
DROP TABLE org_kept;

-- A session, an API key, a ticket between password and second factor, a one-time link. It may have several
-- secrets (`credential`), one after the other. `grants` and `duties` are JSON arrays; `duties` and
-- `region_code` narrow what the person holds.
CREATE TABLE pass (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('SESSION', 'KEY', 'TICKET', 'LINK')),
    label TEXT NOT NULL,
    grants TEXT NOT NULL,
    duties TEXT,
    region_code TEXT,
    on_behalf_of TEXT,
    second_factor INTEGER NOT NULL,
    opened_at TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    renewed_at TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    ended_at TEXT,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, account_id) REFERENCES account (county_code, id)
) STRICT;

CREATE INDEX pass_by_account ON pass (account_id);

-- Which pass a secret opens. A credential without one opens nothing.
ALTER TABLE credential ADD COLUMN pass_id TEXT;
UPDATE credential SET pass_id = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
    || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)));
INSERT INTO pass (county_code, id, account_id, kind, label, grants, second_factor, opened_at, seen_at, renewed_at, ends_at, ended_at)
    SELECT county_code, pass_id, account_id, CASE WHEN label = 'session' THEN 'SESSION' ELSE 'KEY' END, label,
        '["READ","ACT","BULK","SCHEMA","REVEAL"]', 0, strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', expires_at,
        CASE WHEN revoked THEN expires_at END
    FROM credential;
CREATE INDEX credential_by_pass ON credential (pass_id);

-- A duty in a region for a time, beside the standing ones of `person`. Days are legal days, the last one included.
CREATE TABLE assignment (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    duty TEXT NOT NULL,
    region_code TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_until TEXT,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, person_id) REFERENCES person (county_code, id)
) STRICT;

CREATE INDEX assignment_by_person ON assignment (person_id);

-- Who may act in whose place, and when (代理). Days as above.
CREATE TABLE substitution (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    absent_id TEXT NOT NULL,
    substitute_id TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_until TEXT NOT NULL,
    ended_at TEXT,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, absent_id) REFERENCES person (county_code, id),
    FOREIGN KEY (county_code, substitute_id) REFERENCES person (county_code, id),
    CONSTRAINT substitution_two_persons CHECK (absent_id <> substitute_id)
) STRICT;

CREATE INDEX substitution_by_substitute ON substitution (substitute_id);

-- The second factor of an account (TOTP). `last_step` is the last time step that was used: none is used twice.
CREATE TABLE second_factor (
    county_code INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    secret TEXT NOT NULL,
    confirmed_at TEXT,
    last_step INTEGER NOT NULL,
    PRIMARY KEY (county_code, account_id),
    FOREIGN KEY (county_code, account_id) REFERENCES account (county_code, id)
) STRICT;

-- Codes for a lost telephone, by their hash; each opens once.
CREATE TABLE recovery_code (
    county_code INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    used_at TEXT,
    PRIMARY KEY (county_code, account_id, hash),
    FOREIGN KEY (county_code, account_id) REFERENCES account (county_code, id)
) STRICT;

-- Who did what to whose access, and when. `actor_id` is null for the operator of the machine.
CREATE TABLE identity_event (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    actor_id TEXT,
    subject_id TEXT,
    detail TEXT NOT NULL,
    PRIMARY KEY (county_code, id)
) STRICT;

-- Of the whole installation, as `login` is: whom an OpenID provider means.
CREATE TABLE subject (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    county_code INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT;

-- Of the whole installation: failed attempts by the hash of a login, an address, an account. Forgotten when they are old.
CREATE TABLE attempt (
    key TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at TEXT NOT NULL,
    blocked_until TEXT
) STRICT;

-- Of the whole installation: the links that make the first administrator.
CREATE TABLE setup_link (
    hash TEXT NOT NULL PRIMARY KEY,
    ends_at TEXT NOT NULL,
    used_at TEXT
) STRICT;

-- Who did what stays (invariant 12).
CREATE TRIGGER identity_event_never_updated BEFORE UPDATE ON identity_event
BEGIN SELECT RAISE(ABORT, 'identity_event is insert-only'); END;
CREATE TRIGGER identity_event_never_deleted BEFORE DELETE ON identity_event
BEGIN SELECT RAISE(ABORT, 'identity_event is insert-only'); END;
CREATE TRIGGER pass_never_deleted BEFORE DELETE ON pass
BEGIN SELECT RAISE(ABORT, 'pass is never deleted'); END;
CREATE TRIGGER assignment_never_deleted BEFORE DELETE ON assignment
BEGIN SELECT RAISE(ABORT, 'assignment is never deleted'); END;
CREATE TRIGGER substitution_never_deleted BEFORE DELETE ON substitution
BEGIN SELECT RAISE(ABORT, 'substitution is never deleted'); END;
