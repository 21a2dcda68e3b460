-- Households, their members and payees. A payee is one immutable version: another account is
-- another payee (the guard stands in step 0008). The log seals it by `fingerprint`.

CREATE TABLE household (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    village text COLLATE "C" NOT NULL CHECK (length(village) = 12),
    kind text NOT NULL,
    listed_on date,
    head_id uuid NOT NULL,
    persons integer NOT NULL CHECK (persons >= 0),
    PRIMARY KEY (county_code, id)
);

CREATE TABLE member (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    household_id uuid NOT NULL,
    position integer NOT NULL,
    name text NOT NULL,
    id_number text NOT NULL,
    relation text NOT NULL,
    died_on date,
    checked_on date,
    PRIMARY KEY (county_code, id),
    UNIQUE (id_number, county_code),
    FOREIGN KEY (county_code, household_id) REFERENCES household (county_code, id)
);

CREATE INDEX member_by_household ON member (household_id);

CREATE TABLE payee (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    household_id uuid NOT NULL,
    position integer NOT NULL,
    member_id uuid NOT NULL,
    holder_name text NOT NULL,
    bank text NOT NULL,
    account_no text NOT NULL,
    fingerprint text NOT NULL,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, household_id) REFERENCES household (county_code, id),
    FOREIGN KEY (county_code, member_id) REFERENCES member (county_code, id)
);

CREATE INDEX payee_by_household ON payee (household_id);
-- Whether another household is paid to the same account.
CREATE INDEX payee_by_account ON payee (account_no);

-- Whose household it is, or who declared an interest in it (回避). The declaration may come before
-- the household is on record, so there is no foreign key to it.
CREATE TABLE interest (
    county_code integer NOT NULL,
    person_id uuid NOT NULL,
    household_id uuid NOT NULL,
    PRIMARY KEY (county_code, household_id, person_id),
    FOREIGN KEY (county_code, person_id) REFERENCES person (county_code, id)
);

CREATE INDEX interest_by_person ON interest (person_id);
