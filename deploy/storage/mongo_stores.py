"""The stores of the full mode: log, read models and keys in MongoDB."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import NamedTuple

from shared.adapters.mongo.blobs import MongoBlobs
from shared.adapters.mongo.candidates import MongoCandidates
from shared.adapters.mongo.client import Mongo, Unsuitable
from shared.adapters.mongo.event_store import MongoEventStore
from shared.adapters.mongo.key_store import MongoKeyStore
from shared.adapters.mongo.read_models import MongoReadModels
from shared.adapters.mongo.uploads import MongoUploads
from shared.adapters.secret_files import KeysLost
from shared.adapters.store_format import NewerData, OlderData, WrongData
from shared.adapters.system_clock import SystemClock
from shared.eventstore.errors import LoginRefused, StoreUnavailable
from shared.kernel.settings import Settings
from shared.policy.book import PolicyBook
from shared.repositories.policy_repository import PolicyRepository


class StoreProblem(Exception):
    """The stores cannot be used; the message gives the reason and the remedy. It quotes no URL. `zh`: the same in Chinese."""

    def __init__(self, why: str, zh: str) -> None:
        super().__init__(why)
        self.zh = zh


class StoreAway(StoreProblem):
    """MongoDB does not answer at the moment."""


class StoreLoginRefused(StoreAway):
    """MongoDB refuses the user of the settings or the password."""


class Stores(NamedTuple):
    """The stores. The caller closes each of them; closing the last one closes the connection."""

    log: MongoEventStore
    views: MongoReadModels
    keys: MongoKeyStore
    blobs: MongoBlobs
    uploads: MongoUploads
    candidates: MongoCandidates


async def open_stores(settings: Settings) -> Stores:
    """Open all stores, in the event loop that will use them. Raises StoreProblem; then nothing is left open."""
    if settings.mongodb_url is None:
        raise StoreProblem(
            "The full mode needs MongoDB: set HUIYIN_MONGODB_URL to mongodb://HOST:PORT/?replicaSet=NAME.",
            "完整模式需要 MongoDB：请把 HUIYIN_MONGODB_URL 设为 mongodb://HOST:PORT/?replicaSet=NAME。",
        )
    secrets = settings.secrets or settings.data / "keys"
    name = settings.mongodb_name
    async with AsyncExitStack() as opened:
        try:
            other = settings.mongodb_keys_url or settings.mongodb_url
            vault = Mongo(other.get_secret_value(), settings.mongodb_driver)
            keys = await MongoKeyStore.open(vault, f"{name}_keys", secrets)
            opened.push_async_callback(keys.close)
            mongo = vault
            if settings.mongodb_keys_url is not None:
                mongo = Mongo(settings.mongodb_url.get_secret_value(), settings.mongodb_driver)
            log = await MongoEventStore.open(mongo, f"{name}_log", outbox=True)
            opened.push_async_callback(log.close)
            views = await MongoReadModels.open(mongo, f"{name}_views")
            opened.push_async_callback(views.close)
            blobs = await MongoBlobs.open_on(mongo, f"{name}_files")
            opened.push_async_callback(blobs.close)
            uploads = await MongoUploads.open(mongo, f"{name}_files")
        except StoreUnavailable as error:
            raise store_problem(error) from error
        except NewerData as error:
            raise StoreProblem(
                f"A newer version wrote the data: {error}. Start that version.",
                f"数据由较新的版本写入：{error}。请启动该版本。",
            ) from error
        except OlderData as error:
            raise StoreProblem(
                f"An earlier version wrote the data, whose names of inboxes and cases contain no jurisdiction: {error}. Keep them"
                " for that version, and begin with new databases: set HUIYIN_MONGODB_NAME. Nothing was changed.",
                "数据由较早的版本写入，其收件箱和件的名称不含辖区。请留给该版本使用，并用 HUIYIN_MONGODB_NAME 指定新的数据库。"
                "未作任何改动。",
            ) from error
        except KeysLost as error:
            raise StoreProblem(
                f"{secrets}: {error}. Every process needs the same `kek` and `root`: name their folder with HUIYIN_SECRETS, or"
                " restore them from a backup. They cannot be generated again.",
                f"{secrets} 中的密钥文件缺失、损坏或属于另一部署。各进程须用相同的 kek 和 root：请用 HUIYIN_SECRETS 指定其文件夹，"
                "或从备份恢复；密钥无法重新生成。",
            ) from error
        except Unsuitable as error:
            raise StoreProblem(f"{error}.", error.zh) from error
        except WrongData as error:
            raise StoreProblem(
                f"{error}.", f"数据库中是其他内容：{error}。请用 HUIYIN_MONGODB_NAME 指定新的数据库。"
            ) from error
        except OSError as error:
            raise StoreProblem(
                f"{secrets} cannot be used: {error.strerror}.", f"{secrets} 无法使用：{error.strerror}。"
            ) from error
        opened.pop_all()
        return Stores(log, views, keys, blobs, uploads, MongoCandidates(mongo, f"{name}_candidates"))


def store_problem(error: StoreUnavailable) -> StoreAway:
    """The problem as an operator reads it."""
    if isinstance(error, LoginRefused):
        return StoreLoginRefused(
            "MongoDB refuses the user of HUIYIN_MONGODB_URL, its password, or its access to the databases; `huiyin setup` grants"
            " the rights of the services.",
            "MongoDB 拒绝 HUIYIN_MONGODB_URL 中的用户、密码或其对数据库的访问；`huiyin setup` 为各服务授权。",
        )
    return StoreAway(
        "MongoDB does not answer. Start it, or check HUIYIN_MONGODB_URL.",
        "MongoDB 没有应答。请启动 MongoDB，或检查 HUIYIN_MONGODB_URL。",
    )


async def policies_of(settings: Settings) -> dict[str, PolicyBook]:
    """The policies in force in all jurisdictions, without writing anything; {} if no store is set. Raises StoreProblem."""
    if settings.mongodb_url is None:
        return {}
    try:
        mongo = Mongo(settings.mongodb_url.get_secret_value(), settings.mongodb_driver).hold()
    except Unsuitable as error:
        raise StoreProblem(f"{error}.", error.zh) from error
    log = MongoEventStore(mongo, f"{settings.mongodb_name}_log", outbox=False)
    policies = PolicyRepository(log)
    policies.keep_time(SystemClock())
    try:
        return await policies.all()
    except StoreUnavailable as error:
        raise store_problem(error) from error
    finally:
        await log.close()
