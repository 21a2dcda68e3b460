DROP TRIGGER claim_refusal ON claim;
DROP FUNCTION claim_refusal();
DROP TABLE appeal;
DROP TABLE refusal_letter;
DROP FUNCTION letter_owed();
DROP FUNCTION appeal_in_time();
DROP FUNCTION appeal_by_no_part();
