"""A migration in a separate process that tests kill: it prints a line when it begins."""

from __future__ import annotations

import asyncio
import sys

from deploy.transfer.between_modes import move
from shared.kernel.settings import load

if __name__ == "__main__":
    print("begins", flush=True)
    asyncio.run(move(sys.argv[1], sys.argv[2], load(), lambda _done, _whole: None))
