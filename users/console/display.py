"""How the console writes amounts, quantities and states, so that every page writes them alike."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

EMPTY = "–"


def chip(text: Any, tone: str = "grey") -> SafeString:
    """A coloured label with its words; tones: green, blue, amber, red, grey, violet."""
    return format_html('<span class="ev-chip ev-{}">{}</span>', tone, text)


def fen(amount_fen: int | None) -> str:
    """Integer fen as yuan with two decimals."""
    if amount_fen is None:
        return EMPTY
    sign = "-" if amount_fen < 0 else ""
    yuan, rest = divmod(abs(amount_fen), 100)
    return f"{sign}¥{yuan:,}.{rest:02d}"


def quantity(value: Decimal | int | None, unit: str, places: int = 2) -> str:
    """A physical quantity with its unit."""
    if value is None:
        return EMPTY
    return f"{value:,.{places}f} {unit}"


def duration(span: timedelta | None) -> str:
    """Hours and minutes; seconds below one minute."""
    if span is None:
        return EMPTY
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return _("%(seconds)d s") % {"seconds": seconds}
    hours, minutes = divmod(seconds // 60, 60)
    if not hours:
        return _("%(minutes)d min") % {"minutes": minutes}
    return _("%(hours)d h %(minutes)02d min") % {"hours": hours, "minutes": minutes}
