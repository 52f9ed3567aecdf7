"""Organisations and platforms of a deployment. Their codes are unique only within a jurisdiction, so every name contains both."""

from __future__ import annotations

import re
from typing import NamedTuple

CODE = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""A code that can be part of the name of a topic or of a Kafka user. It contains no dot, which separates the parts of a name, and
no star, which matches every name in Kafka."""


class Member(NamedTuple):
    """An organisation or a platform of one jurisdiction.

    >>> zj = Member("cn-demo", "zj")
    >>> zj.stream("inbox/"), zj.topic("assignments")
    ('inbox/cn-demo/zj', 'assignments.cn-demo.zj')
    >>> Member.of_stream("inbox/", "inbox/cn-demo/zj") == Member.of_topic("assignments", "assignments.cn-demo.zj") == zj
    True
    """

    jurisdiction: str
    """A slug (shared/policy/documents.py): it contains neither a slash nor a dot, so that every name has one reading."""
    code: str

    def stream(self, prefix: str) -> str:
        """The stream of this member: `<prefix><jurisdiction>/<code>`."""
        return f"{prefix}{self.jurisdiction}/{self.code}"

    def topic(self, kind: str) -> str:
        """The topic of this member: `<kind>.<jurisdiction>.<code>`."""
        return f"{kind}.{self.dotted}"

    @property
    def dotted(self) -> str:
        """The end of the names of its topics and of its Kafka user: `<jurisdiction>.<code>`."""
        return f"{self.jurisdiction}.{self.code}"

    @staticmethod
    def of_stream(prefix: str, stream: str) -> Member:
        """The member whose stream this is."""
        return Member(*_parts(stream.removeprefix(prefix), "/"))

    @staticmethod
    def of_topic(kind: str, topic: str) -> Member:
        """The member whose topic this is. `kind`: with the prefix of the deployment."""
        return Member(*_parts(topic.removeprefix(f"{kind}."), "."))


def _parts(name: str, between: str) -> tuple[str, str]:
    jurisdiction, _, code = name.partition(between)
    return jurisdiction, code
