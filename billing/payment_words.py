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


WAYS: dict[str, str] = {
    "native": gettext_noop("QR code on a screen"),
    "jsapi": gettext_noop("Mini program or official account"),
    "app": gettext_noop("App"),
    "h5": gettext_noop("Mobile browser"),
    "wap": gettext_noop("Mobile browser"),
    "page": gettext_noop("Desktop browser"),
    "qr": gettext_noop("QR code on a screen"),
    "score": gettext_noop("Pay score"),
}


def way_words(way: str) -> str:
    """How it was paid, in the active language."""
    return gettext(WAYS.get(way, way))


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


def limit_words(limits: Mapping[str, Any]) -> list[str]:
    """What a driver limited a charge to, in the active language."""
    found = []
    if fen := limits.get("fen") or limits.get("package_fen"):
        found.append(gettext("at most %(amount)s") % {"amount": f"¥{fen / 100:.2f}"})
    if limits.get("energy_kwh"):
        found.append(f"{limits['energy_kwh']} kWh")
    if seconds := limits.get("seconds"):
        found.append(gettext("%(minutes)s minutes") % {"minutes": round(seconds / 60)})
    if limits.get("soc_pct"):
        found.append(f"SOC {limits['soc_pct']} %")
    return found
