"""How the platform's numbers stand on the DNY wire: order numbers, message ids, ports."""

from devices.models import DeviceCommand

ALL_PORTS = 0xFF
NO_ORDER = "0" * 32
_OURS = "0" * 8  # our order numbers are shorter than the field by at least this


def order_field(command: DeviceCommand) -> str:
    """The 16 bytes by which box and platform know the charge of a start or stop, as 32 hex digits.

    They are the transaction number once there is one, else the order number, its digits on the right.

    Raises:
        ValueError: the command names neither.
    """
    ref = str(command.params.get("transaction_ref") or "")
    if len(ref) == 32:
        return ref.upper()
    order_no = str(command.params.get("order_no") or command.reference)
    if not order_no.isdigit() or not 1 <= len(order_no) <= 32 - len(_OURS):
        raise ValueError(f"{order_no!r} is no order number for the wire")
    return order_no.zfill(32)


def tag_of(order: str) -> str:
    """The order number in an order field that the platform filled; empty when a box made the number itself."""
    digits = order.lstrip("0")
    return digits if order.startswith(_OURS) and digits.isdigit() else ""


def transaction_ref_of(order: str) -> str:
    """The order field as transaction number; empty when it holds none."""
    return "" if order == NO_ORDER else order


def message_id_of(command_id: int) -> int:
    """The message id of a command: 1 to 65535, found again from its row after a restart of the gateway."""
    return command_id % 0xFFFF + 1


def connector_of(port: int) -> int:
    """Ports count from 0 on the wire, connectors from 1; 0 is the whole box."""
    return 0 if port == ALL_PORTS else port + 1


def port_of(connector_no: int) -> int:
    """The port of a connector; connector 0 lets the box choose."""
    return ALL_PORTS if connector_no == 0 else connector_no - 1
