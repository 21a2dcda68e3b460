DROP TABLE transfer;
DROP TABLE pool_order;
DROP TABLE pool_account;
DROP TABLE scheme;
