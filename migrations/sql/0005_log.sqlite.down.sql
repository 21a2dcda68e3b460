DROP TABLE refusal;
DROP TABLE receipt;
DROP TABLE county_head;
DROP TABLE claim_event;
