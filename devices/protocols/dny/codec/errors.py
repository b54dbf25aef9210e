"""What can be wrong with a DNY frame, as exceptions with a stable code; the text is for logs only."""

from __future__ import annotations

from typing import Any


class DnyError(Exception):
    """Anything the codec refuses; ``code`` is stable, ``field`` names the culprit when there is one."""

    code = "dny_error"

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(f"{self.code}: {field}: {detail}" if field else f"{self.code}: {detail}")
        self.detail = detail
        self.field = field


class BadFrame(DnyError):
    """The bytes are not one whole frame: wrong head or a length that does not fit."""

    code = "bad_frame"


class BadChecksum(DnyError):
    """The frame is whole but its checksum is not the sum of its bytes."""

    code = "bad_checksum"


class UnknownCommand(DnyError):
    """The frame is whole but its command is in no layout table of that direction."""

    code = "unknown_command"


class ShortBody(DnyError):
    """The data end before ``field``; ``partial`` holds the fields that were whole."""

    code = "short_body"

    def __init__(self, detail: str, *, field: str, partial: dict[str, Any]) -> None:
        super().__init__(detail, field=field)
        self.partial = partial


class BadField(DnyError):
    """A value cannot be put on the wire: missing, unknown, of the wrong kind or out of range."""

    code = "bad_field"
