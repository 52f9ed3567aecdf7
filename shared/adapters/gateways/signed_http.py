"""A gateway over HTTP, as providers of SMS and bridges to account channels (enterprise WeChat) take it: JSON, signed by Standard
Webhooks, with the id of the message in `webhook-id` and `Idempotency-Key`."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from shared.application.outbound_http import OutboundHttp
from shared.messaging.gateway import GatewayResult, OutgoingMessage
from shared.messaging.webhooks.signatures import signed_v1

SECONDS = 20.0
_TAKEN_BEFORE = 409
_BUSY = frozenset({408, 425, 429})


class SignedHttpGateway:
    """Deduplicates: a gateway must take each Idempotency-Key once, and answers 409 or 2xx the second time."""

    deduplicates = True

    def __init__(self, url: str, secret: str, http: OutboundHttp, name: str = "http") -> None:
        """`secret`: whsec_…, known to both sides."""
        self.name = name
        self._url = url
        self._secret = secret
        self._http = http

    async def send(self, message: OutgoingMessage) -> GatewayResult:
        body = orjson.dumps(
            {
                "effect_id": message.effect_id,
                "channel": message.channel,
                "to": message.address,
                "subject": message.subject,
                "text": message.text,
                "language": message.language,
            }
        )
        headers = signed_v1(self._secret, message.effect_id, int(datetime.now(UTC).timestamp()), body)
        headers["idempotency-key"] = message.effect_id
        answer = await self._http.post(self._url, headers, body, seconds=SECONDS)
        status = answer.status
        if status is None:
            outcome = "unknown" if answer.begun else "not_sent"
            return GatewayResult(outcome, answer.problem or "no_answer", down=True)  # type: ignore[arg-type]
        if answer.ok or status == _TAKEN_BEFORE:
            return GatewayResult("sent", "taken" if answer.ok else "already", _reference(answer.body))
        if status in _BUSY or status >= 500:
            return GatewayResult(
                "unknown" if status >= 500 else "not_sent",
                f"http_{status}",
                retry_after=answer.retry_after,
                down=True,
            )
        if status in (401, 403, 404) or status < 400:  # the gateway does not know us: no message is at fault
            return GatewayResult("not_sent", f"http_{status}", down=True)
        return GatewayResult("refused", f"http_{status}")


def _reference(body: bytes) -> str | None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    given = found.get("id") if isinstance(found, dict) else None
    return given if isinstance(given, str) and len(given) <= 100 and given.isascii() and given.isprintable() else None
