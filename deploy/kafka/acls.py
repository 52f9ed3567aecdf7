"""The access rights of Kafka users, from `read` and `write` in topics.yaml.

A name may end with `{jurisdiction}.{organisation}` or `{jurisdiction}.{platform}`: then there is one topic for each of them, and
a user with the same ending may use only its own. Users without such an ending (our services) get a right to all topics with
that prefix, also to later ones.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from deploy.kafka.topics import MEMBER, Members, Topic, check_codes
from shared.adapters.kafka.acls import Acl


def rights(topics: Iterable[Topic], members: Members, prefix: str = "") -> list[Acl]:
    """The rights that each user needs: to its topics, and to the groups that are named after it.

    Args:
        members: those that have topics.
        prefix: prefix of this deployment, which the names of topics already have.

    Raises:
        ValueError: a code cannot be part of a name, or the file is wrong.
    """
    for kind, having in members.items():
        check_codes(kind, having)
    found: dict[Acl, None] = {}
    for topic in topics:
        for operation, users in (("Read", topic.read), ("Write", topic.write)):
            for user in users:
                for who, name, prefixed in _spread(topic.name, user, members):
                    found[Acl(prefix + who, "topic", name, prefixed, operation)] = None
                    if operation == "Read":
                        found[Acl(prefix + who, "group", prefix + who, False, "Read")] = None
                        found[Acl(prefix + who, "group", f"{prefix}{who}.", True, "Read")] = None
    return sorted(found)


def _spread(topic: str, user: str, members: Members) -> Iterator[tuple[str, str, bool]]:
    """(user, topic, True if it is a prefix of names) of each right."""
    of_topic, of_user = MEMBER.search(topic), MEMBER.search(user)
    if of_user is None:
        yield user, topic[: of_topic.start()] if of_topic else topic, of_topic is not None
    elif of_topic is None or of_topic[1] != of_user[1]:
        raise ValueError(
            f"{user} has one user per member, but {topic} is not one topic per member. Correct topics.yaml."
        )
    else:
        for one in members.get(of_user[1], ()):
            yield user[: of_user.start()] + one.dotted, topic[: of_topic.start()] + one.dotted, False


def command(right: Acl, bootstrap: str) -> str:
    """The command of Kafka's own tool that grants the right."""
    words = ["kafka-acls.sh", "--bootstrap-server", bootstrap, "--command-config", "admin.properties", "--add"]
    words += ["--allow-principal", f"User:{right.user}", "--operation", right.operation]
    words += [f"--{right.kind}", right.name]
    words += ["--resource-pattern-type", "prefixed"] if right.prefixed else []
    return shlex.join(words)
