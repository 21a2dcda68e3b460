DROP TRIGGER payment_of_approval;
DROP TRIGGER claim_of_approval;
DROP TABLE approval;
