"""What the reports refuse, in words."""

from django.utils.translation import gettext_lazy as _

from kernel.errors import register_messages

register_messages(
    {
        "report_query": (_("%(field)s: “%(value)s” is not accepted; accepted is %(accepted)s."), 400),
    }
)
