"""Webhooks in: verified over the raw body, kept, and only then answered. What is not answered 2xx comes again."""

import base64
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from books import Books
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SKEW_SECONDS_MAX = 300
BODY_BYTES_MAX = 64 * 1024


def is_genuine(keys, headers, body):
    """Standard Webhooks, `v1a`: one of our endpoint's keys signed it, a short while ago."""
    message_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent_at.isdigit() or abs(time.time() - int(sent_at)) > SKEW_SECONDS_MAX:
        return False
    signed = f"{message_id}.{sent_at}.".encode() + body
    for part in headers.get("webhook-signature", "").split(" "):
        version, _, signature = part.partition(",")
        for key in keys if version == "v1a" else ():
            try:
                public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_")))
                public.verify(base64.b64decode(signature), signed)
                return True
            except (InvalidSignature, ValueError):
                pass
    return False


def serve(port, path, ring):
    """Takes webhooks on a port until the process ends; calls `ring` when something came."""

    class Inbox(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers.get("content-length") or 0)
            try:
                self.send_response(self.take(self.rfile.read(length)) if length <= BODY_BYTES_MAX else 413)
                self.end_headers()
            except OSError:
                pass  # whoever hung up did not hear that it was taken, and sends it again

        def take(self, body):
            books = Books(path)
            try:
                keys = json.loads(books.fact("keys") or "[]")
                if not is_genuine(keys, self.headers, body):
                    # Without keys we are not set up yet: it shall come again.
                    return 401 if keys else 503
                books.webhook_came(self.headers["webhook-id"], json.loads(body))
            finally:
                books.database.close()
            ring()
            return 204

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Inbox)
    server.daemon_threads = True
    server.serve_forever()
