"""Cells of the mode matrix that platform staff set otherwise than the table the matrix begins as."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Edition(models.TextChoices):
    NETWORK = "network", _("Network edition")
    OFFLINE = "offline", _("Offline edition")


class ChargeMode(models.TextChoices):
    ONLINE_PAID = "online_paid", _("Online, paid")
    OFFLINE_BILLED = "offline_billed", _("Offline, billed")
    OFFLINE_FREE = "offline_free", _("Offline, free")


class StartWay(models.TextChoices):
    CARD = "card", _("Card")
    SCAN = "scan", _("Scan")
    PLUG = "plug", _("Plug and charge")
    VIN = "vin", _("VIN")


class ModeCell(models.Model):
    """One cell that was turned over; `stations.modes.ALLOWED` holds for every other."""

    class Current(models.TextChoices):
        DC = "dc", _("DC")
        AC = "ac", _("AC")

    edition = models.CharField(_("edition"), max_length=8, choices=Edition.choices)
    current_type = models.CharField(_("current"), max_length=2, choices=Current.choices)
    mode = models.CharField(_("charge mode"), max_length=16, choices=ChargeMode.choices)
    method = models.CharField(_("start method"), max_length=8, choices=StartWay.choices)
    allowed = models.BooleanField(_("allowed"))
    changed_at = models.DateTimeField(_("changed at"))
    changed_by = models.CharField(_("changed by"), max_length=128, blank=True)

    class Meta:
        verbose_name = _("mode matrix cell")
        verbose_name_plural = _("mode matrix")
        constraints = [
            models.UniqueConstraint(
                fields=["edition", "current_type", "mode", "method"], name="mode_cell_once"
            )
        ]

    def __str__(self) -> str:
        return " · ".join(
            str(word)
            for word in (
                self.get_edition_display(),
                self.get_current_type_display(),
                self.get_mode_display(),
                self.get_method_display(),
            )
        )
