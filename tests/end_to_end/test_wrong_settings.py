"""With any wrong setting the process does not start and names the setting and the remedy, without a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.process import huiyin

FULL = {"HUIYIN_KAFKA_BOOTSTRAP": "127.0.0.1:9", "HUIYIN_MONGODB_URL": "mongodb://127.0.0.1:9/?replicaSet=rs0"}
SECRET = "pa55word"
WRONG: dict[str, tuple[dict[str, str | None], str]] = {
    "a port that is none": ({"HUIYIN_PORT": "80800"}, "HUIYIN_PORT"),
    "a port that is no number": ({"HUIYIN_PORT": "http"}, "HUIYIN_PORT"),
    "a level of the log": ({"HUIYIN_LOG_LEVEL": "loud"}, "HUIYIN_LOG_LEVEL"),
    "a proxy that is no address": ({"HUIYIN_TRUSTED_PROXIES": "10.0.0.5, proxy.example"}, "HUIYIN_TRUSTED_PROXIES"),
    "a limit of nothing": ({"HUIYIN_UNPUBLISHED_LIMIT": "0"}, "HUIYIN_UNPUBLISHED_LIMIT"),
    "a body without room": ({"HUIYIN_BODY_LIMIT": "10"}, "HUIYIN_BODY_LIMIT"),
    "a row smaller than a filing": (
        {"HUIYIN_HISTORY_LIMIT": "2000", "HUIYIN_BODY_LIMIT": "4000"},
        "HUIYIN_HISTORY_LIMIT: must not be less",
    ),
    "pages too long": ({"HUIYIN_PAGE_LIMIT": "1000"}, "HUIYIN_PAGE_LIMIT"),
    "a wait without end": ({"HUIYIN_WAIT_LIMIT": "3600"}, "HUIYIN_WAIT_LIMIT"),
    "brokers without a port": ({"HUIYIN_KAFKA_BOOTSTRAP": "kafka"}, "HUIYIN_KAFKA_BOOTSTRAP"),
    "a security that is none": ({"HUIYIN_KAFKA_SECURITY": "TLS"}, "HUIYIN_KAFKA_SECURITY"),
    "SASL without a user": (
        {"HUIYIN_KAFKA_SECURITY": "SASL_SSL", "HUIYIN_KAFKA_PASSWORD": SECRET},
        "HUIYIN_KAFKA_USER: SASL_SSL needs it",
    ),
    "SASL without a password": (
        {"HUIYIN_KAFKA_SECURITY": "SASL_SSL", "HUIYIN_KAFKA_USER": "svc"},
        "HUIYIN_KAFKA_PASSWORD: SASL_SSL needs it",
    ),
    "a password for nothing": ({"HUIYIN_KAFKA_PASSWORD": SECRET}, "HUIYIN_KAFKA_PASSWORD: is given, but"),
    "certificates for nothing": ({"HUIYIN_KAFKA_CA": __file__}, "HUIYIN_KAFKA_CA: is given, but"),
    "certificates that are not there": (
        {"HUIYIN_KAFKA_CA": "/nowhere.pem", "HUIYIN_KAFKA_SECURITY": "SSL"},
        "HUIYIN_KAFKA_CA: there is no such file",
    ),
    "a prefix with a blank": ({"HUIYIN_KAFKA_PREFIX": "a b"}, "HUIYIN_KAFKA_PREFIX"),
    "an instance with a blank": ({"HUIYIN_INSTANCE": "a b"}, "HUIYIN_INSTANCE"),
    "no store": ({"HUIYIN_MONGODB_URL": None}, "HUIYIN_MONGODB_URL: the full mode needs MongoDB"),
    "no broker": ({"HUIYIN_KAFKA_BOOTSTRAP": None}, "HUIYIN_KAFKA_BOOTSTRAP: the full mode needs Kafka"),
    "a store that is none": ({"HUIYIN_MONGODB_URL": f"postgres://u:{SECRET}@h/"}, "HUIYIN_MONGODB_URL: must be"),
    "a store that forgets": (
        {"HUIYIN_MONGODB_URL": f"mongodb://u:{SECRET}@h/?replicaSet=r&w=1"},
        "HUIYIN_MONGODB_URL: must not set w",
    ),
    "a driver that is none": ({"HUIYIN_MONGODB_DRIVER": "sql"}, "HUIYIN_MONGODB_DRIVER"),
    "a database's name": ({"HUIYIN_MONGODB_NAME": "a.b"}, "HUIYIN_MONGODB_NAME"),
    "a misspelt name": ({"HUIYIN_KAFKA_BOOTSTRP": "h:1"}, "HUIYIN_KAFKA_BOOTSTRAP may be meant"),
    "a file that is not there": (
        {"HUIYIN_MONGODB_URL": None, "HUIYIN_MONGODB_URL_FILE": "/nowhere"},
        "HUIYIN_MONGODB_URL_FILE: the file cannot be read: No such file",
    ),
    "a secret in two places": (
        {"HUIYIN_MONGODB_URL_FILE": __file__},
        "HUIYIN_MONGODB_URL_FILE: HUIYIN_MONGODB_URL is set",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_setting_is_named_and_nothing_starts(what: str, tmp_path: Path) -> None:
    given, named = WRONG[what]
    place = {name: value for name, value in {**FULL, **given}.items() if value is not None}
    done = huiyin("serve", "all", "--data", str(tmp_path / "data"), **place)
    assert done.returncode == 2, done.stderr
    assert named in " ".join(done.stderr.split()), done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert not (tmp_path / "data").exists()


def test_all_wrong_settings_are_reported_at_once(tmp_path: Path) -> None:
    wrong = {"HUIYIN_PORT": "x", "HUIYIN_KAFKA_SECURITY": "SASL_SSL", "HUIYIN_MONGODB_NAME": "a.b", "HUIYIN_PROT": "1"}
    said = " ".join(huiyin("serve", "all", "--data", str(tmp_path / "data"), **FULL, **wrong).stderr.split())
    for name in ("HUIYIN_PORT", "HUIYIN_KAFKA_USER", "HUIYIN_KAFKA_PASSWORD", "HUIYIN_MONGODB_NAME", "HUIYIN_PROT:"):
        assert name in said, said


def test_secret_may_be_read_from_file(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text("mongodb://h:1/?replicaSet=r\n")
    found = huiyin("settings", "--json", HUIYIN_MONGODB_URL_FILE=str(path))
    assert found.returncode == 0, found.stderr
    assert '"HUIYIN_MONGODB_URL"' in found.stdout and "mongodb://h:1" not in found.stdout
    assert "********" in found.stdout
