"""Price tiers in words, the same on every page, in the API and in the sentences about an order."""

from django.utils.translation import gettext_lazy as _

TIER_WORDS = {
    "sharp": _("Sharp"),
    "peak": _("Peak"),
    "flat": _("Flat"),
    "valley": _("Valley"),
    "deep_valley": _("Deep valley"),
}


def tier_word(code: str) -> str:
    """A tier in the reader's language; a tier of the operator's own keeps its code."""
    return str(TIER_WORDS.get(code, code))
