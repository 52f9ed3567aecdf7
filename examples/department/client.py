"""A department that works through Kafka: `python client.py ORG`. It needs only what the contract says.

KAFKA       HOST:PORT of the brokers        HUIYIN_URL  where the content of a case is read
HUIYIN_KEY  the department's access key     PREFIX      what the names of topics begin with, where there is something

It reads its assignments, fetches each case (that read is on record), and gives the commands of an ordinary claim. What it is told
stands on standard output, one JSON object a line.
"""

import asyncio
import json
import os
import sys
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

ORG = sys.argv[1]
PREFIX = os.environ.get("PREFIX", "")
STEPS = ("sign_off", "accept", "serve_notice", "ask_extension", "decide", "deliver_reply", "confirm_execution")
"""What is done with a case; an entry or the outcome of the one before leads to the next."""


def fields(step: str, case: dict[str, Any]) -> dict[str, Any]:
    """What belongs to each command."""
    text = next((one["fields"]["text"] for one in case["content"]["texts"] if one["fields"].get("text")), "")
    return {
        "accept": {"path": 6},
        "serve_notice": {"kind": "acceptance", "mode": "electronic"},
        "ask_extension": {"days": 10, "reason": "需要第三方检测"},
        "decide": {
            "result": "supported",
            "basis": ["条例第三十二条"],
            "text": f"您反映的“{text[:12]}”属实，予以支持。",
        },
        "deliver_reply": {"mode": "electronic"},
    }.get(step, {})


async def main() -> None:
    kafka = os.environ["KAFKA"]
    consumer = AIOKafkaConsumer(
        f"{PREFIX}assignments.{ORG}", bootstrap_servers=kafka, group_id=f"{PREFIX}dept-{ORG}.client",
        auto_offset_reset="earliest", enable_auto_commit=False,
    )  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)
    headers = {"authorization": f"Bearer {os.environ['HUIYIN_KEY']}"}
    seen = 0  # the cursor: an id that is not above it came before

    async with httpx.AsyncClient(base_url=os.environ["HUIYIN_URL"], headers=headers, timeout=30) as http:

        async def act(step: str, case_id: str) -> None:
            case = (await http.get(f"/v1/cases/{case_id}")).raise_for_status().json()
            command = {"case": case_id, "command": step, "command_id": f"{case_id}.{step}", **fields(step, case)}
            await producer.send_and_wait(f"{PREFIX}actions.{ORG}", json.dumps(command).encode(), key=case_id.encode())

        await producer.start()
        await consumer.start()
        try:
            async for record in consumer:
                entry = json.loads(record.value)
                if entry["id"] <= seen:
                    continue
                seen = entry["id"]
                told = {name: entry[name] for name in ("id", "kind", "case", "command", "detail")}
                print(json.dumps(told), flush=True)
                if entry["kind"] == "assigned":
                    await act("sign_off", entry["case"])
                elif entry["kind"] == "outcome" and entry["problem"] is None and entry["command"] != "ask_extension":
                    place = STEPS.index(entry["command"]) + 1
                    if place < len(STEPS):
                        await act(STEPS[place], entry["case"])
                elif entry["kind"] in ("extension_granted", "extension_refused"):
                    await act("decide", entry["case"])
                await consumer.commit()
        finally:
            await consumer.stop()
            await producer.stop()


asyncio.run(main())
