"""Example client of a platform: submits complaints and reads notifications through Kafka, and fetches receipts and reply texts
over HTTP. It needs only what docs/integrating.md describes, and `pip install aiokafka httpx`:

    python client.py JURISDICTION PLATFORM FILINGS.jsonl NOTEBOOK.json

FILINGS contains one JSON body per line. NOTEBOOK stores the state of the client across restarts; if it is lost, the client
rebuilds it from the first entry. Environment, with the names of Huiyin's own settings: HUIYIN_URL, HUIYIN_ACCESS_KEY,
HUIYIN_KAFKA_BOOTSTRAP, and HUIYIN_KAFKA_SECURITY, _CA, _USER, _PASSWORD and _PREFIX where the deployment has them.
"""

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

JURISDICTION, PLATFORM = sys.argv[1:3]
NAME, PREFIX = f"{JURISDICTION}.{PLATFORM}", os.environ.get("HUIYIN_KAFKA_PREFIX", "")  # of topics


def kafka() -> dict[str, Any]:
    """The settings of every Kafka client, from the same variables as those of Huiyin itself."""
    security = os.environ.get("HUIYIN_KAFKA_SECURITY") or "PLAINTEXT"
    given: dict[str, Any] = {"bootstrap_servers": os.environ["HUIYIN_KAFKA_BOOTSTRAP"], "security_protocol": security}
    if security.endswith("SSL"):
        given["ssl_context"] = ssl.create_default_context(cafile=os.environ.get("HUIYIN_KAFKA_CA") or None)
    if security.startswith("SASL"):
        user, password = os.environ["HUIYIN_KAFKA_USER"], os.environ["HUIYIN_KAFKA_PASSWORD"]
        given |= {"sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": user, "sasl_plain_password": password}
    return given


async def file(lines: list[str]) -> None:
    """Send every line. Sending an item again is safe: it gets the same answer."""
    async with AIOKafkaProducer(**kafka(), acks="all", enable_idempotence=True) as producer:
        for line in lines:
            await producer.send_and_wait(f"{PREFIX}submissions.{NAME}", line.encode())


async def get(http: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await http.get(f"/v1/platforms/{PLATFORM}/{path}", params=query)
    answer.raise_for_status()
    return answer.json()


async def entries(http: httpx.AsyncClient, after: int, last: int) -> list[dict[str, Any]]:
    """The entries after one id up to another. Only over HTTP do they name the item, and there they remain available."""
    found: list[dict[str, Any]] = []
    while after < last:
        page = await get(http, "updates", after=after)
        found, after = found + page["entries"], page["after"]
    return [one for one in found if one["id"] <= last]


async def heed(http: httpx.AsyncClient, update: dict[str, Any], cases: dict[str, Any]) -> None:
    """Apply one notification to the stored cases."""
    known = cases.setdefault(str(update["item"] or update["case"] or update["record"]), {"heard": []})
    known["heard"].append([update["id"], update["kind"], update["detail"]])
    match update["kind"]:
        case "registered":
            receipt = await get(http, f"receipts/{update['case']}")
            known |= {"case": update["case"], "number": update["number"], "code": receipt["code"]}
        case "refused":
            known["refused"] = [update["problem"]["code"], update["problem"]["field"]]
        case "replied":
            known["answer"] = (await get(http, f"answers/{update['case']}"))["texts"]
        case "closed":
            known["closed"] = update["detail"]


def read(notebook: Path) -> dict[str, Any]:
    return json.loads(notebook.read_text()) if notebook.exists() else {"after": 0, "offset": 0, "cases": {}}


def write(notebook: Path, kept: dict[str, Any]) -> None:
    """Store entries and cursor in one atomic step."""
    fresh = notebook.with_suffix(".new")
    fresh.write_text(json.dumps(kept, ensure_ascii=False))
    fresh.replace(notebook)


async def listen(notebook: Path) -> None:
    """Read the notifications from the stored position on, without end. An entry that arrives twice is applied once, by its id."""
    kept = read(notebook)
    topic = TopicPartition(f"{PREFIX}updates.{NAME}", 0)
    headers = {"Authorization": f"Bearer {os.environ['HUIYIN_ACCESS_KEY']}"}
    consumer = AIOKafkaConsumer(**kafka(), enable_auto_commit=False, auto_offset_reset="earliest")
    async with httpx.AsyncClient(base_url=os.environ["HUIYIN_URL"], headers=headers, timeout=60) as http, consumer:
        consumer.assign([topic])
        consumer.seek(topic, kept["offset"])
        async for record in consumer:
            last = json.loads(record.value)["id"]
            for one in await entries(http, kept["after"], last):
                await heed(http, one, kept["cases"])
            kept |= {"after": max(last, kept["after"]), "offset": record.offset + 1}
            write(notebook, kept)


async def main(filings: str, notebook: Path) -> None:
    await file([line for line in filings.splitlines() if line.strip()])
    await listen(notebook)


asyncio.run(main(Path(sys.argv[3]).read_text(), Path(sys.argv[4])))
