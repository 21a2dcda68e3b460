-- Bulk work: what became of each line of a batch, which exports were asked for, who took them away.

CREATE TABLE batch_line (
    county_code integer NOT NULL,
    account_id text NOT NULL,
    batch_key text NOT NULL,
    line_no integer NOT NULL CHECK (line_no >= 0),
    claim_id text,
    code text,
    at text NOT NULL,
    PRIMARY KEY (county_code, account_id, batch_key, line_no),
    CONSTRAINT batch_line_done CHECK ((claim_id IS NULL) <> (code IS NULL))
) STRICT;

CREATE TABLE bulk_export (
    county_code integer NOT NULL,
    id text NOT NULL,
    account_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('CLAIMS', 'EVENTS', 'HOUSEHOLDS')),
    format text NOT NULL CHECK (format IN ('JSONL', 'CSV', 'XLSX')),
    filter text NOT NULL,
    purpose text NOT NULL CHECK (purpose <> ''),
    created_at text NOT NULL,
    expires_at text NOT NULL,
    PRIMARY KEY (county_code, id)
) STRICT;

-- The record of data that left: begun before its first row, `row_count` once it was whole. Never deleted.
CREATE TABLE bulk_download (
    county_code integer NOT NULL,
    id text NOT NULL,
    export_id text NOT NULL,
    account_id text NOT NULL,
    at text NOT NULL,
    row_count integer,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, export_id) REFERENCES bulk_export (county_code, id)
) STRICT;

CREATE INDEX bulk_download_by_export ON bulk_download (export_id);

CREATE TRIGGER bulk_export_is_kept BEFORE UPDATE ON bulk_export
BEGIN SELECT RAISE(ABORT, 'an export stays as it was asked for'); END;
CREATE TRIGGER bulk_export_is_not_deleted BEFORE DELETE ON bulk_export
BEGIN SELECT RAISE(ABORT, 'nothing is deleted'); END;
CREATE TRIGGER bulk_download_is_not_deleted BEFORE DELETE ON bulk_download
BEGIN SELECT RAISE(ABORT, 'nothing is deleted'); END;
