"""What a station may say (OCPP 2.0.1 part 2), one file per family; see `Dialect.handlers` for what a handler is."""

from devices.protocols.ocpp201.handlers import (
    access,
    data_transfer,
    limits,
    meter_values,
    monitoring,
    publishing,
    reports,
    reservations,
    security,
    status_notification,
    transaction_event,
)
from devices.protocols.ocppj import maintenance
from devices.protocols.ocppj.dialect import Handler

HANDLERS: dict[str, Handler] = {
    "Authorize": access.authorize,
    "BootNotification": access.boot_notification,
    "Heartbeat": access.heartbeat,
    "StatusNotification": status_notification.handle,
    "TransactionEvent": transaction_event.handle,
    "MeterValues": meter_values.handle,
    "DataTransfer": data_transfer.handle,
    "FirmwareStatusNotification": maintenance.firmware_status,
    "PublishFirmwareStatusNotification": publishing.handle,
    "LogStatusNotification": maintenance.log_status,
    "SecurityEventNotification": maintenance.security_event,
    "SignCertificate": security.sign_certificate,
    "Get15118EVCertificate": security.get_15118_ev_certificate,
    "GetCertificateStatus": security.get_certificate_status,
    "NotifyReport": reports.variables_reported,
    "NotifyMonitoringReport": reports.monitors_reported,
    "NotifyDisplayMessages": reports.messages_reported,
    "NotifyCustomerInformation": reports.customer_reported,
    "NotifyEvent": monitoring.handle,
    "ReservationStatusUpdate": reservations.handle,
    "ReportChargingProfiles": limits.profiles_reported,
    "NotifyChargingLimit": limits.limit_set,
    "ClearedChargingLimit": limits.limit_cleared,
    "NotifyEVChargingNeeds": limits.needs,
    "NotifyEVChargingSchedule": limits.schedule,
}

TRANSACTION_ACTIONS = frozenset({"TransactionEvent", "MeterValues"})
