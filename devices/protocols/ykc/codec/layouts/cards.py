"""The list of cards a pile accepts without the platform (YKC V1.6, frames 43-48)."""

from __future__ import annotations

from ..layout import Field, Layout, ListTail
from ..marking import gettext_noop
from .common import FAIL, LOGICAL_CARD, OK, PHYSICAL_CARD, PILE_CODE, U8

_COUNTED = (PILE_CODE, Field("count", U8))

LAYOUTS = (
    Layout(
        0x43,
        "offline_cards_set_reply",
        gettext_noop("Store offline cards reply"),
        (PILE_CODE, OK, FAIL),
        upward=True,
    ),
    Layout(
        0x44,
        "offline_cards_set",
        gettext_noop("Store offline cards"),
        _COUNTED,
        upward=False,
        answered_by=0x43,
        tail=ListTail("cards", (LOGICAL_CARD, PHYSICAL_CARD), 15, "count"),
    ),
    Layout(
        0x45,
        "offline_cards_clear_reply",
        gettext_noop("Clear offline cards reply"),
        (PILE_CODE,),
        upward=True,
        tail=ListTail("cards", (PHYSICAL_CARD, Field("mark", U8), FAIL), 24),
    ),
    Layout(
        0x46,
        "offline_cards_clear",
        gettext_noop("Clear offline cards"),
        _COUNTED,
        upward=False,
        answered_by=0x45,
        tail=ListTail("cards", (PHYSICAL_CARD,), 24, "count"),
    ),
    Layout(
        0x47,
        "offline_cards_query_reply",
        gettext_noop("Look up offline cards reply"),
        (PILE_CODE,),
        upward=True,
        tail=ListTail("cards", (PHYSICAL_CARD, Field("result", U8)), 27),
    ),
    Layout(
        0x48,
        "offline_cards_query",
        gettext_noop("Look up offline cards"),
        _COUNTED,
        upward=False,
        answered_by=0x47,
        tail=ListTail("cards", (PHYSICAL_CARD,), 26, "count"),
    ),
)
