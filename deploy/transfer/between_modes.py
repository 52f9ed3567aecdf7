"""Moves between the modes: from a data folder to the database of the full mode, and back.

Keys and files are copied before the log, so that no commit names a missing one. Read models and facts are rebuilt from the log.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from deploy.storage.data_folder import Folder, FolderProblem, write_new
from deploy.storage.mongo_stores import StoreProblem, open_stores
from shared.adapters.durable_folder import sync_folder
from shared.adapters.folder.blobs import FolderBlobs
from shared.adapters.secret_files import NAMES, KeysLost, read_secret
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.key_store import SqliteKeyStore
from shared.adapters.store_format import NewerData, OlderData, WrongData
from shared.eventstore.blobs import Blobs
from shared.eventstore.errors import StoreBroken
from shared.eventstore.event_store import EventStore
from shared.kernel.refusals import Refused
from shared.kernel.settings import Settings
from shared.operations.blob_copy import copy_blobs, missing_blobs
from shared.operations.digests import log_digest
from shared.operations.log_copy import MovableKeys, lost_keys, move_keys, move_log, standing

DATABASE = "mongodb"
"""The name of the database of the settings, in place of a folder."""


class Side(NamedTuple):
    log: EventStore
    keys: MovableKeys
    blobs: Blobs


class _Place(NamedTuple):
    """One end of a move before it is opened."""

    folder: Folder | None
    secrets: Path


def _place(name: str, settings: Settings) -> _Place:
    if name == DATABASE:
        return _Place(None, settings.secrets or settings.data / "keys")
    folder = Folder(Path(name))
    if folder.full.exists():
        raise FolderProblem(
            f"{name} belongs to a process of the full mode; its log is in MongoDB: name {DATABASE}.",
            f"{name} 属于完整模式的进程，其日志在 MongoDB 中，请写 {DATABASE}。",
        )
    return _Place(folder, folder.keys)


async def move(source: str, target: str, settings: Settings, tell: Callable[[int, int], None]) -> dict[str, Any]:
    """Copy keys and log from `source` to `target`; each is a folder or `mongodb`. Nothing may write to either meanwhile.

    `tell(done, whole)` is called with the number of events that were copied and of all events. Raises FolderProblem,
    StoreProblem, Refused. The same call resumes after any of them, or after a kill."""
    from_, to = _place(source, settings), _place(target, settings)
    if (from_.folder is None) == (to.folder is None):
        raise FolderProblem(
            f"Name a data folder and {DATABASE}, in either order; two of one kind are no change of mode.",
            f"请指定一个数据文件夹和 {DATABASE}，先后不限；两者相同不是模式迁移。",
        )
    async with AsyncExitStack() as opened:
        here = await opened.enter_async_context(_source(from_, settings))
        there = await opened.enter_async_context(_target(to, from_.secrets, settings))
        whole = 0
        async for heads in here.log.heads():
            whole += sum(head.version for _stream, head in heads)
        done = await standing(here.log, there.log)
        try:
            await move_keys(here.keys, there.keys)
        except KeysLost as error:
            raise Refused(
                "keys_missing",
                f"The keys of the target belong to another deployment: {error}. Use an empty target.",
                detail_zh="目标系统的密钥属于另一部署，请换用空的目标。",
            ) from error
        files = await copy_blobs(here.blobs, there.blobs)  # before the log, so that every file that it names is there
        if files.damaged:
            raise Refused(
                "files_damaged",
                f"Files of the source do not match their addresses: {', '.join(files.damaged[:5])}. See: huiyin verify",
                detail_zh="来源中有文件已损坏，请先执行 huiyin verify 查明。",
            )
        written = 0
        async for moved in move_log(here.log, there.log, done):
            tell(moved.events, whole)
            written = moved.written
        if lost := await lost_keys(there.log, there.keys):
            raise Refused(
                "keys_missing",
                f"The log names keys that are missing in the target: {', '.join(lost)}. Move the keys first.",
                detail_zh="日志引用的密钥在目标系统中不存在，请先迁移密钥。",
            )
        if missing := await missing_blobs(there.log, there.blobs):
            raise Refused(
                "files_missing",
                f"The log names files that the source does not have: {', '.join(missing)}. Restore them from a"
                " backup first: huiyin restore --blobs-only",
                detail_zh="日志引用的文件在来源中不存在，请先从备份中恢复文件。",
            )
        before, after = await log_digest(here.log), await log_digest(there.log)
        if before != after:
            raise Refused(
                "source_moved_on",
                "The source was written to during the move. Stop its services and start the move again.",
                detail_zh="迁移期间来源又有新的写入，请停止其服务后重新迁移。",
            )
        if to.folder is not None:
            to.folder.moving.unlink(missing_ok=True)
            await asyncio.to_thread(sync_folder, to.folder.path)
        return {
            "commits_written": written,
            "events": whole,
            "files": files.copied + files.there,
            "log_from": before,
            "log_to": after,
        }


@asynccontextmanager
async def _source(place: _Place, settings: Settings) -> AsyncIterator[Side]:
    async with AsyncExitStack() as opened:
        if place.folder is not None:
            opened.callback(os.close, place.folder.take(create=False))
            if not place.folder.log.exists():
                raise FolderProblem(
                    f"{place.folder.path} holds no log. Name a data folder with a log.",
                    f"{place.folder.path} 中没有日志，请指定有日志的数据文件夹。",
                )
        yield await _open(place, settings, opened)


@asynccontextmanager
async def _target(place: _Place, secrets: Path, settings: Settings) -> AsyncIterator[Side]:
    async with AsyncExitStack() as opened:
        if (folder := place.folder) is not None:
            begun = folder.log.exists() or folder.moving.exists() or not folder.path.exists()
            if not begun and any(one.name not in ("lock", "format", "keys") for one in folder.path.iterdir()):
                raise FolderProblem(
                    f"{folder.path} holds other data; name a new folder.",
                    f"{folder.path} 中有其他数据，请指定新文件夹。",
                )
            opened.callback(os.close, folder.take(moving=True))
            if not folder.log.exists():
                folder.moving.touch(mode=0o600)
                await asyncio.to_thread(sync_folder, folder.path)
        await asyncio.to_thread(_put_secrets, secrets, place.secrets)
        yield await _open(place, settings, opened)


async def _open(place: _Place, settings: Settings, opened: AsyncExitStack) -> Side:
    if place.folder is None:
        stores = await open_stores(settings)
        for port in stores:
            opened.push_async_callback(port.close)
        return Side(stores.log, stores.keys, stores.blobs)
    try:
        log = SqliteEventStore(place.folder.log)
        opened.push_async_callback(log.close)
        keys = SqliteKeyStore(place.folder.keys)
        opened.push_async_callback(keys.close)
    except (NewerData, OlderData, WrongData, KeysLost) as error:
        raise FolderProblem(
            f"{place.folder.path} cannot be used: {error}.", f"{place.folder.path} 无法使用：{error}。"
        ) from error
    except StoreBroken as error:
        raise FolderProblem(
            f"A file of {place.folder.path} is damaged ({error}). Run huiyin verify, and restore a backup.",
            f"{place.folder.path} 中有文件已损坏。请运行 huiyin verify，并从备份恢复。",
        ) from error
    return Side(log, keys, FolderBlobs(place.folder.blobs))


def _put_secrets(source: Path, target: Path) -> None:
    """Copy the secrets, each atomically, and never over other ones."""
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in NAMES:
            secret, path = read_secret(source / name), target / name
            if path.exists():
                if read_secret(path) != secret:
                    raise FolderProblem(
                        f"{path} belongs to another deployment. Name an empty target. Nothing was changed.",
                        f"{path} 属于另一部署。请指定空的目标。未作任何改动。",
                    )
                continue
            draft = target / f".{name}.{os.urandom(4).hex()}"
            write_new(draft, secret, 0o400)
            draft.rename(path)
        sync_folder(target)
    except KeysLost as error:
        raise FolderProblem(
            f"{source} or {target}: {error}.", f"{source} 或 {target} 中的密钥文件缺失或已损坏，请从备份恢复。"
        ) from error
    except OSError as error:
        raise StoreProblem(
            f"{target} cannot be used: {error.strerror}.", f"{target} 无法使用：{error.strerror}。"
        ) from error
