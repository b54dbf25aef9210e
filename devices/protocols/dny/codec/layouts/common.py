"""Fields that many DNY commands share."""

from __future__ import annotations

from ..datatypes import U8, opaque
from ..layout import Field

PORT = Field("port", U8)
RESULT = Field("result", U8)
ORDER = Field("order", opaque(16))
CARD = Field("card", opaque(4), "00000000")
