-- Households, their members and payees. A payee is one immutable version: another account is
-- another payee (the guard stands in step 0008). The log seals it by `fingerprint`.

CREATE TABLE household (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    village TEXT NOT NULL CHECK (length(village) = 12),
    kind TEXT NOT NULL,
    listed_on TEXT,
    head_id TEXT NOT NULL,
    persons INTEGER NOT NULL CHECK (persons >= 0),
    PRIMARY KEY (county_code, id)
) STRICT;

CREATE TABLE member (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    household_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    id_number TEXT NOT NULL,
    relation TEXT NOT NULL,
    died_on TEXT,
    checked_on TEXT,
    PRIMARY KEY (county_code, id),
    UNIQUE (id_number, county_code),
    FOREIGN KEY (county_code, household_id) REFERENCES household (county_code, id)
) STRICT;

CREATE INDEX member_by_household ON member (household_id);

CREATE TABLE payee (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    household_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    member_id TEXT NOT NULL,
    holder_name TEXT NOT NULL,
    bank TEXT NOT NULL,
    account_no TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, household_id) REFERENCES household (county_code, id),
    FOREIGN KEY (county_code, member_id) REFERENCES member (county_code, id)
) STRICT;

CREATE INDEX payee_by_household ON payee (household_id);
-- Whether another household is paid to the same account.
CREATE INDEX payee_by_account ON payee (account_no);

-- Whose household it is, or who declared an interest in it (回避). The declaration may come before
-- the household is on record, so there is no foreign key to it.
CREATE TABLE interest (
    county_code INTEGER NOT NULL,
    person_id TEXT NOT NULL,
    household_id TEXT NOT NULL,
    PRIMARY KEY (county_code, household_id, person_id),
    FOREIGN KEY (county_code, person_id) REFERENCES person (county_code, id)
) STRICT;

CREATE INDEX interest_by_person ON interest (person_id);
