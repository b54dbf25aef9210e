"""The pile's end of one OCPP link: what goes wrong on it, whatever the version."""

import json
import logging
from datetime import datetime
from typing import Any

from ocpp.charge_point import camel_to_snake_case, remove_nones, serialize_as_dict, snake_to_camel_case
from ocpp.messages import MessageType

_quiet = logging.getLogger("devices.simulators.ocppj")
_quiet.setLevel(logging.CRITICAL)  # faults make noise on purpose


class LinkFaults:
    """Mixin before the `ocpp` library's charge point. Handlers never call: the pile queues what follows."""

    START_ACTION: str

    def __init__(self, pile: Any, connection: Any) -> None:
        super().__init__(pile.code, connection, response_timeout=pile.timing.answer_s, logger=_quiet)
        self.pile = pile
        self._numbers = 1000
        self.deaf = False

    async def route_message(self, raw_msg: str) -> None:
        self.pile.stats.received += 1
        if self.deaf:
            return
        if "never_answer_start" in self.pile.faults and f'"{self.START_ACTION}"' in raw_msg:
            return
        await super().route_message(raw_msg)

    async def _send(self, message: str) -> None:
        if "mute" in self.pile.faults:
            return
        self.pile.stats.sent += 1
        await super()._send(message)

    async def call(self, payload: Any, **options: Any) -> Any:
        """Call the platform; a CALLERROR raises. With `numeric_ids` the message id is a JSON number."""
        if "numeric_ids" in self.pile.faults:
            return await self._call_with_number(payload)
        return await super().call(payload, suppress=False, **options)

    async def _call_with_number(self, payload: Any) -> Any:
        self._numbers += 1
        content = remove_nones(snake_to_camel_case(serialize_as_dict(payload)))
        async with self._call_lock:
            await self._send(json.dumps([MessageType.Call, self._numbers, type(payload).__name__, content]))
            response = await self._get_specific_response(self._numbers, self._response_timeout)
        if response.message_type_id == MessageType.CallError:
            raise response.to_exception()
        result = getattr(self._call_result, type(payload).__name__)
        return result(**camel_to_snake_case(response.payload))


def parse_time(text: str) -> datetime:
    """Return the aware datetime of an OCPP timestamp."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
