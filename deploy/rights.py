"""From the columns `read` and `write` of topics.yaml to the rights that the brokers check.

A name may end with `{organisation}` or `{platform}`: then there is a topic for each of them, and a user with the same ending may
only use its own. Users without one (our services) get a right to all topics that begin so, also to those that come later.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping

from deploy.topics import CODE, Topic
from shared.adapters.kafka.rights import Right

_PLACE = re.compile(r"\{(\w+)\}$")


def rights(topics: Iterable[Topic], members: Mapping[str, Collection[str]], prefix: str = "") -> list[Right]:
    """What each user needs, and nothing else: its topics, and groups that are named after it.

    `members`: `organisation` and `platform` -> codes. `prefix`: of this deployment; the names of topics have it already.
    Raises ValueError for a code that cannot be part of a name, and for a mistake of the file."""
    for code in (code for codes in members.values() for code in codes):
        if not CODE.fullmatch(code):
            raise ValueError(f"{code!r} cannot be part of a topic's name: letters, digits, - and _ only.")
    found: dict[Right, None] = {}
    for topic in topics:
        for operation, users in (("Read", topic.read), ("Write", topic.write)):
            for user in users:
                for who, name, prefixed in _spread(topic.name, user, members):
                    found[Right(prefix + who, "topic", name, prefixed, operation)] = None
                    if operation == "Read":
                        found[Right(prefix + who, "group", prefix + who, False, "Read")] = None
                        found[Right(prefix + who, "group", f"{prefix}{who}.", True, "Read")] = None
    return sorted(found)


def _spread(topic: str, user: str, members: Mapping[str, Collection[str]]) -> Iterator[tuple[str, str, bool]]:
    """(user, topic, whether that is only how names begin)."""
    of_topic, of_user = _PLACE.search(topic), _PLACE.search(user)
    if of_user is None:
        yield user, topic[: of_topic.start()] if of_topic else topic, of_topic is not None
    elif of_topic is None or of_topic[1] != of_user[1]:
        raise ValueError(f"{user} is one of many, and {topic} is not theirs alone: topics.yaml is wrong.")
    else:
        for code in members.get(of_user[1], ()):
            yield user[: of_user.start()] + code, topic[: of_topic.start()] + code, False


def command(right: Right, bootstrap: str) -> str:
    """The same for Kafka's own tool."""
    words = ["kafka-acls.sh", "--bootstrap-server", bootstrap, "--command-config", "admin.properties", "--add"]
    words += ["--allow-principal", f"User:{right.user}", "--operation", right.operation]
    words += [f"--{right.kind}", right.name]
    words += ["--resource-pattern-type", "prefixed"] if right.prefixed else []
    return shlex.join(words)
