"""The end of one OCPP 1.6J link: the `ocpp` library's charge point, whose handlers ask the pile."""

from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result, enums

from devices.simulators.ocppj.link import LinkFaults


class Link16(LinkFaults, ChargePoint):
    """Answers the Core profile and TriggerMessage."""

    START_ACTION = "RemoteStartTransaction"

    @on("RemoteStartTransaction")
    def on_remote_start(self, id_tag: str, connector_id: int | None = None, **_: Any) -> Any:
        accepted = self.pile.remote_start(id_tag, connector_id)
        return call_result.RemoteStartTransaction(status=_accepted(accepted))

    @on("RemoteStopTransaction")
    def on_remote_stop(self, transaction_id: int) -> Any:
        return call_result.RemoteStopTransaction(status=_accepted(self.pile.remote_stop(transaction_id)))

    @on("ChangeAvailability")
    def on_change_availability(self, connector_id: int, type: str) -> Any:
        status = self.pile.set_available(connector_id, type == enums.AvailabilityType.operative)
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
