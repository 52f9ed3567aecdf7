"""The settings of a process: `HUIYIN_*` in the environment, each with its meaning. `huiyin settings` prints them."""

from __future__ import annotations

import os
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args
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
    trusted_proxies: str = Field(
        "",
        max_length=1000,
        description="Addresses or networks of the proxies in front, with commas: a client's address is the one that they name"
        " (X-Forwarded-For); empty: nobody is believed, and all clients behind a proxy count as one",
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+$",
        max_length=200,
        description="Address under which citizens reach this server; the QR code of a receipt leads to its status page",
    )
    cases_kept: int = Field(
        20_000,
        ge=100,
        description="Cases that a process keeps folded in memory, about 7 kB each; others are read again",
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
    unpublished_limit: int = Field(
        100_000,
        ge=1,
        description="Full mode: commits that may wait for Kafka; past that filings are refused (503) until it has caught up",
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

    @property
    def proxies(self) -> list[str]:
        """The trusted proxies, one by one."""
        return [one.strip() for one in self.trusted_proxies.split(",") if one.strip()]

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for one in filter(None, map(str.strip, value.split(","))):
            try:
                ip_network(one)
            except ValueError:
                raise PydanticCustomError(
                    "proxies", "must be addresses or networks, like 10.0.0.5 or 10.0.0.0/24, with commas"
                ) from None
        return value

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


_SECRETS = tuple(
    name
    for name, field in Settings.model_fields.items()
    if SecretStr in (field.annotation, *get_args(field.annotation))
)
"""Settings that may stand in a file of their own."""
_NOT_OURS = ("HUIYIN_TEST_", "HUIYIN_EVAL_")
"""What tests and measurements are told."""


class Shown(NamedTuple):
    """One line of `huiyin settings`."""

    name: str
    value: str
    source: str
    meaning: str


def wrong_names() -> list[str]:
    """Names in the environment that look like settings and are none, each with the one that may be meant."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {"HUIYIN_CODE", "HUIYIN_AS"}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in _SECRETS}
    found = []
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and not name.startswith(_NOT_OURS) and name not in known:
            near = get_close_matches(name, known, 1)
            found.append(
                f"{name}: is not a setting" + (f"; {near[0]} may be meant" if near else "; see: huiyin settings")
            )
    return found


def load(*, strict: bool = False, **given: Any) -> Settings:
    """The settings; `given` (what the command line said) wins over the environment, and a secret may stand in a file that
    `HUIYIN_…_FILE` names. `strict`: a name in the environment that is no setting is wrong, too.

    Raises ValueError that names every setting that is wrong and what to do, never a value."""
    known = {name: value for name, value in given.items() if value is not None}
    wrong = wrong_names() if strict else []
    for name in _SECRETS:
        try:
            if name not in known and (secret := _from_file(name)) is not None:
                known[name] = secret
        except ValueError as error:
            wrong.append(str(error))
    try:
        settings = Settings(**known)
    except ValidationError as error:
        wrong += [f"{PREFIX}{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors()]
        bad = {str(one["loc"][0]) for one in error.errors()}
        try:  # what contradicts itself beside that is said, too
            settings = Settings(**{**known, **{name: Settings.model_fields[name].get_default() for name in bad}})
        except ValidationError:
            raise ValueError(f"a setting is wrong: {'; '.join(wrong)}") from None
        wrong += [text for text in contradictions(settings) if not any(PREFIX + name.upper() in text for name in bad)]
    else:
        wrong += contradictions(settings)
    if wrong:
        raise ValueError(f"a setting is wrong: {'; '.join(wrong)}")
    return settings


def _from_file(name: str) -> str | None:
    """The secret in the file that the environment names; None where it names none. Raises ValueError."""
    variable = PREFIX + name.upper()
    path = os.environ.get(f"{variable}_FILE")
    if path is None:
        return None
    if variable in os.environ:
        raise ValueError(f"{variable}_FILE: {variable} is set, too; keep one of them")
    try:
        found = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ValueError(f"{variable}_FILE: the file cannot be read: {why}") from None
    if not found:
        raise ValueError(f"{variable}_FILE: the file is empty")
    return found


def contradictions(settings: Settings) -> list[str]:
    """What does not fit together, one sentence each."""
    found = []
    sasl = settings.kafka_security.startswith("SASL")
    for name, value in (("USER", settings.kafka_user), ("PASSWORD", settings.kafka_password)):
        if sasl and not value:
            found.append(f"{PREFIX}KAFKA_{name}: {settings.kafka_security} needs it")
        if value and not sasl:
            found.append(
                f"{PREFIX}KAFKA_{name}: is given, but HUIYIN_KAFKA_SECURITY is without SASL: it would not be used; set"
                " SASL_SSL, or leave it out"
            )
    if settings.kafka_ca is not None and not settings.kafka_security.endswith("SSL"):
        found.append(f"{PREFIX}KAFKA_CA: is given, but HUIYIN_KAFKA_SECURITY is without SSL: set SSL or SASL_SSL")
    if settings.kafka_ca is not None and not settings.kafka_ca.is_file():
        found.append(f"{PREFIX}KAFKA_CA: there is no such file")
    if settings.history_limit < settings.body_limit:
        found.append(f"{PREFIX}HISTORY_LIMIT: must not be less than HUIYIN_BODY_LIMIT: a row holds a whole filing")
    if settings.url is not None and settings.access_key is None and settings.url.startswith("http://"):
        host = urlsplit(settings.url).hostname or ""
        if not (host == "localhost" or host.startswith("127.") or host == "::1"):
            found.append(
                f"{PREFIX}URL: names another machine, and HUIYIN_ACCESS_KEY is not set: it would answer nothing"
            )
    if settings.data.exists() and not settings.data.is_dir():
        found.append(f"{PREFIX}DATA: is a file; name a folder")
    if settings.secrets is not None and settings.secrets.exists() and not settings.secrets.is_dir():
        found.append(f"{PREFIX}SECRETS: is a file; name a folder")
    return found


def missing(settings: Settings) -> list[str]:
    """What the full mode cannot do without."""
    found = []
    if settings.kafka_bootstrap is None:
        found.append(f"{PREFIX}KAFKA_BOOTSTRAP: the full mode needs Kafka; set HOST:PORT of its brokers")
    if settings.mongodb_url is None:
        found.append(
            f"{PREFIX}MONGODB_URL: the full mode needs MongoDB; set mongodb://HOST:PORT/?replicaSet=NAME, or put that into a"
            f" file and name it with {PREFIX}MONGODB_URL_FILE"
        )
    return found


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
