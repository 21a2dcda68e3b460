"""One claim from draft to paid, by six accounts of the demo, each with the documents of its role.

    python lifecycle.py URL CONTRACT first-day              draft .. notice posted; prints the claim's id
    python lifecycle.py URL CONTRACT after-notice CLAIM     approval .. paid, once the notice has run its term
"""

import os
import sys
import uuid

import httpx
from client import ApiError, Case, Fangpin, Refused, done
from graphql import GraphQLError

URL, CONTRACT, STAGE = sys.argv[1:4]
CLAIMS = "query Claims($filter: ClaimFilter) { claims(first: 1, filter: $filter) { nodes { id } } }"
PASSWORD = os.environ.get("FANGPIN_PASSWORD", "fangpin-demo-2020")


class LossyNetwork(httpx.HTTPTransport):
    """Loses the next answer when told to: the server has acted, the client does not know."""

    loses_next = False

    def handle_request(self, request):
        response = super().handle_request(request)
        if self.loses_next:
            self.loses_next = False
            response.read()
            response.close()
            raise httpx.ReadError("the connection was lost")
        return response


def sign_in(login, **settings):
    role = "insurer" if login.startswith("ins.") else "office"
    return Fangpin(URL, CONTRACT, role, **settings).log_in(login, PASSWORD)


def say(step, case):
    print(f"python: {step}: {case.status} version {case.version}", flush=True)


def paper(kind):
    return {"kind": kind, "sha256": "b" * 64}


def refused(act, code):
    """Whatever `act` is refused with."""
    try:
        act()
    except (ApiError, Refused) as wrong:
        codes = wrong.codes if isinstance(wrong, Refused) else [wrong.code]
        assert code in codes, wrong
        return wrong
    raise AssertionError(f"nothing stood against it, though {code} should")


def first_day():
    network = LossyNetwork()
    township = sign_in("smz.wang", network=network)
    county = sign_in("office.zhao")
    handler = sign_in("ins.chu")
    surveyor = sign_in("ins.zhou")

    # What does not fit the schema never leaves the house: not a field, not a variable.
    unfit = [("query { claims(first: 1) { nodes { idNumber } } }", {}), (CLAIMS, {"filter": {"statuses": ["SETTLED"]}})]
    for text, variables in unfit:
        try:
            township.send(text, variables)
        except GraphQLError as wrong:
            print(f"python: checked against the SDL: {wrong.message}")
        else:
            raise AssertionError(f"{text} was sent")

    # A household of the list with its members and accounts, and who may be sent.
    seen = township.ask("Claims", {"first": 1})["claims"]["edges"][0]["node"]
    earlier = township.ask("Claim", {"id": seen["id"]})["claim"]
    household = township.ask("Household", {"id": earlier["household"]["id"]})["household"]
    surveyor_id = handler.ask("Surveyors")["colleagues"]["nodes"][0]["id"]

    # The draft's answer is lost on the way; the client asks again with the same key and is told what was done.
    draft = {
        "idempotencyKey": str(uuid.uuid4()),
        "schemeId": earlier["scheme"]["id"],
        "householdId": household["id"],
        "insuredMemberId": household["members"][0]["id"],
        "peril": "ILLNESS",
        "eventOn": "2020-06-19",
        "submittedFen": "4120000",
        "payeeId": household["payees"]["nodes"][0]["id"],
        "basis": {"decidedOn": "2020-06-21", "document": "村评〔2020〕102号"},
    }
    network.loses_next = True
    case = Case(done(township.ask("DraftReferral", {"input": draft})["draftReferral"])["claim"])
    assert township.replayed, "the lost answer was not replayed"
    say("draftReferral, its answer lost and asked for again", case)

    case.give(township, "ReferCase")
    say("referCase", case)
    # A refusal is an answer: a code for the program, a sentence for the person, in the language asked for.
    english = sign_in("ins.zhou", language="en")
    wrong = refused(lambda: case.give(english, "AcceptReferral"), "DUTY_MISSING")
    print(f"python: acceptReferral by the surveyor is refused: {wrong}")
    # Another township does not even learn that the claim exists.
    elsewhere = sign_in("zcy.li")
    refused(lambda: case.give(elsewhere, "WithdrawClaim", reason="不是我的"), "NOT_FOUND")
    print("python: withdrawClaim by another township: NOT_FOUND")

    case.give(handler, "AcceptReferral")
    say("acceptReferral", case)
    case.give(handler, "AssignSurvey", surveyorId=surveyor_id)
    say("assignSurvey", case)
    case.give(surveyor, "RecordFinding", check="FIELD_VISIT", on="2020-06-24", passed=True, evidence=[paper("入户照片")])
    say("recordFinding, the visit", case)
    votes = {"present": 15, "agree": 14, "against": 1}
    case.give(
        township, "RecordFinding", check="VILLAGE_EVALUATION", on="2020-06-24", passed=True, evidence=[], votes=votes
    )
    say("recordFinding, the village's evaluation", case)
    case.give(
        surveyor,
        "RecordVerification",
        bills=[{"issuer": "示例医院", "number": "PY-1", "amountFen": "9120000"}],
        layers=[{"name": "基本医保", "paidFen": "5000000"}],
        otherCompensationFen="0",
        evidence=[paper("医疗费用结算单"), paper("诊断证明")],
    )
    say("recordVerification", case)

    verified = township.ask("Claim", {"id": case.id})["claim"]
    print(f"python: assessed {verified['assessment']['benefitFen']} fen")
    content_hash = verified["noticePreview"]["contentHash"]
    case.give(township, "PreviewNotice", contentHash=content_hash)
    say("previewNotice", case)
    case.give(county, "OpenPublicNotice")
    say("openPublicNotice", case)
    case.give(township, "RecordPublicationProof", contentHash=content_hash, evidence=paper("公示照片"))
    say("recordPublicationProof", case)
    print(f"claim {case.id}")


def after_notice(claim_id):
    supervisor = sign_in("office.qian")
    decider = sign_in("ins.wu")
    handler = sign_in("ins.chu")
    cashier = sign_in("ins.chen")

    def read(who):
        return who.ask("Claim", {"id": claim_id})["claim"]

    if read(supervisor)["status"] == "NOTICE_OPEN":
        # The server's timer closes it too; whoever is second is told so, which is no failure.
        try:
            Case(read(supervisor)).give(supervisor, "CloseNotice")
        except Refused as wrong:
            print(f"python: closeNotice: {wrong}")
    case = Case(read(supervisor))
    say("closeNotice", case)

    # What is approved and paid is echoed on purpose: it is what was seen, not what the server may correct.
    seen = read(decider)
    case.give(
        decider,
        "ApproveClaim",
        benefitFen=seen["assessment"]["benefitFen"],
        payeeId=seen["payee"]["id"],
        dossierHash=seen["dossierHash"],
    )
    say("approveClaim", case)
    approved = read(handler)
    check = {
        "idempotencyKey": str(uuid.uuid4()),
        "householdId": approved["household"]["id"],
        "memberId": approved["payee"]["memberId"],
        "checkedOn": "2020-06-30",
    }
    done(handler.ask("RecordLivenessCheck", {"input": check})["recordLivenessCheck"])
    case.give(
        handler, "InstructPayout", approvedAmountFen=approved["approvedFen"], payeeId=approved["payee"]["id"]
    )
    say("instructPayout", case)

    payout = read(cashier)["payout"]
    line = {"instructionNo": payout["instructionNo"], "amountFen": payout["amountFen"], "bankRef": "STMT-PY-1"}
    # Somebody who read the claim before it moved on is told so, and reads again.
    stale = Case({"id": case.id, "version": case.version - 1, "status": case.status})
    refused(lambda: stale.give(cashier, "ConfirmPayout", **line), "STALE_VERSION")
    print("python: confirmPayout on an old version: STALE_VERSION")
    case.give(cashier, "ConfirmPayout", **line)
    say("confirmPayout", case)

    paid = read(cashier)
    assert paid["status"] == "PAID", paid["status"]
    summary = supervisor.ask("ClaimStatusSummary")["claimStatusSummary"]
    print(f"python: {paid['number']} is PAID, {paid['amountFen']} fen; {len(summary)} statuses in the county")


if STAGE == "first-day":
    first_day()
else:
    after_notice(sys.argv[4])
