"""The console site: Django Admin in Unfold's clothes, with the overview as its home page."""

from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite


class ConsoleSite(UnfoldAdminSite):
    site_header = _("EV charging operations")
    site_title = _("EV charging operations")
    index_title = _("Overview")
