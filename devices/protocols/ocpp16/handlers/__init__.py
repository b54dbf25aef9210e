"""What a charge point may say (OCPP 1.6 §4 and the status messages of the firmware profile), one file per family.

A handler takes the link and the incoming call, and returns the payload of the answer. It never waits for the
station: a call inside a handler would wait for an answer that cannot arrive.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from devices.protocols.ocpp16.handlers import (
    access,
    data_transfer,
    maintenance,
    meter_values,
    start_transaction,
    status_notification,
    stop_transaction,
)
from devices.protocols.ocpp16.link import Incoming, Link

Handler = Callable[[Link, Incoming], Awaitable[dict[str, Any]]]

HANDLERS: dict[str, Handler] = {
    "Authorize": access.authorize,
    "BootNotification": access.boot_notification,
    "Heartbeat": access.heartbeat,
    "StatusNotification": status_notification.handle,
    "StartTransaction": start_transaction.handle,
    "StopTransaction": stop_transaction.handle,
    "MeterValues": meter_values.handle,
    "DataTransfer": data_transfer.handle,
    "DiagnosticsStatusNotification": maintenance.handle,
    "FirmwareStatusNotification": maintenance.handle,
}

# Losing one of these loses somebody's energy; the station keeps them until they are answered.
TRANSACTION_ACTIONS = frozenset({"StartTransaction", "StopTransaction", "MeterValues"})
