"""The pile's end of one OCPP link: the `ocpp` library's charge point, whose handlers ask the pile."""

import json
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ocpp.charge_point import camel_to_snake_case, remove_nones, serialize_as_dict, snake_to_camel_case
from ocpp.messages import MessageType
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result, enums

if TYPE_CHECKING:
    from devices.simulators.ocpp16.client import Ocpp16Pile

_quiet = logging.getLogger("devices.simulators.ocpp16")
_quiet.setLevel(logging.CRITICAL)  # faults make noise on purpose


class Link(ChargePoint):
    """Answers the Core profile and TriggerMessage. Never calls from a handler: the pile queues what follows."""

    def __init__(self, pile: "Ocpp16Pile", connection: Any) -> None:
        super().__init__(pile.code, connection, response_timeout=pile.timing.answer_s, logger=_quiet)
        self.pile = pile
        self._numbers = 1000
        self.deaf = False

    async def route_message(self, raw_msg: str) -> None:
        self.pile.stats.received += 1
        if self.deaf:
            return
        if "never_answer_start" in self.pile.faults and '"RemoteStartTransaction"' in raw_msg:
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

    @on("RemoteStartTransaction")
    def on_remote_start(self, id_tag: str, connector_id: int | None = None, **_: Any) -> Any:
        accepted = self.pile.remote_start(id_tag, connector_id)
        return call_result.RemoteStartTransaction(status=_accepted(accepted))

    @on("RemoteStopTransaction")
    def on_remote_stop(self, transaction_id: int) -> Any:
        return call_result.RemoteStopTransaction(status=_accepted(self.pile.remote_stop(transaction_id)))

    @on("ChangeAvailability")
    def on_change_availability(self, connector_id: int, type: str) -> Any:
        status = self.pile.change_availability(connector_id, type == enums.AvailabilityType.operative)
        return call_result.ChangeAvailability(status=status)

    @on("ChangeConfiguration")
    def on_change_configuration(self, key: str, value: str) -> Any:
        return call_result.ChangeConfiguration(status=self.pile.change_configuration(key, value))

    @on("GetConfiguration")
    def on_get_configuration(self, key: list[str] | None = None) -> Any:
        configuration = self.pile.configuration
        wanted = key or list(configuration)
        return call_result.GetConfiguration(
            configuration_key=[
                {"key": name, "readonly": name in self.pile.READ_ONLY, "value": configuration[name]}
                for name in wanted
                if name in configuration
            ],
            unknown_key=[name for name in wanted if name not in configuration] or None,
        )

    @on("Reset")
    def on_reset(self, type: str) -> Any:
        self.pile.reset(hard=type == enums.ResetType.hard)
        return call_result.Reset(status=enums.ResetStatus.accepted)

    @on("UnlockConnector")
    def on_unlock(self, connector_id: int) -> Any:
        known = self.pile.unlock(connector_id)
        status = enums.UnlockStatus.unlocked if known else enums.UnlockStatus.not_supported
        return call_result.UnlockConnector(status=status)

    @on("TriggerMessage")
    def on_trigger(self, requested_message: str, connector_id: int | None = None) -> Any:
        known = self.pile.trigger(requested_message, connector_id)
        status = enums.TriggerMessageStatus.accepted if known else enums.TriggerMessageStatus.not_implemented
        return call_result.TriggerMessage(status=status)

    @on("ClearCache")
    def on_clear_cache(self) -> Any:
        return call_result.ClearCache(status=enums.ClearCacheStatus.accepted)

    @on("DataTransfer")
    def on_data_transfer(self, vendor_id: str, **_: Any) -> Any:
        return call_result.DataTransfer(status=enums.DataTransferStatus.unknown_vendor_id)


def _accepted(yes: bool) -> enums.RemoteStartStopStatus:
    return enums.RemoteStartStopStatus.accepted if yes else enums.RemoteStartStopStatus.rejected


def parse_time(text: str) -> datetime:
    """Return the aware datetime of an OCPP timestamp."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
