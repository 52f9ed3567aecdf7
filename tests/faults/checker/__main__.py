"""`python -m tests.faults.checker FOLDER`: the verdict as JSON. Ends with 1 when a promise was broken, 2 when a file is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .deciding import verdict
from .inputs import read_run


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m tests.faults.checker FOLDER", file=sys.stderr)
        return 2
    try:
        run = read_run(Path(sys.argv[1]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"the run cannot be read: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    found = verdict(run)
    json.dump(found.json(), sys.stdout, ensure_ascii=False, indent=1)
    print()
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
