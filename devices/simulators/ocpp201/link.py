"""The end of one OCPP 2.0.1 link: the `ocpp` library's charge point, whose handlers ask the pile."""

from typing import Any

from ocpp.routing import on
from ocpp.v201 import ChargePoint, call_result

from devices.simulators.ocppj.connector import Reservation
from devices.simulators.ocppj.limits import DEFAULT, MAX, TRANSACTION, held_limit, moment
from devices.simulators.ocppj.link import LinkFaults
from devices.simulators.ocppj.upkeep import Job

_PURPOSES = {"ChargingStationMaxProfile": MAX, "TxDefaultProfile": DEFAULT, "TxProfile": TRANSACTION}
_USES = {"ChargingStationCertificate": "station", "V2GCertificate": "vehicle"}


class Link201(LinkFaults, ChargePoint):
    """Answers every command but those for local controllers, to which the library says NotImplemented."""

    START_ACTION = "RequestStartTransaction"

    @on("RequestStartTransaction")
    def on_request_start(
        self, id_token: dict, remote_start_id: int, evse_id: int | None = None, **_: Any
    ) -> Any:
        accepted = self.pile.remote_start(id_token["id_token"], evse_id, remote_start_id)
        return call_result.RequestStartTransaction(status=_yes(accepted))

    @on("RequestStopTransaction")
    def on_request_stop(self, transaction_id: str) -> Any:
        return call_result.RequestStopTransaction(status=_yes(self.pile.remote_stop(transaction_id)))

    @on("GetTransactionStatus")
    def on_get_transaction_status(self, transaction_id: str | None = None) -> Any:
        running = [item.transaction for item in self.pile.connectors.values() if item.transaction]
        going_on = any(one.transaction_id == transaction_id for one in running)
        return call_result.GetTransactionStatus(
            messages_in_queue=self.pile.outbox.lasting > 0,
            ongoing_indicator=None if transaction_id is None else going_on,
        )

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

    @on("GetReport")
    def on_get_report(self, request_id: int, component_variable: list[dict] | None = None, **_: Any) -> Any:
        found = self.pile.report(request_id, _keys(component_variable))
        return call_result.GetReport(status="Accepted" if found else "EmptyResultSet")

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

    # -- firmware and logs

    @on("UpdateFirmware")
    def on_update_firmware(self, request_id: int, firmware: dict, **_: Any) -> Any:
        job = Job(firmware["location"], request_id, secured=True)
        self.pile.work_on(self.pile.update_firmware(job, signed="signature" in firmware))
        return call_result.UpdateFirmware(status="Accepted")

    @on("GetLog")
    def on_get_log(self, log: dict, log_type: str, request_id: int, **_: Any) -> Any:
        job = Job(log["remote_location"], request_id, secured=True)
        self.pile.work_on(self.pile.upload_log(job))
        return call_result.GetLog(status="Accepted", filename=self.pile.log_name())

    # -- cards, reservations, limits

    @on("SendLocalList")
    def on_send_local_list(
        self, version_number: int, update_type: str, local_authorization_list: list[dict] | None = None
    ) -> Any:
        entries = {
            one["id_token"]["id_token"]: (one["id_token_info"]["status"] if "id_token_info" in one else None)
            for one in local_authorization_list or ()
        }
        status = self.pile.take_cards(version_number, entries, full=update_type == "Full")
        return call_result.SendLocalList(status=status)

    @on("GetLocalListVersion")
    def on_get_local_list_version(self) -> Any:
        return call_result.GetLocalListVersion(version_number=self.pile.list_version)

    @on("ReserveNow")
    def on_reserve_now(
        self,
        id: int,
        expiry_date_time: str,
        id_token: dict,
        evse_id: int | None = None,
        group_id_token: dict | None = None,
        **_: Any,
    ) -> Any:
        group = group_id_token["id_token"] if group_id_token else None
        reservation = Reservation(id, id_token["id_token"], moment(expiry_date_time), group)
        return call_result.ReserveNow(status=self.pile.reserve(reservation, evse_id or 0))

    @on("CancelReservation")
    def on_cancel_reservation(self, reservation_id: int) -> Any:
        return call_result.CancelReservation(status=_yes(self.pile.cancel_reservation(reservation_id)))

    @on("SetChargingProfile")
    def on_set_charging_profile(self, evse_id: int, charging_profile: dict) -> Any:
        limit = held_limit(
            charging_profile,
            number=charging_profile["id"],
            connector=evse_id,
            purposes=_PURPOSES,
            schedule=charging_profile["charging_schedule"][0],
        )
        status = self.pile.take_limit(limit, charging_profile.get("transaction_id"))
        return call_result.SetChargingProfile(status=status)

    @on("ClearChargingProfile")
    def on_clear_charging_profile(
        self, charging_profile_id: int | None = None, charging_profile_criteria: dict | None = None
    ) -> Any:
        criteria = charging_profile_criteria or {}
        known = self.pile.limits.clear(
            number=charging_profile_id,
            connector=criteria.get("evse_id"),
            purpose=_PURPOSES.get(criteria.get("charging_profile_purpose", "")),
            level=criteria.get("stack_level"),
        )
        return call_result.ClearChargingProfile(status="Accepted" if known else "Unknown")

    @on("GetChargingProfiles")
    def on_get_charging_profiles(
        self, request_id: int, charging_profile: dict, evse_id: int | None = None
    ) -> Any:
        found = self.pile.report_limits(request_id, evse_id, charging_profile)
        return call_result.GetChargingProfiles(status="Accepted" if found else "NoProfiles")

    @on("GetCompositeSchedule")
    def on_get_composite_schedule(
        self, duration: int, evse_id: int, charging_rate_unit: str | None = None
    ) -> Any:
        pile = self.pile
        if evse_id and evse_id not in pile.connectors:
            return call_result.GetCompositeSchedule(status="Rejected")
        unit = charging_rate_unit or "W"
        return call_result.GetCompositeSchedule(
            status="Accepted",
            schedule={
                "evse_id": evse_id,
                "duration": duration,
                "schedule_start": pile.timestamp(),
                "charging_rate_unit": unit,
                "charging_schedule_period": pile.limits.course(
                    evse_id, pile.wall(), duration, unit, pile.rated_kw
                ),
            },
        )

    # -- certificates

    @on("CertificateSigned")
    def on_certificate_signed(self, certificate_chain: str, certificate_type: str | None = None) -> Any:
        use = _USES[certificate_type or "ChargingStationCertificate"]
        return call_result.CertificateSigned(status=_yes(self.pile.certificates.take(use, certificate_chain)))

    @on("InstallCertificate")
    def on_install_certificate(self, certificate_type: str, certificate: str) -> Any:
        return call_result.InstallCertificate(
            status=_yes(self.pile.certificates.install(certificate_type, certificate))
        )

    @on("GetInstalledCertificateIds")
    def on_get_installed(self, certificate_type: list[str] | None = None) -> Any:
        found = [
            {"certificate_type": use, "certificate_hash_data": hashes}
            for use, hashes in self.pile.certificates.trusted
            if not certificate_type or use in certificate_type
        ]
        return call_result.GetInstalledCertificateIds(
            status="Accepted" if found else "NotFound", certificate_hash_data_chain=found or None
        )

    @on("DeleteCertificate")
    def on_delete_certificate(self, certificate_hash_data: dict) -> Any:
        known = self.pile.certificates.delete(certificate_hash_data)
        return call_result.DeleteCertificate(status="Accepted" if known else "NotFound")

    # -- monitors, messages, networks, customers

    @on("SetVariableMonitoring")
    def on_set_variable_monitoring(self, set_monitoring_data: list[dict]) -> Any:
        results = [self.pile.set_monitor(one) for one in set_monitoring_data]
        return call_result.SetVariableMonitoring(set_monitoring_result=results)

    @on("ClearVariableMonitoring")
    def on_clear_variable_monitoring(self, id: list[int]) -> Any:
        results = [self.pile.clear_monitor(number) for number in id]
        return call_result.ClearVariableMonitoring(clear_monitoring_result=results)

    @on("GetMonitoringReport")
    def on_get_monitoring_report(
        self, request_id: int, component_variable: list[dict] | None = None, **_: Any
    ) -> Any:
        found = self.pile.report_monitors(request_id, _keys(component_variable))
        return call_result.GetMonitoringReport(status="Accepted" if found else "EmptyResultSet")

    @on("SetMonitoringBase")
    def on_set_monitoring_base(self, monitoring_base: str) -> Any:
        if monitoring_base != "All":
            self.pile.monitors.clear()  # it has none but those that were set
        return call_result.SetMonitoringBase(status="Accepted")

    @on("SetMonitoringLevel")
    def on_set_monitoring_level(self, severity: int) -> Any:
        self.pile.severity = severity
        return call_result.SetMonitoringLevel(status="Accepted")

    @on("SetDisplayMessage")
    def on_set_display_message(self, message: dict) -> Any:
        self.pile.messages[message["id"]] = message
        return call_result.SetDisplayMessage(status="Accepted")

    @on("ClearDisplayMessage")
    def on_clear_display_message(self, id: int) -> Any:
        known = self.pile.messages.pop(id, None) is not None
        return call_result.ClearDisplayMessage(status="Accepted" if known else "Unknown")

    @on("GetDisplayMessages")
    def on_get_display_messages(self, request_id: int, **_: Any) -> Any:
        found = self.pile.report_messages(request_id)
        return call_result.GetDisplayMessages(status="Accepted" if found else "Unknown")

    @on("SetNetworkProfile")
    def on_set_network_profile(self, configuration_slot: int, connection_data: dict) -> Any:
        self.pile.networks[configuration_slot] = connection_data
        return call_result.SetNetworkProfile(status="Accepted")

    @on("CostUpdated")
    def on_cost_updated(self, total_cost: float, transaction_id: str) -> Any:
        self.pile.costs[transaction_id] = total_cost
        return call_result.CostUpdated()

    @on("CustomerInformation")
    def on_customer_information(
        self,
        request_id: int,
        report: bool,
        clear: bool,
        id_token: dict | None = None,
        customer_identifier: str | None = None,
        **_: Any,
    ) -> Any:
        who = customer_identifier or (id_token or {}).get("id_token", "")
        if clear:
            self.pile.cards.pop(who, None)
        if report:
            self.pile.report_customer(request_id, who)
        return call_result.CustomerInformation(status="Accepted")


def _yes(accepted: bool) -> str:
    return "Accepted" if accepted else "Rejected"


def _keys(wanted: list[dict] | None) -> list[str] | None:
    """Component.Variable of each; None for all."""
    if not wanted:
        return None
    return [f"{one['component']['name']}.{one['variable']['name']}" for one in wanted]
