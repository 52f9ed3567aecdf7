"""The language of templates: a small part of Jinja2, in its sandbox.

A text may show fields, join a list, and leave something out. It can reach no attribute, call nothing and compute
nothing, so the cost of a text is bounded by its length and that of its values.

>>> filled("您反映的{{ matter }}，本机关已受理。", {"matter": "路灯不亮"})
'您反映的路灯不亮，本机关已受理。'
>>> [fault.message for fault in faults("{{ mater }}{{ matter.__class__ }}", {"matter"})]
['template_unknown_field', 'template_not_allowed']
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jinja2 import Template, nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

FILTERS = frozenset({"join", "trim"})
_NODES = frozenset({
    "Template", "Output", "TemplateData", "Name", "Const", "If", "Filter", "Not", "And", "Or",
})  # fmt: skip
Values = Mapping[str, str | tuple[str, ...]]
"""Field -> its text, or its texts. A field without a value is left out, or empty."""


class Fault(NamedTuple):
    """What is wrong with a text: a message of the policy's checks with its values, and the word to look for in the source."""

    message: str
    token: str | None
    values: dict[str, object]


def sandbox(*, autoescape: bool) -> ImmutableSandboxedEnvironment:
    """A sandboxed environment without globals. `autoescape`: for pages of our own, into which texts are put as text."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=autoescape, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.clear()
    return environment


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = sandbox(autoescape=False)
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    environment.tests.clear()
    return environment


def faults(source: str, known: Collection[str]) -> list[Fault]:
    """All that is wrong with a text that may use the fields `known`."""
    try:
        return list(_faults(source, known))
    except RecursionError:
        return [Fault("template_not_allowed", None, {"part": "nesting"})]


def _faults(source: str, known: Collection[str]) -> Iterator[Fault]:
    from jinja2 import TemplateSyntaxError, meta, nodes

    try:
        tree = _environment().parse(source)
    except TemplateSyntaxError as error:
        yield Fault("template_syntax", None, {"problem": str(error.message).rstrip(".")})
        return
    wrong = list(_not_allowed(tree))
    used = {name.name for name in tree.find_all(nodes.Name)} | (
        set() if wrong else meta.find_undeclared_variables(tree)
    )
    for name in sorted(used - set(known)):
        yield Fault("template_unknown_field", name, {"name": name, "names": tuple(sorted(known))})
    yield from wrong


def _not_allowed(node: nodes.Node) -> Iterator[Fault]:
    """The parts of a text that do more than show fields."""
    from jinja2 import nodes

    kind = type(node).__name__
    if kind not in _NODES:
        token = getattr(node, "attr", None) or getattr(node, "name", None)
        yield Fault("template_not_allowed", token if isinstance(token, str) else None, {"part": kind})
        return
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        yield Fault("template_unknown_filter", node.name, {"name": node.name, "names": tuple(sorted(FILTERS))})
    for child in node.iter_child_nodes():
        yield from _not_allowed(child)


@lru_cache(maxsize=1024)
def names_in(source: str) -> frozenset[str]:
    """The fields that a correct text uses."""
    from jinja2 import nodes

    return frozenset(name.name for name in _environment().parse(source).find_all(nodes.Name))


@lru_cache(maxsize=1024)
def _compiled(source: str) -> Template:
    return _environment().from_string(source)


def filled(source: str, values: Mapping[str, Any]) -> str:
    """The text with its fields. A field that has no value is empty; a value is never read as a template."""
    given = {name: values.get(name) or "" for name in names_in(source)}
    return _compiled(source).render(given)
