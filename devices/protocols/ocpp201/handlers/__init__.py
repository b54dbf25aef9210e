"""What a station may say (OCPP 2.0.1 part 2), one file per family; see `Dialect.handlers` for what a handler is."""

from devices.protocols.ocpp201.handlers import (
    access,
    data_transfer,
    meter_values,
    notices,
    status_notification,
    transaction_event,
)
from devices.protocols.ocppj.dialect import Handler

HANDLERS: dict[str, Handler] = {
    "Authorize": access.authorize,
    "BootNotification": access.boot_notification,
    "Heartbeat": access.heartbeat,
    "StatusNotification": status_notification.handle,
    "TransactionEvent": transaction_event.handle,
    "MeterValues": meter_values.handle,
    "DataTransfer": data_transfer.handle,
    **dict.fromkeys(notices.ACTIONS, notices.handle),
}

TRANSACTION_ACTIONS = frozenset({"TransactionEvent", "MeterValues"})
