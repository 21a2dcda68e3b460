DROP TRIGGER payment_of_approval ON payment;
DROP FUNCTION payment_of_approval();
DROP TRIGGER claim_of_approval ON claim;
DROP FUNCTION claim_of_approval();
DROP TABLE approval;
