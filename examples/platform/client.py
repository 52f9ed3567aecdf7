"""A provincial platform in one file: it files through Kafka, hears through Kafka what becomes of it, and fetches receipts and
texts over HTTP. Written from docs/integrating.md alone.

    python client.py FILINGS.jsonl NOTEBOOK.json

FILINGS has one JSON body a line. NOTEBOOK is what this platform knows; it survives a restart, and a lost one is made again from
the beginning of the updates. Settings: KAFKA, HUIYIN (address), PLATFORM, KEY; PREFIX where the names of topics have one;
USER and PASSWORD where Kafka asks for them.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

PLATFORM, PREFIX = os.environ["PLATFORM"], os.environ.get("PREFIX", "")
KAFKA: dict[str, Any] = {"bootstrap_servers": os.environ["KAFKA"]}
if "PASSWORD" in os.environ:
    KAFKA |= {"security_protocol": os.environ.get("SECURITY", "SASL_SSL"), "sasl_mechanism": "SCRAM-SHA-512"}
    KAFKA |= {"sasl_plain_username": os.environ["USER"], "sasl_plain_password": os.environ["PASSWORD"]}


async def file(lines: list[str]) -> None:
    """Send every line. Again whenever we are unsure: the same item gets the same answer."""
    async with AIOKafkaProducer(**KAFKA, acks="all", enable_idempotence=True) as producer:
        for line in lines:
            body = json.loads(line)
            key = body.get("item") or body.get("case")  # all of one case in one partition, in its order
            await producer.send_and_wait(f"{PREFIX}submissions.{PLATFORM}", line.encode(), key=str(key).encode())


async def fetch(http: httpx.AsyncClient, what: str, case: str) -> Any:
    answer = await http.get(f"/v1/platforms/{PLATFORM}/{what}/{case}")
    answer.raise_for_status()
    return answer.json()


async def between(after: int, until: int, http: httpx.AsyncClient) -> Any:
    """The entries that the topic holds no more, or not yet: over HTTP they stay for ever."""
    while after < until - 1:
        answer = await http.get(f"/v1/platforms/{PLATFORM}/updates", params={"after": after})
        answer.raise_for_status()
        for update in answer.json()["entries"]:
            if update["id"] < until:
                yield update
        after = answer.json()["after"]


async def heed(update: dict[str, Any], cases: dict[str, Any], http: httpx.AsyncClient) -> None:
    """Note what we are told. Told twice, it is noted once: an entry has its number."""
    known = cases.setdefault(str(update["item"] or update["case"] or update["record"]), {"heard": []})
    known["heard"].append([update["id"], update["kind"], update["detail"]])
    match update["kind"]:
        case "registered":
            receipt = await fetch(http, "receipts", update["case"])
            known |= {"case": update["case"], "number": update["number"], "code": receipt["code"]}
        case "refused":
            known["refused"] = [update["problem"]["code"], update["problem"]["field"]]
        case "replied":
            known["answer"] = (await fetch(http, "answers", update["case"]))["texts"]
        case "closed":
            known["closed"] = update["detail"]


def read(notebook: Path) -> dict[str, Any]:
    return json.loads(notebook.read_text()) if notebook.exists() else {"after": 0, "offset": 0, "cases": {}}


def write(notebook: Path, kept: dict[str, Any]) -> None:
    """Entries and cursor together, or neither."""
    fresh = notebook.with_suffix(".new")
    fresh.write_text(json.dumps(kept, ensure_ascii=False))
    fresh.replace(notebook)


async def listen(notebook: Path) -> None:
    """Read the updates from where the notebook ends, for ever."""
    kept = read(notebook)
    topic = TopicPartition(f"{PREFIX}updates.{PLATFORM}", 0)
    headers = {"Authorization": f"Bearer {os.environ['KEY']}"}
    consumer = AIOKafkaConsumer(**KAFKA, enable_auto_commit=False, auto_offset_reset="earliest")
    async with httpx.AsyncClient(base_url=os.environ["HUIYIN"], headers=headers, timeout=60) as http, consumer:
        consumer.assign([topic])
        consumer.seek(topic, kept["offset"])
        async for record in consumer:
            update = json.loads(record.value)
            if update["id"] > kept["after"]:
                async for missed in between(kept["after"], update["id"], http):
                    await heed(missed, kept["cases"], http)
                await heed(update, kept["cases"], http)
            kept |= {"after": max(update["id"], kept["after"]), "offset": record.offset + 1}
            write(notebook, kept)


async def main() -> None:
    filings, notebook = map(Path, sys.argv[1:3])
    await file([line for line in filings.read_text().splitlines() if line.strip()])
    await listen(notebook)


asyncio.run(main())
