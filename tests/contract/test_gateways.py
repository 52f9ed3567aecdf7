"""The contract of `Gateway`, on every adapter and against real servers: what is certain, what is not, and what is never sent
twice."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks import Webhook

from shared.adapters.gateways.memory import MemoryGateway
from shared.adapters.gateways.signed_http import SignedHttpGateway
from shared.adapters.gateways.smtp import SmtpGateway
from shared.adapters.gateways.spool import SpoolGateway
from shared.adapters.outbound.guarded_http import GuardedHttp
from shared.kernel.outbound_addresses import networks
from shared.messaging.gateway import OutgoingMessage
from shared.messaging.webhooks.signatures import KeyPair
from tests.support.receiver import Receiver, Request, answer, receiving

SECRET = KeyPair.made(b"0" * 32, b"1" * 32).secret
MAIL = OutgoingMessage("msg_1", "email", "li@example.org", "信访件办理消息", "您的信访件有新进展。", "zh")
SMS = MAIL._replace(channel="sms", address="+8613800138000")


class Mailbox:
    """A mail server that takes every mail, or answers as it was told."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.rcpt = "250 OK"
        self.data = "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.data.startswith("250"):
            self.mails.append(bytes(envelope.content or b""))
        return self.data


@pytest.fixture
async def mailbox() -> AsyncIterator[Any]:
    box: Any = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, hostname="mail.example.org"), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    await asyncio.sleep(0.05)  # the connections end


def mailer(port: int) -> SmtpGateway:
    return SmtpGateway("127.0.0.1", port, "petitions@example.org", plain=True)


@asynccontextmanager
async def over_http() -> AsyncIterator[tuple[SignedHttpGateway, Receiver]]:
    http = GuardedHttp(networks("127.0.0.0/8"))
    async with receiving() as receiver:
        yield SignedHttpGateway(receiver.url, SECRET, http), receiver
    await http.close()


async def test_http_gateway_gets_a_signed_message_and_its_id_in_every_attempt() -> None:
    async with over_http() as (gateway, receiver):
        receiver.answers = lambda _request: answer(200, body=b'{"id": "provider-7"}')
        result = await gateway.send(SMS)
        assert (result.outcome, result.reference) == ("sent", "provider-7")
        await gateway.send(SMS)
        for request in receiver.got:
            body = Webhook(SECRET).verify(request.body, request.headers)
            assert body == {
                "effect_id": "msg_1",
                "channel": "sms",
                "to": SMS.address,
                "subject": SMS.subject,
                "text": SMS.text,
                "language": "zh",
            }
            assert request.headers["idempotency-key"] == request.headers["webhook-id"] == "msg_1"


@pytest.mark.parametrize(
    ("reply", "outcome", "code", "down"),
    [
        (answer(204), "sent", "taken", False),
        (answer(409), "sent", "already", False),
        (answer(400), "refused", "http_400", False),
        (answer(422), "refused", "http_422", False),
        (answer(401), "not_sent", "http_401", True),
        (answer(302, "Location: http://127.0.0.1/\r\n"), "not_sent", "http_302", True),
        (answer(429, "Retry-After: 90\r\n"), "not_sent", "http_429", True),
        (answer(500), "unknown", "http_500", True),
        (b"nonsense\r\n\r\n", "unknown", "not_http", True),
    ],
)
async def test_http_gateway_says_what_is_certain(reply: bytes, outcome: str, code: str, down: bool) -> None:
    async with over_http() as (gateway, receiver):
        receiver.answers = lambda _request: reply
        result = await gateway.send(SMS)
        assert (result.outcome, result.code, result.down) == (outcome, code, down)
        assert result.retry_after == (90.0 if code == "http_429" else None)


async def test_http_gateway_that_never_answers_has_an_unknown_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.adapters.gateways.signed_http.SECONDS", 0.2)

    async def never(_request: Request) -> bytes:
        await asyncio.sleep(30)
        return b""

    async with over_http() as (gateway, receiver):
        receiver.answers = never
        assert (await gateway.send(SMS))[:2] == ("unknown", "timeout")
        receiver.answers = lambda _request: answer()
    gone = SignedHttpGateway("http://127.0.0.1:1/", SECRET, GuardedHttp(networks("127.0.0.0/8")))
    assert (await gone.send(SMS))[:2] == ("not_sent", "unreachable")


async def test_mail_arrives_with_its_id_and_text(mailbox: Any) -> None:
    result = await mailer(mailbox.port).send(MAIL)
    assert result.outcome == "sent"
    (raw,) = mailbox.mails
    mail = message_from_bytes(raw, policy=default)
    assert (mail["Message-ID"], mail["To"]) == ("<msg_1@example.org>", MAIL.address)
    assert mail["Subject"] == MAIL.subject
    assert mail.get_content().strip() == MAIL.text  # type: ignore[attr-defined]
    assert mail["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    ("where", "line", "outcome", "code"),
    [
        ("rcpt", "550 no such user", "refused", "smtp_550"),
        ("rcpt", "451 greylisted", "not_sent", "smtp_451"),
        ("data", "554 spam", "refused", "smtp_554"),
        ("data", "452 mailbox full", "not_sent", "smtp_452"),
    ],
)
async def test_mail_server_that_refuses_is_understood(
    mailbox: Any, where: str, line: str, outcome: str, code: str
) -> None:
    setattr(mailbox, where, line)
    result = await mailer(mailbox.port).send(MAIL)
    assert (result.outcome, result.code, result.down) == (outcome, code, False)
    assert mailbox.mails == []


async def test_mail_server_without_encryption_gets_nothing_unless_allowed(mailbox: Any) -> None:
    gateway = SmtpGateway("127.0.0.1", mailbox.port, "petitions@example.org")
    assert (await gateway.send(MAIL)).outcome == "not_sent"
    assert mailbox.mails == []


async def test_mail_server_that_is_away_or_silent_has_certainly_not_taken_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await mailer(1).send(MAIL))[:2] == ("not_sent", "unreachable")
    monkeypatch.setattr("shared.adapters.gateways.smtp._STEP_SECONDS", 0.2)

    closed = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        closed.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    result = await mailer(server.sockets[0].getsockname()[1]).send(MAIL)
    assert (result.outcome, result.down) == ("not_sent", True)
    await asyncio.wait_for(closed.wait(), 5)
    server.close()


async def test_spool_writes_each_message_once_for_its_owner_only(tmp_path: Path) -> None:
    gateway = SpoolGateway(tmp_path / "spool")
    for _ in range(3):
        assert (await gateway.send(SMS)).outcome == "sent"
    (file,) = (tmp_path / "spool").iterdir()
    assert orjson.loads(file.read_bytes())["address"] == SMS.address
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.rename(file.with_suffix(".sent"))  # the program of the office has sent it
    assert (await gateway.send(SMS)).code == "already"
    assert [one.suffix for one in (tmp_path / "spool").iterdir()] == [".sent"]
    (tmp_path / "file").write_text("x")
    assert (await SpoolGateway(tmp_path / "file").send(SMS))[:2] == ("not_sent", "spool_not_writable")


async def test_memory_gateway_deduplicates_as_it_says() -> None:
    for deduplicates, taken in ((True, 1), (False, 2)):
        gateway = MemoryGateway(deduplicates=deduplicates)
        for _ in range(2):
            assert (await gateway.send(SMS)).outcome == "sent"
        assert (len(gateway.taken), gateway.calls["msg_1"]) == (taken, 2)
