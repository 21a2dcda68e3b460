-- The floor: what one `assignSurvey` writes, as one prepared statement. The county's chain head is among them,
-- so that the clients wait for one another's commits, as any single-statement writer of this log would.
\set n 1 + :client_id + :clients * random(0, :claims / :clients - 1)
WITH head AS (
    UPDATE county_head SET last_at = now(), last_seq = last_seq + 1, last_hash = md5(random()::text) || md5(random()::text)
    WHERE county_code = 130302 RETURNING last_seq, last_hash
), claim_after AS (
    UPDATE claim SET version = version + 1, status = 'VERIFYING', phase = 'VERIFICATION', peril = peril,
        insured_id = insured_id, payee_id = payee_id, event_on = event_on, submitted_fen = submitted_fen,
        assessed_fen = NULL, uplift_fen = 0, approved_fen = NULL, referrer_id = referrer_id,
        surveyor_id = surveyor_id, approver_id = NULL, second_approver_id = NULL, payer_id = NULL, due_on = NULL,
        updated_at = clock_timestamp(), body = body || ''
    WHERE county_code = 130302 AND number = '130302-2020-' || lpad((17 + :n)::text, 5, '0')
    RETURNING id, version, surveyor_id
), event AS (
    INSERT INTO claim_event (county_code, county_seq, claim_id, version, kind, actor_id, at, event, seen, previous_hash, hash)
    SELECT 130302, head.last_seq, claim_after.id, claim_after.version, 'SURVEY_ASSIGNED', claim_after.surveyor_id,
        clock_timestamp(), repeat('e', 182), repeat('s', 481), head.last_hash, head.last_hash
    FROM head, claim_after
    RETURNING county_seq, claim_id, version
)
INSERT INTO receipt (county_code, account_id, idempotency_key, fingerprint, claim_id, version, county_seq, kind, at)
SELECT 130302, '00000000-0000-0000-0000-000000000001', gen_random_uuid(), md5(random()::text) || md5(random()::text),
    claim_id, version, county_seq, 'SURVEY_ASSIGNED', clock_timestamp()
FROM event;
