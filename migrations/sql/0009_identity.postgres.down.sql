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

ALTER TABLE org DROP COLUMN parent_id;
ALTER TABLE org DROP CONSTRAINT org_kind_check;
UPDATE org SET kind = 'OFFICE' WHERE kind = 'AUDITOR';
ALTER TABLE org ADD CONSTRAINT org_kind_check CHECK (kind IN ('OFFICE', 'INSURER'));
