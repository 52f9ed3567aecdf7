"""The jurisdiction of a filing: the named one, otherwise the one whose policy lists the channel."""

from __future__ import annotations

from shared.kernel.refusals import Invalid, Refused
from shared.repositories.policy_repository import PolicyRepository


async def jurisdiction_of(policies: PolicyRepository, preferred: str | None, channel: object, named: str | None) -> str:
    """The jurisdiction `named`, otherwise the one that has the channel; `preferred` decides between several.

    Raises Refused `no_policy` or `unknown_jurisdiction`, and Invalid `jurisdiction_needed` or `unknown_channel`."""
    if named is not None:
        await policies.book(named)
        return named
    books = await policies.all()
    having = [
        code for code, book in books.items() if isinstance(channel, str) and book.channels.get(channel) is not None
    ]
    if preferred in having or (preferred is not None and not having):
        return preferred
    if not having:  # a channel that was removed: its items are still answered
        having = [code for code, book in books.items() if isinstance(channel, str) and book.known_channels.get(channel)]
    if len(having) == 1:
        return having[0]
    if len(having) > 1:
        raise Invalid(
            "jurisdiction_needed",
            "Several jurisdictions have this channel; add ?jurisdiction=.",
            detail_zh="多个辖区都有该渠道，请注明辖区。",
            field="jurisdiction",
        )
    if len(books) == 1:
        return next(iter(books))
    if not books:
        raise Refused(
            "no_policy",
            "No policy is active yet. Create its files with: huiyin init FOLDER; edit them, then: huiyin policy"
            " activate FOLDER",
            detail_zh="尚未启用任何规则。请先执行“huiyin init 文件夹”生成规则文件，修改后执行“huiyin policy activate 文件夹”启用。",
        )
    raise Invalid(
        "unknown_channel",
        "No jurisdiction has this channel.",
        detail_zh="没有这一渠道，请使用规则中的渠道代码。",
        field="channel",
    )


class ChannelJurisdictions:
    """Channel -> jurisdiction, remembered until a policy changes: looking through all policies costs a read of the log."""

    def __init__(self, policies: PolicyRepository, preferred: str | None) -> None:
        self._policies = policies
        self._preferred = preferred
        self._known: dict[str, str] = {}
        self._changes = 0

    async def of(self, channel: str) -> str:
        """The jurisdiction of a filing by this channel that names none. Raises as jurisdiction_of() does."""
        if self._changes != self._policies.changes:
            self._changes = self._policies.changes
            self._known.clear()
        known = self._known.get(channel)
        if known is None or (await self._policies.book(known)).channels.get(channel) is None:
            known = await jurisdiction_of(self._policies, self._preferred, channel, None)
            if (await self._policies.book(known)).channels.get(channel) is not None:
                self._known[channel] = known
        return known
