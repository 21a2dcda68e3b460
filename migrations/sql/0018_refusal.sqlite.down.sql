DROP TRIGGER claim_appealed;
DROP TRIGGER claim_appeal_decided;
DROP TRIGGER claim_refusal_told;
DROP TRIGGER claim_appeal_told;
DROP TABLE appeal;
DROP TABLE refusal_letter;
