"""The settings of a process: `HUIYIN_*` in the environment, each with its meaning. `huiyin settings` prints them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "HUIYIN_"
_SET_HERE = frozenset(("w", "journal", "wtimeoutms", "retrywrites", "readconcernlevel", "readpreference"))
"""Options of MongoDB, in small letters, that durability rests on."""
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """Every setting there is. Unknown `HUIYIN_*` names are refused by wrong_names(): a misspelt one must not be lost."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    data: Path = Field(Path("data"), description="Folder that holds log, keys, views and facts")
    host: str = Field("127.0.0.1", description="Address to listen on; anything but 127.0.0.1 opens it to the network")
    port: int = Field(8080, ge=0, le=65535, description="TCP port of the public interface; 0 takes a free one")
    jurisdiction: str | None = Field(
        None, max_length=80, description="Jurisdiction of a filing that names none; empty: the only one that is active"
    )
    log_level: LogLevel = Field("info", description="Least important line that is logged")
    body_limit: int = Field(256 * 1024, ge=1024, description="Largest JSON body in bytes; also of one NDJSON line")
    history_limit: int = Field(2 * 1024 * 1024, ge=1024, description="Largest line of an imported row in bytes")
    batch_lines: int = Field(10_000, ge=1, description="Most lines of one NDJSON batch")
    page_limit: int = Field(200, ge=1, le=200, description="Most rows of one page")
    wait_limit: float = Field(30.0, ge=0, le=60, description="Longest long poll in seconds")
    status_misses: int = Field(10, ge=1, description="Wrong number-and-code pairs per client and minute before 429")
    ready_seconds: float = Field(60.0, gt=0, description="A consumer without progress for so long is not ready")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+$",
        max_length=200,
        description="Address under which citizens reach this server; the QR code of a receipt leads to its status page",
    )
    candidate_days: int = Field(
        180, ge=0, le=3660, description="Days after closing for which a case is offered as the same matter at intake"
    )
    url: str | None = Field(
        None, pattern=r"^https?://", description="Server that the command line speaks to instead of opening a folder"
    )
    kafka_bootstrap: str | None = Field(
        None,
        pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$",
        description="Full mode: Kafka's brokers, HOST:PORT with commas",
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to Kafka; SASL is SCRAM-SHA-512"
    )
    kafka_user: str | None = Field(None, description="User of Kafka, where SASL is used")
    kafka_password: SecretStr | None = Field(None, description="Its password")
    kafka_prefix: str = Field(
        "",
        pattern=r"^[a-z0-9._-]{0,60}$",
        description="What the names of topics and groups begin with, where several deployments share a cluster",
    )
    intake_key: Path | None = Field(
        None,
        description="Full mode: private key in PEM (RSA or EC) that opens what platforms encrypt (JWE); several while one"
        " replaces another",
    )
    kafka_ca: Path | None = Field(None, description="Certificates that Kafka's are checked with; empty: the system's")
    instance: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Name of this process among its replicas, the same after a restart; empty: the host's name",
    )
    access_key: SecretStr | None = Field(None, description="Access key that the command line shows to that server")
    mongodb_url: SecretStr | None = Field(
        None, description="Replica set that holds log and views of the full mode: mongodb://… or mongodb+srv://…"
    )
    mongodb_keys_url: SecretStr | None = Field(
        None, description="Another one for the data keys, so that who reads the log cannot read them; empty: the same"
    )
    mongodb_name: str = Field(
        "huiyin",
        pattern=r"^[A-Za-z0-9_-]{1,40}$",
        description="What the names of its databases begin with: `…_log`, `…_views`, `…_keys`",
    )
    mongodb_driver: Literal["motor", "pymongo"] = Field(
        "motor", description="Client of MongoDB: `motor`, or `pymongo` for its successor AsyncMongoClient"
    )
    secrets: Path | None = Field(
        None,
        description="Folder with `kek` and `root` of the full mode, the same for every process; empty: `keys` of the data folder",
    )

    @field_validator("mongodb_url", "mongodb_keys_url")
    @classmethod
    def _mongodb(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """What is wrong is said without a word of the URL, which may hold a password."""
        if value is None:
            return None
        url = urlsplit(value.get_secret_value())
        if url.scheme not in ("mongodb", "mongodb+srv") or not url.netloc:
            raise PydanticCustomError(
                "mongodb_url", "must be mongodb://HOST:PORT/?replicaSet=NAME or mongodb+srv://HOST/"
            )
        ours = sorted(name for name in parse_qs(url.query, keep_blank_values=True) if name.lower() in _SET_HERE)
        if ours:
            raise PydanticCustomError(
                "mongodb_option",
                "must not set {names}: Huiyin does, for its promises rest on it",
                {"names": ", ".join(ours)},
            )
        if info.field_name == "mongodb_keys_url" and info.data.get("mongodb_url") is None:
            raise PydanticCustomError("mongodb_alone", "needs HUIYIN_MONGODB_URL, which is not set or wrong")
        return value


class Shown(NamedTuple):
    """One line of `huiyin settings`."""

    name: str
    value: str
    source: str
    meaning: str


def wrong_names() -> list[str]:
    """Names in the environment that look like settings and are none."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {"HUIYIN_CODE", "HUIYIN_AS"}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def load(**given: Any) -> Settings:
    """The settings; `given` (what the command line said) wins over the environment.

    Raises ValueError that names the setting and what is wrong with it, never its value."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = "; ".join(f"{PREFIX}{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
        raise ValueError(f"a setting is wrong: {wrong}") from None


def shown(settings: Settings, given: frozenset[str] = frozenset()) -> list[Shown]:
    """Each setting with its value (secrets masked) and where it comes from."""
    lines = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        text = "" if value is None else "********" if isinstance(value, SecretStr) else str(value)
        variable = PREFIX + name.upper()
        source = "command line" if name in given else "environment" if variable in os.environ else "default"
        lines.append(Shown(variable, text, source, field.description or ""))
    return lines
