"""Verification of the documents of a log: every field against the bytes, every hash chain, every `_id`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from shared.adapters.mongo.client import Document
from shared.adapters.mongo.commit_documents import id_of, tolerant
from shared.adapters.stored_commits import findings
from shared.eventstore.verification import ChainWalk, Finding
from shared.kernel.progress import reached


async def verify_documents(pages: AsyncIterator[Sequence[Document]]) -> AsyncIterator[Finding]:
    """Everything that is wrong in `pages`, which must be in the order of `_id`."""
    walk = ChainWalk()
    async for page in pages:
        for document in page:
            commit, wrong = tolerant(document)
            reached(commit.stream)
            for finding in findings(walk, commit, wrong, document.get("last")):
                yield finding
            if document["_id"] != id_of(commit.stream, commit.first):
                yield Finding(commit.stream, commit.first, 0, "_id", "differs from stream and first")
