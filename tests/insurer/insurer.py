"""The reference insurer: a system of its own beside Fangpin, to copy. It is told by webhooks, reads by GraphQL, acts with
its people's API keys, pays through a bank, and may be killed at any line.

    python insurer.py SETTINGS.json              works until it is stopped
    python insurer.py SETTINGS.json --figures    what its books say, as JSON

SETTINGS: urls (of all processes of the server), keys ({login: API key}), contract (the folder `graphql` of the release),
database, port (of the webhooks), bank (its URL).
"""

import json
import os
import sys
import threading
import time
import traceback

import inbox
from api import Api, ApiError, NoAnswer
from books import Books
from pay import Bank, Cash
from work import HANDLER, Desk

ADMINISTRATOR = "ins.admin"
# Webhooks are hints and may be late for days; the log is read behind them.
CATCH_UP_EVERY_SECONDS = 10
QUIET_SECONDS = 1.0
LOOK_EVERY_SECONDS = 0.5


class Insurer:
    def __init__(self, settings):
        self.settings = settings
        self.bell = threading.Event()

    def api(self):
        return Api(self.settings["urls"], self.settings["keys"], self.settings["contract"])

    def books(self):
        return Books(self.settings["database"])

    def set_up(self, desk):
        """Once: our endpoint, where the log stands, and what was referred before. Always: the endpoint is switched on,
        and these are its keys."""
        books, api = desk.books, desk.api
        url = f"http://127.0.0.1:{self.settings['port']}/webhooks"
        made = desk.give(f"CreateWebhookEndpoint {url}", ADMINISTRATOR, "CreateWebhookEndpoint", {"url": url})
        endpoint_id = made["endpoint"]["id"]
        endpoints = api.ask(ADMINISTRATOR, "WebhookEndpoints", {"first": 100})["webhookEndpoints"]["nodes"]
        (endpoint,) = [it for it in endpoints if it["id"] == endpoint_id]
        keys = json.dumps([it["publicKey"] for it in endpoint["keys"] if it["publicKey"]])
        if keys != books.fact("keys"):
            books.keep("keys", keys)
        if not books.fact("cursor"):
            cursor = api.ask(HANDLER, "ClaimEventCursor", {})["claimEventCursor"]
            for claim in self.referred(api):
                books.heard(claim["id"], claim["version"])
            books.keep("cursor", cursor)
        if not endpoint["isEnabled"]:
            # Says how it shall stand, so it needs no key.
            api.ask(ADMINISTRATOR, "UpdateWebhookEndpoint", {"input": {"endpointId": endpoint_id, "enabled": True}})

    def referred(self, api):
        page = {"hasNextPage": True, "endCursor": None}
        while page["hasNextPage"]:
            wanted = {"filter": {"statuses": ["REFERRED"]}, "first": 100, "after": page["endCursor"]}
            claims = api.ask(HANDLER, "Claims", wanted)["claims"]
            yield from (it["node"] for it in claims["edges"])
            page = claims["pageInfo"]

    def catch_up(self):
        books, api = self.books(), self.api()
        while True:
            if cursor := books.fact("cursor"):
                for event in api.events(HANDLER, cursor, QUIET_SECONDS):
                    books.caught_up(event["claimId"], event["seq"], event["cursor"])
                    self.bell.set()
                time.sleep(CATCH_UP_EVERY_SECONDS)
            else:
                time.sleep(LOOK_EVERY_SECONDS)

    def work(self):
        books = self.books()
        desk = Desk(books, self.api())
        cash = Cash(desk, Bank(self.settings["bank"]))
        is_set_up, is_known = False, bool(books.fact("cursor"))
        while True:
            self.bell.clear()
            try:
                # First of all what was on its way when we were stopped.
                for name in books.unanswered():
                    self.give_again(desk, name)
                if not is_known:
                    self.set_up(desk)
                    is_set_up = is_known = True
                cash.settle()
                cash.pay()
                cash.fetch()
                for claim in books.to_look_at():
                    desk.look(claim)
                if not is_set_up:
                    self.set_up(desk)
                    is_set_up = True
            except NoAnswer:
                continue
            except ApiError:
                traceback.print_exc()
            self.bell.wait(LOOK_EVERY_SECONDS)

    @staticmethod
    def give_again(desk, name):
        """One that is refused as a whole waits for a person; the others go on."""
        try:
            desk.give(name)
        except ApiError:
            traceback.print_exc()

    def run(self):
        place = (self.settings["port"], self.settings["database"], self.bell.set)
        self.books().database.close()
        for part in (lambda: inbox.serve(*place), self.catch_up):
            threading.Thread(target=part, daemon=True).start()
        print("ready", flush=True)
        self.work()


def figures(books):
    """For whoever compares."""
    count = lambda sql: books.value(f"SELECT {sql}")
    return {
        "webhooks": [list(row) for row in books.rows("SELECT number, seq FROM webhook WHERE kind NOT IN ('claim.due_soon', 'claim.overdue') ORDER BY arrival")],
        "duplicates": count("coalesce(sum(again), 0) FROM webhook"),
        "wishes": count("count(*) FROM wish"),
        "sent": count("coalesce(sum(sent), 0) FROM wish"),
        "replayed": count("coalesce(sum(replayed), 0) FROM wish"),
        "unanswered": books.unanswered(),
        "answers": [[row[0], json.loads(row[1])] for row in books.rows(
            "SELECT login, answer FROM wish WHERE answer IS NOT NULL AND document != 'ReadBankFile'")],
        "batches": dict(books.rows("SELECT state, count(*) FROM batch GROUP BY state")),
        "files": {"refused": count("count(*) FROM file WHERE state = 'DONE' AND id IS NULL"),
                  "read": count("count(*) FROM file WHERE id IS NOT NULL"),
                  "open": count("count(*) FROM file WHERE state != 'DONE'")},
        "lines": {f"{row[0]} {row[1]}": row[2] for row in books.rows(
            "SELECT class, state, count(*) FROM line GROUP BY class, state ORDER BY class, state")},
    }


def fall(wrong):
    """A part that breaks takes the whole with it: whoever watches over us starts it again."""
    threading.__excepthook__(wrong)
    os._exit(1)


def main(settings):
    threading.excepthook = fall
    Insurer(settings).run()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    if "--figures" in sys.argv:
        print(json.dumps(figures(Books(settings["database"]))))
    else:
        main(settings)
