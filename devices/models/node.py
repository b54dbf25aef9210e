"""The gateway processes: which name is taken by whom, and when it was last alive."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class GatewayNode(models.Model):
    """A process that holds piles. The row goes when it stops cleanly; of one that was killed it stays, silent."""

    name = models.CharField(_("gateway"), max_length=64, unique=True)
    boot_id = models.CharField(max_length=32)  # tells two processes of one name apart
    host = models.CharField(_("host"), max_length=64)
    pid = models.PositiveIntegerField(_("process"))
    piles = models.PositiveIntegerField(_("piles held"), default=0)
    started_at = models.DateTimeField(_("started at"))
    alive_at = models.DateTimeField(_("last alive"))

    class Meta:
        verbose_name = _("gateway process")
        verbose_name_plural = _("gateway processes")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
