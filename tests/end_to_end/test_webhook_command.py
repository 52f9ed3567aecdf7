"""`huiyin webhook`: the owner of a data folder manages webhooks from the terminal."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.support.process import huiyin, server

pytestmark = pytest.mark.slow
OWNER = ("--as", "organisation:zj@cn-demo")


def test_webhooks_are_managed_from_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with server(folder, HUIYIN_OUTBOUND_NETWORKS="127.0.0.0/8"):
        data = ("--data", str(folder))
        refused = huiyin("webhook", "add", "https://10.0.0.1/", *OWNER, *data)
        assert refused.returncode == 2
        assert "HUIYIN_OUTBOUND_NETWORKS" in refused.stderr
        added = huiyin("webhook", "add", "http://127.0.0.1:9/hook", *OWNER, *data)
        assert added.returncode == 0, added.stderr
        webhook = added.stdout.split()[0]
        assert webhook.startswith("wh_")
        assert "whsec_" in added.stdout and "whpk_" in added.stdout
        tried = huiyin("webhook", "test", webhook, *OWNER, *data)
        assert (tried.returncode, tried.stdout.split()[0]) == (1, "unreachable")
        assert "whsec_" in huiyin("webhook", "rotate", webhook, *OWNER, *data).stdout
        log = orjson.loads(huiyin("webhook", "log", webhook, "--json", *data).stdout)["deliveries"]
        assert [one["problem"] for one in log] == ["unreachable"]
        assert huiyin("webhook", "disable", webhook, *data).returncode == 0
        listed = huiyin("webhook", "list", *data)
        assert webhook in listed.stdout and "operations" in listed.stdout
        assert "whsec_" not in listed.stdout
        refused = huiyin("webhook", "enable", webhook, *OWNER, *data)
        assert (refused.returncode, "The operators disabled this webhook" in refused.stderr) == (1, True)
        assert huiyin("webhook", "enable", webhook, *data).returncode == 0
        again = huiyin("webhook", "replay", webhook, "1000000", *OWNER, *data)
        assert (again.returncode, "sent by themselves" in again.stderr) == (2, True)
