"""`huiyin platform`: the updates sent to a platform, and its daily report."""

from __future__ import annotations

from pathlib import Path

import orjson

from tests.support.process import huiyin


def test_platform_command_prints_updates_and_daily_report(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    assert huiyin("policy", "activate", "demo", *data).returncode == 0
    told = ("--channel", "province", "--item", "P-1", "--text", "路灯不亮", "--place", "dh-yl", "--subject", "0102")
    assert huiyin("submit", *told, "--as", "platform:province", *data).returncode == 0
    shown = huiyin("platform", "updates", "province", *data)
    assert shown.returncode == 0, shown.stderr
    assert "registered" in shown.stdout and "sent" in shown.stdout and "zj" in shown.stdout
    page = orjson.loads(huiyin("platform", "updates", "province", "--limit", "1", "--json", *data).stdout)
    assert [one["item"] for one in page["entries"]] == ["P-1"] and page["more"]
    more = huiyin("platform", "updates", "province", "--limit", "1", *data).stdout
    assert "huiyin platform updates province --after 1" in more
    day = huiyin("platform", "day", "province", "2026-01-31", *data)
    assert day.returncode == 0, day.stderr
    assert "same again" in day.stdout
    found = orjson.loads(huiyin("platform", "day", "province", "2026-01-31", "--json", *data).stdout)
    assert (found["sent"], found["refusals"], found["zone"]) == (0, {}, "Asia/Shanghai")
    for since in ("1", "2026-01-31"):
        refused = huiyin("platform", "replay", "province", "--since", since, *data)
        assert refused.returncode == 1 and "no_topics_here" in refused.stderr
    for wrong in (
        ("replay", "nobody"),
        ("replay", "province", "--since", "x"),
        ("day", "province", "31.1."),
        ("day", "nobody", "2026-01-31"),
    ):
        refused = huiyin("platform", *wrong, *data)
        assert refused.returncode in (1, 2) and refused.stderr
