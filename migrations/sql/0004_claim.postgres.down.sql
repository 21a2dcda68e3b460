DROP TABLE living_event;
DROP TABLE claim_counter;
DROP TABLE claim;
