"""The most specific rule wins; a table with a gap or a contradiction is refused."""

from __future__ import annotations

from typing import Any

import pytest

from shared.policy.book import PolicyBook
from shared.policy.documents import Document, Organisations, Places, Subjects
from shared.policy.loading.loader import hash_of
from shared.policy.routing_table import RouteFound, Routing, RoutingTable
from shared.policy.validation.checks import check
from tests.support.findings import in_english
from tests.support.policies import LONG_AGO, at, book_of, demo, recorded

PLACES = {"places": [{"code": "city", "name": "市"}, {"code": "east", "name": "东", "parent": "city"}]}
PLACES["places"].append({"code": "town", "name": "镇", "parent": "east"})
SUBJECTS = {"subjects": [{"code": "home", "name": "房"}, {"code": "roof", "name": "顶", "parent": "home"}]}
SUBJECTS["subjects"].append({"code": "road", "name": "路"})
ORGS = {"organisations": [{"code": code, "name": code} for code in ("a", "b", "c")]}


def rule(identity: str, place: str, subject: str, org: str | None, level: str = "*") -> dict[str, Any]:
    target: dict[str, Any] = {"org": org} if org else {"queue": True}
    return {"id": identity, "place": place, "subject": subject, "level": level, **target}


def table(*rules: dict[str, Any], **more: Any) -> PolicyBook:
    from shared.policy.loading.loader import LoadedSection

    documents: list[tuple[Any, dict[str, Any]]] = [
        ("organisations", ORGS),
        ("places", PLACES),
        ("subjects", SUBJECTS),
        ("routing", {"rules": list(rules), **more}),
    ]
    return book_of([LoadedSection(section, document, hash_of(document)) for section, document in documents])


def wrong(*rules: dict[str, Any], **more: Any) -> list[str]:
    documents: dict[Any, Document] = {
        "organisations": Organisations.model_validate(ORGS),
        "places": Places.model_validate(PLACES),
        "subjects": Subjects.model_validate(SUBJECTS),
        "routing": Routing.model_validate({"rules": list(rules), **more}),
    }
    return in_english(check(documents))


def test_most_specific_rule_wins() -> None:
    book = table(rule("all", "*", "*", "a"), rule("home", "*", "home", "b"), rule("town", "town", "roof", "c"))
    assert book.route("city", "road") == RouteFound("a", "all", "rule")
    assert book.route("east", "roof") == RouteFound("b", "home", "rule")  # a rule covers what is below its subject
    assert book.route("town", "roof") == RouteFound("c", "town", "rule")
    assert book.route("town", "home") == RouteFound("b", "home", "rule")


def test_rule_covers_subordinate_places() -> None:
    book = table(rule("all", "*", "*", "a"), rule("east", "east", "*", "b"))
    assert book.route("town", "road").org == "b"
    assert book.route("city", "road").org == "a"


@pytest.mark.parametrize(("prefer", "org"), [("subject", "b"), ("place", "c")])
def test_table_defines_precedence_of_subject_and_place(prefer: str, org: str) -> None:
    book = table(rule("s", "*", "roof", "b"), rule("p", "town", "*", "c"), prefer=prefer, default="queue")
    assert book.route("town", "roof").org == org


def test_rule_with_level_is_more_specific_than_without() -> None:
    book = table(rule("all", "*", "*", "a"), rule("urgent", "*", "*", "b", level="urgent"))
    assert book.route("town", "roof", "urgent").org == "b"
    assert book.route("town", "roof", "normal").org == "a"
    assert book.route("town", "roof").org == "a"


def test_missing_target_is_explained() -> None:
    book = table(rule("home", "*", "home", "a"), rule("queue", "east", "road", None), default="queue")
    assert book.route("nowhere", "home") == RouteFound(None, None, "unknown_place")
    assert book.route("town", "nothing") == RouteFound(None, None, "unknown_subject")
    assert book.route("town", "road") == RouteFound(None, "queue", "no_rule")
    assert book.route("city", "road") == RouteFound(None, None, "no_rule")
    assert book.route(None, "home").org == "a"  # no place was given, and none is needed
    assert book.route(None, "road").why == "unknown_place"
    assert book.route("city", None).why == "unknown_subject"
    assert PolicyBook().route("city", "home") == RouteFound(None, None, "no_rule")


def test_table_in_force_at_filing_time_is_used() -> None:
    book = table(rule("old", "*", "*", "a"))
    document = {"rules": [rule("new", "*", "*", "b")]}
    from shared.events.policy import PolicyActivated

    new = PolicyActivated(section="routing", hash=hash_of(document), document=document)
    later = book.with_event(recorded(new, 9, at("2026-05-01 00:00"), stream="policy/cn-demo"))
    assert later.route("town", "roof", None, at("2026-04-30 23:59")).rule_id == "old"
    assert later.route("town", "roof", None, at("2026-05-01 00:00")).rule_id == "new"
    assert later.route("town", "roof").rule_id == "new"
    assert book.route("town", "roof").rule_id == "old"
    assert later.reference != book.reference


def test_routing_gap_is_found() -> None:
    (gap,) = wrong(rule("home", "*", "home", "a"), rule("road", "town", "road", "b"))
    assert gap == (
        "routing.rules: a gap: no rule covers subject 'road' in place 'city', 'east';"
        " add a rule (queue: true for dispatch by hand) or declare default: queue"
    )
    assert wrong(rule("home", "*", "home", "a"), default="queue") == []
    assert wrong(rule("home", "*", "home", "a"), rule("q", "*", "road", None)) == []


def test_rule_for_one_level_leaves_other_levels_uncovered() -> None:
    assert "a gap" in wrong(rule("u", "*", "*", "a", level="urgent"))[0]


def test_routing_overlap_is_found() -> None:
    (overlap,) = wrong(rule("one", "*", "*", "a"), rule("two", "*", "*", "b"))
    assert overlap.startswith("routing.rules[two]: overlaps rule 'one': both cover place '*', subject '*', level '*'")
    (repeated,) = wrong(rule("one", "*", "*", "a"), rule("two", "*", "*", "a"))
    assert repeated.startswith("routing.rules[two]: never matches: rule 'one' covers the same cases")


def test_all_routing_findings_are_reported_at_once() -> None:
    found = wrong(rule("one", "mars", "*", "nobody"), rule("one", "*", "dreams", "a"), default="ghost")
    assert [finding.split(":")[0] for finding in found] == [
        "routing.rules[one].id",
        "routing.rules[one].org",
        "routing.rules[one].place",
        "routing.rules[one].subject",
        "routing.default",
    ]


def test_rule_has_one_target() -> None:
    with pytest.raises(ValueError, match="either org or queue"):
        Routing.model_validate({"rules": [{"id": "x"}]})


def test_demo_county_routes_every_place_and_subject() -> None:
    book = demo()
    for place in book.places:
        for subject in book.subjects:
            route = book.route(place, subject)
            assert route.rule_id is not None
            assert route.org is None or book.organisation(route.org) is not None
    assert book.route("dh-yl", "0101").org == "dhq"
    assert book.route("sl", "0101").org == "zj"
    assert book.route("sl", "1501") == RouteFound(None, "r15", "no_rule")
    assert book.sealed_organisation == "jjw"
    assert not any(book.route(place, subject).org == "jjw" for place in book.places for subject in book.subjects)


def test_policy_book_answers_lookups() -> None:
    book = demo(LONG_AGO)
    assert (book.jurisdiction, book.zone, book.petition_office) == ("cn-demo", "Asia/Shanghai", "xfj")
    assert "dh" in book.places and "nowhere" not in book.places and None not in book.places
    assert "0101" in book.subjects and None not in book.subjects
    assert book.names["zj"] == "示例市住房和城乡建设局"
    counter = book.channels.get("zj-window")
    assert counter is not None and counter.received_by == "zj"
    assert book.channels.get("pigeon") is None and book.organisation(None) is None
    assert book.reference.startswith("cn-demo@") and len(book.reference) == len("cn-demo@") + 12
    assert book.reference == demo(LONG_AGO).reference


def classes(*rules: dict[str, Any], default: str | None = None) -> Any:
    routing = Routing.model_validate({"rules": rules, "default": default})
    return lambda class_, urgency="ordinary": RoutingTable(routing, {}, {}).route(None, None, None, class_, urgency)


def test_class_then_urgency_come_before_place_and_subject() -> None:
    route = classes(
        {"id": "all", "org": "a"},
        {"id": "urgent", "org": "b", "urgency": "urgent", "assign_days": 10},
        {"id": "ideas", "org": "c", "class_": "suggestion"},
    )
    assert route("claim") == RouteFound("a", "all", "rule")
    assert route("claim", "urgent") == RouteFound("b", "urgent", "rule", 10)
    assert route("suggestion").org == route("suggestion", "urgent").org == "c"


@pytest.mark.parametrize("class_", ["accusation", "consultation", "litigation"])
def test_rule_for_all_classes_does_not_cover_classes_with_ways_of_their_own(class_: str) -> None:
    assert classes({"id": "all", "org": "a"}, default="b")(class_) == RouteFound(None, None, "no_rule")


@pytest.mark.parametrize("class_", ["accusation", "consultation"])
def test_no_rule_dispatches_accusations_and_consultations(class_: str) -> None:
    assert classes({"id": "own", "org": "a", "class_": class_})(class_).org is None
    assert classes({"id": "own", "org": "a", "class_": "litigation"})("litigation").org == "a"


@pytest.mark.parametrize(
    ("own", "where"),
    [
        ({"class_": "accusation", "org": "a"}, "routing.rules[own]: never matches"),
        ({"class_": "consultation", "org": "a"}, "routing.rules[own]: never matches"),
        ({"class_": "litigation", "org": "a"}, "routing.rules[own].org: 'a' is not a political and legal organ"),
    ],
)
def test_rule_against_the_law_or_without_effect_is_found(own: dict[str, Any], where: str) -> None:
    (found,) = wrong(rule("all", "*", "*", "a"), {"id": "own", **own})
    assert found.startswith(where)


def test_policy_without_political_and_legal_organ_is_found() -> None:
    sections: dict[Any, Any] = demo().documents
    organs = sections["organisations"].organisations
    without = Organisations(organisations=tuple(one for one in organs if one.kind != "political_legal"))
    assert check(sections) == []
    (found,) = check({**sections, "organisations": without})
    assert found.where == "organisations" and "政法部门" in found.zh
