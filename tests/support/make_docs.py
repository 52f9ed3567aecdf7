"""Generates the tables of the manual from the code: `python -m tests.support.make_docs`. A test checks that they are current."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from shared.application.problem import Malformed, NotAuthenticated, TooLarge, TooMany, WrongType
from shared.hosting.delivery_metrics import FIGURES
from shared.hosting.metrics import Metrics
from shared.kernel.refusals import Denied, Invalid, Refused, Unavailable, Unknown
from shared.kernel.settings import PREFIX, Settings
from tests.support.line_count import lines_of_code

ROOT = Path(__file__).parents[2]
_SOURCES = ("shared", "services", "deploy")
_CODE = re.compile(r"[a-z]+(_[a-z]+)*")
_KINDS: tuple[type[Refused], ...] = (
    Refused, Unknown, Denied, Invalid, Unavailable, Malformed, NotAuthenticated, TooLarge, TooMany, WrongType,
)  # fmt: skip
_STATUS = {kind.__name__: kind.status for kind in _KINDS}
_MORE = {
    "invalid_request": (422, "A field or parameter is missing, unknown or of the wrong type; `errors` lists each."),
    "unknown_group": (422, "`by` accepts each group at most once; `allowed` lists the groups."),
    "unknown_measure": (422, "`measures` accepts each measure at most once; `allowed` lists the measures."),
    "refused": (400, "The request is not valid HTTP."),
}
"""Codes whose sentence is built at run time, with their status and a fixed sentence for the manual."""


def settings_table() -> str:
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`" if field.default not in (None, "") else ""
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def metrics_table() -> str:
    lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for name, (kind, labels, meaning) in sorted(_metrics().items()):
        lines.append(f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {meaning} |")
    return "\n".join(lines)


def _metrics() -> dict[str, tuple[str, Sequence[str], str]]:
    """Each metric under the name with which Prometheus exposes it: type, labels, meaning."""
    ending = {"counter": "_total", "histogram": "_bucket"}
    found = [one for one in Metrics().registry._collector_to_names if isinstance(one, MetricWrapperBase)]
    counted = {one._name + ending.get(one._type, ""): (one._type, one._labelnames, one._documentation) for one in found}
    exported = {one.name: (one.family().type, one.labels, one.what) for one in FIGURES}
    return {**counted, **exported}


def problem_codes() -> dict[str, tuple[set[int], str]]:
    """Every problem code of the API, with its statuses and its sentence (`…` stands for variable text)."""
    found: dict[str, tuple[set[int], str]] = {code: ({status}, text) for code, (status, text) in _MORE.items()}
    for source in _SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            for status, code, text in _raised(ast.parse(path.read_text(encoding="utf-8"))):
                statuses, known = found.setdefault(code, (set(), text))
                statuses.add(status)
                if not known:
                    found[code] = (statuses, text)
    return found


def problems_table() -> str:
    lines = ["| code | HTTP | message |", "|---|---|---|"]
    for code, (statuses, text) in sorted(problem_codes().items(), key=lambda one: (min(one[1][0]), one[0])):
        shown = ", ".join(map(str, sorted(statuses)))
        lines.append(f"| `{code}` | {shown} | {text.replace('|', '/')} |")
    return "\n".join(lines)


def _raised(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            arguments: list[ast.expr] = list(node.args)
            if name == "problem" and arguments and isinstance(arguments[0], ast.Constant):
                status = arguments.pop(0)
                assert isinstance(status, ast.Constant)
                number = status.value
            elif name == "_known" and len(arguments) > 1:
                number, arguments = 422, arguments[1:2]
            elif name in _STATUS:
                number = _STATUS[name]
            else:
                continue
            if arguments and _is_code(arguments[0]) and isinstance(number, int):
                yield number, _text(arguments[0]), _text(arguments[1]) if len(arguments) > 1 else ""
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 3:
            code, why, why_zh = node.value.elts
            if _is_code(code) and _text(why).endswith(".") and _text(why_zh).endswith("。"):
                yield 409, _text(code), _text(why)


def _is_code(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value) is not None


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return ""


HEART = {
    "shared/events/base.py": "event: the base of all event models",
    "shared/eventstore/recorded_event.py": "the recorded event and its bytes",
    "shared/case/evolve.py": "evolve: the state of a case after an event",
    "shared/repositories/case_repository.py": "the folded cases of a process",
    "shared/commands/command.py": "decide: commands, their registry and what a decision may know",
    "shared/commands/command_handler.py": "load, decide, append, and retry",
    "shared/commands/event_writer.py": "append: encrypt, serialise once, chain, store, publish",
    "shared/consumers/consumer.py": "project: rows of read models, then reactions",
}
"""The files from an event to a row, in the order of reading."""


def core_module_lines() -> dict[str, int]:
    """File of the heart -> its lines of code."""
    return {path: lines_of_code((ROOT / path).read_text(encoding="utf-8")) for path in HEART}


def core_module_table() -> str:
    counts = core_module_lines()
    lines = ["| file | purpose | lines |", "|---|---|---|"]
    lines += [f"| `{path}` | {purpose} | {counts[path]} |" for path, purpose in HEART.items()]
    return "\n".join([*lines, f"| | in all | {sum(counts.values())} |"])


TABLES = {
    ("docs/architecture.md", "heart"): core_module_table,
    ("docs/operations.md", "settings"): settings_table,
    ("docs/operations.md", "metrics"): metrics_table,
    ("docs/integrating.md", "problem codes"): problems_table,
}


def renewed(text: str, name: str, table: str) -> str:
    """`text` with the table `name` replaced by `table`."""
    begin, end = f"<!-- {name}: made by tests/support/make_docs.py -->", f"<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    assert found, f"the marks of {name} are missing"
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def main() -> None:
    for (path, name), table in TABLES.items():
        file = ROOT / path
        file.write_text(renewed(file.read_text(encoding="utf-8"), name, table()), encoding="utf-8")


if __name__ == "__main__":
    main()
