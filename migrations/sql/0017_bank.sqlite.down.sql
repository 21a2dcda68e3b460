DROP TABLE bank_line;
DROP TABLE bank_file;
DROP TABLE payment_batch_line;
DROP TABLE payment_batch;
