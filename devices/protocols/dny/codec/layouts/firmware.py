"""Firmware in packets (AP3000 §3.0.4, §4.8.1, §4.8.2, §4.9.b)."""

from __future__ import annotations

from ..datatypes import U8, U16, U32, opaque
from ..layout import Field, Layout
from ..marking import gettext_noop
from .common import RESULT

_PACKET = (Field("packets", U16), Field("packet", U16), Field("chunk", opaque(0)))
_TITLES = {
    0xE0: ("box_firmware", gettext_noop("Firmware packet for the box")),
    0xE1: ("power_board_firmware", gettext_noop("Firmware packet for the power board")),
    0xE2: ("host_firmware", gettext_noop("Firmware packet for all boxes of a host")),
    0xF8: ("old_firmware", gettext_noop("Firmware packet (old form)")),
}

FROM_DEVICE = (
    Layout(
        0x05,
        "firmware_asked",
        gettext_noop("The box asks for firmware"),
        (Field("device_kind", U8), Field("firmware", U16), Field("package", U32, 0, optional=True)),
    ),
    *(
        Layout(
            command, f"{name}_reply", gettext_noop("Firmware packet: reply"), (RESULT, Field("packet", U16))
        )
        for command, (name, _title) in _TITLES.items()
    ),
)
TO_DEVICE = (
    *(Layout(command, name, title, _PACKET) for command, (name, title) in _TITLES.items()),
    Layout(0xE4, "fetch_firmware", gettext_noop("Let the box fetch its firmware")),
)
