DROP TRIGGER claim_settles_advance;
DROP TRIGGER claim_keeps_line;
DROP TRIGGER claim_follows;
DROP INDEX claim_followed_once;
ALTER TABLE living_event RENAME TO living_event_after;
CREATE TABLE living_event (
    county_code INTEGER NOT NULL,
    insured_id TEXT NOT NULL,
    peril TEXT NOT NULL,
    event_on TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    PRIMARY KEY (county_code, insured_id, peril, event_on),
    UNIQUE (claim_id, county_code),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id)
) STRICT;
INSERT INTO living_event SELECT county_code, insured_id, peril, event_on, max(claim_id) FROM living_event_after
    GROUP BY county_code, insured_id, peril, event_on;
DROP TABLE living_event_after;
ALTER TABLE claim DROP COLUMN first_id;
ALTER TABLE claim DROP COLUMN follows_id;
