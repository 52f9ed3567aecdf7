"""The settings of a process: `HUIYIN_*` variables of the environment. `huiyin settings` prints them."""

from __future__ import annotations

import os
from base64 import b64decode
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.kernel.file_ciphers import FileCipher

PREFIX = "HUIYIN_"
_SET_HERE = frozenset(("w", "journal", "wtimeoutms", "retrywrites", "readconcernlevel", "readpreference"))
"""Options of MongoDB, in lower case, on which durability depends."""
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """All settings. wrong_names() reports unknown `HUIYIN_*` names, so that a misspelt one is noticed. An empty variable counts
    as not set, as compose and unit files write it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", use_attribute_docstrings=True
    )

    data: Path = Path("data")
    """Folder of log, keys, read models and facts"""
    host: str = "127.0.0.1"
    """Address to listen on; any address but 127.0.0.1 opens the server to the network"""
    port: int = Field(8080, ge=0, le=65535)
    """TCP port of the public interface; 0: a free port"""
    ops_host: str = "127.0.0.1"
    """Address of the port for operations; any address but 127.0.0.1 opens it to the network"""
    ops_port: str = Field(
        "9090",
        pattern=r"^(off|\d{1,5})$",
        description="TCP port for operations: /readyz, /metrics and the routes of the operator; 0: a free port; off: none. If it is"
        " not set and 9090 is in use, or `HUIYIN_PORT` is 0, a free port",
    )
    connection_limit: int = Field(1000, ge=10, le=100_000)
    """Maximum number of open connections to the public port"""
    jurisdiction: str | None = Field(None, max_length=80)
    """Jurisdiction of filings that name none; empty: the only active one"""
    log_level: LogLevel = "info"
    """Lowest level that is logged"""
    body_limit: int = Field(256 * 1024, ge=1024)
    """Maximum size of a JSON body and of one NDJSON line in bytes"""
    history_limit: int = Field(2 * 1024 * 1024, ge=1024)
    """Maximum size of the line of an imported row in bytes"""
    batch_lines: int = Field(10_000, ge=1)
    """Maximum number of lines of one NDJSON batch"""
    page_limit: int = Field(200, ge=1, le=200)
    """Maximum number of rows of one page"""
    wait_limit: float = Field(30.0, ge=0, le=60)
    """Maximum duration of a long poll in seconds"""
    read_limit: int = Field(500, ge=1)
    """Cases whose personal data an access key may read in an hour without the header `Reason`; ten times as many with it"""
    status_misses: int = Field(10, ge=1)
    """Wrong pairs of number and query code per client and minute before 429; a client is an IPv4 address or an IPv6 network /64"""
    public_filings: int = Field(10, ge=1)
    """Filings that one client may send per minute without an access key; further ones are queued, or do a proof of work (429). A
    client is counted as for status_misses"""
    sign_in_misses: int = Field(5, ge=1)
    """Wrong sign-ins of one person from one client per minute before 429; 20 times as many of a whole client or of a person"""
    oidc_issuer: str | None = Field(None, pattern=r"^https?://[^\s?#]+$", max_length=300)
    """Issuer of the identity provider (OpenID Connect) with which members of staff sign in; empty: none"""
    oidc_client: str | None = Field(None, max_length=200)
    """Client id of this system at the identity provider, which its ID tokens name as audience"""
    oidc_keys_url: str | None = Field(None, pattern=r"^https?://[^\s?#]+$", max_length=300)
    """Address of the provider's key set; empty: as its discovery document says"""
    ready_seconds: float = Field(60.0, gt=0)
    """Seconds without progress after which a consumer is not ready"""
    trusted_proxies: str = Field(
        "",
        max_length=1000,
        description="Addresses or networks of trusted reverse proxies, separated by commas, whose X-Forwarded-For is used;"
        " empty: none, and all clients behind a proxy count as one",
    )
    public_url: str | None = Field(None, pattern=r"^https?://[^\s?#]+$", max_length=200)
    """Address under which citizens reach this server; the QR code of a receipt leads to its page /track"""
    outbound_networks: str = Field(
        "",
        max_length=1000,
        description="Networks of your own, separated by commas, that webhooks and gateways may be in, such as 10.20.0.0/16, also"
        " with http; empty: only addresses of the public internet, with https",
    )
    outbound_ca: Path | None = None
    """Further CA certificates for servers of webhooks and gateways, in PEM; empty: those of the system only"""
    gateway_sms: str | None = Field(
        None,
        pattern=r"^(https?://\S+|spool:.+)$",
        max_length=300,
        description="Gateway for SMS: https://… (JSON, signed), or spool:FOLDER, which writes files; empty: none",
    )
    gateway_email: str | None = Field(
        None,
        pattern=r"^((smtp|smtps|smtp-plain)://[^\s/@]+:\d+|https?://\S+|spool:.+)$",
        max_length=300,
        description="Gateway for email: smtp://HOST:PORT (STARTTLS), smtps://HOST:PORT, smtp-plain://HOST:PORT, https://… or"
        " spool:FOLDER; empty: none",
    )
    gateway_account: str | None = Field(
        None,
        pattern=r"^(https?://\S+|spool:.+)$",
        max_length=300,
        description="Gateway for accounts of an app, such as a bridge to enterprise WeChat: https://… or spool:FOLDER; empty: none",
    )
    gateway_secret: SecretStr | None = None
    """Secret of the gateways over HTTP, whsec_…: signs what they get and verifies what they report"""
    gateway_from: str | None = Field(None, pattern=r"^[^@\s<>]+@[^@\s<>]+$", max_length=200)
    """Sender address of email"""
    gateway_user: str | None = None
    """User at the mail server; empty: no login"""
    gateway_password: SecretStr | None = None
    """Password of that user"""
    telephone: str = Field("12345", pattern=r"^[0-9+() -]{0,30}$")
    """Telephone number that the pages name as another way; empty: none. Default: the national hotline of the authorities"""
    cases_kept: int = Field(20_000, ge=100)
    """Number of cases that a process caches in memory, about 7 kB each"""
    candidate_days: int = Field(180, ge=0, le=3660)
    """Days after closing during which intake offers a case as the same matter"""
    facts_memory: int = Field(2048, ge=0, le=1_000_000)
    """Memory that statistics may use at most, in MB; more goes to temporary files. 0: most of the machine's"""
    facts_threads: int = Field(0, ge=0, le=1024)
    """Threads that statistics may use; 0: one for each processor"""
    url: str | None = Field(None, pattern=r"^https?://")
    """Server that the command line uses instead of opening a data folder"""
    kafka_bootstrap: str | None = Field(None, pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$")
    """Full mode: the Kafka brokers, HOST:PORT separated by commas"""
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Security protocol of Kafka; SASL uses SCRAM-SHA-512"""
    kafka_user: str | None = None
    """Kafka user, if SASL is used"""
    kafka_password: SecretStr | None = None
    """Password of the Kafka user"""
    kafka_prefix: str = Field("", pattern=r"^[a-z0-9._-]{0,60}$")
    """Prefix of the names of topics and groups, if several deployments share a cluster"""
    file_cipher: FileCipher = "AES-256-GCM"
    """Cipher of new files; each file names its own, so that it can be changed"""
    clamd: str | None = Field(
        None,
        pattern=r"^(tcp://[^\s/]+:\d{1,5}|unix:/\S+)$",
        description="Virus scanner with the protocol of clamd: tcp://HOST:PORT or unix:/PATH. Files wait until it has answered;"
        " empty: files are checked by their structure only",
    )
    unpublished_limit: int = Field(100_000, ge=1)
    """Full mode: commits that may wait for Kafka; above that filings are refused (503) until it has caught up"""
    intake_key: Path | None = Field(
        None,
        description="Full mode: file of the private key in PEM (RSA or EC) that decrypts messages of platforms (JWE);"
        " several keys during a key rotation",
    )
    kafka_ca: Path | None = None
    """CA certificates for the connection to Kafka; empty: those of the system"""
    instance: str | None = Field(None, pattern=r"^[A-Za-z0-9._-]{1,100}$")
    """Name of this process among its replicas, unchanged after a restart; empty: the host name"""
    access_key: SecretStr | None = None
    """Access key of the command line for that server"""
    mongodb_url: SecretStr | None = None
    """Replica set of the log and read models of the full mode: mongodb://… or mongodb+srv://…"""
    mongodb_keys_url: SecretStr | None = None
    """Replica set of the data keys, to separate them from the log; empty: the same"""
    mongodb_name: str = Field("huiyin", pattern=r"^[A-Za-z0-9_-]{1,40}$")
    """Prefix of the names of its databases: `…_log`, `…_views`, `…_keys`, `…_files`"""
    mongodb_driver: Literal["motor", "pymongo"] = "motor"
    """Client library of MongoDB: `motor`, or `pymongo` for its successor AsyncMongoClient"""
    secrets: Path | None = None
    """Folder of `kek` and `root` in the full mode, the same for all processes; empty: `keys` in the data folder"""

    @property
    def site(self) -> str | None:
        """The address of the pages, to which passkeys belong; None where it is not set and other machines may reach them."""
        if self.public_url is not None:
            return self.public_url
        here = self.host in ("127.0.0.1", "::1", "localhost") and self.port != 0
        return f"http://localhost:{self.port}" if here else None

    @property
    def operations_port(self) -> int | None:
        """The port for operations, 0 for a free one; None if there is none."""
        if self.ops_port == "off":
            return None
        return 0 if self.port == 0 and "ops_port" not in self.model_fields_set else int(self.ops_port)

    @property
    def proxies(self) -> list[str]:
        """The addresses and networks of the trusted proxies."""
        return [one.strip() for one in self.trusted_proxies.split(",") if one.strip()]

    @field_validator("ops_port")
    @classmethod
    def _port(cls, value: str) -> str:
        if value != "off" and int(value) > 65535:
            raise PydanticCustomError("port", "must be a port number up to 65535, 0 or off")
        return value

    @field_validator("trusted_proxies", "outbound_networks")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for one in filter(None, map(str.strip, value.split(","))):
            try:
                ip_network(one)
            except ValueError:
                raise PydanticCustomError(
                    "proxies", "must be addresses or networks such as 10.0.0.5 or 10.0.0.0/24, separated by commas"
                ) from None
        return value

    @field_validator("mongodb_url", "mongodb_keys_url")
    @classmethod
    def _mongodb(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Check the URL. No message quotes it, since it may contain a password."""
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
                "must not set {names}; Huiyin sets it to guarantee durability",
                {"names": ", ".join(ours)},
            )
        if info.field_name == "mongodb_keys_url" and info.data.get("mongodb_url") is None:
            raise PydanticCustomError("mongodb_alone", "needs HUIYIN_MONGODB_URL, which is missing or wrong")
        return value


_SECRETS = tuple(
    name
    for name, field in Settings.model_fields.items()
    if SecretStr in (field.annotation, *get_args(field.annotation))
)
"""Settings that may be given in a file."""
_NOT_OURS = ("HUIYIN_TEST_", "HUIYIN_EVAL_")
"""Prefixes of the variables of tests and measurements."""


class SettingLine(NamedTuple):
    """One line of `huiyin settings`."""

    name: str
    value: str
    source: str
    meaning: str


def wrong_names() -> list[str]:
    """Names in the environment that look like settings but are unknown, each with the most similar setting."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {"HUIYIN_CODE", "HUIYIN_AS", "HUIYIN_LANG"}
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
    """The settings of this process.

    Args:
        strict: an unknown `HUIYIN_*` name in the environment is an error, too.
        given: options of the command line, which take precedence over the environment.

    A secret may be given in a file whose path is in `HUIYIN_…_FILE`. Raises ValueError that lists all wrong settings with
    what to do, and quotes no value."""
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
        try:  # contradictions among the other settings are reported, too
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
    """The secret in the file that the environment names, None if it names none. Raises ValueError."""
    variable = PREFIX + name.upper()
    path = os.environ.get(f"{variable}_FILE")
    if not path:
        return None
    if os.environ.get(variable):
        raise ValueError(f"{variable}_FILE: {variable} is set, too; keep one of them")
    try:
        found = Path(path).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise ValueError(f"{variable}_FILE: the file cannot be read: it is not a text") from None
    except OSError as error:
        raise ValueError(f"{variable}_FILE: the file cannot be read: {error.strerror}") from None
    if not found:
        raise ValueError(f"{variable}_FILE: the file is empty")
    return found


def contradictions(settings: Settings) -> list[str]:
    """The contradictions between settings, one sentence each."""
    found = []
    if settings.port and settings.ops_port == str(settings.port):
        found.append(f"{PREFIX}OPS_PORT: is also the public port; choose another one, 0 or off")
    sasl = settings.kafka_security.startswith("SASL")
    for name, value in (("USER", settings.kafka_user), ("PASSWORD", settings.kafka_password)):
        if sasl and not value:
            found.append(f"{PREFIX}KAFKA_{name}: {settings.kafka_security} needs it")
        if value and not sasl:
            found.append(
                f"{PREFIX}KAFKA_{name}: is given, but HUIYIN_KAFKA_SECURITY is without SASL; set SASL_SSL or remove it"
            )
    if settings.kafka_ca is not None and not settings.kafka_security.endswith("SSL"):
        found.append(f"{PREFIX}KAFKA_CA: is given, but HUIYIN_KAFKA_SECURITY is without SSL: set SSL or SASL_SSL")
    if settings.kafka_ca is not None and not settings.kafka_ca.is_file():
        found.append(f"{PREFIX}KAFKA_CA: there is no such file")
    if (settings.oidc_issuer is None) != (settings.oidc_client is None):
        one = "CLIENT" if settings.oidc_client is None else "ISSUER"
        found.append(f"{PREFIX}OIDC_{one}: is missing; an identity provider needs issuer and client id")
    if settings.history_limit < settings.body_limit:
        found.append(
            f"{PREFIX}HISTORY_LIMIT: must not be less than HUIYIN_BODY_LIMIT, since a row contains a whole filing"
        )
    if settings.url is not None and settings.access_key is None and settings.url.startswith("http://"):
        host = urlsplit(settings.url).hostname or ""
        if host not in ("localhost", "::1") and not host.startswith("127."):
            found.append(f"{PREFIX}URL: is another machine, which needs an access key; set HUIYIN_ACCESS_KEY")
    if settings.outbound_ca is not None and not settings.outbound_ca.is_file():
        found.append(f"{PREFIX}OUTBOUND_CA: there is no such file")
    urls = (settings.gateway_sms, settings.gateway_email, settings.gateway_account)
    if any(url is not None and url.startswith("http") for url in urls):
        text = "" if settings.gateway_secret is None else settings.gateway_secret.get_secret_value()
        if not _webhook_secret(text):
            found.append(f"{PREFIX}GATEWAY_SECRET: a gateway over HTTP needs it: whsec_ and 24 to 64 bytes in base64")
    if settings.gateway_email is not None and settings.gateway_email.startswith("smtp"):
        if settings.gateway_from is None:
            found.append(f"{PREFIX}GATEWAY_FROM: email by SMTP needs a sender address; set NAME@HOST")
        if settings.gateway_user is not None and settings.gateway_email.startswith("smtp-plain"):
            found.append(
                f"{PREFIX}GATEWAY_USER: a password must not be sent without encryption; use smtp:// or smtps://"
            )
    for name, folder in (("DATA", settings.data), ("SECRETS", settings.secrets)):
        if folder is not None and folder.exists() and not folder.is_dir():
            found.append(f"{PREFIX}{name}: is a file; name a folder")
    return found


def _webhook_secret(text: str) -> bool:
    """True for a secret of Standard Webhooks."""
    try:
        return text.startswith("whsec_") and 24 <= len(b64decode(text.removeprefix("whsec_"), validate=True)) <= 64
    except ValueError:
        return False


def missing(settings: Settings) -> list[str]:
    """The settings that the full mode needs and that are missing, one sentence each."""
    found = []
    if settings.kafka_bootstrap is None:
        found.append(f"{PREFIX}KAFKA_BOOTSTRAP: the full mode needs Kafka; set HOST:PORT of its brokers")
    if settings.mongodb_url is None:
        found.append(
            f"{PREFIX}MONGODB_URL: the full mode needs MongoDB; set mongodb://HOST:PORT/?replicaSet=NAME, or write it to a"
            f" file and set {PREFIX}MONGODB_URL_FILE to its path"
        )
    return found


def shown(settings: Settings, given: frozenset[str] = frozenset()) -> list[SettingLine]:
    """All settings with their values, secrets masked, and their sources."""
    lines = []
    for name, value in settings:
        text = "" if value is None else "********" if isinstance(value, SecretStr) else str(value)
        variable = PREFIX + name.upper()
        source = "command line" if name in given else "environment" if os.environ.get(variable) else "default"
        lines.append(SettingLine(variable, text, source, Settings.model_fields[name].description or ""))
    return lines
