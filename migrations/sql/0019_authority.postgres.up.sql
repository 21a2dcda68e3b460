-- An approval (审批) as it was given: of which sum, payee and dossier, by whom, in whose place. It stands until the
-- claim leaves it; a household's approvals of twelve months are summed from here.

CREATE TABLE approval (
    county_code integer NOT NULL,
    claim_id uuid NOT NULL,
    -- When it was complete.
    approved_at timestamptz NOT NULL,
    approved_on date NOT NULL,
    household_id uuid NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    payee_id uuid NOT NULL,
    dossier_hash text NOT NULL CONSTRAINT approval_of_dossier CHECK (length(dossier_hash) = 64),
    approved_by uuid NOT NULL,
    approved_for uuid,
    second_by uuid,
    second_for uuid,
    ended_at timestamptz,
    PRIMARY KEY (county_code, claim_id, approved_at),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    FOREIGN KEY (county_code, payee_id) REFERENCES payee (county_code, id),
    -- Invariant 4: the second approver is another person, also behind a delegation.
    CONSTRAINT approval_two_persons CHECK (second_by <> approved_by AND (approved_for IS NULL OR second_by <> approved_for)
        AND (second_for IS NULL OR (second_for <> approved_by AND (approved_for IS NULL OR second_for <> approved_for))))
);

-- One approval stands a claim.
CREATE UNIQUE INDEX approval_stands ON approval (claim_id, county_code) WHERE ended_at IS NULL;
CREATE INDEX approval_by_household ON approval (household_id);

CREATE TRIGGER approval_course BEFORE UPDATE ON approval FOR EACH ROW
    WHEN (OLD.ended_at IS NOT NULL OR NEW.county_code <> OLD.county_code OR NEW.claim_id <> OLD.claim_id OR NEW.approved_at <> OLD.approved_at OR NEW.approved_on <> OLD.approved_on OR NEW.household_id <> OLD.household_id OR NEW.amount_fen <> OLD.amount_fen OR NEW.payee_id <> OLD.payee_id OR NEW.dossier_hash <> OLD.dossier_hash OR NEW.approved_by <> OLD.approved_by OR NEW.approved_for IS DISTINCT FROM OLD.approved_for OR NEW.second_by IS DISTINCT FROM OLD.second_by OR NEW.second_for IS DISTINCT FROM OLD.second_for)
    EXECUTE FUNCTION refuse('an approval stays as it was given');
CREATE TRIGGER approval_begins BEFORE INSERT ON approval FOR EACH ROW
    WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION refuse('an approval begins standing');
CREATE TRIGGER approval_never_deleted BEFORE DELETE ON approval
    FOR EACH ROW EXECUTE FUNCTION refuse('approval is never deleted');
CREATE TRIGGER approval_never_truncated BEFORE TRUNCATE ON approval
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('approval is never deleted');

-- After the other guards, so that each refuses under its own name: no approved claim without its approval, no payment
-- of another sum or payee than stands approved (invariants 2 and 10).
CREATE FUNCTION claim_of_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'APPROVED' AND OLD.status IN ('NOTICE_CLOSED', 'AWAITING_FUNDS') AND NOT EXISTS (
        SELECT 1 FROM approval a WHERE a.county_code = NEW.county_code AND a.claim_id = NEW.id AND a.ended_at IS NULL AND a.amount_fen = NEW.approved_fen AND a.payee_id = NEW.payee_id) THEN
        RAISE EXCEPTION 'no standing approval' USING ERRCODE = 'check_violation', TABLE = 'claim';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER claim_of_approval AFTER UPDATE ON claim FOR EACH ROW
    WHEN (NEW.status = 'APPROVED' AND OLD.status IN ('NOTICE_CLOSED', 'AWAITING_FUNDS')) EXECUTE FUNCTION claim_of_approval();
CREATE FUNCTION payment_of_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM approval a WHERE a.county_code = NEW.county_code AND a.claim_id = NEW.claim_id AND a.ended_at IS NULL AND a.amount_fen = NEW.amount_fen AND a.payee_id = NEW.payee_id) THEN
        RAISE EXCEPTION 'no standing approval' USING ERRCODE = 'check_violation', TABLE = 'payment';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payment_of_approval AFTER INSERT ON payment FOR EACH ROW EXECUTE FUNCTION payment_of_approval();

-- Row-level security, as in 0011: a fact of a judgement, shown to nobody.
ALTER TABLE approval ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY system_all ON approval TO fangpin_system USING ((SELECT current_user) = 'fangpin_system');
CREATE POLICY judge_county ON approval TO fangpin_judge USING (county_code = (SELECT sight_county()));
GRANT SELECT, INSERT, UPDATE ON approval TO fangpin_judge;
GRANT SELECT, INSERT, UPDATE, DELETE ON approval TO fangpin_system;

-- The payee as a record of its own: in what relation it is paid, the papers of an heir, who entered it.
ALTER TABLE payee ADD COLUMN relation text NOT NULL DEFAULT 'FAMILY' CHECK (relation IN ('INSURED', 'HEAD', 'FAMILY', 'GUARDIAN', 'HEIR'));
ALTER TABLE payee ADD COLUMN death_certificate text;
ALTER TABLE payee ADD COLUMN relation_proof text;
ALTER TABLE payee ADD COLUMN heirs_agreement text;
ALTER TABLE payee ADD COLUMN entered_by uuid;
ALTER TABLE payee ADD COLUMN entered_for uuid;
ALTER TABLE payee ADD CONSTRAINT payee_heir CHECK ((relation = 'HEIR') = (death_certificate IS NOT NULL AND relation_proof IS NOT NULL AND heirs_agreement IS NOT NULL));

-- How the name of an account was checked, by whom. What a person sees, somebody else must see than entered the payee.
CREATE TABLE payee_check (
    county_code integer NOT NULL,
    payee_id uuid NOT NULL,
    position integer NOT NULL CHECK (position >= 0),
    -- Of the caller's key: what was recorded once is not recorded again by another try.
    id uuid NOT NULL,
    means text NOT NULL CHECK (means IN ('NAMES_COMPARED', 'DOCUMENT_SEEN', 'BANK_REPLY')),
    result text NOT NULL CHECK (result IN ('PASSED', 'FAILED')),
    checked_by uuid NOT NULL,
    checked_for uuid,
    checked_on date NOT NULL,
    sha256 text CHECK (length(sha256) = 64),
    PRIMARY KEY (county_code, payee_id, position),
    UNIQUE (id, county_code),
    FOREIGN KEY (county_code, payee_id) REFERENCES payee (county_code, id)
);

CREATE TRIGGER payee_keeps_relation BEFORE UPDATE ON payee FOR EACH ROW
    WHEN (NEW.relation <> OLD.relation OR NEW.death_certificate IS DISTINCT FROM OLD.death_certificate OR NEW.relation_proof IS DISTINCT FROM OLD.relation_proof OR NEW.heirs_agreement IS DISTINCT FROM OLD.heirs_agreement OR NEW.entered_by IS DISTINCT FROM OLD.entered_by OR NEW.entered_for IS DISTINCT FROM OLD.entered_for)
    EXECUTE FUNCTION refuse('payee is insert-only');
CREATE TRIGGER payee_check_never_updated BEFORE UPDATE ON payee_check
    FOR EACH ROW EXECUTE FUNCTION refuse('payee_check is insert-only');
CREATE TRIGGER payee_check_never_deleted BEFORE DELETE ON payee_check
    FOR EACH ROW EXECUTE FUNCTION refuse('payee_check is insert-only');
CREATE TRIGGER payee_check_never_truncated BEFORE TRUNCATE ON payee_check
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('payee_check is insert-only');
CREATE FUNCTION payee_check_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM payee p WHERE p.county_code = NEW.county_code AND p.id = NEW.payee_id AND NEW.means <> 'NAMES_COMPARED' AND (p.entered_by IN (NEW.checked_by, NEW.checked_for) OR p.entered_for IN (NEW.checked_by, NEW.checked_for))) THEN
        RAISE EXCEPTION 'whoever entered a payee does not check it' USING ERRCODE = 'check_violation', TABLE = 'payee_check';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payee_check_by_another BEFORE INSERT ON payee_check
    FOR EACH ROW EXECUTE FUNCTION payee_check_by_another();

-- Seen and written with the payee, as the payee with its household.
ALTER TABLE payee_check ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY system_all ON payee_check TO fangpin_system USING ((SELECT current_user) = 'fangpin_system');
CREATE POLICY judge_county ON payee_check FOR SELECT TO fangpin_judge USING (county_code = (SELECT sight_county()));
CREATE POLICY scoped_payee ON payee_check TO fangpin_scoped USING (county_code = (SELECT sight_county())
    AND EXISTS (SELECT 1 FROM payee p WHERE p.county_code = payee_check.county_code AND p.id = payee_check.payee_id));
GRANT SELECT ON payee_check TO fangpin_judge;
GRANT SELECT, INSERT ON payee_check TO fangpin_scoped;
GRANT SELECT, INSERT, UPDATE, DELETE ON payee_check TO fangpin_system;
