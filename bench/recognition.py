"""Which messages of a file are suspected accusations: `python -m bench.recognition FILE [--policy P] [--read N --seed S]`.

FILE is a CSV file, also with .gz, with the columns title and text and optionally row or msg_id. Texts are never printed: only the
ids, so that a person reads them in the file. `--read` draws the ids to read.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import random
import time
from collections.abc import Iterator
from pathlib import Path

from shared.kernel.text_normalization import search_form
from shared.policy.keyword_rules import Keywords
from shared.policy.loading.loader import bundled, load


def messages(path: Path) -> Iterator[tuple[str, str, str]]:
    """(id, title, text) of each message."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    csv.field_size_limit(1_000_000)
    for place, row in enumerate(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))), 1):
        yield row.get("row") or row.get("msg_id") or str(place), row.get("title") or "", row.get("text") or ""


def keywords(policy: str) -> Keywords:
    """The keyword rules of a policy in files, or of one that comes with Huiyin."""
    loaded = load(Path(policy)) if Path(policy).exists() else bundled(policy)
    return Keywords.model_validate(next(one.document for one in loaded if one.section == "keywords"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--policy", default="demo")
    parser.add_argument("--read", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if not asked.file.exists():
        print("not run: there is no such file")
        return
    rules, read = keywords(asked.policy), list(messages(asked.file))
    began = time.process_time()
    for _id, title, text in read:
        search_form(title + text)
    normalised = time.process_time() - began
    began = time.process_time()
    found = [(one, rules.recognised(title, text)) for one, title, text in read]
    recognised = time.process_time() - began
    sealed = [one for one, matches in found if matches.suspicion]
    subjects = [matches for _one, matches in found if matches.subject and not matches.suspicion]
    weak = sum(matches.weak for matches in subjects)
    print(f"messages                {len(read):>7}")
    print(f"suspected accusations   {len(sealed):>7}  {len(sealed) / len(read):.2%}")
    print(f"subject by keywords     {len(subjects):>7}  of these weak, for a person: {weak}")
    print(f"normalisation           {normalised / len(read) * 1e6:>7.0f} us a message")
    print(f"with recognition        {recognised / len(read) * 1e6:>7.0f} us a message")
    print("suspected:", " ".join(sealed))
    if asked.read:
        drawn = random.Random(asked.seed).sample(sealed, min(asked.read, len(sealed)))
        print(f"to read (seed {asked.seed}):", " ".join(drawn))


if __name__ == "__main__":
    main()
