"""Charging cards: the plastic (or tag) that starts a charge at the pile."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from users.scope import ScopedManager, ScopePaths


class Card(models.Model):
    """A card of an operator.

    `physical_no` is what a reader reads, upper case and without leading zeros (readers pad differently);
    `logical_no` is printed on it. `pays_from` says whose money it spends. The daily limits are what a month card
    covers, and for an offline card what piles may accept without the platform; `is_free` cards are paid by the
    operator.
    """

    class Kind(models.TextChoices):
        ONLINE = "online", _("Online card")
        OFFLINE = "offline", _("Offline card")
        MONTH = "month", _("Month card")
        STAFF = "staff", _("Staff card")

    class State(models.TextChoices):
        STOCK = "stock", _("In stock")
        ACTIVE = "active", _("In use")
        FROZEN = "frozen", _("Frozen")
        LOST = "lost", _("Lost")
        RETURNED = "returned", _("Returned")

    class PaysFrom(models.TextChoices):
        CARD = "card", _("The card's own account")
        DRIVER = "driver", _("The driver's wallet")
        ENTERPRISE = "enterprise", _("The enterprise's account")

    operator = models.ForeignKey(
        "users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT, related_name="cards"
    )
    physical_no = models.CharField(_("physical no."), max_length=20, unique=True)
    logical_no = models.CharField(_("card no."), max_length=16, unique=True)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.STOCK)
    pays_from = models.CharField(
        _("pays from"), max_length=10, choices=PaysFrom.choices, default=PaysFrom.CARD
    )
    driver = models.ForeignKey(
        "users.Driver",
        verbose_name=_("driver"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="cards",
    )
    enterprise = models.ForeignKey(
        "users.Enterprise",
        verbose_name=_("enterprise"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="cards",
    )
    password = models.CharField(max_length=64, blank=True, editable=False)  # a keyed digest
    is_free = models.BooleanField(_("free"), default=False, help_text=_("The operator pays what it charges"))
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    daily_times = models.PositiveSmallIntegerField(_("charges per day"), null=True, blank=True)
    daily_minutes = models.PositiveIntegerField(_("minutes per day"), null=True, blank=True)
    daily_energy_kwh = FixedPointField(_("kWh per day"), places=4, null=True, blank=True)
    state_changed_at = models.DateTimeField(_("state since"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", enterprise="enterprise_id", driver="driver_id")

    class Meta:
        verbose_name = _("charging card")
        verbose_name_plural = _("charging cards")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="card_payer_is_bound",
                condition=models.Q(pays_from="card")
                | models.Q(pays_from="driver", driver__isnull=False)
                | models.Q(pays_from="enterprise", enterprise__isnull=False),
            ),
            models.CheckConstraint(
                name="card_state_known",
                condition=models.Q(state__in=["stock", "active", "frozen", "lost", "returned"]),
            ),
            models.CheckConstraint(
                name="card_valid_in_order",
                condition=models.Q(valid_from__isnull=True)
                | models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gte=models.F("valid_from")),
            ),
        ]
        indexes = [models.Index(fields=["operator", "kind", "state"], name="card_of_operator")]
        permissions = [
            ("issue_card", _("Can open, bind and return cards")),
            ("freeze_card", _("Can freeze cards and report them lost")),
            ("ungray_card", _("Can clear a card's unfinished transaction")),
            ("sync_card", _("Can send card lists to piles")),
        ]

    def __str__(self) -> str:
        return self.logical_no

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id
