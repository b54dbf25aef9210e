"""A charge point of the tests: speaks raw OCPP-J over a real WebSocket, rightly or wrongly, as it is told."""

import base64
import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

PASSWORD = "a-password-of-the-tests"
WAIT_S = 30.0


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def at(seconds: float = 0.0) -> str:
    """A timestamp this many seconds from now."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def register(value: str, *, unit: str = "Wh", **more: str) -> dict[str, str]:
    return {"value": value, "measurand": "Energy.Active.Import.Register", "unit": unit, **more}


class Station:
    """One connection of a charge point."""

    SUBPROTOCOL = "ocpp1.6"

    def __init__(self, gateway: Any, code: str, *, password: str = PASSWORD, **options: Any):
        headers = options.pop("headers", {"Authorization": basic(code, password)})
        url = gateway.ws_url if options.get("ssl") is None else gateway.wss_url
        options.setdefault("subprotocols", [self.SUBPROTOCOL])
        self.ids = count(1)
        self._ending = ExitStack()
        self.socket = self._ending.enter_context(
            connect(f"{url}/ocpp/{code}", additional_headers=headers, open_timeout=WAIT_S, **options)
        )

    def close(self) -> None:
        self._ending.close()

    def send(self, text: str | bytes) -> None:
        self.socket.send(text)

    def receive(self, timeout: float = WAIT_S) -> list[Any]:
        return json.loads(self.socket.recv(timeout=timeout))

    def post(self, action: str, payload: Any, message_id: str | None = None) -> str:
        message_id = message_id or f"message-{next(self.ids)}"
        self.send(json.dumps([2, message_id, action, payload]))
        return message_id

    def exchange(self, action: str, payload: Any) -> list[Any]:
        """Send a CALL and return its whole answer (CALLRESULT or CALLERROR)."""
        message_id = self.post(action, payload)
        answer = self.receive()
        assert answer[1] == message_id, answer
        return answer

    def call(self, action: str, payload: Any) -> dict[str, Any]:
        """Send a CALL and return the payload of its CALLRESULT."""
        answer = self.exchange(action, payload)
        assert answer[0] == 3, answer
        return answer[2]

    def boot(self, **facts: str) -> dict[str, Any]:
        return self.call(
            "BootNotification", {"chargePointVendor": "Vendor", "chargePointModel": "Model", **facts}
        )

    def status(self, status: str, connector: int = 1, error: str = "NoError", **more: Any) -> None:
        self.call(
            "StatusNotification", {"connectorId": connector, "status": status, "errorCode": error, **more}
        )

    def start(self, meter_wh: int, *, tag: str = "TAG", connector: int = 1, when: str | None = None) -> int:
        answer = self.call(
            "StartTransaction",
            {"connectorId": connector, "idTag": tag, "meterStart": meter_wh, "timestamp": when or at()},
        )
        return answer["transactionId"]

    def meter(
        self, number: int | None, *sampled: dict[str, str], when: str | None = None, connector: int = 1
    ):
        payload = {
            "connectorId": connector,
            "meterValue": [{"timestamp": when or at(), "sampledValue": list(sampled)}],
        }
        if number is not None:
            payload["transactionId"] = number
        return self.call("MeterValues", payload)

    def expect_call(self) -> tuple[str, str, dict[str, Any]]:
        """The next CALL of the platform: (message id, action, payload)."""
        kind, message_id, action, payload = self.receive()
        assert kind == 2
        return message_id, action, payload

    def answer(self, message_id: str, payload: dict[str, Any]) -> None:
        self.send(json.dumps([3, message_id, payload]))

    def closed(self, timeout: float = WAIT_S) -> tuple[int, str]:
        """(code, reason) with which the platform hangs up."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                self.socket.recv(timeout=timeout)
            except ConnectionClosed as ended:
                assert ended.rcvd is not None, "the socket ended without a close frame"
                return ended.rcvd.code, ended.rcvd.reason
        raise AssertionError("the socket stayed open")
