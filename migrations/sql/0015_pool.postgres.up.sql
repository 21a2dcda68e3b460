-- The second lock of a pool's orders: each is posted once or voided once, never changed, never deleted; money
-- moves only by an order that is posted; a settled pool reserves nothing.

CREATE TRIGGER pool_order_course BEFORE UPDATE ON pool_order FOR EACH ROW
    WHEN (OLD.status <> 'PENDING' OR NEW.status = 'PENDING')
    EXECUTE FUNCTION refuse('a decided order stays decided');
CREATE TRIGGER pool_order_content BEFORE UPDATE ON pool_order FOR EACH ROW
    WHEN (NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.scheme_id <> OLD.scheme_id OR NEW.kind <> OLD.kind
    OR NEW.amount_fen <> OLD.amount_fen OR NEW.reference <> OLD.reference OR NEW.reason <> OLD.reason OR NEW.ordered_at <> OLD.ordered_at
    OR NEW.ordered_by IS DISTINCT FROM OLD.ordered_by OR NEW.ordered_for IS DISTINCT FROM OLD.ordered_for OR NEW.settlement IS DISTINCT FROM OLD.settlement)
    EXECUTE FUNCTION refuse('an order keeps its content');
CREATE TRIGGER pool_order_begins BEFORE INSERT ON pool_order FOR EACH ROW
    WHEN (NEW.status <> CASE WHEN NEW.kind = 'OPERATOR_FUNDING' THEN 'POSTED' ELSE 'PENDING' END)
    EXECUTE FUNCTION refuse('an order begins with one person');
CREATE TRIGGER pool_order_never_deleted BEFORE DELETE ON pool_order
    FOR EACH ROW EXECUTE FUNCTION refuse('pool_order is never deleted');
CREATE TRIGGER pool_order_never_truncated BEFORE TRUNCATE ON pool_order
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('pool_order is never deleted');

CREATE FUNCTION transfer_ordered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.order_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM pool_order o WHERE o.county_code = NEW.county_code AND o.id = NEW.order_id AND o.status = 'POSTED') THEN
        RAISE EXCEPTION 'no posted order' USING ERRCODE = 'check_violation', TABLE = 'transfer';
    END IF;
    IF NEW.debit = 'AVAILABLE' AND NEW.credit = 'RESERVED' AND EXISTS (
        SELECT 1 FROM pool_order o WHERE o.county_code = NEW.county_code AND o.scheme_id = NEW.scheme_id
            AND o.kind = 'SETTLEMENT' AND o.status = 'POSTED') THEN
        RAISE EXCEPTION 'the pool is settled' USING ERRCODE = 'check_violation', TABLE = 'transfer';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transfer_ordered BEFORE INSERT ON transfer FOR EACH ROW
    WHEN (NEW.order_id IS NOT NULL OR NEW.credit = 'RESERVED')
    EXECUTE FUNCTION transfer_ordered();

-- Row-level security, as in 0011, for orders, accounts and transfers: seen with the scheme by whoever has the
-- whole county, written by a judge.
ALTER TABLE pool_order ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY system_all ON pool_order TO fangpin_system USING ((SELECT current_user) = 'fangpin_system');
CREATE POLICY judge_county ON pool_order TO fangpin_judge USING (county_code = (SELECT sight_county()));
DROP POLICY scoped_scheme ON pool_account;
DROP POLICY scoped_scheme ON transfer;
DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['pool_order', 'pool_account', 'transfer'] LOOP
        EXECUTE format('CREATE POLICY scoped_pool ON %I FOR SELECT TO fangpin_scoped USING (county_code = (SELECT sight_county()) '
            'AND (SELECT sight_region()) = (SELECT sight_county()) || ''%%'' '
            'AND EXISTS (SELECT 1 FROM scheme s WHERE s.county_code = %I.county_code AND s.id = %I.scheme_id))', guarded, guarded, guarded);
    END LOOP;
END $$;
GRANT SELECT ON pool_order TO fangpin_scoped;
GRANT SELECT, INSERT, UPDATE ON pool_order TO fangpin_judge;
GRANT SELECT, INSERT, UPDATE, DELETE ON pool_order TO fangpin_system;
