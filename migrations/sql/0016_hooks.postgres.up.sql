-- Webhooks. Outbound: the log of the county is the outbox; an endpoint keeps a place in it, and a row for each
-- delivery says what became of it. Inbound: what banks and insurers' systems said, kept for ever.

CREATE TABLE webhook_endpoint (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    org_id uuid NOT NULL,
    region_code text NOT NULL,
    insurer_id uuid,
    url text NOT NULL CHECK (url <> ''),
    kinds text NOT NULL,
    cursor_seq bigint NOT NULL CHECK (cursor_seq >= 0),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    failing_since timestamptz,
    paused_until timestamptz,
    disabled_at timestamptz,
    disabled_reason text CHECK (disabled_reason IN ('BY_HAND', 'GONE', 'FAILING')),
    lease_by uuid,
    lease_until timestamptz,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, org_id) REFERENCES org (county_code, id),
    CONSTRAINT webhook_endpoint_disabled CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
    CONSTRAINT webhook_endpoint_lease CHECK ((lease_by IS NULL) = (lease_until IS NULL))
);

-- Secrets, sealed: an endpoint's to sign with; a connector's (`owner_id` is its account) to verify with.
CREATE TABLE webhook_key (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    org_id uuid NOT NULL,
    owner_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('ED25519', 'HMAC')),
    sealed text NOT NULL,
    made_at timestamptz NOT NULL,
    ends_at timestamptz,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, org_id) REFERENCES org (county_code, id)
);

CREATE INDEX webhook_key_by_owner ON webhook_key (owner_id);

-- What became of an event on its way to an endpoint. While one waits, later ones of the same claim wait behind it.
CREATE TABLE webhook_delivery (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    county_seq bigint NOT NULL,
    org_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    kind text NOT NULL,
    at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('WAITING', 'SENT', 'DEAD')),
    round integer NOT NULL CHECK (round >= 1),
    attempts integer NOT NULL CHECK (attempts >= 0),
    next_at timestamptz NOT NULL,
    tried_at timestamptz,
    answer text,
    -- A reminder of a deadline is about a claim as it stands; its id follows from status and deadline.
    reminder text CHECK (reminder IN ('DUE_SOON', 'OVERDUE')),
    due_status text,
    due_on date,
    PRIMARY KEY (county_code, id),
    CONSTRAINT webhook_delivery_reminder CHECK ((reminder IS NULL) = (due_status IS NULL) AND (reminder IS NULL) = (due_on IS NULL)),
    FOREIGN KEY (county_code, endpoint_id) REFERENCES webhook_endpoint (county_code, id),
    FOREIGN KEY (county_code, county_seq) REFERENCES claim_event (county_code, county_seq)
);

CREATE UNIQUE INDEX webhook_delivery_event ON webhook_delivery (endpoint_id, county_seq, county_code) WHERE reminder IS NULL;
CREATE UNIQUE INDEX webhook_delivery_once ON webhook_delivery (endpoint_id, claim_id, due_status, due_on, reminder, county_code)
    WHERE reminder IS NOT NULL;
CREATE INDEX webhook_delivery_waiting ON webhook_delivery (endpoint_id, claim_id, county_seq) WHERE status = 'WAITING';
CREATE INDEX webhook_delivery_by_time ON webhook_delivery (endpoint_id, at);
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_at) WHERE status = 'WAITING';

-- What a connector said: the raw bytes, never changed, never deleted. What became of it stands beside it.
CREATE TABLE hook_message (
    county_code integer NOT NULL,
    id uuid NOT NULL,
    org_id uuid NOT NULL,
    account_id uuid NOT NULL,
    message_id text NOT NULL,
    body_hash text NOT NULL,
    body text NOT NULL,
    instruction_no text,
    received_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('WAITING', 'APPLIED', 'QUARANTINED', 'CLOSED')),
    code text,
    tries integer NOT NULL CHECK (tries >= 0),
    next_at timestamptz NOT NULL,
    settled_at timestamptz,
    closed_by uuid,
    closed_reason text,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, org_id) REFERENCES org (county_code, id),
    CONSTRAINT hook_message_code CHECK ((state IN ('QUARANTINED', 'CLOSED')) = (code IS NOT NULL)),
    CONSTRAINT hook_message_settled CHECK ((state = 'WAITING') = (settled_at IS NULL)),
    CONSTRAINT hook_message_closed CHECK ((state = 'CLOSED') = (closed_by IS NOT NULL AND closed_reason IS NOT NULL))
);

CREATE INDEX hook_message_by_sender ON hook_message (account_id, message_id);
CREATE INDEX hook_message_by_instruction ON hook_message (instruction_no) WHERE state = 'WAITING';
CREATE INDEX hook_message_due ON hook_message (next_at) WHERE state = 'WAITING';

CREATE TRIGGER hook_message_content BEFORE UPDATE ON hook_message FOR EACH ROW
    WHEN (NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.org_id <> OLD.org_id OR NEW.account_id <> OLD.account_id
    OR NEW.message_id <> OLD.message_id OR NEW.body_hash <> OLD.body_hash OR NEW.body <> OLD.body OR NEW.received_at <> OLD.received_at
    OR NEW.instruction_no IS DISTINCT FROM OLD.instruction_no)
    EXECUTE FUNCTION refuse('what a connector said stays as it was said');
CREATE TRIGGER hook_message_course BEFORE UPDATE ON hook_message FOR EACH ROW
    WHEN (OLD.state IN ('APPLIED', 'CLOSED') OR (OLD.state = 'QUARANTINED' AND (NEW.state <> 'CLOSED' OR NEW.code <> OLD.code)))
    EXECUTE FUNCTION refuse('a settled message stays settled');
CREATE TRIGGER webhook_endpoint_forward BEFORE UPDATE ON webhook_endpoint FOR EACH ROW
    WHEN (NEW.cursor_seq < OLD.cursor_seq)
    EXECUTE FUNCTION refuse('an endpoint only goes forward in the log');
DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['webhook_endpoint', 'webhook_delivery', 'hook_message'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse(''nothing is deleted'')',
            kept || '_never_deleted', kept);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse(''nothing is deleted'')',
            kept || '_never_truncated', kept);
    END LOOP;
END $$;

-- Row-level security, as in 0011: what belongs to the caller's own organisation.
-- (Not in plain SQL: that would be planned here, by the owner of the tables, who is bound by their policies.)
CREATE FUNCTION sight_org() RETURNS uuid LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT p.org_id FROM account a JOIN person p ON p.county_code = a.county_code AND p.id = a.person_id
        WHERE a.county_code = sight_county() AND a.id = sight_account());
END $$;
DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['webhook_endpoint', 'webhook_key', 'webhook_delivery', 'hook_message'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY system_all ON %I TO fangpin_system USING ((SELECT current_user) = ''fangpin_system'')', guarded);
        EXECUTE format('CREATE POLICY scoped_org ON %I TO fangpin_scoped USING (county_code = (SELECT sight_county()) '
            'AND org_id = (SELECT sight_org()))', guarded);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON webhook_endpoint, webhook_key, webhook_delivery, hook_message TO fangpin_scoped;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoint, webhook_key, webhook_delivery, hook_message TO fangpin_system;
