"""Fangpin's API as the insurer's people use it, each with a key of their own: the documents of the contract, over HTTP.
Whoever has no answer asks again, at the next process of the server, with the same body."""

import http.client
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

ATTEMPTS_MAX = 6
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0
ANSWER_SECONDS_MAX = 20.0


class NoAnswer(Exception):
    """Nobody knows whether the server acted: the same body has to be sent again."""


class ApiError(Exception):
    """Not signed in, not in scope, over a limit, or broken."""

    def __init__(self, error):
        self.code = error.get("extensions", {}).get("code")
        super().__init__(f"{self.code} {error['message']} (request {error.get('extensions', {}).get('requestId')})")


class Api:
    """`urls`: of all processes of the server. `keys`: an API key for each login. One object for each thread."""

    def __init__(self, urls, keys, contract):
        self.places = [urlsplit(url) for url in urls]
        self.keys = keys
        self.documents = Path(contract) / "operations" / "insurer"
        self.connection = None
        self.replayed = False

    def headers(self, login, accept):
        return {
            "authorization": f"Bearer {self.keys[login]}", "content-type": "application/json", "accept": accept,
            "accept-language": "zh-CN",
        }

    def body(self, document, variables):
        query = (self.documents / f"{document}.graphql").read_text(encoding="utf-8")
        return json.dumps({"query": query, "variables": variables}).encode()

    def connect(self, seconds):
        return http.client.HTTPConnection(self.places[0].hostname, self.places[0].port, timeout=seconds)

    def elsewhere(self):
        self.places.append(self.places.pop(0))
        self.connection = None

    def ask(self, login, document, variables):
        """Sends a document; its data."""
        body, headers = self.body(document, variables), self.headers(login, "application/graphql-response+json")
        for attempt in range(ATTEMPTS_MAX):
            pause = FIRST_PAUSE_SECONDS * 2**attempt
            try:
                self.connection = self.connection or self.connect(ANSWER_SECONDS_MAX)
                self.connection.request("POST", "/graphql", body, headers)
                response = self.connection.getresponse()
                answer = json.loads(response.read())
                pause = max(pause, float(response.headers.get("retry-after", 0)))
            except (OSError, http.client.HTTPException, ValueError):
                self.elsewhere()
            else:
                if not answer.get("errors"):
                    self.replayed = answer.get("extensions", {}).get("idempotentReplay", False)
                    return answer["data"]
                error = answer["errors"][0]
                if not error.get("extensions", {}).get("retryable", False):
                    raise ApiError(error)
            time.sleep(min(pause, LONGEST_PAUSE_SECONDS))
        raise NoAnswer(document)

    def events(self, login, after, quiet_seconds):
        """What happened after a cursor, until nothing more comes for a while."""
        connection = self.connect(quiet_seconds)
        try:
            headers = self.headers(login, "text/event-stream")
            connection.request("POST", "/graphql", self.body("ClaimEvents", {"after": after}), headers)
            for line in connection.getresponse():
                if line.startswith(b"data:") and line.strip() != b"data:":
                    yield json.loads(line[5:])["data"]["claimEvents"]
        except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError):
            self.elsewhere()
        finally:
            connection.close()
