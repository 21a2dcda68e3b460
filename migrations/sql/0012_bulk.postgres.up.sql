-- Bulk work: what became of each line of a batch, which exports were asked for, who took them away.

CREATE TABLE batch_line (
    county_code integer NOT NULL,
    account_id uuid NOT NULL,
    batch_key uuid NOT NULL,
    line_no integer NOT NULL CHECK (line_no >= 0),
    claim_id uuid,
    code text,
    at timestamptz NOT NULL,
    PRIMARY KEY (county_code, account_id, batch_key, line_no),
    CONSTRAINT batch_line_done CHECK ((claim_id IS NULL) <> (code IS NULL))
);

CREATE TABLE bulk_export (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('CLAIMS', 'EVENTS', 'HOUSEHOLDS')),
    format text NOT NULL CHECK (format IN ('JSONL', 'CSV', 'XLSX')),
    filter text NOT NULL,
    purpose text NOT NULL CHECK (purpose <> ''),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (county_code, id)
);

-- The record of data that left: begun before its first row, `row_count` once it was whole. Never deleted.
CREATE TABLE bulk_download (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    export_id uuid NOT NULL,
    account_id uuid NOT NULL,
    at timestamptz NOT NULL,
    row_count bigint,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, export_id) REFERENCES bulk_export (county_code, id)
);

CREATE INDEX bulk_download_by_export ON bulk_download (export_id);

-- Row-level security, as in 0011: what the caller's own account began.
DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['batch_line', 'bulk_export', 'bulk_download'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY system_all ON %I TO fangpin_system USING ((SELECT current_user) = ''fangpin_system'')', guarded);
        EXECUTE format('CREATE POLICY scoped_account ON %I TO fangpin_scoped USING (county_code = (SELECT sight_county()) '
            'AND account_id = (SELECT sight_account()))', guarded);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON batch_line, bulk_download TO fangpin_scoped;
GRANT SELECT, INSERT ON bulk_export TO fangpin_scoped;

CREATE TRIGGER bulk_export_is_kept BEFORE UPDATE OR DELETE ON bulk_export
    FOR EACH ROW EXECUTE FUNCTION refuse('nothing is deleted');
CREATE TRIGGER bulk_download_is_kept BEFORE DELETE ON bulk_download
    FOR EACH ROW EXECUTE FUNCTION refuse('nothing is deleted');
