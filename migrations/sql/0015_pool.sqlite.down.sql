DROP TRIGGER transfer_of_open_pool;
DROP TRIGGER transfer_ordered;
DROP TRIGGER pool_order_never_deleted;
DROP TRIGGER pool_order_begins;
DROP TRIGGER pool_order_content;
DROP TRIGGER pool_order_course;
