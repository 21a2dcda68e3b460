"""An insurer's system that takes webhooks and verifies them, in Python: HMAC (v1) with the published `standardwebhooks`,
ed25519 (v1a), which that lacks, with `cryptography`. It takes whatever it verifies. One line of JSON for each arrival.

usage: python receiver.py KEYS.json
"""

import base64
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook

said = threading.Lock()


def ed25519(key: str, headers: dict[str, str], body: bytes) -> bool:
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_")))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for part in headers["webhook-signature"].split(" "):
        version, signature = part.split(",", 1)
        if version == "v1a":
            try:
                public.verify(base64.b64decode(signature), signed)
                return True
            except InvalidSignature:
                pass
    return False


def verifies(key: str, headers: dict[str, str], body: bytes) -> bool:
    if key.startswith("whpk_"):
        return ed25519(key, headers, body)
    try:
        Webhook(key).verify(body, headers)
        return True
    except Exception:
        return False


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with open(sys.argv[1], encoding="utf-8") as file:
            verified = [verifies(key, headers, body) for key in json.load(file)]
        answer = 204 if any(verified) else 401
        arrival = {"id": headers["webhook-id"], "answer": answer, "verified": verified, "text": body.decode()}
        with said:
            print(json.dumps(arrival), flush=True)
        self.send_response(answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
