"""Where filings of each class go by a policy, and by which provision: the class decides before place and subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class ClassRoute(NamedTuple):
    """One line for people, in both languages."""

    class_: str
    dispatch: str
    basis: str


def class_routes(documents: Mapping[str, Any]) -> list[ClassRoute]:
    """The routes of all classes. `documents`: sections as JSON values, as `GET /v1/policies/{jurisdiction}` gives them."""
    organisations = documents.get("organisations", {}).get("organisations", ())
    rules = documents.get("routing", {}).get("rules", ())
    of_kind: dict[str, list[str]] = {}
    for one in organisations:
        of_kind.setdefault(one.get("kind", "handling"), []).append(one["code"])
    lawyers, sealed = (", ".join(of_kind.get(kind, ())) for kind in ("political_legal", "sealed"))
    own = {kind: sum(rule.get("class_") == kind for rule in rules) for kind in ("claim", "suggestion", "litigation")}
    common = sum(rule.get("class_", "*") == "*" for rule in rules)

    def by_rules(kind: str) -> str:
        return f"{common + own[kind]} rules 条规则" + (f", {own[kind]} own 专用" if own[kind] else "")

    return [
        ClassRoute("claim 申诉求决", by_rules("claim"), "Art. 22 ¶1 第二十二条第一款"),
        ClassRoute("suggestion 意见建议", by_rules("suggestion"), "Art. 22 ¶1, 29 第二十二条、第二十九条"),
        ClassRoute(
            "litigation 涉法涉诉",
            f"to 转送 {lawyers or 'nobody listed, a person decides 未列政法部门，由人工处理'}; "
            "a visit: a person explains and guides 来访由人工释法明理、引导",
            "Art. 22 ¶2 第二十二条第二款",
        ),
        ClassRoute(
            "accusation 检举控告",
            f"by a person, to 由人工转送 {sealed or 'nobody listed 未列有权机关'}",
            "Art. 22 ¶2, 30 第二十二条第二款、第三十条",
        ),
        ClassRoute(
            "consultation 咨询",
            "a person answers at once or dispatches 由人工直接答复或派单",
            "own choice 自定",
        ),
    ]
