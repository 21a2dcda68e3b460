DROP TABLE transfer;
DROP TABLE pool_account;
DROP TABLE scheme;
