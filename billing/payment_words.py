"""Payments in words: what happened, and why one waits for a person."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop

EVENTS: dict[str, str] = {
    "created": gettext_noop("Opened"),
    "offered": gettext_noop("The channel waits for the payer"),
    "refused": gettext_noop("The channel refused"),
    "paid": gettext_noop("Paid and booked"),
    "closed": gettext_noop("Closed unpaid"),
    "differs": gettext_noop("Does not fit, put before a person"),
    "told_otherwise": gettext_noop("The channel told another story after booking"),
    "dismissed": gettext_noop("Nothing booked, by decision"),
    "requested": gettext_noop("Asked for, amount frozen"),
    "approved": gettext_noop("Approved"),
    "rejected": gettext_noop("Rejected, amount back on the wallet"),
    "withdrawn": gettext_noop("Withdrawn, amount back on the wallet"),
    "sent": gettext_noop("Sent to the channel"),
    "retried": gettext_noop("Sent again by hand"),
    "succeeded": gettext_noop("Refunded"),
    "partial": gettext_noop("Refunded in part, the rest back on the wallet"),
    "failed": gettext_noop("Failed, amount back on the wallet"),
}
REASONS: dict[str, str] = {
    "other_number": gettext_noop("The channel names another payment: %(number)s."),
    "refunded_there": gettext_noop("The channel says that it was paid and given back."),
    "other_currency": gettext_noop("The currency is %(currency)s."),
    "amount_differs": gettext_noop("%(expected)s were asked for, the channel says %(paid)s."),
    "no_provider_number": gettext_noop("The channel gave no number of its own."),
    "provider_number_taken": gettext_noop("The channel's number %(number)s belongs to another payment."),
    "told_otherwise": gettext_noop("After booking, the channel told of %(paid)s under number %(number)s."),
}


def event_words(kind: str) -> str:
    """One line of history in the active language."""
    return gettext(EVENTS.get(kind, kind))


def reason_words(reason: Mapping[str, Any]) -> str:
    """The sentence of one stored reason (`{"code", "params"}`); amounts are yuan."""
    params = dict(reason.get("params", {}))
    for name in ("expected", "paid"):
        amount = params.get(f"{name}_fen")
        params[name] = "–" if amount is None else f"¥{amount / 100:.2f}"
    template = REASONS.get(reason.get("code", ""))
    return gettext(template) % params if template else str(reason.get("code", ""))
