"""Decides whether a run kept its promises. Knows the specification and nothing of the product: its own reading of the log, its
own hash chain, its own fold, its own table of what may follow what. Only the standard library is imported here.

`verdict(run)` is pure. `check(history, log)` is the same for a run of which only these two are known, in words.
`python -m tests.faults.checker FOLDER` prints the verdict as JSON and ends with 1 when a promise was broken, 2 when a file is
missing or cannot be read. A verdict names streams, versions and codes; never a text, a name or a platform's item id.

FOLDER holds JSONL files, one object a line. Unknown fields are ignored. `b64` is base64 of exactly the stored bytes.

history.jsonl (needed): what clients asked, were told and saw, in the order in which it was known.
    kind       submit | command | read | sample | put_off (refused for now; the same request follows again) | file (acknowledged
               with a filing or command) | opened (read again at the end)
    key        submit: the channel's own item id; command: command id; sample: name of the figure; put_off: the path; file, opened:
               the upload id
    outcome    ok | fail (refused: it did not happen) | info (nobody knows: timed out, cut off, or refused for now: 503, 507).
               A line with outcome `invoke` may stand before the answer; without an answer it counts as info.
    case, number   as answered;  command  its name;  code  of the problem+json
    src        channel of a submission, where there are several; default one
    proc       client whose reads and writes belong together (its session); a client that met an `info` begins a new one
    t_mono     nanoseconds of the monotonic clock of the recording process, when the line was written; began: when it was asked
    v          version of the case: answered to a command, seen by a read
    status     HTTP status; retry_after: its Retry-After, null where it had none
    digest     file: SHA-256 of what was sent; opened: of what came back
    value, limit   of a sample; limit null where there is none

log.jsonl (needed): `huiyin export --commits`, ordered by (stream, first).
    stream, first, cause, previous, hash, events [b64 …]

views.jsonl: `huiyin export --views`: every row of every view.
    view, group (consumer that writes it), key (case id), applied (version it shows), values (null: an empty row)

parked.jsonl: the list under `parked` of `huiyin parked list --json`, an object a line.
    group, stream, version, bytes (text, of the event that could not be handled)

topics.jsonl: records of Kafka topics, in the order of (topic, partition, offset).
    topic, key (text), headers {name: text}, value b64, without the prefix of the deployment in `topic`

figures.json: one object, figure -> number, as the product counts all cases: received = open + closed (withdrawn and concluded
    too) + rejected (voided, barred) + merged (closed with its lead).
"""

from __future__ import annotations

from .deciding import Verdict, check, verdict
from .inputs import Log, Op, Run, Stored, Violation, read_commits, read_log, read_run

__all__ = [
    "Log",
    "Op",
    "Run",
    "Stored",
    "Verdict",
    "Violation",
    "check",
    "read_commits",
    "read_log",
    "read_run",
    "verdict",
]
