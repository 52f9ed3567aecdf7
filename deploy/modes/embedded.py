"""Huiyin in one process and one folder: the composition root of the embedded mode."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from errno import EDQUOT, ENOSPC
from functools import partial
from pathlib import Path

from deploy.modes.composition import compose
from deploy.modes.outbound import Outbound
from deploy.storage.backup import back_up
from deploy.storage.data_folder import Folder, FolderProblem, older_format, older_format_zh
from deploy.storage.rebuild_pool import spread
from shared.adapters.folder.blobs import FolderBlobs
from shared.adapters.secret_files import KeysLost
from shared.adapters.sqlite.candidates import SqliteCandidates
from shared.adapters.sqlite.connection import trouble
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.key_store import SqliteKeyStore
from shared.adapters.sqlite.read_models import SqliteReadModels
from shared.adapters.sqlite.subscription import SqliteSubscriptions
from shared.adapters.sqlite.uploads import SqliteUploads
from shared.adapters.store_format import NewerData, OlderData, WrongData
from shared.adapters.system_clock import SystemClock
from shared.application.ports import Ports
from shared.eventstore.errors import StoreBroken, StoreFull
from shared.hosting.process import Process
from shared.kernel.clock import Clock
from shared.kernel.clock_trust import Witness
from shared.kernel.file_ciphers import FileCipher
from shared.kernel.settings import Settings
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import PolicyRepository


def open_ports(
    folder: Folder,
    clock: Clock,
    kept: int,
    cipher: FileCipher = "AES-256-GCM",
    outbound: Outbound | None = None,
) -> Ports:
    """The adapters of a folder that this process owns, with a cache of `kept` cases. Raises FolderProblem."""
    opened: list[SqliteEventStore | SqliteReadModels | SqliteKeyStore | SqliteUploads] = []
    if _without_log(folder):
        raise _damaged(folder, "log", "it is missing or empty, and other files of the folder were made from it")
    try:
        keys = SqliteKeyStore(folder.keys)
        opened.append(keys)
        log = SqliteEventStore(folder.log)
        opened.append(log)
        views = SqliteReadModels(folder.views)
        opened.append(views)
        uploads = SqliteUploads(folder.uploads)
        opened.append(uploads)
        blobs = FolderBlobs(folder.blobs)
        candidates = SqliteCandidates(folder.candidates)
    except NewerData as error:
        raise FolderProblem(
            f"{folder.path} was written by a newer version: {error}. Start that version.",
            f"{folder.path} 由较新的版本写入：{error}。请启动该版本。",
        ) from error
    except OlderData as error:
        raise FolderProblem(older_format(folder.path), older_format_zh(folder.path)) from error
    except KeysLost as error:
        raise FolderProblem(
            f"{folder.keys}: {error}. It cannot be made again.",
            f"{folder.keys} 中的密钥文件缺失、损坏或属于另一部署，无法重新生成。请从备份恢复该文件夹。",
        ) from error
    except (WrongData, OSError) as error:
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
            raise _full(folder) from error
        raise _closed_to_us(folder, error) from error
    except (StoreBroken, sqlite3.DatabaseError) as error:
        meaning = error if isinstance(error, StoreBroken) else trouble(error)
        if isinstance(meaning, StoreFull):
            raise _full(folder) from error
        if meaning is None:  # read-only, locked, no right: the file itself is whole
            raise _closed_to_us(folder, error) from error
        raise _damaged(folder, ("keys", "log", "views", "uploads", "files")[len(opened)], error) from error
    except StoreFull as error:
        raise _full(folder) from error
    return Ports(
        log=log,
        feed=SqliteSubscriptions(log, views),
        views=views,
        keys=keys,
        clock=clock,
        cases=CaseRepository(log, kept),
        policies=PolicyRepository(log),
        blobs=blobs,
        uploads=uploads,
        candidates=candidates,
        file_cipher=cipher,
        facts_path=str(folder.facts),
        checkpoints=views,
        outbound=outbound,
    )


def _full(folder: Folder) -> FolderProblem:
    return FolderProblem(
        f"{folder.path} cannot be opened: its disk is full. Free some space, then start again.",
        f"{folder.path} 无法打开：磁盘空间已满。请腾出空间后重新启动。",
    )


def _closed_to_us(folder: Folder, error: Exception) -> FolderProblem:
    return FolderProblem(
        f"{folder.path} cannot be opened: {error}. Check the rights on it, and whether another program uses it.",
        f"{folder.path} 无法打开。请检查该文件夹的权限，以及是否有其他程序正在使用。",
    )


def _without_log(folder: Folder) -> bool:
    """True if the log is missing or has no byte although later files are there: in a new folder it is made before them."""
    later = (folder.views, folder.uploads, folder.candidates, folder.facts)
    held = folder.log.exists() and folder.log.stat().st_size > 0
    return not held and any(one.exists() and one.stat().st_size > 0 for one in later)


def _damaged(folder: Folder, what: str, error: object) -> FolderProblem:
    """Names the damaged file and the remedy."""
    if what == "views":
        names = f"{folder.views.name}, {folder.views.name}-wal and {folder.views.name}-shm"
        return FolderProblem(
            f"{folder.views} is damaged ({error}). It holds nothing that is not in the log: delete {names}, then run: huiyin"
            " rebuild",
            f"{folder.views} 已损坏，其内容均可由日志重建：请删除该文件及同名的 -wal、-shm 文件，再运行 huiyin rebuild。",
        )
    if what == "uploads":
        return FolderProblem(
            f"{folder.uploads} is damaged ({error}). It holds only unfinished uploads, which can be sent again: delete"
            f" {folder.uploads.name}, {folder.uploads.name}-wal and {folder.uploads.name}-shm.",
            f"{folder.uploads} 已损坏，其中只有未完成的上传，可重新上传：请删除该文件及同名的 -wal、-shm 文件。",
        )
    if what == "files":
        return FolderProblem(
            f"{folder.blobs} or {folder.candidates} cannot be used ({error}). Check the disk. Of these two, only"
            f" {folder.blobs.name} is in a backup; {folder.candidates.name} is made again after you delete it.",
            f"{folder.blobs} 或 {folder.candidates} 无法使用。请检查磁盘。附件在备份中；{folder.candidates.name} 删除后自动重建。",
        )
    path = folder.log if what == "log" else folder.keys / "keys.sqlite"
    return FolderProblem(
        f"{path} is damaged ({error}). Nothing was changed. Keep a copy of the folder, and restore a backup: huiyin restore",
        f"{path} 已损坏或缺失。未作任何改动。请保留该文件夹的副本，并从备份恢复：huiyin restore。",
    )


async def _compare_with_log(ports: Ports, folder: Folder) -> None:
    """Raise FolderProblem if the read models show more than the log holds: then it is not the log from which they were made."""
    log, views = ports.log, ports.views
    if not isinstance(log, SqliteEventStore) or not isinstance(views, SqliteReadModels):
        return
    if await views.newest_checkpoint() > log.position:
        raise FolderProblem(
            f"{folder.log} ends before what {folder.views.name} was made from: it is an older copy, or its end was lost. Nothing"
            f" was changed. Put the newer log back, or restore a backup into a new folder. If the older log is meant, delete"
            f" {folder.views.name}, {folder.facts.name} and {folder.candidates.name} with their -wal and -shm files first.",
            f"{folder.log} 比 {folder.views.name} 旧：它是较早的副本，或末尾已丢失。未作任何改动。请放回较新的日志，"
            f"或把备份恢复到新文件夹。确需使用较早的日志，请先删除 {folder.views.name}、{folder.facts.name}、"
            f"{folder.candidates.name} 及同名的 -wal、-shm 文件。",
        )


async def _compare_clock(ports: Ports, folder: Folder) -> None:
    """Add the witnesses of a machine that has only its own clock: the newest commit, which cannot be later than now, and the
    time that the file system of the folder writes, which is another clock only where the folder is on another machine."""
    newest = await ports.log.newest() if isinstance(ports.log, SqliteEventStore) else None
    if newest is not None:
        ports.clock.trust.add("record", Witness(partial(_told, newest), decides=False, least=True))
    ports.clock.trust.add("folder", Witness(partial(asyncio.to_thread, folder.time), decides=False))
    await ports.clock.trust.look()


async def _told(when: datetime) -> datetime:
    return when


@asynccontextmanager
async def opened(
    path: Path,
    settings: Settings,
    *,
    clock: Clock | None = None,
    create: bool = True,
    feed: bool = True,
    tasks: bool = True,
) -> AsyncIterator[Process]:
    """Own the folder, run everything on it, and close it again. Raises FolderBusy and FolderProblem.

    Only the owner can read the files that this process creates meanwhile: DuckDB has no setting for the mode of its files."""
    folder = Folder(path)
    async with AsyncExitStack() as stack:
        stack.callback(os.umask, os.umask(0o077))
        stack.callback(os.close, await asyncio.to_thread(folder.take, create=create))
        if folder.full.exists():
            raise FolderProblem(
                f"{path} belongs to a process of the full mode, which does not run. Start it, or name another folder.",
                f"{path} 属于完整模式的进程，该进程未运行。请启动该进程，或指定其他文件夹。",
            )
        made = Outbound(settings)
        ports = open_ports(folder, clock or SystemClock(), settings.cases_kept, settings.file_cipher, made)
        if clock is None:
            await _compare_clock(ports, folder)
        runtime = compose(
            settings, ports, folder=path, back_up=partial(back_up, folder), spread=partial(spread, folder.log)
        )
        stack.push_async_callback(runtime.stop)
        try:
            await _compare_with_log(ports, folder)
            await runtime.start(feed=feed, tasks=tasks)
        except StoreFull as error:
            raise _full(folder) from error
        except StoreBroken as error:
            raise _damaged(folder, "views", error) from error
        yield runtime
