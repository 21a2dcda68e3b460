"""What the insurer's people do about a claim, by its status: the one place where documents and their inputs stand."""

import hashlib
import json
from datetime import datetime, timedelta, timezone

HANDLER, SURVEYOR, APPROVER, SECOND, CASHIER = "ins.sun", "ins.zhou", "ins.wu", "ins.feng", "ins.chen"
# Below this the scheme pays nothing; the office is asked to look again.
WARNING_LINE_FEN = 500_000
BASIC_INSURANCE_FEN = 5_000_000
SHANGHAI = timezone(timedelta(hours=8))


def today(claim):
    """The legal day in Asia/Shanghai on which the claim last moved: by the server's clock, not by ours."""
    last = claim["timeline"]["nodes"][-1]["recordedAt"]
    return datetime.fromisoformat(last.replace("Z", "+00:00")).astimezone(SHANGHAI).date().isoformat()


def paper(kind, claim):
    """A document of our archive, by its hash."""
    return {"kind": kind, "sha256": hashlib.sha256(f"{kind} {claim['number']}".encode()).hexdigest()}


def referred(claim):
    if int(claim["submittedFen"]) < WARNING_LINE_FEN:
        return HANDLER, "ReturnReferral", {"reasons": ["自付费用低于起付线,请核对"]}
    return HANDLER, "AcceptReferral", {}


def accepted(claim, surveyor):
    return HANDLER, "AssignSurvey", {"surveyorId": surveyor}


def verifying(claim):
    if claim["nextCheck"] == "FIELD_VISIT":
        visit = {"check": "FIELD_VISIT", "on": today(claim), "passed": True, "evidence": [paper("入户照片", claim)]}
        return SURVEYOR, "RecordFinding", visit
    if claim["nextCheck"] is not None:
        return None  # the village's
    bill = int(claim["submittedFen"]) + BASIC_INSURANCE_FEN
    return SURVEYOR, "RecordVerification", {
        "bills": [{"issuer": "示例医院", "number": claim["number"], "amountFen": str(bill)}],
        "layers": [{"name": "基本医保", "paidFen": str(BASIC_INSURANCE_FEN)}],
        "otherCompensationFen": "0",
        "evidence": [paper("医疗费用结算单", claim), paper("诊断证明", claim)],
    }


def notice_closed(claim):
    # What is approved is echoed on purpose: it is what the approver saw.
    seen = {"payeeId": claim["payee"]["id"], "dossierHash": claim["dossierHash"]}
    if claim["firstApproval"]:
        return SECOND, "SecondApproveClaim", {"amountFen": claim["firstApproval"]["amountFen"], **seen}
    return APPROVER, "ApproveClaim", {"benefitFen": claim["assessment"]["benefitFen"], **seen}


def came_back(claim):
    return CASHIER, "ReinstatePayout", {"payeeId": claim["payee"]["id"]}


def next_step(claim, surveyor):
    """Who sends which document with what, as the claim stands; None while it is somebody else's turn."""
    match claim["status"]:
        case "REFERRED":
            return referred(claim)
        case "ACCEPTED":
            return accepted(claim, surveyor)
        case "VERIFYING":
            return verifying(claim)
        case "NOTICE_CLOSED":
            return notice_closed(claim)
        case "PAY_FAILED" | "PAY_RETURNED":
            return came_back(claim)
        case _:
            return None


def liveness(claim):
    """Whoever is paid must be known to be alive on the day."""
    return HANDLER, "RecordLivenessCheck", {
        "householdId": claim["household"]["id"], "memberId": claim["payee"]["memberId"], "checkedOn": today(claim),
    }


class Desk:
    """Works off what was heard of."""

    def __init__(self, books, api):
        self.books, self.api = books, api

    def give(self, name, login=None, document=None, fields=None):
        """Has a wish done, once, and says what was answered. It is on file with its key before it leaves; what was
        answered before a kill, or is answered again after one, is the same."""
        if document:
            self.books.wish(name, login, document, fields)
        answer = self.books.answer(name)
        if answer is None:
            ((login, document, fields),) = self.books.rows(
                "SELECT login, document, input FROM wish WHERE name = ?", name
            )
            self.books.write(("UPDATE wish SET sent = sent + 1 WHERE name = ?", (name,)))
            (answer,) = self.api.ask(login, document, {"input": json.loads(fields)}).values()
            self.books.answered(name, answer, self.api.replayed)
            print(f"{name}: {[it['code'] for it in answer['userErrors']] or 'done'}", flush=True)
        return answer

    def surveyor(self):
        if not self.books.fact("surveyor"):
            found = self.api.ask(HANDLER, "Surveyors", {})["colleagues"]["nodes"][0]["id"]
            self.books.keep("surveyor", found)
        return self.books.fact("surveyor")

    def claim(self, claim_id):
        return self.api.ask(HANDLER, "Claim", {"id": claim_id})["claim"]

    def look(self, claim_id):
        """Reads a claim and does what is ours to do, until it is somebody else's turn."""
        while True:
            claim = self.claim(claim_id)
            if claim["status"] == "REFERRED":
                self.books.take(claim_id)
            step = next_step(claim, self.surveyor()) if self.books.is_ours(claim_id) else None
            if step is None:
                break
            login, document, fields = step
            fields |= {"claimId": claim_id, "expectedVersion": claim["version"]}
            answer = self.give(f"{document} {claim_id} {claim['version']}", login, document, fields)
            codes = [it["code"] for it in answer["userErrors"]]
            # Somebody was faster: we look again. Whatever else is refused waits for a person.
            if codes and codes != ["STALE_VERSION"]:
                break
        if claim["status"] == "APPROVED" and self.books.is_ours(claim_id):
            self.give(f"RecordLivenessCheck {claim_id} {claim['version']}", *liveness(claim))
        self.books.looked_at(claim)
