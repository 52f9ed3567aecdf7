"""A Python with nothing but what `pip install aiokafka httpx` gives, as partners have it."""

from __future__ import annotations

import subprocess
import sys
from functools import cache as once
from importlib.metadata import version
from pathlib import Path

from tests.support.servers.fetch import NotHere, cache

PACKAGES = ("aiokafka", "httpx")


@once
def plain_python() -> Path:
    """Its interpreter, installed once into the cache. Raises NotHere."""
    wanted = [f"{name}=={version(name)}" for name in PACKAGES]
    folder = cache() / f"plain-{'-'.join(wanted)}-{sys.version_info.major}.{sys.version_info.minor}"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, timeout=120)
            install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted]
            subprocess.run(install, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            raise NotHere(f"{' '.join(wanted)} from the package index ({type(error).__name__})") from error
        done.touch()
    return python
