-- An approval (审批) as it was given: of which sum, payee and dossier, by whom, in whose place. It stands until the
-- claim leaves it; a household's approvals of twelve months are summed from here.

CREATE TABLE approval (
    county_code INTEGER NOT NULL,
    claim_id TEXT NOT NULL,
    -- When it was complete.
    approved_at TEXT NOT NULL,
    approved_on TEXT NOT NULL,
    household_id TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    payee_id TEXT NOT NULL,
    dossier_hash TEXT NOT NULL CONSTRAINT approval_of_dossier CHECK (length(dossier_hash) = 64),
    approved_by TEXT NOT NULL,
    approved_for TEXT,
    second_by TEXT,
    second_for TEXT,
    ended_at TEXT,
    PRIMARY KEY (county_code, claim_id, approved_at),
    FOREIGN KEY (county_code, claim_id) REFERENCES claim (county_code, id),
    FOREIGN KEY (county_code, payee_id) REFERENCES payee (county_code, id),
    -- Invariant 4: the second approver is another person, also behind a delegation.
    CONSTRAINT approval_two_persons CHECK (second_by <> approved_by AND (approved_for IS NULL OR second_by <> approved_for)
        AND (second_for IS NULL OR (second_for <> approved_by AND (approved_for IS NULL OR second_for <> approved_for))))
) STRICT;

-- One approval stands a claim.
CREATE UNIQUE INDEX approval_stands ON approval (claim_id, county_code) WHERE ended_at IS NULL;
CREATE INDEX approval_by_household ON approval (household_id);

CREATE TRIGGER approval_course BEFORE UPDATE ON approval
    WHEN OLD.ended_at IS NOT NULL OR NEW.county_code <> OLD.county_code OR NEW.claim_id <> OLD.claim_id OR NEW.approved_at <> OLD.approved_at OR NEW.approved_on <> OLD.approved_on OR NEW.household_id <> OLD.household_id OR NEW.amount_fen <> OLD.amount_fen OR NEW.payee_id <> OLD.payee_id OR NEW.dossier_hash <> OLD.dossier_hash OR NEW.approved_by <> OLD.approved_by OR NEW.approved_for IS NOT OLD.approved_for OR NEW.second_by IS NOT OLD.second_by OR NEW.second_for IS NOT OLD.second_for
BEGIN SELECT RAISE(ABORT, 'an approval stays as it was given'); END;
CREATE TRIGGER approval_begins BEFORE INSERT ON approval WHEN NEW.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'an approval begins standing'); END;
CREATE TRIGGER approval_never_deleted BEFORE DELETE ON approval
BEGIN SELECT RAISE(ABORT, 'approval is never deleted'); END;

-- After the other guards, so that each refuses under its own name: no approved claim without its approval, no payment
-- of another sum or payee than stands approved (invariants 2 and 10).
CREATE TRIGGER claim_of_approval AFTER UPDATE ON claim
    WHEN NEW.status = 'APPROVED' AND OLD.status IN ('NOTICE_CLOSED', 'AWAITING_FUNDS') AND NOT EXISTS (SELECT 1 FROM approval a WHERE a.county_code = NEW.county_code AND a.claim_id = NEW.id AND a.ended_at IS NULL AND a.amount_fen = NEW.approved_fen AND a.payee_id = NEW.payee_id)
BEGIN SELECT RAISE(ABORT, 'no standing approval'); END;
CREATE TRIGGER payment_of_approval AFTER INSERT ON payment
    WHEN NOT EXISTS (SELECT 1 FROM approval a WHERE a.county_code = NEW.county_code AND a.claim_id = NEW.claim_id AND a.ended_at IS NULL AND a.amount_fen = NEW.amount_fen AND a.payee_id = NEW.payee_id)
BEGIN SELECT RAISE(ABORT, 'no standing approval'); END;

-- The payee as a record of its own: in what relation it is paid, the papers of an heir, who entered it.
ALTER TABLE payee ADD COLUMN relation TEXT NOT NULL DEFAULT 'FAMILY' CHECK (relation IN ('INSURED', 'HEAD', 'FAMILY', 'GUARDIAN', 'HEIR'));
ALTER TABLE payee ADD COLUMN death_certificate TEXT;
ALTER TABLE payee ADD COLUMN relation_proof TEXT;
ALTER TABLE payee ADD COLUMN heirs_agreement TEXT CONSTRAINT payee_heir CHECK ((relation = 'HEIR') = (death_certificate IS NOT NULL AND relation_proof IS NOT NULL AND heirs_agreement IS NOT NULL));
ALTER TABLE payee ADD COLUMN entered_by TEXT;
ALTER TABLE payee ADD COLUMN entered_for TEXT;

-- How the name of an account was checked, by whom. What a person sees, somebody else must see than entered the payee.
CREATE TABLE payee_check (
    county_code INTEGER NOT NULL,
    payee_id TEXT NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),
    -- Of the caller's key: what was recorded once is not recorded again by another try.
    id TEXT NOT NULL,
    means TEXT NOT NULL CHECK (means IN ('NAMES_COMPARED', 'DOCUMENT_SEEN', 'BANK_REPLY')),
    result TEXT NOT NULL CHECK (result IN ('PASSED', 'FAILED')),
    checked_by TEXT NOT NULL,
    checked_for TEXT,
    checked_on TEXT NOT NULL,
    sha256 TEXT CHECK (length(sha256) = 64),
    PRIMARY KEY (county_code, payee_id, position),
    UNIQUE (id, county_code),
    FOREIGN KEY (county_code, payee_id) REFERENCES payee (county_code, id)
) STRICT;

CREATE TRIGGER payee_keeps_relation BEFORE UPDATE ON payee
    WHEN NEW.relation <> OLD.relation OR NEW.death_certificate IS NOT OLD.death_certificate OR NEW.relation_proof IS NOT OLD.relation_proof OR NEW.heirs_agreement IS NOT OLD.heirs_agreement OR NEW.entered_by IS NOT OLD.entered_by OR NEW.entered_for IS NOT OLD.entered_for
BEGIN SELECT RAISE(ABORT, 'payee is insert-only'); END;
CREATE TRIGGER payee_check_never_updated BEFORE UPDATE ON payee_check
BEGIN SELECT RAISE(ABORT, 'payee_check is insert-only'); END;
CREATE TRIGGER payee_check_never_deleted BEFORE DELETE ON payee_check
BEGIN SELECT RAISE(ABORT, 'payee_check is insert-only'); END;
CREATE TRIGGER payee_check_by_another BEFORE INSERT ON payee_check
    WHEN EXISTS (SELECT 1 FROM payee p WHERE p.county_code = NEW.county_code AND p.id = NEW.payee_id AND NEW.means <> 'NAMES_COMPARED' AND (p.entered_by IN (NEW.checked_by, NEW.checked_for) OR p.entered_for IN (NEW.checked_by, NEW.checked_for)))
BEGIN SELECT RAISE(ABORT, 'whoever entered a payee does not check it'); END;
