"""A missing path is wrong use: exit code 2, and a sentence with the remedy."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
import typer

from deploy.cli import output as terminal
from deploy.cli.maintenance import restore
from deploy.cli.policies import read_source

WRONG_USE = 2


def test_missing_policy_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        read_source(Path("nowhere"))
    assert ended.value.exit_code == WRONG_USE
    assert "no file or folder nowhere" in capsys.readouterr().err


def test_missing_backup_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        restore(tmp_path / "nowhere", data=tmp_path / "new")
    assert ended.value.exit_code == WRONG_USE
    assert "There is no folder" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("ascii", r"\u56de\u97f3 \U00020bb7"), ("gbk", r"回音 \U00020bb7"), ("utf-8", "回音 \U00020bb7")],
)
def test_no_command_stops_because_the_locale_lacks_a_character(
    monkeypatch: pytest.MonkeyPatch, encoding: str, expected: str
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    terminal.never_fail_to_print()
    terminal.line("回音 \U00020bb7")
    sys.stdout.flush()
    assert written.getvalue().decode(encoding) == expected + "\n"
