"""Fields that many YKC frames share."""

from __future__ import annotations

from ..datatypes import digits, number, opaque, scaled
from ..layout import Field

U8 = number(1)
U16 = number(2)

PILE_CODE = Field("pile_code", digits(7))
GUN_NO = Field("gun_no", digits(1))
TRADE_NO = Field("trade_no", digits(16))
LOGICAL_CARD = Field("logical_card", digits(8))
PHYSICAL_CARD = Field("physical_card", digits(8))
BALANCE = Field("balance", scaled(4, 2))
MERGE_NO = Field("merge_no", digits(6))
OK = Field("ok", U8)
RESULT = Field("result", U8)
FAIL = Field("fail", opaque(1))

PILE_GUN = (PILE_CODE, GUN_NO)
TRADE_PILE_GUN = (TRADE_NO, PILE_CODE, GUN_NO)
