-- The second lock: what the engine holds, the database holds again, also against raw SQL.
-- Every refusal names its guard.

-- Insert-only: what happened stays (invariants 5, 6, 12).

CREATE TRIGGER transfer_never_updated BEFORE UPDATE ON transfer
BEGIN SELECT RAISE(ABORT, 'transfer is insert-only'); END;
CREATE TRIGGER transfer_never_deleted BEFORE DELETE ON transfer
BEGIN SELECT RAISE(ABORT, 'transfer is insert-only'); END;

CREATE TRIGGER claim_event_never_updated BEFORE UPDATE ON claim_event
BEGIN SELECT RAISE(ABORT, 'claim_event is insert-only'); END;
CREATE TRIGGER claim_event_never_deleted BEFORE DELETE ON claim_event
BEGIN SELECT RAISE(ABORT, 'claim_event is insert-only'); END;

CREATE TRIGGER receipt_never_updated BEFORE UPDATE ON receipt
BEGIN SELECT RAISE(ABORT, 'receipt is insert-only'); END;
CREATE TRIGGER receipt_never_deleted BEFORE DELETE ON receipt
BEGIN SELECT RAISE(ABORT, 'receipt is insert-only'); END;

CREATE TRIGGER refusal_never_updated BEFORE UPDATE ON refusal
BEGIN SELECT RAISE(ABORT, 'refusal is insert-only'); END;
CREATE TRIGGER refusal_never_deleted BEFORE DELETE ON refusal
BEGIN SELECT RAISE(ABORT, 'refusal is insert-only'); END;

CREATE TRIGGER scheme_never_updated BEFORE UPDATE ON scheme
BEGIN SELECT RAISE(ABORT, 'scheme is insert-only'); END;
CREATE TRIGGER scheme_never_deleted BEFORE DELETE ON scheme
BEGIN SELECT RAISE(ABORT, 'scheme is insert-only'); END;

CREATE TRIGGER payee_never_updated BEFORE UPDATE ON payee
BEGIN SELECT RAISE(ABORT, 'payee is insert-only'); END;
CREATE TRIGGER payee_never_deleted BEFORE DELETE ON payee
BEGIN SELECT RAISE(ABORT, 'payee is insert-only'); END;

-- Kept: these rows change, but never go (invariant 12).

CREATE TRIGGER claim_never_deleted BEFORE DELETE ON claim
BEGIN SELECT RAISE(ABORT, 'claim is never deleted'); END;

CREATE TRIGGER notice_never_deleted BEFORE DELETE ON notice
BEGIN SELECT RAISE(ABORT, 'notice is never deleted'); END;

CREATE TRIGGER objection_never_deleted BEFORE DELETE ON objection
BEGIN SELECT RAISE(ABORT, 'objection is never deleted'); END;

CREATE TRIGGER payment_never_deleted BEFORE DELETE ON payment
BEGIN SELECT RAISE(ABORT, 'payment is never deleted'); END;

CREATE TRIGGER credential_never_deleted BEFORE DELETE ON credential
BEGIN SELECT RAISE(ABORT, 'credential is never deleted'); END;

-- Every change of a claim is one event: one version further, along a lawful transition.
CREATE TRIGGER claim_begins BEFORE INSERT ON claim
WHEN NEW.status <> 'DRAFT' OR NEW.version <> 1
BEGIN SELECT RAISE(ABORT, 'a claim begins as a draft'); END;

CREATE TRIGGER claim_version BEFORE UPDATE ON claim
WHEN NEW.version <> OLD.version + 1
BEGIN SELECT RAISE(ABORT, 'a claim moves one version at a time'); END;

CREATE TRIGGER claim_identity BEFORE UPDATE ON claim
WHEN NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.number <> OLD.number OR NEW.scheme_id <> OLD.scheme_id OR NEW.household_id <> OLD.household_id OR NEW.policy_year <> OLD.policy_year OR NEW.opened_at <> OLD.opened_at
BEGIN SELECT RAISE(ABORT, 'a claim keeps number, scheme and household'); END;

CREATE TRIGGER claim_lawful BEFORE UPDATE ON claim
WHEN NOT EXISTS (SELECT 1 FROM lawful_transition t WHERE t.from_status = OLD.status AND t.to_status = NEW.status)
BEGIN SELECT RAISE(ABORT, 'not a lawful transition'); END;

-- Invariant 1: a completed notice and no open objection, at approval and at instruction. A reinstated
-- payment comes back to APPROVED; an objection raised meanwhile then stops the instruction.
CREATE TRIGGER claim_notice BEFORE UPDATE ON claim
WHEN NEW.status IN ('APPROVED', 'INSTRUCTED') AND NEW.status <> OLD.status AND NOT EXISTS (
    SELECT 1 FROM notice n WHERE n.county_code = NEW.county_code AND n.claim_id = NEW.id AND n.status = 'CLOSED' AND n.closed_at >= n.closes_at)
BEGIN SELECT RAISE(ABORT, 'no completed notice'); END;

CREATE TRIGGER claim_objection BEFORE UPDATE ON claim
WHEN ((NEW.status = 'APPROVED' AND OLD.status IN ('NOTICE_CLOSED', 'AWAITING_FUNDS')) OR (NEW.status = 'INSTRUCTED' AND OLD.status <> 'INSTRUCTED')) AND EXISTS (
    SELECT 1 FROM objection o WHERE o.county_code = NEW.county_code AND o.claim_id = NEW.id AND o.status = 'OPEN')
BEGIN SELECT RAISE(ABORT, 'an objection is open'); END;

CREATE TRIGGER claim_paid BEFORE UPDATE ON claim
WHEN NEW.status = 'PAID' AND OLD.status <> 'PAID' AND NOT EXISTS (
    SELECT 1 FROM payment p WHERE p.county_code = NEW.county_code AND p.claim_id = NEW.id AND p.status = 'PAID')
BEGIN SELECT RAISE(ABORT, 'no settled payment'); END;

CREATE TRIGGER payment_notice BEFORE INSERT ON payment
WHEN NOT EXISTS (
    SELECT 1 FROM notice n WHERE n.county_code = NEW.county_code AND n.claim_id = NEW.claim_id AND n.status = 'CLOSED' AND n.closed_at >= n.closes_at)
BEGIN SELECT RAISE(ABORT, 'no completed notice'); END;

CREATE TRIGGER payment_objection BEFORE INSERT ON payment
WHEN EXISTS (
    SELECT 1 FROM objection o WHERE o.county_code = NEW.county_code AND o.claim_id = NEW.claim_id AND o.status = 'OPEN')
BEGIN SELECT RAISE(ABORT, 'an objection is open'); END;

CREATE TRIGGER payment_begins BEFORE INSERT ON payment
WHEN NEW.status <> 'INSTRUCTED'
BEGIN SELECT RAISE(ABORT, 'a payment begins with its instruction'); END;

-- Contents do not change; what is settled does not go back.
CREATE TRIGGER payment_content BEFORE UPDATE ON payment
WHEN NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.claim_id <> OLD.claim_id OR NEW.instruction_no <> OLD.instruction_no OR NEW.amount_fen <> OLD.amount_fen OR NEW.payee_id <> OLD.payee_id OR NEW.instructed_at <> OLD.instructed_at
BEGIN SELECT RAISE(ABORT, 'a payment keeps amount and payee'); END;

CREATE TRIGGER payment_course BEFORE UPDATE ON payment
WHEN NOT (NEW.status = OLD.status
    OR (OLD.status = 'INSTRUCTED' AND NEW.status IN ('UNKNOWN', 'PAID', 'FAILED'))
    OR (OLD.status = 'UNKNOWN' AND NEW.status IN ('PAID', 'FAILED'))
    OR (OLD.status = 'PAID' AND NEW.status IN ('RETURNED', 'RECOVERED', 'WRITTEN_OFF')))
BEGIN SELECT RAISE(ABORT, 'not the course of a payment'); END;

CREATE TRIGGER notice_content BEFORE UPDATE ON notice
WHEN NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.claim_id <> OLD.claim_id OR NEW.content_hash <> OLD.content_hash OR NEW.posted_on <> OLD.posted_on OR NEW.last_day <> OLD.last_day OR NEW.opened_at <> OLD.opened_at OR NEW.closes_at <> OLD.closes_at OR NEW.proofs_min <> OLD.proofs_min
BEGIN SELECT RAISE(ABORT, 'the content of a notice is immutable'); END;

CREATE TRIGGER notice_course BEFORE UPDATE ON notice
WHEN NOT (NEW.status = OLD.status
    OR (OLD.status = 'OPEN' AND NEW.status IN ('CLOSED', 'VOID'))
    OR (OLD.status = 'CLOSED' AND NEW.status = 'VOID'))
    OR (OLD.closed_at IS NOT NULL AND NEW.closed_at IS NOT OLD.closed_at)
BEGIN SELECT RAISE(ABORT, 'not the course of a notice'); END;

CREATE TRIGGER notice_begins BEFORE INSERT ON notice
WHEN NEW.status <> 'OPEN'
BEGIN SELECT RAISE(ABORT, 'a notice begins open'); END;

CREATE TRIGGER objection_course BEFORE UPDATE ON objection
WHEN OLD.status <> 'OPEN' OR NEW.claim_id <> OLD.claim_id OR NEW.raised_at <> OLD.raised_at
BEGIN SELECT RAISE(ABORT, 'a decided objection stays decided'); END;

CREATE TRIGGER county_head_forward BEFORE UPDATE ON county_head
WHEN NEW.last_seq < OLD.last_seq
BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
