DROP TRIGGER claim_recovered;
DROP TRIGGER claim_in_queue;
DROP TABLE recovery;
DROP TABLE pool_queue;
