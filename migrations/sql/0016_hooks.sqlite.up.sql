-- Webhooks. Outbound: the log of the county is the outbox; an endpoint keeps a place in it, and a row for each
-- delivery says what became of it. Inbound: what banks and insurers' systems said, kept for ever.

CREATE TABLE webhook_endpoint (
    county_code integer NOT NULL,
    id text NOT NULL,
    org_id text NOT NULL,
    region_code text NOT NULL,
    insurer_id text,
    url text NOT NULL CHECK (url <> ''),
    kinds text NOT NULL,
    cursor_seq integer NOT NULL CHECK (cursor_seq >= 0),
    created_by text NOT NULL,
    created_at text NOT NULL,
    failing_since text,
    paused_until text,
    disabled_at text,
    disabled_reason text CHECK (disabled_reason IN ('BY_HAND', 'GONE', 'FAILING')),
    lease_by text,
    lease_until text,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, org_id) REFERENCES org (county_code, id),
    CONSTRAINT webhook_endpoint_disabled CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
    CONSTRAINT webhook_endpoint_lease CHECK ((lease_by IS NULL) = (lease_until IS NULL))
) STRICT;

-- Secrets, sealed: an endpoint's to sign with; a connector's (`owner_id` is its account) to verify with.
CREATE TABLE webhook_key (
    county_code integer NOT NULL,
    id text NOT NULL,
    org_id text NOT NULL,
    owner_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('ED25519', 'HMAC')),
    sealed text NOT NULL,
    made_at text NOT NULL,
    ends_at text,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, org_id) REFERENCES org (county_code, id)
) STRICT;

CREATE INDEX webhook_key_by_owner ON webhook_key (owner_id);

-- What became of an event on its way to an endpoint. While one waits, later ones of the same claim wait behind it.
CREATE TABLE webhook_delivery (
    county_code integer NOT NULL,
    id text NOT NULL,
    endpoint_id text NOT NULL,
    county_seq integer NOT NULL,
    org_id text NOT NULL,
    claim_id text NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    kind text NOT NULL,
    at text NOT NULL,
    status text NOT NULL CHECK (status IN ('WAITING', 'SENT', 'DEAD')),
    round integer NOT NULL CHECK (round >= 1),
    attempts integer NOT NULL CHECK (attempts >= 0),
    next_at text NOT NULL,
    tried_at text,
    answer text,
    -- A reminder of a deadline is about a claim as it stands; its id follows from status and deadline.
    reminder text CHECK (reminder IN ('DUE_SOON', 'OVERDUE')),
    due_status text,
    due_on text,
    PRIMARY KEY (county_code, id),
    CONSTRAINT webhook_delivery_reminder CHECK ((reminder IS NULL) = (due_status IS NULL) AND (reminder IS NULL) = (due_on IS NULL)),
    FOREIGN KEY (county_code, endpoint_id) REFERENCES webhook_endpoint (county_code, id),
    FOREIGN KEY (county_code, county_seq) REFERENCES claim_event (county_code, county_seq)
) STRICT;

CREATE UNIQUE INDEX webhook_delivery_event ON webhook_delivery (endpoint_id, county_seq, county_code) WHERE reminder IS NULL;
CREATE UNIQUE INDEX webhook_delivery_once ON webhook_delivery (endpoint_id, claim_id, due_status, due_on, reminder, county_code)
    WHERE reminder IS NOT NULL;
CREATE INDEX webhook_delivery_waiting ON webhook_delivery (endpoint_id, claim_id, county_seq) WHERE status = 'WAITING';
CREATE INDEX webhook_delivery_by_time ON webhook_delivery (endpoint_id, at);
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_at) WHERE status = 'WAITING';

-- What a connector said: the raw bytes, never changed, never deleted. What became of it stands beside it.
CREATE TABLE hook_message (
    county_code integer NOT NULL,
    id text NOT NULL,
    org_id text NOT NULL,
    account_id text NOT NULL,
    message_id text NOT NULL,
    body_hash text NOT NULL,
    body text NOT NULL,
    instruction_no text,
    received_at text NOT NULL,
    state text NOT NULL CHECK (state IN ('WAITING', 'APPLIED', 'QUARANTINED', 'CLOSED')),
    code text,
    tries integer NOT NULL CHECK (tries >= 0),
    next_at text NOT NULL,
    settled_at text,
    closed_by text,
    closed_reason text,
    PRIMARY KEY (county_code, id),
    FOREIGN KEY (county_code, org_id) REFERENCES org (county_code, id),
    CONSTRAINT hook_message_code CHECK ((state IN ('QUARANTINED', 'CLOSED')) = (code IS NOT NULL)),
    CONSTRAINT hook_message_settled CHECK ((state = 'WAITING') = (settled_at IS NULL)),
    CONSTRAINT hook_message_closed CHECK ((state = 'CLOSED') = (closed_by IS NOT NULL AND closed_reason IS NOT NULL))
) STRICT;

CREATE INDEX hook_message_by_sender ON hook_message (account_id, message_id);
CREATE INDEX hook_message_by_instruction ON hook_message (instruction_no) WHERE state = 'WAITING';
CREATE INDEX hook_message_due ON hook_message (next_at) WHERE state = 'WAITING';

CREATE TRIGGER hook_message_content BEFORE UPDATE ON hook_message
    WHEN NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.org_id <> OLD.org_id OR NEW.account_id <> OLD.account_id
    OR NEW.message_id <> OLD.message_id OR NEW.body_hash <> OLD.body_hash OR NEW.body <> OLD.body OR NEW.received_at <> OLD.received_at
    OR NEW.instruction_no IS NOT OLD.instruction_no
BEGIN SELECT RAISE(ABORT, 'what a connector said stays as it was said'); END;
CREATE TRIGGER hook_message_course BEFORE UPDATE ON hook_message
    WHEN OLD.state IN ('APPLIED', 'CLOSED') OR (OLD.state = 'QUARANTINED' AND (NEW.state <> 'CLOSED' OR NEW.code <> OLD.code))
BEGIN SELECT RAISE(ABORT, 'a settled message stays settled'); END;
CREATE TRIGGER hook_message_never_deleted BEFORE DELETE ON hook_message
BEGIN SELECT RAISE(ABORT, 'hook_message is never deleted'); END;
CREATE TRIGGER webhook_delivery_never_deleted BEFORE DELETE ON webhook_delivery
BEGIN SELECT RAISE(ABORT, 'webhook_delivery is never deleted'); END;
CREATE TRIGGER webhook_endpoint_forward BEFORE UPDATE ON webhook_endpoint
    WHEN NEW.cursor_seq < OLD.cursor_seq
BEGIN SELECT RAISE(ABORT, 'an endpoint only goes forward in the log'); END;
CREATE TRIGGER webhook_endpoint_never_deleted BEFORE DELETE ON webhook_endpoint
BEGIN SELECT RAISE(ABORT, 'webhook_endpoint is never deleted'); END;
