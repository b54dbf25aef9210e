"""Listens to what crosses the sockets of a gateway in this process, so that a mark cannot claim more than a test does."""

import json
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from devices.gateway.buffers import GatewayBuffers
from devices.models import FrameLog


class Wiretap:
    """Collects (protocol, message, "in" or "out") of every good message while it is entered."""

    def __init__(self) -> None:
        self.heard: set[tuple[str, str, str]] = set()
        self._ending = ExitStack()

    def __enter__(self) -> "Wiretap":
        put = GatewayBuffers.frame

        def frame(buffers: GatewayBuffers, row: FrameLog) -> None:
            if not row.error and not _is_answer(row):
                self.heard.add((row.protocol, row.name.partition(" ")[0], str(row.direction)))
            put(buffers, row)

        self._ending.enter_context(patch.object(GatewayBuffers, "frame", frame))
        return self

    def __exit__(self, *exc: Any) -> None:
        self._ending.close()

    def missing(self, protocol: str, *codes: str) -> list[str]:
        """The messages of a mark that were not heard; `code in` and `code out` name one direction."""
        missing = []
        for text in codes:
            code, _, way = text.partition(" ")
            ways = [way] if way else ["in", "out"]
            if not any((protocol, code, direction) in self.heard for direction in ways):
                missing.append(f"{protocol} {text}")
        return missing


def _is_answer(row: FrameLog) -> bool:
    """An OCPP answer is logged under the action of its call, but it is no message of its own."""
    return row.protocol.startswith("ocpp") and json.loads(row.raw)[0] != 2
