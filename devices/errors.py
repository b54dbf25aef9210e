"""Refusals of this app in words."""

from django.utils.translation import gettext_lazy as _

from kernel.errors import register_messages

register_messages(
    {
        "pile_offline": (_("The pile %(code)s is offline."), 409),
        "pile_out_of_service": (_("The pile %(code)s is out of service."), 409),
        "command_unsupported": (_("Piles of protocol %(protocol)s have no command %(kind)s."), 400),
        "command_pending": (_("The pile %(code)s has not answered the last %(kind)s command yet."), 409),
    }
)
