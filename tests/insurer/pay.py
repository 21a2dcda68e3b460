"""Payments: approved claims become a batch, the batch an order to the bank; the bank's answers are read, compared and
posted by somebody who did not instruct."""

import base64
import http.client
import json
from urllib.parse import urlsplit

from work import CASHIER, today

ACCOUNTANT = "ins.chu"
BATCH_MAX = 20
FORMS = ["PAIN_001", "LIST_CSV", "LIST_XLSX"]
PAYER = {"payerName": "某保险公司(示例)", "payerAccount": "1300000000000001", "payerBank": "某银行"}
POSTED = ["CONFIRMED", "FAILED", "RETURNED", "UNKNOWN"]
# What a bank may say of a payment that stands so, without telling anything new.
KNOWN = {
    "SETTLED": {"PAID", "RETURNED"}, "FAILED": {"FAILED"}, "RETURNED": {"RETURNED"},
    "UNKNOWN": {"UNKNOWN", "PAID", "FAILED", "RETURNED"},
}


class Bank:
    """The bank's counter for companies."""

    def __init__(self, url):
        self.place = urlsplit(url)

    def ask(self, method, path, body=None):
        """The answer's bytes, or None: then the same is asked again some time."""
        connection = http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=5)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            content = response.read()
            return content if response.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


class Cash:
    """The insurer's cash desk."""

    def __init__(self, desk, bank):
        self.desk, self.books, self.api, self.bank = desk, desk.books, desk.api, bank

    # Out.

    def pay(self):
        """Takes the open batch as far as it goes; makes one if claims wait."""
        batch = self.open_batch()
        if batch is None:
            ready = "SELECT id FROM claim WHERE status = 'APPROVED' AND ours ORDER BY id LIMIT ?"
            claims = [row[0] for row in self.books.rows(ready, BATCH_MAX)]
            if not claims:
                return
            self.books.write(("INSERT INTO batch (claims) VALUES (?)", (json.dumps(claims),)))
            batch = self.open_batch()
        number, claims, state, batch_id = batch
        if state == "NEW":
            state, batch_id = self.prepare(number, json.loads(claims))
        if state == "PREPARED":
            state = self.instruct(number, batch_id)
        if state == "INSTRUCTED":
            self.hand_over(number, batch_id)

    def open_batch(self):
        rows = self.books.rows(
            "SELECT number, claims, state, id FROM batch WHERE state NOT IN ('HANDED_OVER', 'EMPTY') ORDER BY number"
        )
        return rows[0] if rows else None

    def ends(self, number, state, batch_id=None, claims=()):
        """Records how far a batch is; claims it did not pay are looked at again."""
        again = [("UPDATE claim SET seen = 0, status = '' WHERE id = ?", (claim,)) for claim in claims]
        moved = "UPDATE batch SET state = ?, id = coalesce(?, id) WHERE number = ?"
        self.books.write((moved, (state, batch_id, number)), *again)
        print(f"batch {number}: {state}", flush=True)
        return state

    def prepare(self, number, claims):
        scheme = self.desk.claim(claims[0])["scheme"]["id"]
        wanted = {**PAYER, "schemeId": scheme, "claimIds": claims}
        answer = self.desk.give(f"PreparePaymentBatch {number}", CASHIER, "PreparePaymentBatch", wanted)
        if answer["userErrors"]:
            return self.ends(number, "EMPTY", claims=claims), None
        batch_id = answer["batch"]["id"]
        return self.ends(number, "PREPARED", batch_id), batch_id

    def batch(self, batch_id):
        return self.api.ask(CASHIER, "PaymentBatch", {"batchId": batch_id})["paymentBatch"]

    def instruct(self, number, batch_id):
        """Confirms the totals, again and again while lines wait: each line is instructed once."""
        batch = self.batch(batch_id)
        while batch["tally"]["waiting"]["count"]:
            selected = batch["tally"]["selected"]
            totals = {"batchId": batch_id, "count": selected["count"], "totalFen": selected["sumFen"]}
            answer = self.api.ask(CASHIER, "InstructPaymentBatch", {"input": totals})["instructPaymentBatch"]
            if answer["userErrors"]:
                raise RuntimeError(f"a batch is not instructed: {answer['userErrors']}")
            batch = answer["batch"]
        lines = batch["lines"]["nodes"]
        paid = {it["claimId"] for it in lines if it["instructionNo"]}
        rest = [it["claimId"] for it in lines if it["claimId"] not in paid]
        done = [("UPDATE claim SET status = 'INSTRUCTED' WHERE id = ?", (claim,)) for claim in paid]
        self.books.write(*done)
        return self.ends(number, "INSTRUCTED" if paid else "EMPTY", claims=rest)

    def hand_over(self, number, batch_id):
        """The order goes to the bank until the bank says that it has it: it pays each number once."""
        nodes = self.batch(batch_id)["lines"]["nodes"]
        lines = [it for it in nodes if it["instructionNo"]]
        seen = [self.desk.claim(it["claimId"]) for it in lines]
        form = FORMS[number % len(FORMS)]
        wanted = {"batchId": batch_id, "form": form, "executeOn": today(seen[0])}
        order = self.api.ask(CASHIER, "WritePaymentOrder", {"input": wanted})["writePaymentOrder"]["order"]
        # The bank's messages must repeat what the payee is called towards it.
        payouts = [it["payout"] for it in seen if it["payout"]]
        called = {it["instructionNo"]: it["payeeFingerprint"] for it in payouts}
        body = json.dumps({"name": order["name"], "content": order["content"], "payees": called})
        if self.bank.ask("POST", f"/orders/{batch_id}", body) is not None:
            self.ends(number, "HANDED_OVER")

    # In.

    def fetch(self):
        """Puts what the bank has for us on file, with the key it will be read under."""
        last = self.books.value("SELECT coalesce(max(number), 0) FROM file")
        listed = self.bank.ask("GET", f"/answers?after={last}")
        for answer in json.loads(listed or b"[]"):
            content = self.bank.ask("GET", f"/answers/{answer['number']}")
            if content is None:
                return
            scheme = self.desk.claim(self.claim_of(answer["order"]))["scheme"]["id"]
            wanted = {
                "schemeId": scheme, "batchId": answer["order"], "name": answer["name"],
                "content": base64.b64encode(content).decode(),
            }
            self.books.wish(f"ReadBankFile {answer['number']}", ACCOUNTANT, "ReadBankFile", wanted)
            self.books.write(("INSERT INTO file (number) VALUES (?)", (answer["number"],)))
            print(f"file {answer['number']}: {answer['name']}", flush=True)

    def claim_of(self, batch_id):
        return json.loads(self.books.value("SELECT claims FROM batch WHERE id = ?", batch_id))[0]

    def settle(self):
        """Reads and posts every file that is not done yet, in the order of the bank."""
        open_files = "SELECT number, state, id FROM file WHERE state != 'DONE' ORDER BY number"
        for number, state, file_id in self.books.rows(open_files):
            if state == "NEW":
                answer = self.desk.give(f"ReadBankFile {number}")
                # A damaged file is refused whole: the bank sends another.
                file_id = answer["file"]["id"] if answer["file"] else None
                state = "OPEN" if file_id else "DONE"
                self.books.write(("UPDATE file SET state = ?, id = ? WHERE number = ?", (state, file_id, number)))
            if state == "OPEN":
                self.post(number, file_id)

    def post(self, number, file_id):
        file = self.api.ask(ACCOUNTANT, "BankFile", {"fileId": file_id})["bankFile"]
        for queue in sorted(file["queues"], key=lambda it: it["class"]):
            if queue["class"] in POSTED:
                totals = {"count": queue["open"]["count"], "totalFen": queue["open"]["sumFen"]}
                wanted = {"fileId": file_id, "class": queue["class"], **totals}
                self.api.ask(ACCOUNTANT, "PostBankLines", {"input": wanted})
        file = self.api.ask(ACCOUNTANT, "BankFile", {"fileId": file_id})["bankFile"]
        waits = False
        for line in file["lines"]["nodes"]:
            if line["state"] == "OPEN":
                if line["class"] in POSTED and not self.is_known(line):
                    waits = True  # something else must come before it
                    continue
                closed = {"fileId": file_id, "lineNo": line["lineNo"], "note": "已核对,无需入账"}
                self.api.ask(ACCOUNTANT, "CloseBankLine", {"input": closed})
                line["state"] = "CLOSED"
            self.books.write((
                "INSERT INTO line VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (number, line["lineNo"], line["class"], line["state"]),
            ))
        if not waits:
            self.books.write(("UPDATE file SET state = 'DONE' WHERE number = ?", (number,)))

    def is_known(self, line):
        payments = self.desk.claim(line["claimId"])["payments"]["nodes"]
        stands = {it["instructionNo"]: it["status"] for it in payments}
        return stands.get(line["instructionNo"]) in KNOWN[line["said"]]
