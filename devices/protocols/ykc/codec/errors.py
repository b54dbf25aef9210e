"""What can be wrong with a YKC frame, as exceptions with a stable code.

The gateway counts, logs and answers by the code; the text is for logs only.
"""

from __future__ import annotations

from typing import Any


class YkcError(Exception):
    """Anything the codec refuses; ``code`` is stable, ``field`` names the culprit when there is one."""

    code = "ykc_error"

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(f"{self.code}: {field}: {detail}" if field else f"{self.code}: {detail}")
        self.detail = detail
        self.field = field


class BadFrame(YkcError):
    """The bytes are not one whole frame: wrong start byte or a length that does not fit."""

    code = "bad_frame"


class BadCrc(YkcError):
    """The checksum fits in neither byte order."""

    code = "bad_crc"


class Encrypted(YkcError):
    """The encryption flag is set; the cipher is not published, so the body stays opaque."""

    code = "encrypted"


class UnknownType(YkcError):
    """The frame is whole but its type is in no layout table."""

    code = "unknown_type"


class ShortBody(YkcError):
    """The body ends before ``field``; ``partial`` holds the fields that were whole."""

    code = "short_body"

    def __init__(self, detail: str, *, field: str, partial: dict[str, Any]) -> None:
        super().__init__(detail, field=field)
        self.partial = partial


class BadField(YkcError):
    """A value cannot be put on the wire: missing, unknown, of the wrong kind or out of range."""

    code = "bad_field"
