DROP TABLE interest;
DROP TABLE payee;
DROP TABLE member;
DROP TABLE household;
