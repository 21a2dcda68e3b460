-- The second lock of a pool's orders: each is posted once or voided once, never changed, never deleted; money
-- moves only by an order that is posted; a settled pool reserves nothing.

CREATE TRIGGER pool_order_course BEFORE UPDATE ON pool_order
    WHEN OLD.status <> 'PENDING' OR NEW.status = 'PENDING'
BEGIN SELECT RAISE(ABORT, 'a decided order stays decided'); END;
CREATE TRIGGER pool_order_content BEFORE UPDATE ON pool_order
    WHEN NEW.county_code <> OLD.county_code OR NEW.id <> OLD.id OR NEW.scheme_id <> OLD.scheme_id OR NEW.kind <> OLD.kind
    OR NEW.amount_fen <> OLD.amount_fen OR NEW.reference <> OLD.reference OR NEW.reason <> OLD.reason OR NEW.ordered_at <> OLD.ordered_at
    OR NEW.ordered_by IS NOT OLD.ordered_by OR NEW.ordered_for IS NOT OLD.ordered_for OR NEW.settlement IS NOT OLD.settlement
BEGIN SELECT RAISE(ABORT, 'an order keeps its content'); END;
CREATE TRIGGER pool_order_begins BEFORE INSERT ON pool_order
    WHEN NEW.status <> CASE WHEN NEW.kind = 'OPERATOR_FUNDING' THEN 'POSTED' ELSE 'PENDING' END
BEGIN SELECT RAISE(ABORT, 'an order begins with one person'); END;
CREATE TRIGGER pool_order_never_deleted BEFORE DELETE ON pool_order
BEGIN SELECT RAISE(ABORT, 'pool_order is never deleted'); END;

CREATE TRIGGER transfer_ordered BEFORE INSERT ON transfer
    WHEN NEW.order_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM pool_order o WHERE o.county_code = NEW.county_code AND o.id = NEW.order_id AND o.status = 'POSTED')
BEGIN SELECT RAISE(ABORT, 'no posted order'); END;
CREATE TRIGGER transfer_of_open_pool BEFORE INSERT ON transfer
    WHEN NEW.debit = 'AVAILABLE' AND NEW.credit = 'RESERVED' AND EXISTS (
        SELECT 1 FROM pool_order o WHERE o.county_code = NEW.county_code AND o.scheme_id = NEW.scheme_id
            AND o.kind = 'SETTLEMENT' AND o.status = 'POSTED')
BEGIN SELECT RAISE(ABORT, 'the pool is settled'); END;
