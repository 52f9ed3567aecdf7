"""Topics as data: the changes that apply makes, and those that it leaves to operators."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from deploy.kafka.acls import command, rights
from deploy.kafka.topics import DAY_MS, EVENTS, Topic, differences, load, members_of, spread
from shared.adapters.kafka.acls import Acl
from shared.adapters.kafka.connection import LARGEST
from shared.adapters.kafka.topics import FOREVER, ExistingTopic, WantedTopic
from shared.messaging.member import Member
from shared.policy.loading.loader import bundled
from tests.support.policies import book_of

SOME = Topic(
    name="t", holds="x", key="y", partitions=6, retention=30, largest=2000, read=("svc-intake",), write=("svc-intake",)
)
SAME = ExistingTopic(6, 30 * DAY_MS, 2000)


def changes(topic: Topic, have: ExistingTopic) -> dict[str, WantedTopic | None]:
    return {one.what: one.change for one in differences((topic,), {"t": have}, 3)}


def test_event_topic_keeps_everything_with_fixed_partitions() -> None:
    (events,) = [topic for topic in load() if topic.name == EVENTS]
    assert events.fixed and events.retention == "forever"
    assert events.largest == LARGEST, "producer and topic agree on the largest record"
    assert "svc-analytics" not in events.write
    assert load(prefix="a-")[0].name == "a-" + load()[0].name


@pytest.mark.parametrize(("brokers", "replicas"), [(1, 1), (2, 2), (3, 3), (9, 3)])
def test_missing_topic_is_created_with_replicas_limited_by_brokers(brokers: int, replicas: int) -> None:
    (found,) = differences((SOME,), {}, brokers)
    assert found.change == WantedTopic(6, replicas, 30 * DAY_MS, 2000)


def test_equal_topic_has_no_changes() -> None:
    assert changes(SOME, SAME) == {}


@pytest.mark.parametrize(
    ("have", "what", "change"),
    [
        (SAME._replace(partitions=3), "partitions", WantedTopic(partitions=6)),
        (SAME._replace(partitions=9), "partitions", None),
        (SAME._replace(retention_ms=DAY_MS), "retention", WantedTopic(retention_ms=30 * DAY_MS)),
        (SAME._replace(retention_ms=31 * DAY_MS), "retention", None),
        (SAME._replace(retention_ms=FOREVER), "retention", None),
        (SAME._replace(largest=1000), "largest", WantedTopic(largest=2000)),
        (SAME._replace(largest=3000), "largest", None),
    ],
)
def test_topic_limits_are_never_reduced(have: ExistingTopic, what: str, change: WantedTopic | None) -> None:
    assert changes(SOME, have) == {what: change}


def test_unlimited_retention_replaces_days() -> None:
    forever = SOME.model_copy(update={"retention": "forever"})
    assert changes(forever, SAME) == {"retention": WantedTopic(retention_ms=FOREVER)}


@pytest.mark.parametrize("partitions", [3, 9])
def test_fixed_partitions_are_not_changed(partitions: int) -> None:
    fixed = SOME.model_copy(update={"fixed": True})
    assert changes(fixed, SAME._replace(partitions=partitions)) == {"partitions": None}


def test_topic_file_with_misspelt_field_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text("topics: [{name: t, partitons: 5}]")
    with pytest.raises(ValueError, match="partitons"):
        load(file)


def member(code: str) -> Member:
    return Member("qx", code)


MANY = Topic(
    name="assignments.{jurisdiction}.{organisation}", holds="x", key="y", partitions=1, retention=90,
    read=("dept-{jurisdiction}.{organisation}",), write=("svc-routing",),
)  # fmt: skip


def test_reader_gets_rights_on_its_topic_and_groups_only() -> None:
    assert rights([SOME], {}) == [
        Acl("svc-intake", "group", "svc-intake", False, "Read"),
        Acl("svc-intake", "group", "svc-intake.", True, "Read"),
        Acl("svc-intake", "topic", "t", False, "Read"),
        Acl("svc-intake", "topic", "t", False, "Write"),
    ]


def test_member_gets_its_own_topic_and_service_gets_topic_prefix() -> None:
    assert rights([MANY], {"organisation": [member("wj"), member("zj")], "platform": [member("hn")]}, "a-") == [
        *(
            Acl(f"a-dept-qx.{code}", *what, "Read")  # type: ignore[arg-type]
            for code in ("wj", "zj")
            for what in (
                ("group", f"a-dept-qx.{code}", False),
                ("group", f"a-dept-qx.{code}.", True),
                ("topic", f"assignments.qx.{code}", False),
            )
        ),
        Acl("a-svc-routing", "topic", "assignments.", True, "Write"),
    ]
    assert [one.user for one in rights([MANY], {})] == ["svc-routing"]


@pytest.mark.parametrize("code", ["*", "a.b", "", "a b", "a'b", "ä", "x" * 101])
def test_member_code_granting_wider_rights_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of the name of a topic"):
        rights([MANY], {"organisation": [member(code)]})


@pytest.mark.parametrize("name", ["t", "t.{jurisdiction}.{platform}"])
def test_member_rights_require_topic_per_member(name: str) -> None:
    wrong = MANY.model_copy(update={"name": name})
    with pytest.raises(ValueError, match="not one topic per member"):
        rights([wrong], {"organisation": [member("wj")]})


@pytest.mark.parametrize(
    "change",
    [
        {"name": "*"},
        {"name": "{jurisdiction}.{organisation}.x"},
        {"name": "t.{organisation}"},
        {"read": ["svc.x"]},
        {"write": ["*"]},
    ],
)
def test_topic_name_with_pattern_characters_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="String should match pattern"):
        Topic.model_validate({**SOME.model_dump(), **change})


def test_rights_are_printed_as_kafka_acls_commands() -> None:
    words = shlex.split(command(Acl("svc-routing", "topic", "assignments.", True, "Write"), "k:9092"))
    assert words == [
        "kafka-acls.sh", "--bootstrap-server", "k:9092", "--command-config", "admin.properties", "--add",
        "--allow-principal", "User:svc-routing", "--operation", "Write", "--topic", "assignments.",
        "--resource-pattern-type", "prefixed",
    ]  # fmt: skip


def test_kafka_organisations_have_their_own_topics() -> None:
    book = book_of(
        [
            one._replace(document=_through_kafka(one.document)) if one.section == "organisations" else one
            for one in bundled("demo")
        ]
    )
    members = members_of([book])
    assert members["organisation"] == {Member("cn-demo", "zj")}
    made = {topic.name: topic for topic in spread(load(prefix="a-"), members)}
    assert {name for name in made if name.endswith(".zj")} == {"a-assignments.cn-demo.zj", "a-actions.cn-demo.zj"}
    assert not any("{organisation}" in name for name in made)
    assert made["a-assignments.cn-demo.zj"].partitions == made["a-actions.cn-demo.zj"].partitions == 1
    assert made["a-assignments.cn-demo.zj"].retention_ms >= 90 * DAY_MS


def test_organisation_code_invalid_in_topic_name_is_reported() -> None:
    with pytest.raises(ValueError, match=r"organisation a\.b"):
        spread(load(), {"organisation": [member("a.b")]})


def _through_kafka(document: dict[str, Any]) -> dict[str, Any]:
    listed = [{**one, "delivery": "kafka"} if one["code"] == "zj" else one for one in document["organisations"]]
    return {**document, "organisations": listed}


def test_platforms_with_valid_topic_names_have_topics() -> None:
    channels = next(one for one in bundled("demo") if one.section == "channels")
    own = {**channels.document["channels"][0], "code": "own", "platform": "省平台"}
    more = channels._replace(document={"channels": [*channels.document["channels"], own]})
    members = members_of([book_of([more if one is channels else one for one in bundled("demo")])])
    assert Member("cn-demo", "province") in members["platform"]
    assert "省平台" not in {one.code for one in members["platform"]}
    made = {topic.name: topic for topic in spread(load(), members)}
    assert {"submissions.cn-demo.province", "updates.cn-demo.province"} <= set(made)
    assert made["submissions.cn-demo.province"].retention_ms <= 7 * DAY_MS


def test_submissions_are_kept_seven_days_at_most_in_order() -> None:
    topics = {topic.name: topic for topic in load()}
    sent, told = topics["submissions.{jurisdiction}.{platform}"], topics["updates.{jurisdiction}.{platform}"]
    assert isinstance(sent.retention, int) and sent.retention <= 7
    assert told.retention == "forever" or told.retention >= 90
    assert (sent.partitions, told.partitions) == (1, 1)
    assert (sent.write, sent.read) == (("platform-{jurisdiction}.{platform}",), ("svc-intake",))
    assert (told.write, told.read) == (("svc-intake",), ("platform-{jurisdiction}.{platform}", "svc-intake"))
