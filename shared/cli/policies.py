"""`huiyin policy list | show | validate | activate`: law as data."""

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


def read_source(source: Path) -> tuple[str | None, dict[str, Any]]:
    """Jurisdiction and sections of a policy in files. Raises typer.Exit after saying what is wrong with it."""
    from shared.policy.documents import Jurisdiction
    from shared.policy.load import PolicyInvalid, bundled, bundled_names, load

    try:
        loaded = bundled(str(source)) if not source.exists() and str(source) in bundled_names() else load(source)
    except PolicyInvalid as invalid:
        if showing.wants_json():
            showing.as_json({"valid": False, "findings": [one._asdict() for one in invalid.findings]})
        else:
            for finding in invalid.findings:
                showing.err.print(str(finding), markup=False)
        raise typer.Exit(REFUSED) from None
    except OSError as error:
        showing.complain(f"{source} cannot be read: {error.strerror}.")
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
        showing.table("", ("code", "name 名称", "zone", "reference", "orgs 单位", "channels 渠道"), rows)
        return DONE

    run(work, data)


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
                showing.complain(f"There is no such section. There are: {', '.join(sorted(found['documents']))}.")
                return WRONG_USE
            showing.as_json(found["documents"][section])
            return DONE
        if json:
            showing.as_json(found)
            return DONE
        showing.fields((name, found[name]) for name in ("jurisdiction", "name", "zone", "reference", "version"))
        rows = [(one["section"], at(one["since"], found["zone"]), one["hash"][:23]) for one in found["sections"]]
        showing.table("", ("section", "since 自", "hash"), rows)
        return DONE

    run(work, data)


@group.command("validate")
def validate(source: Source, json: AsJson = False) -> None:
    """What is wrong with a policy, all of it at once; needs no server. Ends with 1 when there is something."""
    _jurisdiction, sections = read_source(source)
    if json:
        showing.as_json({"valid": True, "findings": [], "sections": sorted(sections)})
    else:
        showing.line(f"valid 有效: {', '.join(sorted(sections))}")


@group.command("activate")
def activate(
    source: Source,
    jurisdiction: Annotated[str | None, typer.Option(help="Code, where the policy does not name it")] = None,
    effective_at: Annotated[str | None, typer.Option(help="From when: a date, or an instant with offset")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Put a policy into force."""
    named, sections = read_source(source)
    code = jurisdiction or named
    if code is None:
        showing.complain("Say whose policy this is: --jurisdiction CODE.", "请用 --jurisdiction 指明辖区。")
        raise typer.Exit(WRONG_USE)
    body: dict[str, Any] = {"jurisdiction": code, "sections": sections}
    if effective_at is not None:
        body["effective_at"] = effective_at

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "POST", "/v1/policies:activate", json=body)
        if json:
            showing.as_json(found)
        else:
            changed = ", ".join(found["activated"]) or "nothing changed 无变化"
            showing.line(f"{found['jurisdiction']} {found['reference']}: {changed}")
        return DONE

    run(work, data, create=True)
