"""Templates of notices: those that come with Huiyin are correct, and what a policy gets wrong is found with line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.policy.loading.loader import PolicyInvalid, bundled, load
from shared.policy.template_language import faults, filled
from shared.policy.templates import (
    KINDS,
    LANGUAGES,
    Templates,
    built_in,
    field_words,
    kinds,
    required_of,
    template_of,
)
from shared.policy.validation.finding import Finding

ACCEPTANCE = """\
templates:
  notices:
    - id: acceptance
      number: "{{ mark }}受字〔{{ year }}〕{{ n }}号"
      zh:
        title: 受理告知书
        body:
          - 您的{{ case_number }}已于{{ accepted_on }}受理。
      en:
        title: Notice of acceptance
        body:
          - |
            Your {{ case_number }}
            was accepted on {{ accepted_on }}.
"""


def findings(folder: Path, text: str) -> list[Finding]:
    file = folder / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyInvalid) as caught:
        load(file)
    return caught.value.findings


def place(finding: Finding) -> tuple[int | None, str | None]:
    return finding.line, finding.column


def test_each_kind_has_a_built_in_template_in_both_languages_that_passes_its_own_checks() -> None:
    assert tuple(kinds()) == KINDS and {one.id for one in built_in().notices} == set(KINDS)
    assert [one.section for one in bundled("cn-notices")] == ["templates"], "checked as any policy is"
    for kind in KINDS:
        assert kinds()[kind].fields <= field_words().keys()
        assert all(template_of(Templates(), kind).text(language).title for language in LANGUAGES)


def test_a_decision_states_what_the_regulation_demands() -> None:
    demanded = {"request", "facts", "opinion", "legal_basis", "review_body", "review_days"}
    assert demanded <= set(required_of(template_of(Templates(), "decision")))


def test_a_policy_replaces_one_kind_and_keeps_the_others(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(ACCEPTANCE, encoding="utf-8")
    own = Templates.model_validate(load(file)[0].document)
    assert template_of(own, "acceptance").zh.title == "受理告知书"
    assert template_of(own, "decision") == template_of(Templates(), "decision")


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        ("{{ accepted_on }}受理", "{{ accepted_onn }}受理", (8, "37"), "'accepted_onn' is not a field of this notice"),
        ("on {{ accepted_on }}", "on {{ mark }} {{ accepted_on }}", (14, "32"), "'mark' is not a field"),
        ("title: 受理告知书", "titel: 受理告知书", (6, "9"), "is not a field of this section"),
        ("- id: acceptance", "- id: acceptance\n      required: [phone]", (4, "18"), "'phone' is not a field"),
        ("{{ n }}号", "号", (4, "7"), "needs 'n' to be unique"),
        ("{{ accepted_on }}受理", "{{ accepted_on 受理", (8, "13"), "cannot be read as a template"),
        ("于{{ accepted_on }}", "于今日", (7, "9"), "has to state 'accepted_on'"),
        ("{{ case_number }}已", "{{ case_number.__class__ }}已", (8, "30"), "only shows fields"),
        ("{{ case_number }}已", "{{ case_number|upper }}已", (8, "30"), "'upper' is not a filter"),
    ],
)
def test_what_a_template_gets_wrong_is_found_with_line_and_column(
    tmp_path: Path, old: str, new: str, at: tuple[int, str], said: str
) -> None:
    assert old in ACCEPTANCE
    found = findings(tmp_path, ACCEPTANCE.replace(old, new, 1))
    hit = [one for one in found if said in one.what]
    assert hit and abs(int(hit[0].column or 0) - int(at[1])) <= 4 and hit[0].line == at[0], [str(one) for one in found]
    assert all(one.file == "policy.yaml" for one in found)


def test_the_column_is_that_of_the_word(tmp_path: Path) -> None:
    text = ACCEPTANCE.replace(
        "was accepted on {{ accepted_on }}", "was accepted on {{ accepted_onn }}, {{ accepted_on }}"
    )
    (found,) = findings(tmp_path, text)
    line = text.splitlines()[(found.line or 1) - 1]
    assert line[int(found.column or 1) - 1 :].startswith("accepted_onn")


def test_two_kinds_never_share_a_series_of_numbers(tmp_path: Path) -> None:
    decisions = template_of(Templates(), "decision").number
    text = ACCEPTANCE.replace("{{ mark }}受字〔{{ year }}〕{{ n }}号", decisions)
    (found,) = findings(tmp_path, text)
    assert "counted apart" in found.what and found.line == 4


@pytest.mark.parametrize(
    "source",
    [
        "{{ a() }}", "{{ a[0] }}", "{{ a.b }}", "{{ a ~ a }}", "{{ a * 9 }}", "{% for x in a %}{{ x }}{% endfor %}",
        "{% set b = a %}", "{% include a %}", "{% import a as b %}", "{% macro m() %}{% endmacro %}", "{{ a|replace(a, a) }}",
        "{% raw %}{{ b }}{% endraw %}{{ self }}", "{{ cycler }}", "{{ range(9) }}", "{{ [a, a] }}", "{{ {a: a} }}",
        "{{ a if a else a }}", "{% block b %}{% endblock %}", "{% extends a %}", "{{ a is defined }}",
        "{{" + "(" * 1500 + "a" + ")" * 1500 + "}}", "{{ " + "not " * 900 + "a }}", "{{ a == a }}", "{% call a() %}{% endcall %}",
    ],
)  # fmt: skip
def test_a_text_only_shows_fields(source: str) -> None:
    assert faults(source, {"a"})


def test_a_value_is_never_read_as_a_template() -> None:
    assert filled("{{ a }}！", {"a": "{{ b }}{% raw %}"}) == "{{ b }}{% raw %}！"
    assert filled("{{ a }}。{% if b %}有{% endif %}", {}) == "。"
