DROP TABLE running_total;
DROP TABLE bill;
DROP TABLE payment;
DROP TABLE objection;
DROP TABLE notice;
