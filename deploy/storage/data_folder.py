"""The data folder. It has one owner process, whose lock the kernel releases when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import tempfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket

FORMAT = 2
"""Since 2 every name of a stream contains its jurisdiction."""
_LONGEST_SOCKET = 100
"""Bytes of a socket path that every kernel accepts."""


class FolderProblem(Exception):
    """The folder cannot be used; the message gives the reason and the remedy. `zh`: the same in Chinese."""

    def __init__(self, why: str, zh: str) -> None:
        super().__init__(why)
        self.zh = zh


def older_format_zh(path: Path) -> str:
    """The same refusal in Chinese."""
    return f"{path} 由较早的版本写入，其收件箱和件的名称不含辖区。请留给该版本使用，并用 --data 指定新文件夹。未作任何改动。"


def older_format(path: Path, found: int | None = None) -> str:
    """The refusal of data of an earlier version."""
    stated = f" (format {found}, this one reads {FORMAT})" if found is not None else ""
    return (
        f"{path} was written by an earlier version{stated}, whose names of inboxes and cases contain no jurisdiction. Keep it for"
        " that version, and begin with a new folder: name it with --data. Nothing was changed."
    )


class FolderBusy(FolderProblem):
    """Another process owns the folder."""

    def __init__(self, path: Path, pid: str) -> None:
        super().__init__(
            f"{path} is owned by another server (process {pid}). Stop it first, or use another folder.",
            f"{path} 正由另一进程（{pid}）使用。请先停止该进程，或使用其他文件夹。",
        )
        self.pid = pid


class Folder:
    """The paths of a data folder. Keys are separate from the log, so that they can be stored and backed up separately."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "log.sqlite"
        self.views = path / "views.sqlite"
        self.keys = path / "keys"
        self.blobs = path / "blobs"
        """Files that events name, encrypted."""
        self.uploads = path / "uploads.sqlite"
        self.candidates = path / "candidates.sqlite"
        """Hashes of n-grams, to find filings of the same matter. Deleted at will."""
        self.facts = path / "facts.duckdb"
        self.lock = path / "lock"
        self.format = path / "format"
        self.full = path / "full-mode"
        """Marks the folder of a process of the full mode, whose log is in MongoDB."""
        self.moving = path / "moving"
        """Marks the target of an unfinished move, which is incomplete."""
        self.demo_keys = path / "demo-keys.txt"
        self.sample_loaded = path / "sample-loaded"

    @property
    def socket_path(self) -> Path:
        """The path of the socket: in the folder, or in the temporary folder of the system if that path is too long."""
        path = self.path.resolve() / "huiyin.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET:
            return path
        name = sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"huiyin-{os.getuid()}-{name}.sock"

    def time(self) -> datetime:
        """The time that the file system gives a file that is written now. Raises OSError."""
        os.utime(self.lock)
        return datetime.fromtimestamp(self.lock.stat().st_mtime, UTC)

    def owner(self) -> str | None:
        """Process id of the owner, None if the folder has none."""
        try:
            handle = os.open(self.lock, os.O_RDWR)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return os.read(handle, 32).decode("ascii", "replace").strip() or "?"
        finally:
            os.close(handle)
        return None

    def take(self, *, create: bool = True, moving: bool = False) -> int:
        """Become the owner of the folder.

        Args:
            create: create a folder that does not exist.
            moving: the folder is the target of a move, which may have begun before.

        Returns the file descriptor of the lock, which is held until it is closed or the process ends. Raises FolderBusy,
        and FolderProblem for a folder that cannot be used or that a newer release wrote."""
        if not self.path.exists() and not create:
            raise FolderProblem(
                f"There is no folder {self.path}. Name another one with --data, or create it with: huiyin serve",
                f"没有文件夹 {self.path}。请用 --data 指定其他文件夹，或运行 huiyin serve 创建。",
            )
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FolderProblem(
                f"{self.path} cannot be used as a data folder: {error.strerror}.",
                f"{self.path} 不能用作数据文件夹：{error.strerror}。",
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.read(handle, 32).decode("ascii", "replace").strip()
            os.close(handle)
            raise FolderBusy(self.path, pid or "?") from None
        try:
            self._check_format()
            if self.moving.exists() and not moving:
                raise FolderProblem(
                    f"{self.path} belongs to an unfinished move. Finish it first: run huiyin migrate again.",
                    f"{self.path} 的迁移尚未完成。请再次运行 huiyin migrate。",
                )
        except BaseException:
            os.close(handle)
            raise
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        return handle

    def _check_format(self) -> None:
        if self.format.exists():
            text = self.format.read_text(encoding="ascii", errors="replace").strip()
            if not text.isdigit():
                raise FolderProblem(
                    f"{self.format} is damaged; it should hold a number. Restore the folder from a backup.",
                    f"{self.format} 已损坏，其内容应为数字。请从备份恢复该文件夹。",
                )
            if int(text) > FORMAT:
                raise FolderProblem(
                    f"{self.path} was written by a newer version (format {text}, this one knows {FORMAT})."
                    " Start that version, or use another folder. Nothing was changed.",
                    f"{self.path} 由较新的版本写入（格式 {text}，本版本为 {FORMAT}）。请启动该版本，"
                    "或使用其他文件夹。未作任何改动。",
                )
            if int(text) < FORMAT:
                raise FolderProblem(older_format(self.path, int(text)), older_format_zh(self.path))
            return
        strange = [one.name for one in self.path.iterdir() if one.name != "lock"]
        if strange and not self.log.exists():
            raise FolderProblem(
                f"{self.path} holds other files and no data of Huiyin; name an empty or a new folder with --data.",
                f"{self.path} 中有其他文件，没有回音的数据。请用 --data 指定空文件夹或新文件夹。",
            )
        self.path.chmod(0o700)  # an existing empty folder may be readable by others
        self.keys.mkdir(mode=0o700, exist_ok=True)
        self.format.write_text(f"{FORMAT}\n", encoding="ascii")

    def listen(self) -> socket:
        """The socket of the folder, which only its owner can open."""
        path = self.socket_path
        path.unlink(missing_ok=True)
        listener = socket(AF_UNIX, SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(128)
        listener.setblocking(False)
        return listener


def write_new(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a new file and flush it to disk. Raises FileExistsError if there is one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
