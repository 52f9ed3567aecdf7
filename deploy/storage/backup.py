"""Backup of a running system, and its restoration. The log is copied before the keys, so that it names no missing key."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from deploy.storage.data_folder import FORMAT, Folder, FolderProblem, older_format, older_format_zh, write_new
from shared.adapters.folder.blobs import FolderBlobs
from shared.adapters.secret_files import KeysLost
from shared.adapters.sqlite.connection import Error, trouble
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.file_copy import copy_database
from shared.adapters.sqlite.key_store import SqliteKeyStore
from shared.adapters.store_format import NewerData, OlderData, WrongData
from shared.eventstore.errors import StoreBroken, StoreFull
from shared.eventstore.event_store import EventStore
from shared.kernel.legal_time import to_text
from shared.kernel.progress import next_phase
from shared.kernel.refusals import Invalid, Refused
from shared.kernel.version import VERSION
from shared.operations.blob_copy import blobs_digest, copy_blobs, missing_blobs, verify_blobs
from shared.operations.digests import log_digest
from shared.operations.log_copy import lost_keys, verify_keys

MANIFEST = "manifest.json"
_SECRETS = ("kek", "root")


async def back_up(folder: Folder, target: Path) -> dict[str, Any]:
    """Copy log, files and keys into `target` (0700). Returns the manifest, which is written last and completes the backup.
    The files are copied after the log, so that it names none that is missing in the copy.

    The copy is verified, too, and `damaged` in the result is the number of findings: otherwise damage of the log could go
    unnoticed until only damaged backups are left."""
    if not await asyncio.to_thread(_free, target):
        raise Invalid(
            "folder_not_empty",
            "The folder is not empty; name a new one.",
            detail_zh="目标文件夹不是空的，请指定新的文件夹。",
            field="folder",
        )
    copy = Folder(target)
    try:
        await asyncio.to_thread(_copy, folder, copy)
    except (OSError, Error) as error:
        why = getattr(error, "strerror", None) or error
        raise Refused(
            "backup_failed",
            f"The backup could not be written: {why}. Check the folder and its free space, and try again with a new folder.",
            detail_zh="备份未能写入，请检查目标文件夹和剩余空间后，换一个新文件夹重试。",
        ) from error
    log = SqliteEventStore(copy.log)
    try:
        next_phase()
        files = await copy_blobs(FolderBlobs(folder.blobs), FolderBlobs(copy.blobs))
        found = await _contents(log)
        next_phase()
        damage = [finding async for finding in log.verify()]
        next_phase()
        if not damage:
            keys = SqliteKeyStore(copy.keys)
            try:
                damage += [finding async for finding in verify_keys(log, keys)]
            finally:
                await keys.close()
            damage += [finding async for finding in verify_blobs(log, FolderBlobs(copy.blobs))]
    except StoreFull as error:
        raise Refused(
            "backup_failed",
            "The backup could not be written: no space is left.",
            detail_zh="备份未能写入，请检查目标文件夹和剩余空间后重试。",
        ) from error
    finally:
        await log.close()
    found |= {"files": files.copied, "blobs": await blobs_digest(FolderBlobs(copy.blobs))}
    manifest = {"format": FORMAT, "version": VERSION, "made_at": to_text(datetime.now(UTC)), **found}
    await asyncio.to_thread(write_new, target / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return {"folder": str(target), **manifest, "damaged": len(damage)}


def _free(target: Path) -> bool:
    """True if there is nothing at this path, or an empty folder."""
    try:
        return not target.exists() or (target.is_dir() and not any(target.iterdir()))
    except OSError:
        return False


def _put(draft: Path, target: Path) -> None:
    if target.exists():
        target.rmdir()
    draft.rename(target)


def _copy(folder: Folder, copy: Folder) -> None:
    copy.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy.path.chmod(0o700)
    copy.keys.mkdir(mode=0o700, exist_ok=True)
    copy_database(folder.log, copy.log)
    copy_database(folder.keys / "keys.sqlite", copy.keys / "keys.sqlite")
    for name in _SECRETS:
        write_new(copy.keys / name, (folder.keys / name).read_bytes(), 0o400)
    write_new(copy.format, f"{FORMAT}\n".encode())


async def _contents(log: EventStore) -> dict[str, Any]:
    streams = events = 0
    async for heads in log.heads():
        streams += len(heads)
        events += sum(head.version for _stream, head in heads)
    return {"streams": streams, "events": events, "log": await log_digest(log)}


async def restore(source: Path, target: Path) -> dict[str, Any]:
    """Restore a backup as a new data folder, after checking its manifest, every hash, and every key that the log names.
    Raises FolderProblem; then nothing was restored."""
    target = await asyncio.to_thread(target.resolve)  # its name is needed, which `.` has not
    if not await asyncio.to_thread(_free, target):
        raise FolderProblem(
            f"{target} is not empty; restore into a new folder, then use it.",
            f"{target} 不是空文件夹，请恢复到新的文件夹。",
        )
    try:
        manifest = orjson.loads((source / MANIFEST).read_bytes())
        if not isinstance(manifest, dict) or not isinstance(manifest.get("format", 0), int):
            raise ValueError
    except (OSError, ValueError):
        raise FolderProblem(
            f"{source} is not a complete backup: it has no readable {MANIFEST}. Use another backup.",
            f"{source} 不是完整的备份：没有可读的 {MANIFEST}。请使用其他备份。",
        ) from None
    if manifest.get("format", 0) > FORMAT:
        raise FolderProblem(
            f"{source} was written by a newer version; restore it with that version.",
            f"{source} 由较新的版本写入，请用该版本恢复。",
        )
    if manifest.get("format", 0) < FORMAT:
        raise FolderProblem(older_format(source, manifest.get("format", 0)), older_format_zh(source))
    draft = target.with_name(f".{target.name}.restoring")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        await asyncio.to_thread(_copy, Folder(source), Folder(draft))
        next_phase()
        if Folder(source).blobs.exists():
            await copy_blobs(FolderBlobs(Folder(source).blobs), FolderBlobs(Folder(draft).blobs))
        next_phase()
        await _check(Folder(draft), manifest)
        await asyncio.to_thread(_put, draft, target)
    except OSError as error:
        raise FolderProblem(
            f"The backup could not be copied: {error.strerror}. Nothing was restored. Check the folder, its rights and its free"
            " space; if it is the root of a volume, name a new folder in it.",
            f"备份未能复制：{error.strerror}。未作恢复。请检查目标文件夹、权限和剩余空间；目标为卷的根目录时，请指定其中的新文件夹。",
        ) from error
    except (NewerData, OlderData, WrongData, KeysLost) as error:
        raise FolderProblem(f"The backup cannot be used: {error}.", f"该备份无法使用：{error}。") from error
    except (StoreBroken, StoreFull, Error) as error:
        meaning = error if isinstance(error, StoreBroken | StoreFull) else trouble(error)
        if isinstance(meaning, StoreBroken):
            raise FolderProblem(
                f"A file of the backup is damaged ({meaning}). Nothing was restored. Use another backup.",
                "备份中有文件已损坏。未作恢复。请使用其他备份。",
            ) from error
        raise FolderProblem(
            f"The backup could not be copied: {meaning or error}. Nothing was restored.",
            "备份未能复制，请检查目标文件夹和剩余空间。未作恢复。",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    shown = ("streams", "events", "log", "files", "blobs", "made_at")
    return {"folder": str(target), **{name: manifest[name] for name in shown if name in manifest}}


async def _check(draft: Folder, manifest: dict[str, Any]) -> None:
    log = SqliteEventStore(draft.log)
    try:
        findings = [finding async for finding in log.verify()]
        if findings:
            first = findings[0]
            raise FolderProblem(
                f"The log of the backup is damaged ({len(findings)} findings; first: {first.stream} version"
                f" {first.version}, {first.column} {first.why}). Nothing was restored.",
                f"备份中的日志已损坏（{len(findings)} 处，首处：{first.stream} 版本 {first.version}）。未作恢复。",
            )
        next_phase()
        if lost := await missing_blobs(log, FolderBlobs(draft.blobs)):
            raise FolderProblem(
                f"The log names files that are missing or damaged in the backup ({', '.join(lost)}). Nothing was restored."
                " Use another backup, or add them to this one first.",
                f"备份缺少日志所列的附件，或附件已损坏（{', '.join(lost)}）。未作恢复。请使用其他备份，或先补齐附件。",
            )
        if await log_digest(log) != manifest.get("log"):
            raise FolderProblem(
                "The log of the backup does not match its manifest. Nothing was restored. Use another backup.",
                "备份中的日志与其清单不符。未作恢复。请使用其他备份。",
            )
        keys = SqliteKeyStore(draft.keys)
        try:
            missing = await lost_keys(log, keys)
        finally:
            await keys.close()
    finally:
        await log.close()
    if missing:
        raise FolderProblem(
            f"The log names keys that are missing or damaged in the key store of the backup ({', '.join(missing)}): texts would be"
            " lost. Nothing was restored. Use another backup.",
            f"日志引用的密钥在备份中缺失或已损坏（{', '.join(missing)}），相应内容将无法读取。未作恢复。请使用其他备份。",
        )
