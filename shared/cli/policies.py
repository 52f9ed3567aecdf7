"""`huiyin policy list | show | validate | diff | activate`: law as data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from shared.cli import showing
from shared.cli.connecting import DONE, REFUSED, WRONG_USE, call, run
from shared.cli.options import AsJson, Data
from shared.cli.wording import at

group = typer.Typer(help="Policies: clocks, calendars, routing, organisations, places, subjects", no_args_is_help=True)
Source = Annotated[Path, typer.Argument(help="YAML file or folder, or the name of a policy that comes with Huiyin")]

From = Annotated[
    str | None,
    typer.Option(
        "--from", help="In force from 00:00 of that day there, or from an instant with offset", show_default=False
    ),
]


def read_source(source: Path) -> tuple[str | None, dict[str, Any]]:
    """Jurisdiction and sections of a policy in files. Raises typer.Exit after saying what is wrong with it."""
    import services.intake.items  # noqa: F401  # knows the language of mappings
    from shared.policy.documents import Jurisdiction
    from shared.policy.load import PolicyInvalid, bundled, bundled_names, load

    if not source.exists() and str(source) not in bundled_names():
        names = ", ".join(sorted(bundled_names()))
        showing.complain(
            f"There is no file or folder {source}, and no policy of that name comes with Huiyin ({names}).",
            "没有该文件或文件夹，也没有同名的内置规则。",
        )
        raise typer.Exit(WRONG_USE)
    try:
        loaded = load(source) if source.exists() else bundled(str(source))
    except PolicyInvalid as invalid:
        if showing.wants_json():
            showing.as_json({"valid": False, "findings": [one.shown() for one in invalid.findings]})
        else:
            for finding in invalid.findings:
                showing.err.print(str(finding), markup=False)
        raise typer.Exit(REFUSED) from None
    except OSError as error:
        showing.complain(f"{source} cannot be read: {error.strerror}.", "无法读取该文件或文件夹。")
        raise typer.Exit(WRONG_USE) from None
    sections: dict[str, Any] = {one.section: one.document for one in loaded}
    named = sections.get("jurisdiction")
    return (Jurisdiction.model_validate(named).code if named else None), sections


@group.command("list")
def list_policies(data: Data = None, json: AsJson = False) -> None:
    """All jurisdictions."""

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "GET", "/v1/policies")
        if json:
            showing.as_json(found)
            return DONE
        rows = [
            (one["jurisdiction"], one["name"], one["zone"], one["reference"], one["organisations"], one["channels"])
            for one in found["policies"]
        ]
        showing.table("", ("code 代码", "name 名称", "zone 时区", "reference 引用", "orgs 单位", "channels 渠道"), rows)
        return DONE

    run(work, data)


_SHOWN = (
    ("jurisdiction", "辖区"),
    ("name", "名称"),
    ("zone", "时区"),
    ("reference", "引用"),
    ("version", "版本"),
)


@group.command("show")
def show(
    jurisdiction: Annotated[str, typer.Argument(help="Code")],
    section: Annotated[str | None, typer.Option(help="Only this section, as JSON")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """What is in force."""

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "GET", f"/v1/policies/{quote(jurisdiction, safe='')}")
        if section is not None:
            if section not in found["documents"]:
                there = sorted(found["documents"])
                showing.complain(
                    f"There is no such section. There are: {', '.join(there)}.",
                    f"没有这一部分。现有：{'、'.join(there)}。",
                )
                return WRONG_USE
            showing.as_json(found["documents"][section])
            return DONE
        if json:
            showing.as_json(found)
            return DONE
        showing.fields((f"{name} {zh}", found[name]) for name, zh in _SHOWN)
        rows = [(one["section"], at(one["since"], found["zone"]), one["hash"][:23]) for one in found["sections"]]
        showing.table("", ("section 部分", "since 自", "hash 哈希"), rows)
        if found["scheduled"]:
            later = [(one["section"], at(one["since"], found["zone"]), one["hash"][:23]) for one in found["scheduled"]]
            showing.table("begins later 尚未生效", ("section 部分", "from 自", "hash 哈希"), later)
        return DONE

    run(work, data)


@group.command("validate")
def validate(source: Source, json: AsJson = False) -> None:
    """What is wrong with a policy, all of it at once, with file, line and column; needs no server. Ends with 1 when there
    is something."""
    _jurisdiction, sections = read_source(source)
    if json:
        showing.as_json({"valid": True, "findings": [], "sections": sorted(sections)})
    else:
        showing.line(f"valid 有效: {', '.join(sorted(sections))}")


@group.command("diff")
def diff(
    source: Source,
    jurisdiction: Annotated[str | None, typer.Option(help="Code, where the policy does not name it")] = None,
    from_: From = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """What a policy would change in what is in force (with --from, in what is in force then), and what goes elsewhere."""
    named, sections = read_source(source)
    code = _whose(jurisdiction or named)

    async def work(client: httpx.AsyncClient) -> int:
        from shared.policy.book import MODELS
        from shared.policy.comparing import differences, moved

        asked = {} if from_ is None else {"at": from_}
        found: Any = await call(client, "GET", f"/v1/policies/{quote(code, safe='')}", params=asked)
        known: Any = MODELS
        old = {name: known[name].model_validate(document) for name, document in found["documents"].items()}
        new: Any = {name: known[name].model_validate(document) for name, document in sections.items()}
        changed, elsewhere = differences(old, new), moved(old, new)
        if json:
            showing.as_json(
                {
                    "version": found["version"],
                    "differences": [one._asdict() for one in changed],
                    "moved": [one._asdict() for one in elsewhere],
                }
            )
            return DONE
        if not changed:
            showing.line("nothing changes 无变化")
        for one in changed:
            showing.line(_difference(one.kind, one.where, one.old, one.new))
        for way in elsewhere:
            showing.line(
                f"→ {way.pairs} × (place 属地, subject 事项): {way.old or _QUEUE} → {way.new or _QUEUE},"
                f" e.g. 例如 {way.place}, {way.subject}"
            )
        return DONE

    run(work, data)


_QUEUE = "queue 人工派单"
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def _difference(kind: str, where: str, old: object, new: object) -> str:
    if kind == "changed":
        return f"~ {where}: {old} → {new}"
    value = new if kind == "added" else old
    return f"{_SIGNS[kind]} {where}{f': {value}' if value != '' else ''}"


def _whose(code: str | None) -> str:
    if code is None:
        showing.complain("Say whose policy this is: --jurisdiction CODE.", "请用 --jurisdiction 指明辖区。")
        raise typer.Exit(WRONG_USE)
    return code


@group.command("activate")
def activate(
    source: Source,
    jurisdiction: Annotated[str | None, typer.Option(help="Code, where the policy does not name it")] = None,
    from_: From = None,
    expected_version: Annotated[
        int | None, typer.Option(help="Refuse if the policy was changed since this version (huiyin policy diff --json)")
    ] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Put a policy into force: at once, or from the beginning of a day. A running server needs no restart."""
    named, sections = read_source(source)
    body: dict[str, Any] = {"jurisdiction": _whose(jurisdiction or named), "sections": sections}
    if from_ is not None:
        body["effective_at"] = from_
    if expected_version is not None:
        body["expected_version"] = expected_version

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "POST", "/v1/policies:activate", json=body)
        if json:
            showing.as_json(found)
        else:
            changed = ", ".join(found["activated"]) or "nothing changed 无变化"
            since = f" from 自 {from_}" if from_ is not None and found["activated"] else ""
            showing.line(f"{found['jurisdiction']} {found['reference']}: {changed}{since}")
            for warning in found["warnings"]:
                showing.line(f"! {warning['where']}: {showing.both(warning['what'], warning.get('what_zh'))}")
        return DONE

    run(work, data, create=True)
