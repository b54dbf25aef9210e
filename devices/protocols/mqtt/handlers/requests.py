"""Somebody at the device wants to charge: a card, a VIN, or the keys of the box (docs/protocols/mqtt.md)."""

from collections.abc import Mapping
from typing import Any

from devices import events
from devices.protocols.mqtt.held import HeldDevice
from devices.services import local_starts
from kernel.runtime.dbpool import in_database


async def request(
    consumer, held: HeldDevice, body: Mapping[str, Any], raw: Mapping[str, Any]
) -> dict[str, Any]:
    """The decision of the floors above, given in the transaction in which they opened the order."""
    decision = await in_database(
        local_starts.decide_start,
        events.StartRequested(
            pile=held.pile,
            connector_no=body["port"],
            at=consumer.moment(body),
            method=body["method"],
            credential=body.get("credential", ""),
            password_md5=body.get("password_md5", ""),
            transaction_ref=body.get("transaction", ""),
        ),
        by_order_no=True,
    )
    answer: dict[str, Any] = {"ok": not decision.refusal, "port": body["port"]}
    if decision.refusal:
        return answer | {"reason": decision.refusal}
    return answer | {
        "transaction": decision.transaction_ref or decision.order_no,
        "balance_fen": decision.balance_fen,
        "account": decision.account_label,
    }
