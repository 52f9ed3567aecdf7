"""`huiyin person invite | list | post | revoke`: the members of staff who sign in."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deploy.cli import output as terminal
from deploy.cli.client import ask, quoted
from deploy.cli.local_words import at
from deploy.cli.options import AsJson, Data, given

group = typer.Typer(help="Members of staff", no_args_is_help=True)
_NO_POST = {"id": None, "role": "", "head": False, "org": None, "jurisdiction": None, "ended_at": None}
_ROLES = "clerk, registrar, operator, supervisor, analyst, operations"
Code = Annotated[str, typer.Argument(help="Staff code; never a name")]
Org = Annotated[str | None, typer.Option(help="Code of the organisation")]
Jurisdiction = Annotated[str | None, typer.Option(help="Code; needed unless exactly one policy is in force")]
Skill = Annotated[
    list[str] | None,
    typer.Option("--skill", help="Skill of the post, by its code in the policy; may be repeated; none: no skill"),
]
Head = Annotated[bool, typer.Option("--head", help="Head 负责人 of the organisation: approves extensions")]


@group.command("invite")
def invite(
    person: Code,
    name: Annotated[str | None, typer.Option(help="Name, encrypted. A known person keeps theirs")] = None,
    role: Annotated[str | None, typer.Option(help=f"A first post: {_ROLES}")] = None,
    org: Org = None,
    jurisdiction: Jurisdiction = None,
    head: Head = False,
    skill: Skill = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Invite a person. The link is shown once and can be used once, within a week. It sets password and one-time password, or a
    passkey. For a person who lost them, invite again."""
    post = None
    if role is not None:
        post = given(role=role, org=org, jurisdiction=jurisdiction, head=head or None, skills=_skills(skill))

    def show(found: dict[str, Any]) -> None:
        terminal.line(found["link"])
        terminal.note(
            f"{found['person']}, until 有效至 {at(found['invited_until'])}. Hand it over in person or through a channel that is"
            " yours; it is not shown again. 请当面或通过可靠渠道转交，不再显示。"
        )

    ask("POST", "/local/persons", show, data, create=True, json=given(person=person, name=name, post=post))


def _skills(given_: list[str] | None) -> list[str] | None:
    """The codes; an empty list for `none`, and None where nothing was said."""
    return [] if given_ == ["none"] else given_ or None


@group.command("list")
def list_persons(data: Data = None, json: AsJson = False) -> None:
    """List all persons with their posts and ways to sign in."""
    ask("GET", "/local/persons", _show, data)


def _show(found: dict[str, Any]) -> None:
    rows = []
    for one in found["persons"]:
        ways = " ".join(sorted(f"{way['kind']}:{way['id']}" for way in one["credentials"]))
        shown = ways or terminal.heading("invited 已邀请" if one["invited_until"] else "none 无")
        rows += [
            (
                one["person"],
                f"{one['name']}: {shown}",
                post["id"],
                ":".join(filter(None, (post["role"], post["org"])))
                + (f"@{post['jurisdiction']}" if post["jurisdiction"] else "")
                + (f" {terminal.heading('head 负责人')}" if post["head"] else "")
                + "".join(f" +{skill}" for skill in post.get("skills", ())),
                at(post["ended_at"])[:10],
            )
            for post in one["posts"] or [_NO_POST]
        ]
    heads = (
        "person 人员",
        "name: signs in by 姓名、登录方式",
        "post 职务",
        "role:org@in 角色、单位、辖区",
        "ended 离任",
    )
    terminal.table(heads, rows, whole=1, width=terminal.list_width())


@group.command("post")
def post(
    person: Code,
    role: Annotated[str | None, typer.Argument(help=_ROLES)] = None,
    org: Annotated[str | None, typer.Argument(help="Code of the organisation")] = None,
    jurisdiction: Jurisdiction = None,
    head: Head = False,
    skill: Skill = None,
    end: Annotated[str | None, typer.Option(help="Id of a post to end, instead of giving one")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Give a person a post, or end one. A person may hold several and chooses the one that acts."""

    def show(found: dict[str, Any]) -> None:
        _show({"persons": [found]})

    if end is not None:
        ask("POST", f"/local/persons/{quoted(person)}/posts/{quoted(end)}:end", show, data)
    if role is None:
        raise typer.BadParameter("name the role, or --end POST", param_hint="role")
    wanted = given(role=role, org=org, jurisdiction=jurisdiction, head=head or None, skills=_skills(skill))
    ask("POST", f"/local/persons/{quoted(person)}/posts", show, data, json=wanted)


@group.command("revoke")
def revoke(
    person: Code,
    credential: Annotated[str | None, typer.Option(help="Id of one way to sign in; by default all")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Revoke what a person signs in with, the open invitation and all sessions. The posts stay: see `post --end`."""

    def show(found: dict[str, Any]) -> None:
        terminal.line(f"revoked 已撤销: {found['person']}")

    ask("POST", f"/local/persons/{quoted(person)}:revoke", show, data, json=given(credential=credential))
