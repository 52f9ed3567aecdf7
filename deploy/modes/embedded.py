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
from deploy.storage.data_folder import Folder, FolderProblem, older_format
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
        raise FolderProblem(f"{folder.path} was written by a newer version: {error}. Start that version.") from error
    except OlderData as error:
        raise FolderProblem(older_format(folder.path)) from error
    except KeysLost as error:
        raise FolderProblem(f"{folder.keys}: {error}. Restore it from a backup; it cannot be made again.") from error
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
        opening = ("keys", "log", "views", "uploads", "blobs")[len(opened)]
        raise FolderProblem(_damaged(folder, opening, error)) from error
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


def _damaged(folder: Folder, what: str, error: Exception) -> str:
    """The message that names the damaged file and the remedy."""
    if what == "views":
        names = f"{folder.views.name}, {folder.views.name}-wal and {folder.views.name}-shm"
        return (
            f"{folder.views} is damaged ({error}). It holds nothing that is not in the log: delete {names}, then run: huiyin"
            " rebuild"
        )
    if what == "uploads":
        return (
            f"{folder.uploads} is damaged ({error}). It holds only unfinished uploads, which can be sent again: delete"
            f" {folder.uploads.name}, {folder.uploads.name}-wal and {folder.uploads.name}-shm."
        )
    path = folder.log if what == "log" else folder.keys / "keys.sqlite"
    return f"{path} is damaged ({error}). Nothing was changed. Keep a copy of the folder, and restore a backup: huiyin restore"


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
                f"{path} belongs to a process of the full mode, which does not run. Start it, or name another folder."
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
            await runtime.start(feed=feed, tasks=tasks)
        except StoreFull as error:
            raise _full(folder) from error
        except StoreBroken as error:
            raise FolderProblem(_damaged(folder, "views", error)) from error
        yield runtime
