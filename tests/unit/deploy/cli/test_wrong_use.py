"""A missing path is wrong use: exit code 2, and a sentence with the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

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
