"""Example client of a department that works through Kafka. It needs only what docs/integrating.md describes.

    pip install aiokafka httpx
    python client.py JURISDICTION ORG        their codes in the policy

Environment, with the names of Huiyin's own settings:
    HUIYIN_URL, HUIYIN_ACCESS_KEY              the HTTP API, from which the content of cases is read
    HUIYIN_KAFKA_BOOTSTRAP                     HOST:PORT of the brokers
    HUIYIN_KAFKA_SECURITY, _CA                 SASL_SSL, and the file of the CA that signed the brokers' certificates
    HUIYIN_KAFKA_USER, _PASSWORD               the department's Kafka user (SCRAM-SHA-512)
    HUIYIN_KAFKA_PREFIX                        prefix of the names of topics and users, if there is one

It reads the assignments, fetches each case (this access is recorded), and sends the commands of an ordinary claim. It prints each
inbox entry to standard output, one JSON object per line.
"""

import asyncio
import json
import os
import ssl
import sys
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

NAME = f"{sys.argv[1]}.{sys.argv[2]}"  # the end of the names of topics and users
PREFIX = os.environ.get("HUIYIN_KAFKA_PREFIX", "")
STEPS = ("sign_off", "accept", "serve_notice", "ask_extension", "decide", "deliver_reply", "confirm_execution")
"""The commands of a case, in order. An inbox entry or the outcome of a command triggers the next one."""


def fields(step: str, case: dict[str, Any]) -> dict[str, Any]:
    """The fields of a command."""
    text = next((one["fields"]["text"] for one in case["content"]["texts"] if one["fields"].get("text")), "")
    reply = f"您反映的“{text[:12]}”属实，予以支持。"
    return {
        "accept": {"path": 6},
        "serve_notice": {"kind": "acceptance", "mode": "in_person"},
        "ask_extension": {"days": 10, "reason": "需要第三方检测"},
        "decide": {"result": "supported", "basis": ["条例第三十二条"], "text": reply},
        "deliver_reply": {"mode": "in_person"},
    }.get(step, {})


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


async def main() -> None:
    consumer = AIOKafkaConsumer(
        f"{PREFIX}assignments.{NAME}", **kafka(), group_id=f"{PREFIX}dept-{NAME}.client",
        auto_offset_reset="earliest", enable_auto_commit=False,
    )  # fmt: skip
    producer = AIOKafkaProducer(**kafka(), acks="all", enable_idempotence=True)
    headers = {"authorization": f"Bearer {os.environ['HUIYIN_ACCESS_KEY']}"}
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
