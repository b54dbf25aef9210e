"""Why an order or a record waits for a person, in words. The findings of the pricing core come with their own."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop

from billing.pricing.words import ERRORS, FINDINGS
from billing.tier_words import tier_word

REASONS: dict[str, str] = {
    **FINDINGS,
    "amount_rounded": gettext_noop(
        "The pile's amount is %(device_amount)s yuan, ours is %(our_amount)s yuan; the difference is rounding."
    ),
    "conflicting_record": gettext_noop("The pile sent this record again with other content."),
    "late_charging": gettext_noop("The pile started charging after the order had been closed."),
    "no_payer": gettext_noop("Nobody is named who pays this order."),
    "no_record": gettext_noop("The session ended, but the pile has not sent its record in time."),
    "orphan_record": gettext_noop("There is no order with this transaction number on this pile."),
    "processing_failed": gettext_noop("The record could not be processed; the server log says why."),
    "record_after_close": gettext_noop("A record with energy came for an order that had been closed."),
    "record_after_settlement": gettext_noop(
        "The record came after the order had been settled by hand, and says something else:"
        " %(energy_kwh)s kWh."
    ),
    "payer_blocked": gettext_noop("The card or the driver was blocked or not valid when this began."),
    "payer_not_here": gettext_noop("The card or the enterprise does not pay at this station."),
    "card_daily_cap": gettext_noop("The card charged more this day than it may without the platform."),
    "record_incomplete": gettext_noop("The record lacks its energy, its start or its end."),
}


def sentence_of(reason: Mapping[str, Any]) -> str:
    """The sentence of one stored reason (`{"code", "params", ...}`) in the active language."""
    template = REASONS.get(reason.get("code", ""))
    if template is None:
        return str(reason.get("code", ""))
    try:
        return gettext(template) % _in_words(reason.get("params", {}))
    except (KeyError, TypeError, ValueError):
        return gettext(template)


def _in_words(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with their codes in words: a tier, and the pricing error that a finding quotes."""
    filled = dict(params)
    if "tier" in filled:
        filled["tier"] = tier_word(str(filled["tier"]))
    quoted = ERRORS.get(str(filled.get("reason", "")), "")
    if quoted and "%(" not in quoted:
        filled["reason"] = gettext(quoted).rstrip(".。")
    return filled
