"""A gateway that writes each message as a file, for offices whose own program sends them, and for tests."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import orjson

from shared.messaging.gateway import GatewayResult, OutgoingMessage


class SpoolGateway:
    """One file per `effect_id`, so that the same message is never there twice. Only the owner of the folder can read it."""

    deduplicates = True

    def __init__(self, folder: Path, name: str = "spool") -> None:
        self.name = name
        self._folder = folder

    async def send(self, message: OutgoingMessage) -> GatewayResult:
        return await asyncio.to_thread(self._write, message)

    def _write(self, message: OutgoingMessage) -> GatewayResult:
        name = sha256(message.effect_id.encode()).hexdigest()[:32]
        path = self._folder / f"{name}.json"
        temporary = self._folder / f".{name}.{os.getpid()}.tmp"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if any((self._folder / f"{name}{end}").exists() for end in (".json", ".sent")):
                return GatewayResult("sent", "already", name)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(orjson.dumps(message._asdict()))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            entry = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(entry)
            finally:
                os.close(entry)
        except OSError:
            return GatewayResult("not_sent", "spool_not_writable", down=True)
        return GatewayResult("sent", "written", name)
