"""Settings of the console's theme (Unfold): titles, colours and the sidebar."""

from django.utils.translation import gettext_lazy as _

UNFOLD = {
    "SITE_TITLE": _("EV charging operations"),
    "SITE_HEADER": _("EV charging operations"),
    "SITE_SYMBOL": "ev_station",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
}
