"""Verifying the documents of a log: every field against the bytes, every chain, every `_id`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from shared.adapters.mongo.client import Document
from shared.adapters.mongo.documents import id_of, tolerant
from shared.verifying import Finding, Walk


async def verify_documents(pages: AsyncIterator[Sequence[Document]]) -> AsyncIterator[Finding]:
    """Everything that is wrong in `pages`, which come in the order of `_id`."""
    walk = Walk()
    async for page in pages:
        for document in page:
            commit, wrong = tolerant(document)
            for field, why in wrong:
                yield Finding(commit.stream, commit.first, 0, field, why)
            doubted = {field for field, _ in wrong}
            for finding in walk.step(commit):
                if finding.column not in doubted:
                    yield finding
            if document.get("last") != commit.last:
                yield Finding(commit.stream, commit.first, 0, "last", "differs from the number of events")
            if document["_id"] != id_of(commit.stream, commit.first):
                yield Finding(commit.stream, commit.first, 0, "_id", "differs from stream and first")
