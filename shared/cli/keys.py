"""`huiyin keys add | list | revoke`: access keys of platforms, departments and people."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer

from shared.cli import showing
from shared.cli.connecting import DONE, call, run
from shared.cli.options import AsJson, Data
from shared.cli.wording import at

group = typer.Typer(help="Access keys", no_args_is_help=True)


@group.command("add")
def add(
    role: Annotated[
        str, typer.Argument(help="platform, organisation, clerk, registrar, supervisor, analyst, operations")
    ],
    org: Annotated[str | None, typer.Argument(help="Code of the organisation or platform")] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="Whose cases it opens, where several are active")] = None,
    expires: Annotated[str | None, typer.Option(help="Instant with offset after which it opens nothing")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Issue a key. It is shown once and not kept."""
    given = (("role", role), ("org", org), ("jurisdiction", jurisdiction), ("expires", expires))
    wanted = {key: value for key, value in given if value is not None}

    async def work(client: httpx.AsyncClient) -> int:
        issued = await call(client, "POST", "/local/keys", json=wanted)
        if json:
            showing.as_json(issued)
        else:
            showing.line(f"{issued['key']}")
            if issued["named_nowhere"]:
                showing.err.print(
                    f"No policy in force names {org}: is the code right? (huiyin keys revoke {issued['id']}) "
                    "现行政策中没有该代码，请核对。",
                    markup=False,
                )
            showing.err.print(f"id {issued['id']}; keep the key, it is not shown again 请保存，密钥不再显示")
        return DONE

    run(work, data, create=True)


@group.command("list")
def list_keys(data: Data = None, json: AsJson = False) -> None:
    """All keys, without the keys."""

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "GET", "/local/keys")
        if json:
            showing.as_json(found)
            return DONE
        rows = [
            (one["id"], one["role"], one["org"], at(one["issued_at"]), at(one["expires"]), at(one["revoked_at"]))
            for one in found["keys"]
        ]
        showing.table("", ("id", "role 角色", "org 单位", "issued 签发", "expires 到期", "revoked 吊销"), rows, whole=4)
        return DONE

    run(work, data)


@group.command("revoke")
def revoke(key: Annotated[str, typer.Argument(help="Id of the key")], data: Data = None, json: AsJson = False) -> None:
    """From now on this key opens nothing."""

    async def work(client: httpx.AsyncClient) -> int:
        found = await call(client, "POST", f"/local/keys/{key}:revoke")
        if json:
            showing.as_json(found)
        else:
            showing.line(f"revoked 已吊销: {found['id']}")
        return DONE

    run(work, data)
