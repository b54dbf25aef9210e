"""Names on the YKC wire as the platform's."""

from collections.abc import Mapping
from typing import Any


def gun_number(fields: Mapping[str, Any]) -> int:
    """The connector a frame is about; 0, which no pile has, when its digits are none."""
    gun = str(fields.get("gun_no", ""))
    return int(gun) if gun.isdigit() else 0
