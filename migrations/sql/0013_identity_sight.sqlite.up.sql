-- SQLite has no row-level security; the step keeps both ledgers in step.
SELECT 1;
