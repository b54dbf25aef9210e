"""Fee kinds in words, the same on every page and in the API."""

from django.utils.translation import gettext_lazy as _

FEE_WORDS = {
    "electricity": _("Electricity fee"),
    "service": _("Service fee"),
    "time": _("Time fee"),
    "use": _("Fee per use"),
    "start": _("Start fee"),
    "minimum": _("Minimum charge"),
    "occupancy": _("Occupancy fee"),
    "reservation": _("Reservation fee"),
    "parking": _("Parking fee"),
    "discount": _("Discount"),
}
COMPONENT_WORDS = {
    "time": _("by time"),
    "power": _("by power and time"),
    "package": _("time bought ahead"),
    "use": _("per use"),
    "start": _("per start"),
    "minimum": _("up to the minimum"),
}


def fee_word(kind: str) -> str:
    """A fee kind in the reader's language."""
    return str(FEE_WORDS.get(kind, kind))
