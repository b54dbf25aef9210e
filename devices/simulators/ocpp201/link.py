"""The end of one OCPP 2.0.1 link: the `ocpp` library's charge point, whose handlers ask the pile."""

from typing import Any

from ocpp.routing import on
from ocpp.v201 import ChargePoint, call_result

from devices.simulators.ocppj.link import LinkFaults


class Link201(LinkFaults, ChargePoint):
    """Answers remote control, availability, reset, variables and reports."""

    START_ACTION = "RequestStartTransaction"

    @on("RequestStartTransaction")
    def on_request_start(
        self, id_token: dict, remote_start_id: int, evse_id: int | None = None, **_: Any
    ) -> Any:
        accepted = self.pile.remote_start(id_token["id_token"], evse_id, remote_start_id)
        return call_result.RequestStartTransaction(status="Accepted" if accepted else "Rejected")

    @on("RequestStopTransaction")
    def on_request_stop(self, transaction_id: str) -> Any:
        accepted = self.pile.remote_stop(transaction_id)
        return call_result.RequestStopTransaction(status="Accepted" if accepted else "Rejected")

    @on("ChangeAvailability")
    def on_change_availability(self, operational_status: str, evse: dict | None = None) -> Any:
        number = evse["id"] if evse else 0
        status = self.pile.set_available(number, operational_status == "Operative")
        return call_result.ChangeAvailability(status=status)

    @on("GetVariables")
    def on_get_variables(self, get_variable_data: list[dict]) -> Any:
        return call_result.GetVariables(
            get_variable_result=[self.pile.read_variable(item) for item in get_variable_data]
        )

    @on("SetVariables")
    def on_set_variables(self, set_variable_data: list[dict]) -> Any:
        return call_result.SetVariables(
            set_variable_result=[self.pile.set_variable(item) for item in set_variable_data]
        )

    @on("GetBaseReport")
    def on_get_base_report(self, request_id: int, report_base: str) -> Any:
        self.pile.report(request_id)
        return call_result.GetBaseReport(status="Accepted")

    @on("Reset")
    def on_reset(self, type: str, evse_id: int | None = None) -> Any:
        return call_result.Reset(status=self.pile.reset_when(type))

    @on("UnlockConnector")
    def on_unlock(self, evse_id: int, connector_id: int) -> Any:
        known = connector_id == 1 and self.pile.unlock(evse_id)
        return call_result.UnlockConnector(status="Unlocked" if known else "UnknownConnector")

    @on("TriggerMessage")
    def on_trigger(self, requested_message: str, evse: dict | None = None) -> Any:
        return call_result.TriggerMessage(status=self.pile.trigger(requested_message, evse))

    @on("ClearCache")
    def on_clear_cache(self) -> Any:
        return call_result.ClearCache(status="Accepted")

    @on("DataTransfer")
    def on_data_transfer(self, vendor_id: str, **_: Any) -> Any:
        return call_result.DataTransfer(status="UnknownVendorId")
