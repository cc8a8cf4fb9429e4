"""Receives auscult's webhooks: verifies signatures, takes each delivery once, in any order and however often it comes.

    WEBHOOK_SECRET=whsec_… python webhook_receiver.py [PORT] [DATABASE]

Standard library only. `verify` does what `Webhook(secret).verify(body, headers)` of the package standardwebhooks does.
"""

import base64
import hmac
import json
import os
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 300
"""Seconds that a signature may be old or ahead: an old one is somebody's recording."""
MOST = 4 << 20
"""Bytes of a body that are read."""


class Refused(Exception):
    """The request is not from whom it should be."""


def verify(body: bytes, headers, secrets: list[str], now: float) -> str:
    """The id of the delivery, if one of the secrets signed it. Raises Refused."""
    ident, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not ident or not sent.isdecimal() or abs(now - int(sent)) > TOLERANCE:
        raise Refused("no id, or a time that is not now")
    signed = f"{ident}.{sent}.".encode() + body
    given = headers.get("webhook-signature", "").split()
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        right = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        if any(hmac.compare_digest(right.encode(), each.encode()) for each in given):
            return ident
    raise Refused("no signature that is right")


class Ledger:
    """What was received, on disk: the keys of changes, and for each alert its latest state."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript("""
            PRAGMA journal_mode = WAL;
            CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY, at REAL NOT NULL);
            CREATE TABLE IF NOT EXISTS alerts (id TEXT PRIMARY KEY, number INTEGER, status TEXT, message TEXT);
        """)

    def take(self, document: dict) -> list[dict]:
        """The alerts in it that are news, in one transaction: a crash leaves none half taken."""
        news = []
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for alert in document["alerts"]:
                key = (alert["key"], time.time())
                if self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", key).rowcount:
                    news.append(alert)
                    self._remember(alert)
        return news

    def _remember(self, alert: dict) -> None:
        """Changes may overtake each other on the way: the higher number is the later one."""
        self._database.execute(
            "INSERT INTO alerts VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET number = excluded.number, "
            "status = excluded.status, message = excluded.message WHERE excluded.number > number",
            (alert["id"], alert["number"], alert["status"], alert["message"]),
        )

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def make_server(port: int, secrets: list[str], ledger: Ledger, tell=print) -> ThreadingHTTPServer:
    """A server that calls `tell` with each alert that is news."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            if length > MOST:
                return self.answer(413)
            body = self.rfile.read(length)
            try:
                verify(body, self.headers, secrets, time.time())
            except Refused as error:
                return self.answer(401, str(error))
            # Stored first and answered then: what was answered is never sent again.
            for alert in ledger.take(json.loads(body)):
                tell(f"{alert['status']} {alert['severity']} {alert['name']} {alert['component']}: {alert['message']}")
            return self.answer(204)

        def answer(self, status: int, text: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode()) if status != 204 else 0))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_) -> None:
            """Quiet."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    server = make_server(
        int(sys.argv[1]) if len(sys.argv) > 1 else 9000,
        os.environ["WEBHOOK_SECRET"].split(),
        Ledger(sys.argv[2] if len(sys.argv) > 2 else "received.sqlite"),
        lambda line: print(line, flush=True),
    )
    print(f"listening on port {server.server_port}", flush=True)
    server.serve_forever()
