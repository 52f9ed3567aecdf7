"""Example of a department that gets its assignments by webhook and handles a whole case. It needs only what
docs/integrating.md says.

    pip install standardwebhooks httpx
    python receiver.py PORT          behind a reverse proxy that has the certificate

Environment: HUIYIN_URL, HUIYIN_ACCESS_KEY (the HTTP API), WEBHOOK_SECRET (whsec_…, shown when the webhook was added).
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

HEADERS = {"authorization": f"Bearer {os.environ['HUIYIN_ACCESS_KEY']}"}
STEPS: dict[str, dict[str, Any]] = {
    "sign_off": {},
    "accept": {"path": 6},
    "serve_notice": {"kind": "acceptance", "mode": "in_person"},
    "decide": {"result": "supported", "basis": ["条例第三十二条"], "text": "您反映的问题属实，已安排处理。"},
    "deliver_reply": {"mode": "in_person"},
    "confirm_execution": {},
}
"""The commands of an ordinary claim, in order."""


def handle(case: str) -> None:
    """Give the commands. A repeated delivery repeats the command ids, which has no second effect."""
    with httpx.Client(base_url=os.environ["HUIYIN_URL"], headers=HEADERS, timeout=30) as http:
        http.get(f"/v1/cases/{case}").raise_for_status()  # the content; this access is recorded
        for step, fields in STEPS.items():
            command = {"command": step, "command_id": f"{case}.{step}", **fields}
            http.post(f"/v1/cases/{case}/commands", json=command).raise_for_status()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            message = Webhook(os.environ["WEBHOOK_SECRET"]).verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.send_error(401)
            return
        try:
            if message["type"] == "huiyin.assignments.assigned":
                handle(message["data"]["case"])
            print(json.dumps({"id": self.headers["webhook-id"], "type": message["type"]}), flush=True)
            self.send_response(204)
        except httpx.HTTPError:
            self.send_response(503)  # Huiyin sends it again, under the same id
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """No access log: standard output has one line per entry."""


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
