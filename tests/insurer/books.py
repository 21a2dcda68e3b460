"""The insurer's own database. What must outlive a power cut stands here before it leaves the house; each method is one
transaction, and when it returns, the disk has it."""

import json
import sqlite3
import uuid

SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);

-- Inbox. A webhook comes at least once; its id says whether it came before.
CREATE TABLE IF NOT EXISTS webhook (
    arrival INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    number TEXT NOT NULL, seq INTEGER NOT NULL,
    again INTEGER NOT NULL DEFAULT 0
);

-- Claims: `heard` is the newest event we were told of, `seen` the version we have acted on.
CREATE TABLE IF NOT EXISTS claim (
    id TEXT PRIMARY KEY, heard INTEGER NOT NULL, seen INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL DEFAULT '',
    ours INTEGER NOT NULL DEFAULT 0
);

-- Outbox. One wish is one command with one idempotency key, whatever happens to the process or the answer.
CREATE TABLE IF NOT EXISTS wish (
    name TEXT PRIMARY KEY, login TEXT NOT NULL, document TEXT NOT NULL, input TEXT NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0, replayed INTEGER NOT NULL DEFAULT 0, answer TEXT
);

-- Payments: a batch is made, instructed, handed to the bank.
CREATE TABLE IF NOT EXISTS batch (
    number INTEGER PRIMARY KEY, claims TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'NEW', id TEXT
);

-- What the bank answered. A line is kept as it ended.
CREATE TABLE IF NOT EXISTS file (number INTEGER PRIMARY KEY, state TEXT NOT NULL DEFAULT 'NEW', id TEXT);
CREATE TABLE IF NOT EXISTS line (file INTEGER, line INTEGER, class TEXT, state TEXT, PRIMARY KEY (file, line));
"""


class Books:
    """One connection: each thread opens its own."""

    def __init__(self, path):
        self.database = sqlite3.connect(path, timeout=30, isolation_level=None)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = FULL")
        self.database.executescript(SCHEMA)

    def write(self, *statements):
        """All of them or none."""
        self.database.execute("BEGIN IMMEDIATE")
        try:
            for sql, values in statements:
                self.database.execute(sql, values)
            self.database.execute("COMMIT")
        except BaseException:
            self.database.execute("ROLLBACK")
            raise

    def rows(self, sql, *values):
        return self.database.execute(sql, values).fetchall()

    def value(self, sql, *values):
        row = self.database.execute(sql, values).fetchone()
        return row and row[0]

    # Facts: the cursor of the log, the keys of the endpoint.

    def fact(self, name):
        return self.value("SELECT value FROM fact WHERE name = ?", name)

    def keep(self, name, value):
        self.write(self._fact(name, value))

    @staticmethod
    def _fact(name, value):
        return "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)

    # Claims.

    @staticmethod
    def _heard(claim, seq):
        return (
            "INSERT INTO claim (id, heard) VALUES (?, ?) "
            "ON CONFLICT (id) DO UPDATE SET heard = max(heard, excluded.heard)",
            (claim, seq),
        )

    def webhook_came(self, message_id, message):
        """A hint: the claim is looked at, and what is there counts, not what the hint says. A reminder of a deadline
        (claim.due_soon, claim.overdue) is one more: it is no event and has no place of its own in the claim's history."""
        kind, told = message["type"], message["data"]
        inbox = (
            "INSERT INTO webhook (id, kind, number, seq) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET again = again + 1",
            (message_id, kind, told["number"], told["seq"]),
        )
        self.write(inbox, self._heard(told["claimId"], told["seq"]))

    def heard(self, claim, seq):
        self.write(self._heard(claim, seq))

    def caught_up(self, claim, seq, cursor):
        self.write(self._heard(claim, seq), self._fact("cursor", cursor))

    def to_look_at(self):
        return [row[0] for row in self.rows("SELECT id FROM claim WHERE heard > seen ORDER BY id")]

    def looked_at(self, claim):
        """Nothing more to do about it as it stands."""
        seen = "UPDATE claim SET seen = max(seen, ?), heard = max(heard, ?), status = ? WHERE id = ?"
        self.write((seen, (claim["version"], claim["version"], claim["status"], claim["id"])))

    def take(self, claim):
        self.write(("UPDATE claim SET ours = 1 WHERE id = ?", (claim,)))

    def is_ours(self, claim):
        return bool(self.value("SELECT ours FROM claim WHERE id = ?", claim))

    # Wishes.

    def wish(self, name, login, document, fields):
        """Puts a wish on file, with its key; if it was there, as it was: never a second key, never another input."""
        fields = {**fields, "idempotencyKey": str(uuid.uuid4())}
        self.write((
            "INSERT INTO wish (name, login, document, input) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
            (name, login, document, json.dumps(fields)),
        ))

    def answer(self, name):
        answer = self.value("SELECT answer FROM wish WHERE name = ?", name)
        return answer and json.loads(answer)

    def answered(self, name, answer, replayed):
        values = (json.dumps(answer), int(replayed), name)
        self.write(("UPDATE wish SET answer = ?, replayed = ? WHERE name = ?", values))

    def unanswered(self):
        return [row[0] for row in self.rows("SELECT name FROM wish WHERE answer IS NULL ORDER BY rowid")]
