"""Restoration of the files alone, out of a backup into the data in use."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from deploy.storage.data_folder import Folder, FolderProblem
from deploy.storage.mongo_stores import open_stores, store_problem
from shared.adapters.folder.blobs import FolderBlobs
from shared.eventstore.errors import StoreFull, StoreUnavailable
from shared.kernel.settings import Settings
from shared.operations.blob_copy import copy_blobs


async def restore_blobs(source: Path, settings: Settings) -> dict[str, Any]:
    """Copy the files of a backup that the present data lack: those of the data folder of the settings, or of MongoDB. Every byte is
    checked; nothing else is changed. Also while the server runs. Raises FolderProblem, StoreProblem."""
    there, folder = Folder(source).blobs, Folder(settings.data)
    if not there.is_dir():
        raise FolderProblem(
            f"{source} is not a backup with files: it has no folder {there.name}. Use another backup.",
            f"{source} 不含附件：没有文件夹 {there.name}。请使用其他备份。",
        )
    try:
        if folder.log.exists():
            found = await copy_blobs(FolderBlobs(there), FolderBlobs(folder.blobs))
        elif settings.mongodb_url is not None:
            async with AsyncExitStack() as opened:
                stores = await open_stores(settings)
                for port in stores:
                    opened.push_async_callback(port.close)
                found = await copy_blobs(FolderBlobs(there), stores.blobs)
        else:
            raise FolderProblem(
                f"{folder.path} holds no log. Restore the whole backup, or name the data folder.",
                f"{folder.path} 中没有日志。请恢复整个备份，或指定数据文件夹。",
            )
    except StoreFull as error:
        raise FolderProblem(
            "The files could not be copied, because no space is left. The files copied so far were kept. Free"
            " some space and run the command again.",
            "附件未能复制：空间不足。已复制的附件保留，请腾出空间后重新执行。",
        ) from error
    except StoreUnavailable as error:
        raise store_problem(error) from error
    return {"copied": found.copied, "there": found.there, "damaged": list(found.damaged)}
