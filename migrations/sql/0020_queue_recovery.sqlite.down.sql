DROP TRIGGER claim_recovered;
DROP TRIGGER claim_in_queue;
DROP TABLE pool_log;
DROP TABLE recovery;
DROP TABLE pool_queue;
