-- Who there is: regions, organisations, staff, logins. `county_code` leads every primary key: it is the
-- tenant, the partition and the distribution column. In every other index it comes last: while a table
-- is young and has no statistics, PostgreSQL takes the county alone for selective, and an index that
-- began with it could be chosen in place of the primary key. Ids are UUIDs, instants are UTC to the
-- microsecond (SQLite: text of fixed width, so that it sorts), days are ISO dates.

CREATE TABLE region (
    county_code integer NOT NULL,
    code text COLLATE "C" NOT NULL CHECK (length(code) IN (6, 9, 12)),
    name text NOT NULL,
    PRIMARY KEY (county_code, code)
);

CREATE TABLE org (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('OFFICE', 'INSURER')),
    PRIMARY KEY (county_code, id)
);

-- `duties` is a JSON array of duty codes.
CREATE TABLE person (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    org_id uuid NOT NULL,
    region_code text NOT NULL,
    duties text NOT NULL,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, org_id) REFERENCES org (county_code, id)
);

CREATE TABLE account (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    login text NOT NULL,
    password_hash text NOT NULL,
    person_id uuid NOT NULL,
    PRIMARY KEY (county_code, id),
    UNIQUE (login, county_code),
    FOREIGN KEY (county_code, person_id) REFERENCES person (county_code, id)
);

-- The one directory of the whole installation: a login is unique in it and leads to its county.
CREATE TABLE login (
    login text NOT NULL PRIMARY KEY,
    county_code integer NOT NULL,
    account_id uuid NOT NULL
);

-- Sessions and API keys, by the hash of their secret. A credential that ended stays on record.
CREATE TABLE credential (
    county_code integer NOT NULL,
    hash text NOT NULL,
    account_id uuid NOT NULL,
    label text NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked boolean NOT NULL,
    PRIMARY KEY (county_code, hash),
    FOREIGN KEY (county_code, account_id) REFERENCES account (county_code, id)
);

-- A secret comes without its county.
CREATE INDEX credential_by_hash ON credential (hash);
