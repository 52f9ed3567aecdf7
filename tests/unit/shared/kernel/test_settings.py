"""Malformed or contradictory settings are named at the start, without their values."""

from __future__ import annotations

import pytest

from shared.kernel.settings import PREFIX, Settings, load, shown


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"mongodb_url": "localhost:27017"}, "HUIYIN_MONGODB_URL: must be mongodb://"),
        ({"mongodb_url": "mongodb:///pa55"}, "HUIYIN_MONGODB_URL: must be mongodb://"),
        ({"mongodb_url": "mongodb://u:pa55@h/?w=1&readConcernLevel=local"}, "must not set readConcernLevel, w;"),
        ({"mongodb_keys_url": "mongodb://u:pa55@h/"}, "HUIYIN_MONGODB_KEYS_URL: needs HUIYIN_MONGODB_URL"),
        ({"mongodb_driver": "pa55"}, "HUIYIN_MONGODB_DRIVER"),
        ({"mongodb_name": "a/pa55"}, "HUIYIN_MONGODB_NAME"),
    ],
)
def test_invalid_setting_is_named_without_its_value(given: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match="a setting is wrong") as raised:
        load(**given)
    assert named in str(raised.value)
    assert "pa55" not in str(raised.value)


def test_url_with_password_is_masked() -> None:
    settings = load(
        mongodb_url="mongodb://u:pa55@h:27017/?replicaSet=rs0&tls=true", mongodb_keys_url="mongodb+srv://k/"
    )
    assert settings.mongodb_driver == "motor"
    assert "pa55" not in repr(settings) + repr(shown(settings))


@pytest.mark.parametrize("name", [f"{one.upper()}{end}" for one in Settings.model_fields for end in ("", "_FILE")])
def test_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    without = shown(load())
    monkeypatch.setenv(PREFIX + name, "")
    assert shown(load()) == without


@pytest.mark.parametrize("name", ["HUIYIN_LANG", "HUIYIN_AS", "HUIYIN_CODE"])
def test_variable_of_the_command_line_stops_no_server(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "zh")
    assert load(strict=True) == load()


def test_misspelt_variable_is_named_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYIN_PROT", "8080")
    with pytest.raises(ValueError, match="HUIYIN_PROT: is not a setting; HUIYIN_PORT may be meant"):
        load(strict=True)
