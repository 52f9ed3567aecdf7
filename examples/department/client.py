"""Example client of a department that works through Kafka. It needs only what docs/integrating.md describes.

    python client.py ORG

Environment:
    KAFKA        HOST:PORT of the brokers
    HUIYIN_URL   address of the HTTP API, from which the content of cases is read
    HUIYIN_KEY   access key of the department
    JURISDICTION code of the jurisdiction, which is part of the names of topics
    PREFIX       prefix of the topic names, if there is one

It reads the assignments, fetches each case (this access is recorded), and sends the commands of an ordinary claim. It prints each
inbox entry to standard output, one JSON object per line.
"""

import asyncio
import json
import os
import sys
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

NAME = f"{os.environ['JURISDICTION']}.{sys.argv[1]}"
PREFIX = os.environ.get("PREFIX", "")
STEPS = ("sign_off", "accept", "serve_notice", "ask_extension", "decide", "deliver_reply", "confirm_execution")
"""The commands of a case, in order. An inbox entry or the outcome of a command triggers the next one."""


def fields(step: str, case: dict[str, Any]) -> dict[str, Any]:
    """The fields of a command."""
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
        f"{PREFIX}assignments.{NAME}", bootstrap_servers=kafka, group_id=f"{PREFIX}dept-{NAME}.client",
        auto_offset_reset="earliest", enable_auto_commit=False,
    )  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)
    headers = {"authorization": f"Bearer {os.environ['HUIYIN_KEY']}"}
    seen = 0  # the cursor: entries up to this id were handled

    async with httpx.AsyncClient(base_url=os.environ["HUIYIN_URL"], headers=headers, timeout=30) as http:

        async def act(step: str, case_id: str) -> None:
            case = (await http.get(f"/v1/cases/{case_id}")).raise_for_status().json()
            command = {"case": case_id, "command": step, "command_id": f"{case_id}.{step}", **fields(step, case)}
            await producer.send_and_wait(f"{PREFIX}actions.{NAME}", json.dumps(command).encode(), key=case_id.encode())

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
