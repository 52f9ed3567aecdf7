"""The petitioner's decision on electronic service (送达地址确认). Pure: (case, command, given) -> events."""

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


class ConfirmDeliveryAddress(Keyed):
    electronic: bool = Field(
        description="True: the petitioner agrees to be served at this electronic address; false: no longer"
    )
    kind: Literal["sms", "email", "account"] | None = Field(None, description="Kind of the address")
    address: Short | None = Field(None, description="The address, sealed")


@rule(
    "confirm_delivery_address",
    service="intake",
    roles=CITIZEN,
    states=OPEN_STATES,
    followers=True,
    zh="送达地址确认",
)
def confirm_delivery_address(case: Case, command: ConfirmDeliveryAddress, given: DecisionContext) -> list[NewEvent]:
    """Confirm an electronic address for the service of documents, or take the consent back (送达地址确认).

    It is the petitioner's own decision, so the organisation that handles the case does not record it."""
    said = spoken(case, command, given, "confirm_delivery_address")
    if command.electronic and (command.address is None or command.kind is None):
        raise Invalid(
            "address_needed",
            "Electronic service needs the address that the petitioner confirmed. Give kind and address.",
            detail_zh="同意电子送达的，须写明确认的电子地址及其类型。",
            field="address",
        )
    if command.electronic and command.kind is not None and command.address is not None:
        check_address(command.kind, command.address)
    if not command.electronic and not case.service.electronic:
        return []
    return [
        NewEvent(
            e.DeliveryAddressConfirmed(
                electronic=command.electronic, kind=command.kind, address=command.address, **said
            )
        )
    ]
