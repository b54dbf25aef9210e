"""Charging orders: the money side of one session, with its state, frozen tariff and timeline."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.fields import FixedPointField
from stations.models.mode import ChargeMode
from users.scope import ScopedManager, ScopePaths

OPEN_STATES = ("starting", "charging", "stopping")
RUNNING_STATES = (*OPEN_STATES, "finishing")  # with those whose record is still to come


class ChargingOrder(models.Model):
    """One session. Moves only through `billing.services.order_states.move`.

    Amounts are fen. `segments` maps local half-hour starts to kWh (text) and feeds the running cost;
    `bill` holds the lines, `evidence` what they were computed from. `fees_fen` are the further fees of the charge
    itself; what comes after it (occupancy, parking) are `OrderFee` rows with a settlement of their own.
    `held_snapshot` is the price that the pile itself counts by, where it is not the order's. `targets` are the
    limits of the session (`billing.services.targets`).
    """

    class State(models.TextChoices):
        STARTING = "starting", _("Starting")
        CHARGING = "charging", _("Charging")
        STOPPING = "stopping", _("Stopping")
        FINISHING = "finishing", _("Waiting for the record")
        REVIEW = "review", _("To handle")
        SETTLED = "settled", _("Settled")
        CLOSED = "closed", _("Closed without charging")

    class StartMethod(models.TextChoices):
        CODE = "code", _("Code or QR")
        STAFF = "staff", _("By staff")
        CARD = "card", _("Card")
        VIN = "vin", _("VIN")
        OFFLINE_CARD = "offline_card", _("Offline card")
        PLUG = "plug", _("Plug and charge")

    class PayerKind(models.TextChoices):
        WALLET = "wallet", _("Driver wallet")
        ENTERPRISE = "enterprise", _("Enterprise account")
        CARD = "card", _("Card account")

    class Cover(models.TextChoices):
        """What stands behind an order beside its payer's money."""

        NONE = "", _("Nothing")
        LATER = "later", _("May be owed (whitelist)")
        MONTH_CARD = "month_card", _("Month card")
        FREE = "free", _("The operator")
        SCORE = "score", _("Pay score, which debits the whole bill")

    order_no = models.CharField(_("order no."), max_length=32, unique=True)
    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey("stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT)
    connector = models.ForeignKey(
        "stations.Connector", verbose_name=_("connector"), on_delete=models.PROTECT, related_name="orders"
    )
    driver = models.ForeignKey(
        "users.Driver",
        verbose_name=_("driver"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="orders",
    )
    # Who pays, copied at the start: the driver, the enterprise or the card of this row.
    payer_kind = models.CharField(
        _("payer"), max_length=10, choices=PayerKind.choices, default=PayerKind.WALLET
    )
    enterprise = models.ForeignKey(
        "users.Enterprise",
        verbose_name=_("enterprise"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="orders",
    )
    card = models.ForeignKey(
        "users.Card",
        verbose_name=_("charging card"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="orders",
    )
    vin = models.CharField(_("VIN"), max_length=17, blank=True)
    cover = models.CharField(
        _("covered by"), max_length=10, choices=Cover.choices, blank=True, default=Cover.NONE
    )
    covered_fen = models.BigIntegerField(
        _("covered (fen)"), default=0, help_text=_("The part of the total that the payer does not pay")
    )
    start_method = models.CharField(_("started by"), max_length=16, choices=StartMethod.choices)
    charge_mode = models.CharField(
        _("charge mode"), max_length=16, choices=ChargeMode.choices, default=ChargeMode.ONLINE_PAID
    )
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    version = models.PositiveIntegerField(default=0)
    transaction_ref = models.CharField(
        _("transaction no."),
        max_length=64,
        blank=True,
        help_text=_("The number both sides know the session by"),
    )
    id_tag = models.CharField(_("tag"), max_length=64, blank=True)

    tariff_version = models.ForeignKey(
        "billing.TariffVersion", verbose_name=_("tariff"), on_delete=models.PROTECT
    )
    tariff_snapshot = models.JSONField(_("frozen tariff"))
    held_snapshot = models.JSONField(_("tariff on the pile"), null=True, blank=True)
    targets = models.JSONField(_("limits"), default=dict, blank=True)
    stop_due_at = models.DateTimeField(_("stop by"), null=True, blank=True)
    package_fen = models.BigIntegerField(_("bought ahead (fen)"), null=True, blank=True)
    further_packages = models.JSONField(default=list, blank=True)  # fen, bought on top while it ran

    created_at = models.DateTimeField(_("created at"))
    started_at = models.DateTimeField(_("charging since"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    due_at = models.DateTimeField(
        _("next deadline"), null=True, blank=True, help_text=_("When the sweep has to look at this order")
    )

    # Live figures, one small UPDATE per batch of samples.
    energy_kwh = FixedPointField(_("energy (kWh)"), places=4, default=0)
    power_kw = FixedPointField(_("power (kW)"), places=3, null=True, blank=True)
    soc_pct = models.PositiveSmallIntegerField(_("SoC (%)"), null=True, blank=True)
    last_sample_at = models.DateTimeField(_("last sample"), null=True, blank=True)
    segments = models.JSONField(default=dict, blank=True)
    pauses = models.JSONField(
        default=list, blank=True
    )  # [[from, to or null, reason]] while the port stood still
    power_steps = models.JSONField(default=list, blank=True)  # [[moment, watts]] where the price step changed

    electricity_fen = models.BigIntegerField(_("electricity (fen)"), default=0)
    service_fen = models.BigIntegerField(_("service (fen)"), default=0)
    fees_fen = models.BigIntegerField(_("further fees (fen)"), default=0, db_default=0)
    discount_fen = models.BigIntegerField(_("discount (fen)"), default=0, db_default=0)
    total_fen = models.BigIntegerField(_("total (fen)"), default=0)
    stop_at_fen = models.BigIntegerField(
        _("stop at (fen)"),
        null=True,
        blank=True,
        help_text=_("The held amount; charging stops before it is used up"),
    )
    bill = models.JSONField(_("bill"), null=True, blank=True)
    evidence = models.JSONField(_("evidence"), null=True, blank=True)
    record = models.OneToOneField(
        "devices.TransactionRecord",
        verbose_name=_("record"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="order",
    )
    device_energy_kwh = FixedPointField(_("energy by the pile (kWh)"), places=4, null=True, blank=True)
    device_amount = FixedPointField(_("amount by the pile (yuan)"), places=4, null=True, blank=True)
    stop_reason = models.CharField(_("stop reason"), max_length=48, blank=True)
    review_reasons = models.JSONField(_("reasons to handle"), default=list, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(
        operator="operator_id",
        station="station_id",
        pile="pile_id",
        driver="driver_id",
        enterprise="enterprise_id",
    )

    class Meta:
        verbose_name = _("charging order")
        verbose_name_plural = _("charging orders")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connector"],
                condition=models.Q(state__in=OPEN_STATES),
                name="order_one_open_per_connector",
            ),
            models.UniqueConstraint(
                fields=["pile", "transaction_ref"],
                condition=~models.Q(transaction_ref=""),
                name="order_transaction_once",
            ),
            models.CheckConstraint(
                name="order_state_known",
                condition=models.Q(
                    state__in=["starting", "charging", "stopping", "finishing", "review", "settled", "closed"]
                ),
            ),
            models.CheckConstraint(
                name="order_amounts_add_up",
                condition=models.Q(
                    total_fen=models.F("electricity_fen")
                    + models.F("service_fen")
                    + models.F("fees_fen")
                    - models.F("discount_fen")
                ),
            ),
            models.CheckConstraint(
                name="order_amounts_not_negative",
                condition=models.Q(total_fen__gte=0, fees_fen__gte=0, discount_fen__gte=0),
            ),
            models.CheckConstraint(
                name="order_payer_is_named",
                condition=models.Q(payer_kind="wallet")
                | models.Q(payer_kind="enterprise", enterprise__isnull=False)
                | models.Q(payer_kind="card", card__isnull=False),
            ),
            models.CheckConstraint(name="order_covered_not_negative", condition=models.Q(covered_fen__gte=0)),
            models.CheckConstraint(
                name="order_free_costs_nothing",
                condition=~models.Q(charge_mode="offline_free") | models.Q(total_fen=0),
            ),
        ]
        indexes = [
            models.Index(
                fields=["enterprise", "-id"],
                name="order_of_enterprise",
                condition=models.Q(enterprise__isnull=False),
            ),
            models.Index(
                fields=["card", "-id"], name="order_of_card", condition=models.Q(card__isnull=False)
            ),
            models.Index(fields=["operator", "-id"], name="order_of_operator"),
            models.Index(fields=["station", "-id"], name="order_of_station"),
            models.Index(fields=["driver", "-id"], name="order_of_driver"),
            models.Index(fields=["state", "-id"], name="order_by_state"),
            models.Index(fields=["-id"], name="order_running", condition=models.Q(state__in=RUNNING_STATES)),
            models.Index(fields=["-created_at", "-id"], name="order_by_time"),
            models.Index(fields=["settled_at", "operator"], name="order_by_settlement"),
            models.Index(fields=["station", "settled_at"], name="order_of_station_by_day"),
            models.Index(fields=["due_at"], name="order_due", condition=models.Q(due_at__isnull=False)),
            models.Index(
                fields=["stop_due_at"], name="order_stop_due", condition=models.Q(stop_due_at__isnull=False)
            ),
        ]
        permissions = [("settle_review", _("Can settle orders that wait for a person"))]

    def __str__(self) -> str:
        return self.order_no

    @property
    def tenant_id(self) -> int | None:
        return self.operator_id

    @property
    def is_free(self) -> bool:
        """Whether the pile was set to charge without a bill: the amount is 0 whatever flowed."""
        return self.charge_mode == ChargeMode.OFFLINE_FREE

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def payable_fen(self) -> int:
        """What of the total the payer pays."""
        return self.total_fen - self.covered_fen


class OrderEvent(models.Model):
    """One line of an order's timeline: a state move or something worth telling."""

    order = models.ForeignKey(ChargingOrder, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(_("at"))
    kind = models.CharField(_("event"), max_length=48)
    from_state = models.CharField(max_length=10, blank=True)
    to_state = models.CharField(max_length=10, blank=True)
    data = models.JSONField(default=dict, blank=True)
    actor_key = models.CharField(max_length=96, blank=True)
    actor_name = models.CharField(max_length=128, blank=True)

    class Meta:
        verbose_name = _("order event")
        verbose_name_plural = _("order events")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.kind
