"""The reference bank: a process with a database of its own. It takes orders in the three forms that Fangpin writes, pays
each instruction number once into made-up accounts, and answers as banks do: with lists, statements and signed messages,
late, twice, out of order, wrong or damaged. What it does with an order is drawn from the seed and the order's number, so
a bank that was killed goes on as it would have gone.

    python reference.py SETTINGS.json              works until it is stopped
    python reference.py SETTINGS.json --figures    what its ledger says, as JSON

SETTINGS: database, port, seed, urls (where Fangpin takes messages), secret (whsec_, for them).
"""

import base64
import csv
import http.client
import io
import json
import os
import random
import re
import sqlite3
import sys
import threading
import time
import xml.etree.ElementTree as ET
import zipfile
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from bank import NS, answers, camt, mt940, plus, result
from standardwebhooks.webhooks import Webhook

SCHEMA = """
CREATE TABLE IF NOT EXISTS "order" (
    id TEXT PRIMARY KEY, steps TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS instruction (
    number TEXT PRIMARY KEY, "order" TEXT NOT NULL, amount INTEGER NOT NULL, account TEXT NOT NULL, payee TEXT,
    fate TEXT NOT NULL
);
-- The ledger: of each number one payment, and one return.
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY, number TEXT NOT NULL, kind TEXT NOT NULL, amount INTEGER NOT NULL, UNIQUE (number, kind)
);
CREATE TABLE IF NOT EXISTS account (number TEXT PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
CREATE TABLE IF NOT EXISTS answer (
    number INTEGER PRIMARY KEY, "order" TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS message (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, copies INTEGER NOT NULL, sent INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS refused (id TEXT, code INTEGER);
"""

# What Fangpin refuses whole: nothing in it is true or false.
UNREADABLE = [
    "list, other totals", "list, other count", "list, lines after the totals", "list, a third of a fen",
    "list, an unknown result", "list, no amount", "list, no column of results", "camt, cut off", "camt, other count",
    "camt, other currency", "camt, a bomb", "mt940, does not add up", "mt940, cut off", "nothing", "an image",
]
PAUSE_SECONDS_MAX = 0.2


def connect(path):
    database = sqlite3.connect(path, timeout=30, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.executescript(SCHEMA)
    return database


def yuan(fen):
    return f"{fen // 100}.{fen % 100:02}"


def fen(text):
    return int(text.replace(".", ""))


# --- orders ---------------------------------------------------------------------------------------------------------


def pain(content):
    root = ET.fromstring(content)
    head = root.find("p:CstmrCdtTrfInitn/p:GrpHdr", NS)
    lines = [
        (it.find("p:PmtId/p:EndToEndId", NS).text, fen(it.find("p:Amt/p:InstdAmt", NS).text),
         it.find("p:CdtrAcct/p:Id/p:Othr/p:Id", NS).text)
        for it in root.iterfind(".//p:CdtTrfTxInf", NS)
    ]
    return lines, int(head.find("p:NbOfTxs", NS).text), fen(head.find("p:CtrlSum", NS).text)


def sheet(content):
    """The rows of a workbook's first sheet, every cell text."""
    name = lambda tag: f"{{http://schemas.openxmlformats.org/spreadsheetml/2006/main}}{tag}"
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        shared = ET.fromstring(book.read("xl/sharedStrings.xml"))
        texts = ["".join(part.text or "" for part in item.iter(name("t"))) for item in shared.iter(name("si"))]
        rows = []
        for row in ET.fromstring(book.read("xl/worksheets/sheet1.xml")).iter(name("row")):
            cells = {}
            for cell in row.iter(name("c")):
                value = cell.find(name("v"))
                text = "" if value is None else value.text
                column = re.match("[A-Z]+", cell.get("r")).group()
                cells[ord(column) - ord("A")] = texts[int(text)] if cell.get("t") == "s" and text else text
            rows.append([cells.get(at, "") for at in range(7)])
    return rows


def listed(rows):
    """序号、指令号、收款人姓名、收款账号、开户银行、金额、附言; 合计 in the last row."""
    *lines, total = rows[1:]
    return [(it[1], fen(it[5]), it[3]) for it in lines], int(total[1].removesuffix("笔")), fen(total[5])


def read_order(content):
    """Number, fen and account of each payment; an order whose control totals do not agree is refused."""
    if content.startswith(b"PK"):
        lines, count, total = listed(sheet(content))
    elif content.lstrip().startswith(b"<"):
        lines, count, total = pain(content)
    else:
        lines, count, total = listed(list(csv.reader(io.StringIO(content.decode("utf-8-sig")))))
    if (count, total) != (len(lines), sum(amount for _, amount, _ in lines)):
        raise ValueError("control totals")
    return lines


def fate(seed, number):
    """What becomes of a payment. The second attempt on a claim arrives."""
    if not number.endswith("-1"):
        return "ARRIVES"
    return random.Random(f"{seed} {number}").choices(["ARRIVES", "FAILS", "COMES_BACK"], [6, 2, 2])[0]


def plan(seed, order, fates):
    """The steps of an order. Whatever is said wrong or by message only is followed by a file that is whole."""
    draw = random.Random(f"{seed} {order}")
    maybe = lambda step, chance: [step] if draw.random() < chance else []
    mixed = lambda steps: draw.sample(steps, len(steps))
    steps = maybe("damaged", 0.4) + maybe("under way", 0.3) + ["pay"] + maybe("damaged", 0.3) + maybe("spoilt", 0.4)
    steps += mixed(["tell"] + maybe("message", 0.6)) + maybe("again", 0.3)
    if "COMES_BACK" in fates:
        steps += ["return"] + mixed(["tell return"] + maybe("message return", 0.6))
    return steps + maybe("damaged", 0.2)


class Counter:
    """Where orders come in."""

    def __init__(self, database, seed):
        self.database, self.seed = database, seed

    def take(self, order, told):
        """Keeps an order; one that is here already stays as it is, and a number that is here is not paid again."""
        lines = read_order(base64.b64decode(told["content"]))
        fates = {number: fate(self.seed, number) for number, _, _ in lines}
        self.database.execute("BEGIN IMMEDIATE")
        steps = json.dumps(plan(self.seed, order, fates.values()))
        self.database.execute(
            'INSERT INTO "order" (id, steps, due) VALUES (?, ?, 0) ON CONFLICT DO NOTHING', (order, steps)
        )
        for number, amount, account in lines:
            self.database.execute(
                "INSERT INTO instruction VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (number, order, amount, account, told["payees"].get(number), fates[number]),
            )
        self.database.execute("COMMIT")
        print(f"order {order}: {len(lines)} payments", flush=True)

    def answers(self, after):
        rows = self.database.execute(
            'SELECT number, "order", name FROM answer WHERE number > ? ORDER BY number', (after,)
        )
        return [{"number": number, "order": order, "name": name} for number, order, name in rows]

    def answer(self, number):
        return self.database.execute("SELECT content FROM answer WHERE number = ?", (number,)).fetchone()[0]


# --- what becomes of them -------------------------------------------------------------------------------------------


class Work:
    """One order: each step is one transaction, together with the record that it is done."""

    def __init__(self, database, seed, order, done):
        self.database, self.order = database, order
        self.draw = random.Random(f"{seed} {order} {done}")
        self.payments = database.execute(
            'SELECT number, amount, account, payee, fate FROM instruction WHERE "order" = ? ORDER BY number', (order,)
        ).fetchall()

    def reference(self, number, kind):
        return self.database.execute(
            "SELECT printf('%s%08d', ?, id) FROM entry WHERE number = ? AND kind = ?", (kind[0], number, kind)
        ).fetchone()[0]

    def book(self, number, kind, amount, account):
        """Each number at most once; an account gets what is booked."""
        added = self.database.execute(
            "INSERT INTO entry (number, kind, amount) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (number, kind, amount)
        ).rowcount
        if added:
            self.database.execute(
                "INSERT INTO account VALUES (?, max(?, 0)) "
                "ON CONFLICT (number) DO UPDATE SET balance = balance + ?",
                (account, amount if kind == "PAID" else 0, amount if kind == "PAID" else -amount),
            )

    def write(self, name, content):
        content = content if isinstance(content, bytes) else content.encode()
        self.database.execute(
            'INSERT INTO answer ("order", name, content) VALUES (?, ?, ?)', (self.order, name, content)
        )

    def say(self, kind, number, amount, payee, **more):
        """A message, sent one to three times."""
        body = {"type": kind, "timestamp": datetime.now(timezone.utc).isoformat(timespec="seconds"), "data": {
            "instructionNo": number, "amountFen": str(amount), "payeeFingerprint": payee, **more}}
        message = (f"{kind}.{number}", json.dumps(body), self.draw.choice([1, 1, 2, 3]))
        self.database.execute(
            "INSERT INTO message (id, body, copies) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", message
        )

    def rows(self):
        """What became of each payment, as a result list says it."""
        return [
            (number, yuan(amount), "失败", f"F{number[-8:]}", "账户已销户") if fate == "FAILS"
            else (number, yuan(amount), "成功", self.reference(number, "PAID"), "")
            for number, amount, _, _, fate in self.payments
        ]

    def step(self, name):
        getattr(self, name.replace(" ", "_"))()

    def damaged(self):
        first = (self.payments[0][0], yuan(self.payments[0][1]))
        other = (self.payments[-1][0], yuan(self.payments[-1][1]))
        kind = self.draw.choice(UNREADABLE)
        self.write(f"damaged: {kind}", answers([first, other])[kind])

    def under_way(self):
        rows = [(number, yuan(amount), "处理中", "", "") for number, amount, *_ in self.payments]
        self.write("under way", result(rows))

    def pay(self):
        for number, amount, account, _, fate in self.payments:
            if fate != "FAILS":
                self.book(number, "PAID", amount, account)

    def spoilt(self):
        """Readable, and not whole: another amount, a line twice, a line lacking, numbers that nobody gave."""
        rows = self.rows()
        number, amount, said, reference, reason = rows.pop(self.draw.randrange(len(rows)))
        rows += self.draw.choice([
            [(number, plus(amount, 1), "成功", reference, "")],
            [(number, amount, said, reference, reason)] * 2,
            [],
            [("FP130302-2020-99999-1", amount, "成功", "X1", ""), ("12345", amount, "成功", "X2", "")],
            [(number, amount, said, reference, "账号6228480000000000011")],
        ])
        self.write("spoilt list", result(rows))

    def tell(self):
        rows = self.rows()
        forms = ["list", "GB 18030", "totals"]
        if all(row[2] == "成功" for row in rows):
            forms += ["camt", "mt940"]
        form = self.draw.choice(forms)
        references = [row[3] for row in rows]
        match form:
            case "camt":
                content = camt([(row[0], row[1], "DBIT", "BOOK", "") for row in rows], refs=references)
            case "mt940":
                content = mt940([(row[0], row[1], "D") for row in rows], refs=references)
            case "totals":
                content = result(rows, (str(len(rows)), yuan(sum(fen(row[1]) for row in rows))))
            case "GB 18030":
                content = result(rows).encode("gb18030")
            case _:
                content = result(rows)
        self.write(f"result: {form}", content)

    def again(self):
        content = self.database.execute(
            """SELECT content FROM answer WHERE "order" = ? AND name LIKE 'result: %'""", (self.order,)
        ).fetchone()[0]
        self.write("the same again", content)

    def message(self):
        for number, amount, _, payee, fate in self.payments:
            if fate == "FAILS":
                self.say("payout.failed", number, amount, payee, reason="账户已销户")
            else:
                self.say("payout.succeeded", number, amount, payee, bankRef=self.reference(number, "PAID"))

    def back(self):
        return [it for it in self.payments if it[4] == "COMES_BACK"]

    def do_return(self):
        for number, amount, account, _, _ in self.back():
            self.book(number, "BACK", amount, account)

    def tell_return(self):
        entries = [(it[0], yuan(it[1]), self.reference(it[0], "BACK")) for it in self.back()]
        match self.draw.choice(["list", "camt", "mt940"]):
            case "list":
                content = result([(number, amount, "退票", ref, "户名不符") for number, amount, ref in entries])
            case "camt":
                rows = [(number, amount, "CRDT", "BOOK", "AC04") for number, amount, _ in entries]
                content = camt(rows, refs=[it[2] for it in entries])
            case "mt940":
                rows = [(number, amount, "C") for number, amount, _ in entries]
                content = mt940(rows, refs=[it[2] for it in entries])
        self.write("returns", content)

    def message_return(self):
        for number, amount, _, payee, _ in self.back():
            self.say("payout.returned", number, amount, payee, bankRef=self.reference(number, "BACK"))


def work(path, seed):
    """Takes every order one step on, when it is due."""
    database = connect(path)
    while True:
        row = database.execute(
            'SELECT id, steps, done FROM "order" WHERE done < json_array_length(steps) AND due <= ? '
            "ORDER BY due LIMIT 1",
            (time.time(),),
        ).fetchone()
        if row is None:
            time.sleep(0.05)
            continue
        order, steps, done = row
        name = json.loads(steps)[done]
        database.execute("BEGIN IMMEDIATE")
        Work(database, seed, order, done).step("do return" if name == "return" else name)
        due = time.time() + random.uniform(0, PAUSE_SECONDS_MAX)
        database.execute('UPDATE "order" SET done = ?, due = ? WHERE id = ?', (done + 1, due, order))
        database.execute("COMMIT")
        print(f"order {order}: {name}", flush=True)


def send(path, urls, secret):
    """Sends messages in any order, each as often as was drawn; one that got no 202 is sent again."""
    database, signer, places = connect(path), Webhook(secret), [urlsplit(url) for url in urls]
    while True:
        row = database.execute("SELECT id, body FROM message WHERE sent < copies ORDER BY random() LIMIT 1").fetchone()
        if row is None:
            time.sleep(0.1)
            continue
        message_id, body = row
        now = datetime.now(timezone.utc)
        headers = {"webhook-id": message_id, "webhook-timestamp": str(int(now.timestamp())),
                   "webhook-signature": signer.sign(message_id, now, body)}
        place = random.choice(places)
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=5)
        try:
            connection.request("POST", place.path, body.encode(), headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = None
        connection.close()
        if status == 202:
            database.execute("UPDATE message SET sent = sent + 1 WHERE id = ?", (message_id,))
            print(f"message {message_id}", flush=True)
            continue
        # Whatever else than "later" is said stands for an error of ours or theirs.
        if status is not None and status < 500 and status != 429:
            database.execute("INSERT INTO refused VALUES (?, ?)", (message_id, status))
        time.sleep(0.2)


def serve(path, port, seed):
    class Window(BaseHTTPRequestHandler):
        def answer(self, act):
            database = connect(path)
            try:
                status, content = 200, act(Counter(database, seed))
            except (ValueError, KeyError, TypeError) as wrong:
                status, content = 400, str(wrong).encode()
            finally:
                database.close()
            try:
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # whoever hung up asks again

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            order = self.path.removeprefix("/orders/")
            self.answer(lambda counter: counter.take(order, body) or b"taken")

        def do_GET(self):
            place, _, after = self.path.partition("?after=")
            if place == "/answers":
                self.answer(lambda counter: json.dumps(counter.answers(int(after))).encode())
            else:
                self.answer(lambda counter: counter.answer(int(place.removeprefix("/answers/"))))

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Window)
    server.daemon_threads = True
    return server


def figures(database):
    rows = lambda sql: [list(row) for row in database.execute(sql)]
    one = lambda sql: database.execute(sql).fetchone()[0]
    return {
        "orders": one('SELECT count(*) FROM "order"'),
        "instructions": rows("SELECT number, amount, fate FROM instruction ORDER BY number"),
        "entries": rows("SELECT number, kind, amount FROM entry ORDER BY id"),
        "balances": one("SELECT coalesce(sum(balance), 0) FROM account"),
        "answers": dict(rows("SELECT name, count(*) FROM answer GROUP BY name ORDER BY name")),
        "messages": rows("SELECT count(*), coalesce(sum(sent), 0) FROM message")[0],
        "open": one('SELECT count(*) FROM "order" WHERE done < json_array_length(steps)')
        + one("SELECT count(*) FROM message WHERE sent < copies"),
        "refused": rows("SELECT id, code FROM refused"),
    }


def fall(wrong):
    """A part that breaks takes the whole with it: whoever watches over us starts it again."""
    threading.__excepthook__(wrong)
    os._exit(1)


def main(settings):
    threading.excepthook = fall
    path, seed = settings["database"], settings["seed"]
    connect(path).close()
    server = serve(path, settings["port"], seed)
    for part in (lambda: work(path, seed), lambda: send(path, settings["urls"], settings["secret"])):
        threading.Thread(target=part, daemon=True).start()
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    if "--figures" in sys.argv:
        print(json.dumps(figures(connect(settings["database"]))))
    else:
        main(settings)
