DROP TABLE bulk_download;
DROP TABLE bulk_export;
DROP TABLE batch_line;
