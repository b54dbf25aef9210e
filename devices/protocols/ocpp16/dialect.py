"""OCPP 1.6J as the shared consumer speaks it."""

from devices.protocols.ocpp16.commands import call_of
from devices.protocols.ocpp16.handlers import HANDLERS, TRANSACTION_ACTIONS
from devices.protocols.ocpp16.link import Link16
from devices.protocols.ocppj import reading
from devices.protocols.ocppj.dialect import Dialect
from devices.protocols.ocppj.schema import Schema
from stations.models import Pile

OCPP16 = Dialect(
    protocol=Pile.Protocol.OCPP16.value,
    subprotocol="ocpp1.6",
    # The messages whose schemas hold «multipleOf 0.1».
    schema=Schema("1.6", frozenset({"SetChargingProfile", "RemoteStartTransaction", "GetCompositeSchedule"})),
    link=Link16,
    handlers=HANDLERS,
    transaction_actions=TRANSACTION_ACTIONS,
    connector_of=reading.connector,
    call_of=call_of,
    status_triggers=lambda link: [{"requestedMessage": "StatusNotification"}],  # OCPP 1.6 §5.17
)
