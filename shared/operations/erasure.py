"""Erasure of a party: its keys, and what could still open its files."""

from __future__ import annotations

from shared.application.ports import Ports


async def erase_party(ports: Ports, case_id: str, party: str) -> int:
    """Destroy the keys of that party (PIPL Art. 47), the case's hashes in the index of candidates, and the upload records of the
    party's files, which hold the key of a file until the command that attached it has ended. Returns the number of keys. The
    ciphertext stays, unreadable."""
    gone = await ports.keys.erase(case_id, party)
    if ports.candidates is not None:
        await ports.candidates.remove([case_id])
    case = (await ports.cases.load_confirmed(case_id)).case
    blobs = [one.blob for one in case.files if one.party == party]
    if blobs:
        records = await ports.uploads.of_blobs(blobs)
        await ports.uploads.erase([one.key for one in records])
    return gone
