"""The end of one OCPP 1.6J link: the `ocpp` library's charge point, whose handlers ask the pile."""

from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result, enums

from devices.simulators.ocppj.connector import Reservation
from devices.simulators.ocppj.limits import DEFAULT, MAX, TRANSACTION, held_limit, moment
from devices.simulators.ocppj.link import LinkFaults
from devices.simulators.ocppj.upkeep import Job

_PURPOSES = {"ChargePointMaxProfile": MAX, "TxDefaultProfile": DEFAULT, "TxProfile": TRANSACTION}


class Link16(LinkFaults, ChargePoint):
    """Answers every profile of OCPP 1.6 and its security extension."""

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
        return call_result.TriggerMessage(status=self._triggered(requested_message, connector_id))

    @on("ExtendedTriggerMessage")
    def on_extended_trigger(self, requested_message: str, connector_id: int | None = None) -> Any:
        return call_result.ExtendedTriggerMessage(status=self._triggered(requested_message, connector_id))

    def _triggered(self, wanted: str, connector_id: int | None) -> str:
        known = self.pile.trigger(wanted, connector_id)
        return enums.TriggerMessageStatus.accepted if known else enums.TriggerMessageStatus.not_implemented

    @on("ClearCache")
    def on_clear_cache(self) -> Any:
        return call_result.ClearCache(status=enums.ClearCacheStatus.accepted)

    @on("DataTransfer")
    def on_data_transfer(self, vendor_id: str, **_: Any) -> Any:
        return call_result.DataTransfer(status=enums.DataTransferStatus.unknown_vendor_id)

    # -- firmware and logs

    @on("UpdateFirmware")
    def on_update_firmware(self, location: str, retrieve_date: str, **_: Any) -> Any:
        job = Job(location, None, secured=False)
        self.pile.work_on(self.pile.update_firmware(job, signed=False))
        return call_result.UpdateFirmware()

    @on("SignedUpdateFirmware")
    def on_signed_update(self, request_id: int, firmware: dict, **_: Any) -> Any:
        job = Job(firmware["location"], request_id, secured=True)
        self.pile.work_on(self.pile.update_firmware(job, signed=True))
        return call_result.SignedUpdateFirmware(status="Accepted")

    @on("GetDiagnostics")
    def on_get_diagnostics(self, location: str, **_: Any) -> Any:
        self.pile.work_on(self.pile.upload_log(Job(location, None, secured=False)))
        return call_result.GetDiagnostics(file_name=self.pile.log_name())

    @on("GetLog")
    def on_get_log(self, log: dict, log_type: str, request_id: int, **_: Any) -> Any:
        job = Job(log["remote_location"], request_id, secured=True)
        self.pile.work_on(self.pile.upload_log(job))
        return call_result.GetLog(status="Accepted", filename=self.pile.log_name())

    # -- cards, reservations, limits

    @on("SendLocalList")
    def on_send_local_list(
        self, list_version: int, update_type: str, local_authorization_list: list[dict] | None = None
    ) -> Any:
        entries = {
            one["id_tag"]: (one["id_tag_info"]["status"] if "id_tag_info" in one else None)
            for one in local_authorization_list or ()
        }
        status = self.pile.take_cards(list_version, entries, full=update_type == "Full")
        return call_result.SendLocalList(status=status)

    @on("GetLocalListVersion")
    def on_get_local_list_version(self) -> Any:
        return call_result.GetLocalListVersion(list_version=self.pile.list_version)

    @on("ReserveNow")
    def on_reserve_now(
        self,
        connector_id: int,
        expiry_date: str,
        id_tag: str,
        reservation_id: int,
        parent_id_tag: str | None = None,
    ) -> Any:
        reservation = Reservation(reservation_id, id_tag, moment(expiry_date), parent_id_tag)
        return call_result.ReserveNow(status=self.pile.reserve(reservation, connector_id))

    @on("CancelReservation")
    def on_cancel_reservation(self, reservation_id: int) -> Any:
        known = self.pile.cancel_reservation(reservation_id)
        return call_result.CancelReservation(status="Accepted" if known else "Rejected")

    @on("SetChargingProfile")
    def on_set_charging_profile(self, connector_id: int, cs_charging_profiles: dict) -> Any:
        said = cs_charging_profiles
        limit = held_limit(
            said,
            number=said["charging_profile_id"],
            connector=connector_id,
            purposes=_PURPOSES,
            schedule=said["charging_schedule"],
        )
        return call_result.SetChargingProfile(status=self.pile.take_limit(limit, said.get("transaction_id")))

    @on("ClearChargingProfile")
    def on_clear_charging_profile(
        self,
        id: int | None = None,
        connector_id: int | None = None,
        charging_profile_purpose: str | None = None,
        stack_level: int | None = None,
    ) -> Any:
        known = self.pile.limits.clear(
            number=id,
            connector=connector_id,
            purpose=_PURPOSES.get(charging_profile_purpose or ""),
            level=stack_level,
        )
        return call_result.ClearChargingProfile(status="Accepted" if known else "Unknown")

    @on("GetCompositeSchedule")
    def on_get_composite_schedule(
        self, connector_id: int, duration: int, charging_rate_unit: str | None = None
    ) -> Any:
        pile = self.pile
        if connector_id and connector_id not in pile.connectors:
            return call_result.GetCompositeSchedule(status="Rejected")
        unit = charging_rate_unit or "W"
        periods = pile.limits.course(connector_id, pile.wall(), duration, unit, pile.rated_kw)
        return call_result.GetCompositeSchedule(
            status="Accepted",
            connector_id=connector_id,
            schedule_start=pile.timestamp(),
            charging_schedule={
                "duration": duration,
                "charging_rate_unit": unit,
                "charging_schedule_period": periods,
            },
        )

    # -- certificates

    @on("CertificateSigned")
    def on_certificate_signed(self, certificate_chain: str) -> Any:
        taken = self.pile.certificates.take("station", certificate_chain)
        return call_result.CertificateSigned(status="Accepted" if taken else "Rejected")

    @on("InstallCertificate")
    def on_install_certificate(self, certificate_type: str, certificate: str) -> Any:
        taken = self.pile.certificates.install(certificate_type, certificate)
        return call_result.InstallCertificate(status="Accepted" if taken else "Rejected")

    @on("GetInstalledCertificateIds")
    def on_get_installed(self, certificate_type: str) -> Any:
        found = [hashes for use, hashes in self.pile.certificates.trusted if use == certificate_type]
        return call_result.GetInstalledCertificateIds(
            status="Accepted" if found else "NotFound", certificate_hash_data=found or None
        )

    @on("DeleteCertificate")
    def on_delete_certificate(self, certificate_hash_data: dict) -> Any:
        known = self.pile.certificates.delete(certificate_hash_data)
        return call_result.DeleteCertificate(status="Accepted" if known else "NotFound")


def _accepted(yes: bool) -> enums.RemoteStartStopStatus:
    return enums.RemoteStartStopStatus.accepted if yes else enums.RemoteStartStopStatus.rejected
