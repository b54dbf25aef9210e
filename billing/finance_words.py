"""Words of clearing and settlement: kinds of fees, terms of a rule, what a proposal would do."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from billing.services.clearing.split import SplitError, Terms, percent_text

FEE_WORDS: dict[str, str] = {
    "electricity": gettext_noop("Electricity fee"),
    "service": gettext_noop("Service fee"),
    "fees": gettext_noop("Further fees"),
    "occupancy": gettext_noop("Occupancy fee"),
    "reservation": gettext_noop("Reservation fee"),
    "parking": gettext_noop("Parking fee"),
    "month_cards": gettext_noop("Month cards"),
    "any": gettext_noop("Every other fee"),
}


PAYOUT_EVENTS: dict[str, str] = {
    "created": gettext_noop("Made from the statement"),
    "approved_first": gettext_noop("Approved by the first of two"),
    "approved": gettext_noop("Approved"),
    "sent": gettext_noop("Sent to the channel"),
    "waits": gettext_noop("Waits for the payee to confirm"),
    "paid": gettext_noop("Paid"),
    "failed": gettext_noop("Failed"),
    "retried": gettext_noop("Sent again by hand"),
    "returned": gettext_noop("Given back to the payee's account"),
}


def payout_event_word(kind: str) -> str:
    """One line of a payout's history in the active language."""
    return _(PAYOUT_EVENTS[kind]) if kind in PAYOUT_EVENTS else kind


def person_word(event: Any) -> str:
    """Who did it; a job of the platform is the system, whatever it calls itself."""
    return pgettext("actor", "System") if event.actor_key.startswith("system") else event.actor_name


def fee_word(kind: str) -> str:
    """A kind of fee in the active language."""
    return _(FEE_WORDS[kind]) if kind in FEE_WORDS else kind


def yuan(amount_fen: int) -> str:
    return f"¥{amount_fen / 100:,.2f}"


def terms_words(value: Mapping[str, Any], names: Mapping[int, str]) -> list[str]:
    """A rule's terms as sentences; `names` are the payees' names by id."""
    try:
        terms = Terms.from_json(value)
    except SplitError:
        return [_("The terms are not readable.")]
    lines = []
    if terms.channel_fee_bp:
        lines.append(
            _("Channel fee carried by the parties: %(percent)s %%")
            % {"percent": percent_text(terms.channel_fee_bp)}
        )
    for kind, one in terms.commission.items():
        if one.yuan_per_kwh is not None:
            text = _("%(price)s yuan/kWh") % {"price": one.yuan_per_kwh}
        else:
            text = f"{percent_text(one.bp)} %"
        lines.append(_("%(fee)s: commission %(how)s") % {"fee": fee_word(kind), "how": text})
    for kind, rows in terms.shares.items():
        parts = []
        for row in rows:
            name = names.get(row.payee, f"#{row.payee}")
            if row.parent is not None:
                name = _("%(name)s (of the part of %(parent)s)") % {
                    "name": name,
                    "parent": names.get(row.parent, f"#{row.parent}"),
                }
            parts.append(f"{name} {percent_text(row.bp)} %")
        lines.append(_("%(fee)s: shares %(shares)s") % {"fee": fee_word(kind), "shares": "、".join(parts)})
    return lines or [_("No commission; everything is the operator's.")]
