-- Who there is: regions, organisations, staff, logins. `county_code` leads every primary key: it is the
-- tenant, the partition and the distribution column. In every other index it comes last: while a table
-- is young and has no statistics, PostgreSQL takes the county alone for selective, and an index that
-- began with it could be chosen in place of the primary key. Ids are UUIDs, instants are UTC to the
-- microsecond (SQLite: text of fixed width, so that it sorts), days are ISO dates.

CREATE TABLE region (
    county_code INTEGER NOT NULL,
    code TEXT NOT NULL CHECK (length(code) IN (6, 9, 12)),
    name TEXT NOT NULL,
    PRIMARY KEY (county_code, code)
) STRICT;

CREATE TABLE org (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('OFFICE', 'INSURER')),
    PRIMARY KEY (county_code, id)
) STRICT;

-- `duties` is a JSON array of duty codes.
CREATE TABLE person (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    org_id TEXT NOT NULL,
    region_code TEXT NOT NULL,
    duties TEXT NOT NULL,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, org_id) REFERENCES org (county_code, id)
) STRICT;

CREATE TABLE account (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    login TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    person_id TEXT NOT NULL,
    PRIMARY KEY (county_code, id),
    UNIQUE (login, county_code),
    FOREIGN KEY (county_code, person_id) REFERENCES person (county_code, id)
) STRICT;

-- The one directory of the whole installation: a login is unique in it and leads to its county.
CREATE TABLE login (
    login TEXT NOT NULL PRIMARY KEY,
    county_code INTEGER NOT NULL,
    account_id TEXT NOT NULL
) STRICT;

-- Sessions and API keys, by the hash of their secret. A credential that ended stays on record.
CREATE TABLE credential (
    county_code INTEGER NOT NULL,
    hash TEXT NOT NULL,
    account_id TEXT NOT NULL,
    label TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked INTEGER NOT NULL,
    PRIMARY KEY (county_code, hash),
    FOREIGN KEY (county_code, account_id) REFERENCES account (county_code, id)
) STRICT;

-- A secret comes without its county.
CREATE INDEX credential_by_hash ON credential (hash);
