"""A minimal OCPP 2.0.1 CSMS for the tests of the simulator: accepts everything, keeps all it heard."""

from ocpp.routing import on
from ocpp.v201 import ChargePoint, call_result

from tests.devices.simulators.ocpp_platform import TIME, FakeCentral, Heard


class Station201(Heard, ChargePoint):
    """The CSMS's end of one link."""

    @on("BootNotification")
    def boot(self, **_):
        return call_result.BootNotification(current_time=TIME, interval=5, status="Accepted")

    @on("Heartbeat")
    def heartbeat(self):
        return call_result.Heartbeat(current_time=TIME)

    @on("StatusNotification")
    def status(self, **_):
        return call_result.StatusNotification()

    @on("Authorize")
    def authorize(self, id_token, **_):
        return call_result.Authorize(id_token_info={"status": self.platform.verdict})

    @on("TransactionEvent")
    def transaction_event(self, id_token=None, **_):
        verdict = {"status": self.platform.verdict} if id_token else None
        return call_result.TransactionEvent(id_token_info=verdict)

    @on("MeterValues")
    def meter_values(self, **_):
        return call_result.MeterValues()

    @on("NotifyReport")
    def notify_report(self, **_):
        return call_result.NotifyReport()

    @on("DataTransfer")
    def data_transfer(self, **_):
        return call_result.DataTransfer(status="UnknownVendorId")


class FakeCsms(FakeCentral):
    SUBPROTOCOL, STATION = "ocpp2.0.1", Station201

    def events(self, kind: str | None = None) -> list[dict]:
        """TransactionEvents of a kind, oldest first."""
        return [item for item in self.of("TransactionEvent") if kind in (None, item["eventType"])]

    def statuses(self, connector: int = 1) -> list[str]:
        said = self.of("StatusNotification")
        return [item["connectorStatus"] for item in said if item["evseId"] == connector]

    def readings(self, measurand: str = "Energy.Active.Import.Register") -> list[float]:
        return [
            value["value"]
            for event in self.events()
            for batch in event["meterValue"]
            for value in batch["sampledValue"]
            if value["measurand"] == measurand
        ]
