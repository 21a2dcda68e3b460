DROP TRIGGER claim_recovered ON claim;
DROP TRIGGER claim_in_queue ON claim;
DROP TABLE pool_log;
DROP TABLE recovery;
DROP TABLE pool_queue;
DROP FUNCTION claim_recovered;
DROP FUNCTION recovery_within_paid;
DROP FUNCTION claim_in_queue;
