DROP TABLE credential;
DROP TABLE login;
DROP TABLE account;
DROP TABLE person;
DROP TABLE org;
DROP TABLE region;
