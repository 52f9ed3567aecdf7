"""`huiyin policy list | show | validate | diff | activate`: rules as data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from deploy.cli import output as terminal
from deploy.cli.client import ask, call, quoted, run
from deploy.cli.local_words import at
from deploy.cli.options import AsJson, Data, Jurisdiction, given
from deploy.cli.output import REFUSED
from deploy.cli.text_files import stopping_for_file
from shared.policy.class_routes import class_routes

group = typer.Typer(help="Policies: clocks, calendars, routing, organisations, places, subjects", no_args_is_help=True)
Source = Annotated[Path, typer.Argument(help="YAML file or folder, or the name of a policy that comes with Huiyin")]
From = Annotated[
    str | None, typer.Option("--from", help="In force from 00:00 local time of a day, or from an instant with offset")
]
_QUEUE = "queue 人工派单"


def read_source(source: Path) -> tuple[str | None, dict[str, Any]]:
    """Jurisdiction and sections of a policy in files. Ends the command with what is wrong with it."""
    import services.intake.importer.channel_items  # noqa: F401  # registers the checks of mappings
    from shared.policy.documents import Jurisdiction as Named
    from shared.policy.loading.files import bundled_names
    from shared.policy.loading.loader import PolicyInvalid, bundled, load

    if not source.exists() and str(source) not in bundled_names():
        names = ", ".join(sorted(bundled_names()))
        terminal.stop(
            f"There is no file or folder {source}, and no policy of that name comes with Huiyin ({names}).",
            "没有该文件或文件夹，也没有同名的内置规则，请核对名称。",
        )
    try:
        with stopping_for_file(source, "read"):
            loaded = load(source) if source.exists() else bundled(str(source))
    except PolicyInvalid as invalid:
        terminal.findings(invalid.findings, valid=False)
        raise typer.Exit(REFUSED) from None
    sections: dict[str, Any] = {one.section: one.document for one in loaded}
    named = sections.get("jurisdiction")
    return (Named.model_validate(named).code if named else None), sections


@group.command("list")
def list_policies(data: Data = None, json: AsJson = False) -> None:
    """List all jurisdictions with a policy in force."""
    ask("GET", "/v1/policies", _show_list, data)


def _show_list(found: dict[str, Any]) -> None:
    rows = [
        (one["jurisdiction"], one["name"], one["zone"], one["reference"], one["organisations"], one["channels"])
        for one in found["policies"]
    ]
    terminal.table(("code 代码", "name 名称", "zone 时区", "reference 引用", "orgs 单位", "channels 渠道"), rows)


@group.command("show")
def show(
    jurisdiction: Annotated[str, typer.Argument(help="Code")],
    section: Annotated[str | None, typer.Option(help="Only this section, as JSON")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Show the policy that is in force."""

    async def work(client: httpx.AsyncClient) -> None:
        found = await call(client, "GET", f"/v1/policies/{quoted(jurisdiction)}")
        if section is None:
            terminal.answer(found, _show)
        elif section in found["documents"]:
            terminal.as_json(found["documents"][section])
        else:
            there = sorted(found["documents"])
            why = f"There is no such section. The sections are: {', '.join(there)}."
            terminal.stop(why, f"没有这一部分。现有：{'、'.join(there)}。")

    run(work, data)


def _show(found: dict[str, Any]) -> None:
    terminal.fields(
        {
            "jurisdiction 辖区": found["jurisdiction"],
            "name 名称": found["name"],
            "zone 时区": found["zone"],
            "reference 引用": found["reference"],
            "version 版本": found["version"],
        }
    )
    values = [(one["name"], one["value"], one["source"]) for one in found["profile"]]
    terminal.table(("name 名称", "value 值", "source 依据"), values, title="profile 参数")
    for name, start, title in (("sections", "since 自", ""), ("scheduled", "from 自", "begins later 尚未生效")):
        rows = [(one["section"], at(one["since"], found["zone"]), one["hash"][:23]) for one in found[name]]
        if rows or name == "sections":
            terminal.table(("section 部分", start, "hash 哈希"), rows, title=title)
    terminal.table(("class 类别", "dispatch 派单", "basis 依据"), class_routes(found["documents"]))


@group.command("validate")
def validate(source: Source, json: AsJson = False) -> None:
    """List everything that is wrong with a policy, with file, line and column. Needs no server. Exits with 1 if something is
    wrong."""
    sections = sorted(read_source(source)[1])
    terminal.answer(
        {"valid": True, "findings": [], "sections": sections},
        lambda _: terminal.line(f"valid 有效: {', '.join(sections)}"),
    )


@group.command("diff")
def diff(
    source: Source, jurisdiction: Jurisdiction = None, from_: From = None, data: Data = None, json: AsJson = False
) -> None:
    """Show what a policy would change in the policy in force (with --from: in force then), and which cases would be routed to
    another organisation."""
    named, sections = read_source(source)
    code = _code(jurisdiction or named)

    async def work(client: httpx.AsyncClient) -> None:
        from shared.policy.book import MODELS
        from shared.policy.diff import differences, moved

        found = await call(client, "GET", f"/v1/policies/{quoted(code)}", params=given(at=from_))
        known: Any = MODELS
        old = {name: known[name].model_validate(document) for name, document in found["documents"].items()}
        new: Any = {name: known[name].model_validate(document) for name, document in sections.items()}
        content = {
            "version": found["version"],
            "differences": [one._asdict() for one in differences(old, new)],
            "moved": [one._asdict() for one in moved(old, new)],
        }
        terminal.answer(content, _show_differences)

    run(work, data)


def _show_differences(found: dict[str, Any]) -> None:
    if not found["differences"]:
        terminal.line("nothing changes 无变化")
    for one in found["differences"]:
        if one["kind"] == "changed":
            terminal.line(f"~ {one['where']}: {one['old']} → {one['new']}")
        else:
            sign, value = ("+", one["new"]) if one["kind"] == "added" else ("-", one["old"])
            terminal.line(f"{sign} {one['where']}{f': {value}' if value != '' else ''}")
    for one in found["moved"]:
        terminal.line(
            f"→ {one['pairs']} × (place 属地, subject 事项): {one['old'] or _QUEUE} → {one['new'] or _QUEUE},"
            f" e.g. 例如 {one['place']}, {one['subject']}"
        )


def _code(code: str | None) -> str:
    return code or terminal.stop("Name the jurisdiction: --jurisdiction CODE.", "请用 --jurisdiction 指明辖区。")


@group.command("activate")
def activate(
    source: Source,
    jurisdiction: Jurisdiction = None,
    from_: From = None,
    expected_version: Annotated[int | None, typer.Option(help="Refuse at another version (policy diff --json)")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Put a policy into force, now or from the beginning of a day. A running server needs no restart."""
    named, sections = read_source(source)

    def show(found: dict[str, Any]) -> None:
        changed = ", ".join(found["activated"]) or "nothing changed 无变化"
        since = f" from 自 {from_}" if from_ is not None and found["activated"] else ""
        terminal.line(f"{found['jurisdiction']} {found['reference']}: {changed}{since}")
        for warning in found["warnings"]:
            terminal.line(f"! {warning['where']}: {terminal.both(warning['what'], warning.get('what_zh'))}")

    body = {
        "jurisdiction": _code(jurisdiction or named),
        "sections": sections,
        **given(effective_at=from_, expected_version=expected_version),
    }
    ask("POST", "/v1/policies:activate", show, data, create=True, json=body)
