"""The petitioner's decision on messages about the case: by which channel, and in which language. Pure: (case, command,
given) -> events."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.intake.commands.contact_addresses import check_address
from services.intake.commands.filing import CITIZEN
from shared.case import OPEN_STATES, Case
from shared.commands.command import DecisionContext, NewEvent, rule
from shared.commands.command_fields import Short
from shared.commands.petitioners_word import Keyed, spoken
from shared.events import intake as e
from shared.kernel.refusals import Invalid


class ConsentToMessages(Keyed):
    channel: Literal["sms", "email", "account"] = Field(description="Channel of the messages")
    consent: bool = Field(description="True: messages about the case may be sent by this channel; false: no longer")
    address: Short | None = Field(
        None,
        description="Address for this channel, sealed; for sms the telephone number of the filing, if it is left out",
    )
    language: Literal["zh", "en"] | None = Field(None, description="Language of the messages")


@rule(
    "consent_to_messages",
    service="intake",
    roles=CITIZEN,
    states=OPEN_STATES,
    followers=True,
    zh="消息接收设置",
)
def consent_to_messages(case: Case, command: ConsentToMessages, given: DecisionContext) -> list[NewEvent]:
    """Decide whether messages about the case may be sent by a channel (PIPL Art. 14, 15). Electronic service needs
    confirm_delivery_address besides."""
    said = spoken(case, command, given, "consent_to_messages")
    if command.consent and command.address is None and command.channel != "sms":
        raise Invalid(
            "address_needed",
            "Messages by this channel need an address. Give address.",
            detail_zh="请填写接收消息的地址。",
            field="address",
        )
    if command.consent and command.address is not None:
        check_address(command.channel, command.address)
    decided = e.MessageConsentGiven(
        channel=command.channel, consent=command.consent, address=command.address, language=command.language, **said
    )
    return [NewEvent(decided)]
