-- Nothing was made, nothing is undone.
SELECT 1;
