"""A client of Fangpin, to copy: documents and variables checked against the SDL before they are sent, retries that
are safe, errors of both kinds."""

import time
import uuid
from pathlib import Path

import httpx
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError, TransportServerError
from gql.transport.httpx import HTTPXTransport
from graphql import build_schema
from graphql.execution.values import get_variable_values

ATTEMPTS_MAX = 5
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0


class Refused(Exception):
    """A rule of the field stands against it; nothing was written. Decide by `code`, show `message`."""

    def __init__(self, user_errors):
        super().__init__("; ".join(f"{it['code']} {it['message']}" for it in user_errors))
        self.codes = [it["code"] for it in user_errors]


class ApiError(Exception):
    """Not signed in, not in scope, over a limit, or broken: `errors[].extensions.code`."""

    def __init__(self, code, message, request_id):
        super().__init__(f"{code} {message} (request {request_id})")
        self.code = code


class Fangpin:
    """One account. `contract` is the folder `graphql` of the release."""

    def __init__(self, url, contract, role, language="zh-CN", network=None):
        self.documents = Path(contract) / "operations" / role
        self.schema = build_schema((Path(contract) / "schema.graphql").read_text(encoding="utf-8"))
        self.url = url
        self.network = network
        self.headers = {"accept": "application/graphql-response+json", "accept-language": language}
        self.replayed = False
        self._connect()

    def _connect(self):
        transport = HTTPXTransport(url=self.url, headers=self.headers, transport=self.network)
        # The schema is the committed one: nothing is asked of the server before the first document.
        self.client = Client(
            transport=transport, schema=self.schema, fetch_schema_from_transport=False, execute_timeout=None
        )

    def use(self, token):
        """A session's token or an API key."""
        self.headers["authorization"] = f"Bearer {token}"
        self._connect()

    def log_in(self, login, password):
        """Signs in."""
        answer = self.ask("LogIn", {"input": {"login": login, "password": password}})
        self.use(done(answer["logIn"])["token"])
        return self

    def ask(self, document, variables=None):
        """Sends a document of the role by its name."""
        text = (self.documents / f"{document}.graphql").read_text(encoding="utf-8")
        return self.send(text, variables)

    def send(self, text, variables=None):
        """Sends any document. It and its variables are checked against the schema first. Every attempt carries the
        same idempotency key, so that a mutation whose answer was lost is not done twice, and answers what it would
        have answered."""
        request = GraphQLRequest(text, variable_values=variables or {})
        (operation,) = request.document.definitions
        checked = get_variable_values(self.schema, operation.variable_definitions or (), variables or {})
        if isinstance(checked, list):
            raise checked[0]
        for attempt in range(1, ATTEMPTS_MAX + 1):
            pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
            try:
                result = self.client.execute(request, get_execution_result=True)
                self.replayed = (result.extensions or {}).get("idempotentReplay", False)
                return result.data
            except TransportQueryError as wrong:
                first = wrong.errors[0]
                extensions = first.get("extensions", {})
                again = extensions.get("retryable", False)
                failure = ApiError(extensions.get("code"), first["message"], extensions.get("requestId"))
                waits = self.client.transport.response_headers or {}
                pause = max(pause, float(waits.get("retry-after", 0)))
            except (TransportConnectionFailed, TransportServerError, httpx.TransportError) as lost:
                # No answer, or half of one: nobody knows whether the server acted, so ask again.
                again, failure = True, lost
            if not again or attempt == ATTEMPTS_MAX:
                raise failure
            time.sleep(min(pause, LONGEST_PAUSE_SECONDS))


class Case:
    """A claim as its last answer showed it."""

    def __init__(self, claim):
        self._see(claim)

    def _see(self, claim):
        self.id, self.version, self.status = claim["id"], claim["version"], claim["status"]

    def give(self, who, document, **more):
        """Gives a command: adds the claim, the version that was seen, and a key made for this one wish."""
        common = {"claimId": self.id, "expectedVersion": self.version, "idempotencyKey": str(uuid.uuid4())}
        (payload,) = who.ask(document, {"input": {**more, **common}}).values()
        self._see(done(payload)["claim"])


def done(payload):
    """A payload without userErrors; with some, they are raised."""
    if payload["userErrors"]:
        raise Refused(payload["userErrors"])
    return payload
