"""A gateway by SMTP (aiosmtplib: no thread is blocked by a server that does not answer).

Mail servers do not deduplicate: the id of the message is in Message-ID, where a receiving system may use it. So a mail is
sent at most once more after an attempt whose result is not known.
"""

from __future__ import annotations

import asyncio
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import aiosmtplib

from shared.messaging.gateway import GatewayResult, OutgoingMessage

SECONDS = 25.0
_STEP_SECONDS = 10.0


class SmtpGateway:
    """One connection per message. Encrypted: with TLS from the beginning (`smtps`) or by STARTTLS; without only if `plain`."""

    deduplicates = False

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        *,
        tls: bool = False,
        plain: bool = False,
        user: str | None = None,
        password: str | None = None,
        ca: Path | None = None,
        name: str = "smtp",
    ) -> None:
        self.name = name
        self._host, self._port, self._sender = host, port, sender
        self._tls, self._plain = tls, plain
        self._user, self._password = user, password
        self._context = ssl.create_default_context()
        if ca is not None:
            self._context.load_verify_locations(ca)

    async def send(self, message: OutgoingMessage) -> GatewayResult:
        begun = False
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls,
            start_tls=not (self._tls or self._plain),
            tls_context=self._context if not self._plain else None,
            timeout=_STEP_SECONDS,
        )
        try:
            async with asyncio.timeout(SECONDS):
                await client.connect()
                if self._user is not None and self._password is not None:
                    await client.login(self._user, self._password)
                await client.mail(self._sender)
                await client.rcpt(message.address)
                begun = True
                await client.data(self._mail(message).as_bytes(policy=SMTP))
                return GatewayResult("sent", "taken")
        except aiosmtplib.SMTPRecipientRefused as error:
            return _refused(error.code)
        except aiosmtplib.SMTPAuthenticationError:
            return GatewayResult("not_sent", "smtp_login_refused", down=True)
        except aiosmtplib.SMTPResponseException as error:
            if begun:  # an answer to DATA: the server says that it has not taken it
                return _refused(error.code)
            return GatewayResult("not_sent", f"smtp_{error.code}", down=True)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return GatewayResult("unknown" if begun else "not_sent", "timeout", down=True)
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError, ValueError):
            return GatewayResult("unknown" if begun else "not_sent", "unreachable", down=True)
        finally:
            client.close()

    def _mail(self, message: OutgoingMessage) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self._sender, message.address, message.subject
        mail["Message-ID"] = f"<{message.effect_id}@{self._sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail


def _refused(code: int) -> GatewayResult:
    """4xx: later, the message is at fault only now (greylisting, a full mailbox); 5xx: never."""
    return GatewayResult("not_sent" if 400 <= code < 500 else "refused", f"smtp_{code}")
