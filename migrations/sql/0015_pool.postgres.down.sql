REVOKE ALL ON pool_order FROM fangpin_scoped, fangpin_judge, fangpin_system;
DROP POLICY judge_county ON pool_order;
DROP POLICY scoped_pool ON pool_order;
DROP POLICY scoped_pool ON pool_account;
DROP POLICY scoped_pool ON transfer;
CREATE POLICY scoped_scheme ON pool_account FOR SELECT TO fangpin_scoped USING (county_code = (SELECT sight_county())
    AND EXISTS (SELECT 1 FROM scheme s WHERE s.county_code = pool_account.county_code AND s.id = pool_account.scheme_id));
CREATE POLICY scoped_scheme ON transfer FOR SELECT TO fangpin_scoped USING (county_code = (SELECT sight_county())
    AND EXISTS (SELECT 1 FROM scheme s WHERE s.county_code = transfer.county_code AND s.id = transfer.scheme_id));
DROP POLICY system_all ON pool_order;
ALTER TABLE pool_order NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP TRIGGER transfer_ordered ON transfer;
DROP FUNCTION transfer_ordered();
DROP TRIGGER pool_order_never_truncated ON pool_order;
DROP TRIGGER pool_order_never_deleted ON pool_order;
DROP TRIGGER pool_order_begins ON pool_order;
DROP TRIGGER pool_order_content ON pool_order;
DROP TRIGGER pool_order_course ON pool_order;
