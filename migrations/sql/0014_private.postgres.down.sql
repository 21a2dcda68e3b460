-- The program refuses to take this back while anything is sealed: without it nothing could be read.
DROP TRIGGER payee_never_updated ON payee;
CREATE TRIGGER payee_never_updated BEFORE UPDATE ON payee
    FOR EACH ROW EXECUTE FUNCTION refuse('payee is insert-only');
DROP TABLE disclosure;
DROP TABLE private_head;
DROP TABLE diagnosis;
ALTER TABLE household DROP COLUMN phone;
ALTER TABLE payee DROP COLUMN account_no;
ALTER TABLE payee RENAME COLUMN account_index TO account_no;
ALTER TABLE member DROP COLUMN id_number;
ALTER TABLE member RENAME COLUMN id_index TO id_number;
