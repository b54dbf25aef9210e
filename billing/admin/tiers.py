"""Price tiers as people see them: a colour and a word, and the day as a bar of half-hours."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from billing.models import TariffVersion
from billing.pricing.tariff import slot_label
from billing.tier_words import tier_word

CLASSES = {"sharp": "sharp", "peak": "peak", "flat": "flat", "valley": "valley", "deep_valley": "deep"}


def tier_class(code: str) -> str:
    """The colour of a tier."""
    return f"tier-{CLASSES.get(code, 'other')}"


def spans(slots: Sequence[str]) -> list[tuple[str, str, str, int]]:
    """Runs of one tier as (code, from, to, number of half-hours); the last ends at 24:00."""
    result, start = [], 0
    for code, run in groupby(slots):
        length = len(list(run))
        end = start + length
        result.append((code, slot_label(start), "24:00" if end == 48 else slot_label(end), length))
        start = end
    return result


def day_bar(slots: Sequence[str]) -> SafeString:
    """The day as a coloured bar, its spans in words for screen readers and as tooltips."""
    runs = spans(slots)
    words = "；".join(f"{begin}–{end} {tier_word(code)}" for code, begin, end, _length in runs)
    cells = format_html_join(
        "",
        '<i class="{}" style="flex-grow:{}" title="{}–{} {}"><b>{}</b></i>',
        (
            (tier_class(code), length, begin, end, tier_word(code), tier_word(code) if length > 2 else "")
            for code, begin, end, length in runs
        ),
    )
    return format_html('<span class="ev-day" role="img" aria-label="{}">{}</span>', words, cells)


def price(value: Decimal) -> str:
    """A unit price without needless zeros, at least two decimals."""
    text = f"{value:.5f}".rstrip("0")
    whole, _dot, decimals = text.partition(".")
    return f"{whole}.{decimals:0<2}"


def price_places(prices: Iterable[Decimal]) -> int:
    """Decimals for a column of prices: four, or five where one of them needs it."""
    return 4 if all(value == round(value, 4) for value in prices) else 5


def tier_rows(version: TariffVersion) -> list[dict[str, Any]]:
    """Tiers of a version for a table: word, colour, prices and hours a day."""
    used = {code: version.slots.count(code) for code in set(version.slots)}
    tiers = list(version.tiers.all())
    places = price_places([price for tier in tiers for price in (tier.electricity_price, tier.service_price)])
    return [
        {
            "code": tier.code,
            "word": tier_word(tier.code),
            "css": tier_class(tier.code),
            "electricity": f"{tier.electricity_price:.{places}f}",
            "service": f"{tier.service_price:.{places}f}",
            "total": f"{tier.electricity_price + tier.service_price:.{places}f}",
            "hours": f"{used.get(tier.code, 0) / 2:g}",
        }
        for tier in tiers
    ]


def price_summary(tiers: Iterable[Any]) -> SafeString:
    """Each tier with its total price in one line."""
    return format_html_join(
        " ",
        '<span class="ev-tier {}">{} {}</span>',
        (
            (tier_class(tier.code), tier_word(tier.code), price(tier.electricity_price + tier.service_price))
            for tier in tiers
        ),
    )
