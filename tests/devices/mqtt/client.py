"""An MQTT device reduced to a client: publishes what a test says, reads what comes back."""

import json
import queue
import secrets
import time
from typing import Any

import paho.mqtt.client as paho

PASSWORD = "password-of-an-mqtt-pile"


class MqttDevice:
    """Blocking client of a broker on 127.0.0.1; `birth()` before anything else."""

    def __init__(self, port: int, code: str, *, prefix: str = "ev", connect: bool = True):
        self.code, self.prefix = code, prefix
        self.connection = secrets.token_hex(4)
        self.session = ""
        self._ids = 0
        self._inbox: list[tuple[str, dict]] = []
        self._queue: queue.Queue[tuple[str, dict]] = queue.Queue()
        self._subscribed = queue.Queue()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=f"device-{code}")
        self.client.username_pw_set(code, PASSWORD)
        self.client.will_set(self.topic("will"), json.dumps({"connection": self.connection}), qos=1)
        self.client.on_message = self._on_message
        self.client.on_connect = lambda *_: self.client.subscribe(
            [(f"{prefix}/{code}/down/#", 1), (f"{prefix}/all/down/#", 1)]
        )
        self.client.on_subscribe = lambda *_: self._subscribed.put(True)
        if connect:
            self.client.connect("127.0.0.1", port)
            self.client.loop_start()
            self._subscribed.get(timeout=5)

    def topic(self, name: str) -> str:
        return f"{self.prefix}/{self.code}/up/{name}"

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_message(self, client, userdata, message) -> None:
        self._queue.put((message.topic.rpartition("/")[2], json.loads(message.payload)))

    def publish_raw(self, name: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        self.client.publish(self.topic(name), payload, qos=qos, retain=retain)

    def say(self, name: str, /, **body: Any) -> dict[str, Any]:
        """Publish a message under the session; returns its body."""
        body = {"session": self.session} | body
        self.publish_raw(name, json.dumps(body).encode())
        return body

    def tell(self, name: str, /, **body: Any) -> dict[str, Any]:
        """Publish a message with an id and wait for its acknowledgement."""
        self._ids += 1
        sent = self.say(name, **({"id": f"m{self._ids}"} | body))
        return self.expect("ack", id=sent["id"])

    def expect(self, name: str, timeout: float = 5.0, **fields: Any) -> dict[str, Any]:
        """The next message of this name with these fields; others stay in the inbox."""
        end = time.monotonic() + timeout
        while True:
            for index, (heard, body) in enumerate(self._inbox):
                if heard == name and all(body.get(key) == value for key, value in fields.items()):
                    del self._inbox[index]
                    return body
            left = end - time.monotonic()
            assert left > 0, f"no {name} {fields} within {timeout} s; have {self._inbox}"
            try:
                self._inbox.append(self._queue.get(timeout=left))
            except queue.Empty:
                continue

    def birth(self, **changes: Any) -> dict[str, Any]:
        body = {"password": PASSWORD, "connection": self.connection, "ports": 10, "vendor": "Test", **changes}
        self.publish_raw("birth", json.dumps(body).encode())
        welcome = self.expect("welcome")
        self.session = welcome["session"]
        return welcome

    def answer(self, command: dict[str, Any], *, ok: bool = True, **fields: Any) -> None:
        self.say("answer", command=command["command"], ok=ok, **fields)
