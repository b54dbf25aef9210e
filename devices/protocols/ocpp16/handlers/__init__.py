"""What a charge point may say (OCPP 1.6 §4 and its security extension), one file per family.

See `Dialect.handlers` for what a handler is.
"""

from devices.protocols.ocpp16.handlers import (
    access,
    data_transfer,
    meter_values,
    security,
    start_transaction,
    status_notification,
    stop_transaction,
)
from devices.protocols.ocppj import maintenance
from devices.protocols.ocppj.dialect import Handler

HANDLERS: dict[str, Handler] = {
    "Authorize": access.authorize,
    "BootNotification": access.boot_notification,
    "Heartbeat": access.heartbeat,
    "StatusNotification": status_notification.handle,
    "StartTransaction": start_transaction.handle,
    "StopTransaction": stop_transaction.handle,
    "MeterValues": meter_values.handle,
    "DataTransfer": data_transfer.handle,
    "DiagnosticsStatusNotification": maintenance.log_status,
    "FirmwareStatusNotification": maintenance.firmware_status,
    "LogStatusNotification": maintenance.log_status,
    "SignedFirmwareStatusNotification": maintenance.firmware_status,
    "SecurityEventNotification": maintenance.security_event,
    "SignCertificate": security.sign_certificate,
}

# Losing one of these loses somebody's energy; the station keeps them until they are answered.
TRANSACTION_ACTIONS = frozenset({"StartTransaction", "StopTransaction", "MeterValues"})
