DROP TABLE setup_link;
DROP TABLE attempt;
DROP TABLE subject;
DROP TABLE identity_event;
DROP TABLE recovery_code;
DROP TABLE second_factor;
DROP TABLE substitution;
DROP TABLE assignment;
DROP INDEX credential_by_pass;
ALTER TABLE credential DROP COLUMN pass_id;
DROP TABLE pass;

PRAGMA defer_foreign_keys = ON;
CREATE TABLE org_kept AS SELECT county_code, id, name, kind FROM org;
UPDATE org SET parent_id = NULL;
DROP TABLE org;
CREATE TABLE org (
    county_code INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('OFFICE', 'INSURER')),
    PRIMARY KEY (county_code, id)
) STRICT;
INSERT INTO org (county_code, id, name, kind)
    SELECT county_code, id, name, CASE kind WHEN 'AUDITOR' THEN 'OFFICE' ELSE kind END FROM org_kept;
DROP TABLE org_kept;
