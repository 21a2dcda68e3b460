-- The second lock: what the engine holds, the database holds again, also against raw SQL.
-- Every refusal is a check violation (23514) and names its guard.

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME;
END $$;

-- Insert-only: what happened stays (invariants 5, 6, 12).

CREATE TRIGGER transfer_never_updated BEFORE UPDATE ON transfer
    FOR EACH ROW EXECUTE FUNCTION refuse('transfer is insert-only');
CREATE TRIGGER transfer_never_deleted BEFORE DELETE ON transfer
    FOR EACH ROW EXECUTE FUNCTION refuse('transfer is insert-only');
CREATE TRIGGER transfer_never_truncated BEFORE TRUNCATE ON transfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('transfer is insert-only');

CREATE TRIGGER claim_event_never_updated BEFORE UPDATE ON claim_event
    FOR EACH ROW EXECUTE FUNCTION refuse('claim_event is insert-only');
CREATE TRIGGER claim_event_never_deleted BEFORE DELETE ON claim_event
    FOR EACH ROW EXECUTE FUNCTION refuse('claim_event is insert-only');
CREATE TRIGGER claim_event_never_truncated BEFORE TRUNCATE ON claim_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('claim_event is insert-only');

CREATE TRIGGER receipt_never_updated BEFORE UPDATE ON receipt
    FOR EACH ROW EXECUTE FUNCTION refuse('receipt is insert-only');
CREATE TRIGGER receipt_never_deleted BEFORE DELETE ON receipt
    FOR EACH ROW EXECUTE FUNCTION refuse('receipt is insert-only');
CREATE TRIGGER receipt_never_truncated BEFORE TRUNCATE ON receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('receipt is insert-only');

CREATE TRIGGER refusal_never_updated BEFORE UPDATE ON refusal
    FOR EACH ROW EXECUTE FUNCTION refuse('refusal is insert-only');
CREATE TRIGGER refusal_never_deleted BEFORE DELETE ON refusal
    FOR EACH ROW EXECUTE FUNCTION refuse('refusal is insert-only');
CREATE TRIGGER refusal_never_truncated BEFORE TRUNCATE ON refusal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('refusal is insert-only');

CREATE TRIGGER scheme_never_updated BEFORE UPDATE ON scheme
    FOR EACH ROW EXECUTE FUNCTION refuse('scheme is insert-only');
CREATE TRIGGER scheme_never_deleted BEFORE DELETE ON scheme
    FOR EACH ROW EXECUTE FUNCTION refuse('scheme is insert-only');
CREATE TRIGGER scheme_never_truncated BEFORE TRUNCATE ON scheme
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('scheme is insert-only');

CREATE TRIGGER payee_never_updated BEFORE UPDATE ON payee
    FOR EACH ROW EXECUTE FUNCTION refuse('payee is insert-only');
CREATE TRIGGER payee_never_deleted BEFORE DELETE ON payee
    FOR EACH ROW EXECUTE FUNCTION refuse('payee is insert-only');
CREATE TRIGGER payee_never_truncated BEFORE TRUNCATE ON payee
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('payee is insert-only');

-- Kept: these rows change, but never go (invariant 12).

CREATE TRIGGER claim_never_deleted BEFORE DELETE ON claim
    FOR EACH ROW EXECUTE FUNCTION refuse('claim is never deleted');
CREATE TRIGGER claim_never_truncated BEFORE TRUNCATE ON claim
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('claim is never deleted');

CREATE TRIGGER notice_never_deleted BEFORE DELETE ON notice
    FOR EACH ROW EXECUTE FUNCTION refuse('notice is never deleted');
CREATE TRIGGER notice_never_truncated BEFORE TRUNCATE ON notice
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('notice is never deleted');

CREATE TRIGGER objection_never_deleted BEFORE DELETE ON objection
    FOR EACH ROW EXECUTE FUNCTION refuse('objection is never deleted');
CREATE TRIGGER objection_never_truncated BEFORE TRUNCATE ON objection
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('objection is never deleted');

CREATE TRIGGER payment_never_deleted BEFORE DELETE ON payment
    FOR EACH ROW EXECUTE FUNCTION refuse('payment is never deleted');
CREATE TRIGGER payment_never_truncated BEFORE TRUNCATE ON payment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('payment is never deleted');

CREATE TRIGGER credential_never_deleted BEFORE DELETE ON credential
    FOR EACH ROW EXECUTE FUNCTION refuse('credential is never deleted');
CREATE TRIGGER credential_never_truncated BEFORE TRUNCATE ON credential
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('credential is never deleted');

-- Every change of a claim is one event: one version further, along a lawful transition.
CREATE TRIGGER claim_begins BEFORE INSERT ON claim FOR EACH ROW
    WHEN (NEW.status <> 'DRAFT' OR NEW.version <> 1)
    EXECUTE FUNCTION refuse('a claim begins as a draft');

CREATE TRIGGER claim_version BEFORE UPDATE ON claim FOR EACH ROW
    WHEN (NEW.version <> OLD.version + 1)
    EXECUTE FUNCTION refuse('a claim moves one version at a time');

CREATE TRIGGER claim_identity BEFORE UPDATE ON claim FOR EACH ROW
    WHEN (NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.number <> OLD.number OR NEW.scheme_id <> OLD.scheme_id OR NEW.household_id <> OLD.household_id OR NEW.policy_year <> OLD.policy_year OR NEW.opened_at <> OLD.opened_at)
    EXECUTE FUNCTION refuse('a claim keeps number, scheme and household');

-- Invariant 1: a completed notice and no open objection, at approval and at instruction. A reinstated
-- payment comes back to APPROVED; an objection raised meanwhile then stops the instruction.
CREATE FUNCTION claim_lawful() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM lawful_transition t WHERE t.from_status = OLD.status AND t.to_status = NEW.status) THEN
        RAISE EXCEPTION 'not a lawful transition' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    IF NEW.status IN ('APPROVED', 'INSTRUCTED') AND NEW.status <> OLD.status AND NOT EXISTS (
        SELECT 1 FROM notice n WHERE n.county_code = NEW.county_code AND n.claim_id = NEW.id AND n.status = 'CLOSED' AND n.closed_at >= n.closes_at) THEN
        RAISE EXCEPTION 'no completed notice' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    IF ((NEW.status = 'APPROVED' AND OLD.status IN ('NOTICE_CLOSED', 'AWAITING_FUNDS')) OR (NEW.status = 'INSTRUCTED' AND OLD.status <> 'INSTRUCTED')) AND EXISTS (
        SELECT 1 FROM objection o WHERE o.county_code = NEW.county_code AND o.claim_id = NEW.id AND o.status = 'OPEN') THEN
        RAISE EXCEPTION 'an objection is open' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    IF NEW.status = 'PAID' AND OLD.status <> 'PAID' AND NOT EXISTS (
        SELECT 1 FROM payment p WHERE p.county_code = NEW.county_code AND p.claim_id = NEW.id AND p.status = 'PAID') THEN
        RAISE EXCEPTION 'no settled payment' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claim_lawful BEFORE UPDATE ON claim FOR EACH ROW EXECUTE FUNCTION claim_lawful();

CREATE FUNCTION payment_noticed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM notice n WHERE n.county_code = NEW.county_code AND n.claim_id = NEW.claim_id AND n.status = 'CLOSED' AND n.closed_at >= n.closes_at) THEN
        RAISE EXCEPTION 'no completed notice' USING ERRCODE = 'check_violation', TABLE = 'payment';
    END IF;
    IF EXISTS (
        SELECT 1 FROM objection o WHERE o.county_code = NEW.county_code AND o.claim_id = NEW.claim_id AND o.status = 'OPEN') THEN
        RAISE EXCEPTION 'an objection is open' USING ERRCODE = 'check_violation', TABLE = 'payment';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_noticed BEFORE INSERT ON payment FOR EACH ROW EXECUTE FUNCTION payment_noticed();

CREATE TRIGGER payment_begins BEFORE INSERT ON payment FOR EACH ROW
    WHEN (NEW.status <> 'INSTRUCTED')
    EXECUTE FUNCTION refuse('a payment begins with its instruction');

-- Contents do not change; what is settled does not go back.
CREATE TRIGGER payment_content BEFORE UPDATE ON payment FOR EACH ROW
    WHEN (NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.claim_id <> OLD.claim_id OR NEW.instruction_no <> OLD.instruction_no OR NEW.amount_fen <> OLD.amount_fen OR NEW.payee_id <> OLD.payee_id OR NEW.instructed_at <> OLD.instructed_at)
    EXECUTE FUNCTION refuse('a payment keeps amount and payee');

CREATE TRIGGER payment_course BEFORE UPDATE ON payment FOR EACH ROW
    WHEN (NOT (NEW.status = OLD.status
    OR (OLD.status = 'INSTRUCTED' AND NEW.status IN ('UNKNOWN', 'PAID', 'FAILED'))
    OR (OLD.status = 'UNKNOWN' AND NEW.status IN ('PAID', 'FAILED'))
    OR (OLD.status = 'PAID' AND NEW.status IN ('RETURNED', 'RECOVERED', 'WRITTEN_OFF'))))
    EXECUTE FUNCTION refuse('not the course of a payment');

CREATE TRIGGER notice_content BEFORE UPDATE ON notice FOR EACH ROW
    WHEN (NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.claim_id <> OLD.claim_id OR NEW.content_hash <> OLD.content_hash OR NEW.posted_on <> OLD.posted_on OR NEW.last_day <> OLD.last_day OR NEW.opened_at <> OLD.opened_at OR NEW.closes_at <> OLD.closes_at OR NEW.proofs_min <> OLD.proofs_min)
    EXECUTE FUNCTION refuse('the content of a notice is immutable');

CREATE TRIGGER notice_course BEFORE UPDATE ON notice FOR EACH ROW
    WHEN (NOT (NEW.status = OLD.status
    OR (OLD.status = 'OPEN' AND NEW.status IN ('CLOSED', 'VOID'))
    OR (OLD.status = 'CLOSED' AND NEW.status = 'VOID'))
    OR (OLD.closed_at IS NOT NULL AND NEW.closed_at IS DISTINCT FROM OLD.closed_at))
    EXECUTE FUNCTION refuse('not the course of a notice');

CREATE TRIGGER notice_begins BEFORE INSERT ON notice FOR EACH ROW
    WHEN (NEW.status <> 'OPEN')
    EXECUTE FUNCTION refuse('a notice begins open');

CREATE TRIGGER objection_course BEFORE UPDATE ON objection FOR EACH ROW
    WHEN (OLD.status <> 'OPEN' OR NEW.claim_id <> OLD.claim_id OR NEW.raised_at <> OLD.raised_at)
    EXECUTE FUNCTION refuse('a decided objection stays decided');

CREATE TRIGGER county_head_forward BEFORE UPDATE ON county_head FOR EACH ROW
    WHEN (NEW.last_seq < OLD.last_seq)
    EXECUTE FUNCTION refuse('the log only grows');
