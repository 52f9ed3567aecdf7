"""Records encrypted to intake's key: decrypted with a matching key, refused otherwise, and never confused with JSON."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from joserfc.jwe import JWERegistry, encrypt_compact
from joserfc.jwk import ECKey, RSAKey

from services.intake.topics.encrypted_records import EncryptedRecords, NoKey
from shared.hosting.process import Process
from shared.kernel.refusals import Invalid
from shared.messaging.partner_topics import MessageHandler

CLEAR = '{"channel":"province","item":"P-1","text":"路灯不亮"}'.encode()
LIMIT = 256 * 1024
WAYS = [("rsa", "RSA-OAEP-256", "A256GCM"), ("ec", "ECDH-ES+A256KW", "A256GCM"), ("ec", "ECDH-ES", "A128GCM")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys as docs/integrating.md has them made."""
    path = tmp_path_factory.mktemp("keys")
    for name, *how in (
        ("rsa", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"),
        ("ec", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
        ("old", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
        ("weak", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
    ):
        private, public = path / f"{name}.pem", path / f"{name}.public.pem"
        for command in (
            ["openssl", "genpkey", "-algorithm", *how, "-out", str(private)],
            ["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)],
        ):
            subprocess.run(command, check=True, capture_output=True)
    return path


def letter(folder: Path, name: str, alg: str, enc: str, clear: bytes = CLEAR, **header: str) -> bytes:
    text = (folder / f"{name}.public.pem").read_text()
    key = RSAKey.import_key(text) if name != "ec" else ECKey.import_key(text)
    registry = JWERegistry(algorithms=[alg, enc, "DEF"])
    registry.max_ciphertext_length = 10_000_000
    return encrypt_compact({"alg": alg, "enc": enc, **header}, clear, key, registry=registry).encode()


@pytest.mark.parametrize(("name", "alg", "enc"), WAYS)
def test_encrypted_record_is_decrypted(folder: Path, name: str, alg: str, enc: str) -> None:
    letters = EncryptedRecords.of(folder / f"{name}.pem")
    sealed = letter(folder, name, alg, enc)
    assert CLEAR not in sealed
    assert letters.opened(sealed, LIMIT) == CLEAR
    assert letters.opened(sealed + b"\n", LIMIT) == CLEAR


def test_long_encrypted_record_is_decrypted(folder: Path) -> None:
    clear = b'{"text":"' + b"x" * (LIMIT - 11) + b'"}'
    sealed = letter(folder, "rsa", "RSA-OAEP-256", "A256GCM", clear)
    assert EncryptedRecords.of(folder / "rsa.pem").opened(sealed, LIMIT) == clear


def test_both_keys_decrypt_during_key_rotation(folder: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text(
        (folder / "rsa.pem").read_text() + (folder / "old.pem").read_text() + (folder / "ec.pem").read_text()
    )
    letters = EncryptedRecords.of(both)
    for name, alg in (("rsa", "RSA-OAEP-256"), ("old", "RSA-OAEP-256"), ("ec", "ECDH-ES")):
        assert letters.opened(letter(folder, name, alg, "A256GCM"), LIMIT) == CLEAR


@pytest.mark.parametrize(
    ("alg", "enc", "header"),
    [("RSA1_5", "A256GCM", {}), ("RSA-OAEP", "A256GCM", {}), ("RSA-OAEP-256", "A256GCM", {"zip": "DEF"})],
)
def test_other_algorithms_are_refused(folder: Path, alg: str, enc: str, header: dict[str, str]) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sealed = letter(folder, "rsa", alg, enc, **header)
    with pytest.raises(Invalid) as refused:
        EncryptedRecords.of(folder / "rsa.pem").opened(sealed, LIMIT)
    assert refused.value.code == "cannot_be_opened"


def test_record_for_another_key_or_with_changed_character_is_refused(folder: Path) -> None:
    sealed = letter(folder, "rsa", "RSA-OAEP-256", "A256GCM")
    wrong = sealed[:-3] + (b"AAA" if sealed[-3:] != b"AAA" else b"BBB")
    for keys, data in (("old.pem", sealed), ("ec.pem", sealed), ("rsa.pem", wrong), ("rsa.pem", b"eyJ9.AA.AA.AA.AA")):
        with pytest.raises(Invalid) as refused:
            EncryptedRecords.of(folder / keys).opened(data, LIMIT)
        assert refused.value.code == "cannot_be_opened" and "路灯" not in refused.value.detail
    with pytest.raises(Invalid):
        EncryptedRecords(()).opened(sealed, LIMIT)


@pytest.mark.parametrize("data", [CLEAR, b"", b"eyJ", b"not json", b"eyJ.a.b", b"\xff\xfe", b"eyJ" + b"A" * 3_000_000])
def test_unencrypted_record_is_returned_unchanged(data: bytes) -> None:
    assert EncryptedRecords(()).opened(data, LIMIT) is data


def test_invalid_key_files_are_named(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path, why in (
        (tmp_path / "missing.pem", "cannot be read"),
        (empty, "no private key"),
        (folder / "rsa.public.pem", "no private key"),
        (folder / "weak.pem", "less than 2048 bits"),
    ):
        with pytest.raises(NoKey, match=why):
            EncryptedRecords.of(path)


def _intake(runtime: Process) -> MessageHandler:
    """The handler of platform records in the full mode."""
    from deploy.modes.distributed import handler

    (partners,) = (part.partners for part in runtime.parts if part.name == "intake")
    assert partners is not None
    return handler(partners, runtime.settings)


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read"), ("nothing", "no private key")])
async def test_process_with_wrong_key_does_not_start_and_names_setting(
    tmp_path: Path, content: str | None, why: str
) -> None:
    from deploy.modes.distributed import CannotStart
    from deploy.modes.in_memory import opened
    from shared.kernel.settings import Settings

    path = tmp_path / "intake.pem"
    if content is not None:
        path.write_text(content)
    async with opened(Settings(intake_key=path)) as runtime:
        with pytest.raises(CannotStart, match=why) as named:
            _intake(runtime)
    assert "HUIYIN_INTAKE_KEY" in str(named.value) and str(path) in str(named.value)


async def test_process_with_key_decrypts_records(folder: Path) -> None:
    from shared.messaging.partner_topics import InboundMessage
    from tests.support.platform import OWNER, Topic, filing
    from tests.support.serving import served

    async with served(intake_key=folder / "rsa.pem") as here:
        topic = Topic(here.runtime)
        topic.intake = _intake(here.runtime)
        import orjson

        sealed = [letter(folder, "rsa", "RSA-OAEP-256", "A256GCM", orjson.dumps(filing("J-1"))) for _ in range(2)]
        assert sealed[0] != sealed[1]
        now = here.clock.now()
        entries = await topic.delivers(*(InboundMessage(OWNER, 0, place, now, one) for place, one in enumerate(sealed)))
        told = [(one["kind"], one["item"], one["repeated"]) for one in entries if one["record"] is not None]
        assert told == [("registered", "J-1", False), ("registered", "J-1", True)]
        wrong = letter(folder, "old", "RSA-OAEP-256", "A256GCM")
        (refused,) = await topic.delivers(InboundMessage(OWNER, 0, 2, now, wrong))
        assert (refused["kind"], refused["problem"]["code"]) == ("refused", "cannot_be_opened")
