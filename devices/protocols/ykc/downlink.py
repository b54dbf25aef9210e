"""Commands as YKC frames, one function per command.

What each takes in `params` stands in its docstring; whatever cannot be put into a frame raises `codec.BadField`,
KeyError or ValueError, and the command fails with that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

from devices.models import DeviceCommand
from devices.protocols.ykc.held import HeldGuns
from devices.services.work_parameters import WorkParameters, power_pct_of
from kernel import clock

NO_CARD = "0" * 16
RAISE, LOWER = "55", "FF"
AT_ONCE, WHEN_IDLE = 1, 2
FTP_PORT = 21
DOWNLOAD_MIN = 30

Encoded = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Order:
    """A command with what its frame needs beside its own parameters."""

    command: DeviceCommand
    held: HeldGuns
    work: WorkParameters | None = None  # for frame 52, which sets two things at once
    cards: Sequence[Any] = ()  # the part of a card list that this frame carries

    @property
    def params(self) -> dict[str, Any]:
        return self.command.params

    @property
    def pile(self) -> dict[str, Any]:
        return {"pile_code": self.held.pile.code}

    @property
    def gun(self) -> dict[str, Any]:
        return {**self.pile, "gun_no": f"{self.command.connector_no:02d}"}


def yuan(fen: int) -> Decimal:
    """Fen as the yuan of a balance field; the field is unsigned, so a debt goes out as 0."""
    return Decimal(max(fen, 0)).scaleb(-2)


def card_number(text: str) -> str:
    """A card number as its 8 bytes, padded on the left."""
    return str(text or "").upper().rjust(16, "0")


def start(order: Order) -> Encoded:
    """`transaction_ref`, `balance_fen`; the driver's card (`physical_card`, `logical_card`) may stop the charge.

    With `merge_ref` (12 digits) it is one gun of a merged charge.
    """
    params = order.params
    fields = {
        **order.gun,
        "trade_no": params["transaction_ref"],
        "logical_card": card_number(params.get("logical_card", "")),
        "physical_card": card_number(params.get("physical_card", "")),
        "balance": yuan(params["balance_fen"]),
    }
    if merge_ref := params.get("merge_ref"):
        return 0xA4, {**fields, "merge_no": merge_ref}
    return 0x34, fields


def stop(order: Order) -> Encoded:
    return 0x36, order.gun


def set_balance(order: Order) -> Encoded:
    """`balance_fen`; with `physical_card` only for whoever charges by that card."""
    return 0x42, {
        **order.gun,
        "physical_card": card_number(order.params.get("physical_card", "")),
        "balance": yuan(order.params["balance_fen"]),
    }


def read_status(order: Order) -> Encoded:
    return 0x12, order.gun


def set_tariff(order: Order) -> Encoded:
    fields = {
        name: Decimal(value) if name.endswith("_rate") else value
        for name, value in order.params["fields"].items()
    }
    return 0x58, {**order.pile, "model_no": order.params["model_no"], **fields}


def sync_time(order: Order) -> Encoded:
    return 0x56, {**order.pile, "time": clock.now()}


def set_availability(order: Order) -> Encoded:
    """`available`; the power limit stays as it is."""
    power_pct = order.work.power_pct if order.work else 100
    return 0x52, {
        **order.pile,
        "forbid": 0 if order.params["available"] else 1,
        "power_pct": power_pct,
    }


def set_power_limit(order: Order) -> Encoded:
    """`limit_kw` of the whole pile, or `power_pct`; the lock stays as it is."""
    power_pct = power_pct_of(order.params, order.held.pile.rated_power_kw)
    return 0x52, {
        **order.pile,
        "forbid": 1 if order.work and order.work.locked else 0,
        "power_pct": power_pct,
    }


def reboot(order: Order) -> Encoded:
    """`hard`: at once, else when no gun charges."""
    return 0x92, {**order.pile, "when": AT_ONCE if order.params.get("hard") else WHEN_IDLE}


def move_bay_lock(order: Order) -> Encoded:
    """`raise`: up when true, down when false."""
    return 0x62, {
        **order.pile,
        "gun_no": order.command.connector_no,
        "cmd": RAISE if order.params["raise"] else LOWER,
    }


def update_firmware(order: Order) -> Encoded:
    """`url`: ftp://user:password@host[:port]/path. `hard`: at once, else when idle. `download_min`: minutes."""
    params, held = order.params, order.held
    address = urlsplit(params["url"])
    if address.scheme != "ftp" or not address.hostname:
        raise ValueError("the address must be ftp://user:password@host/path")
    return 0x94, {
        **order.pile,
        "model": 2 if held.alternating else 1,
        "power": int(held.pile.rated_power_kw),
        "host": address.hostname,
        "port": address.port or FTP_PORT,
        "user": unquote(address.username or ""),
        "password": unquote(address.password or ""),
        "path": unquote(address.path),
        "when": AT_ONCE if params.get("hard") else WHEN_IDLE,
        "timeout": int(params.get("download_min", DOWNLOAD_MIN)),
    }


def set_qr_prefix(order: Order) -> Encoded:
    """`prefix`: up to 200 ASCII characters; `with_gun`: the pile appends its code and the gun, else its code."""
    return 0xF0, qr_prefix_fields(
        order.held, order.params["prefix"], with_gun=bool(order.params.get("with_gun", True))
    )


def qr_prefix_fields(held: HeldGuns, prefix: str, *, with_gun: bool) -> dict[str, Any]:
    return {"pile_code": held.pile.code, "format": 1 if with_gun else 0, "prefix": prefix}


def sync_cards(order: Order) -> Encoded:
    """Rows with `logical_card` and `physical_card`; they are added to what the pile holds."""
    return 0x44, {**order.pile, "cards": list(order.cards)}


def clear_cards(order: Order) -> Encoded:
    """Physical card numbers."""
    return 0x46, {**order.pile, "cards": list(order.cards)}


def query_cards(order: Order) -> Encoded:
    """Physical card numbers."""
    return 0x48, {**order.pile, "cards": list(order.cards)}


_K = DeviceCommand.Kind
ENCODERS: dict[str, Callable[[Order], Encoded]] = {
    _K.START: start,
    _K.STOP: stop,
    _K.SET_BALANCE: set_balance,
    _K.READ_STATUS: read_status,
    _K.SET_TARIFF: set_tariff,
    _K.SYNC_TIME: sync_time,
    _K.SET_AVAILABILITY: set_availability,
    _K.SET_POWER_LIMIT: set_power_limit,
    _K.REBOOT: reboot,
    _K.MOVE_BAY_LOCK: move_bay_lock,
    _K.UPDATE_FIRMWARE: update_firmware,
    _K.SET_QR_PREFIX: set_qr_prefix,
    _K.SYNC_CARDS: sync_cards,
    _K.CLEAR_CARDS: clear_cards,
    _K.QUERY_CARDS: query_cards,
}

# A command about cards goes out in parts; a frame holds no more than this (YKC V1.6 §6.8).
CARD_FRAMES: dict[int, tuple[Callable[[Order], Encoded], int]] = {
    0x44: (sync_cards, 15),
    0x46: (clear_cards, 24),
    0x48: (query_cards, 26),
}
CARD_COMMANDS = frozenset({_K.SYNC_CARDS, _K.CLEAR_CARDS, _K.QUERY_CARDS})
