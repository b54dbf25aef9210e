"""Commands to piles as rows: what was asked, by whom, and what the pile answered."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.scope import ScopedManager, ScopePaths

OPEN_COMMAND_STATES = ("queued", "sent")


class DeviceCommand(models.Model):
    """One command. At most one is outstanding per pile, connector and kind."""

    class Kind(models.TextChoices):
        START = "start", _("Start charging")
        STOP = "stop", _("Stop charging")
        SET_TARIFF = "set_tariff", _("Push tariff")
        SET_BALANCE = "set_balance", _("Update balance")
        SYNC_TIME = "sync_time", _("Sync clock")
        READ_STATUS = "read_status", _("Read live data")
        SET_AVAILABILITY = "set_availability", _("In or out of service")
        REBOOT = "reboot", _("Reboot")
        UNLOCK = "unlock", _("Unlock connector")
        GET_CONFIGURATION = "get_configuration", _("Read configuration")
        CHANGE_CONFIGURATION = "change_configuration", _("Change configuration")
        CLEAR_CACHE = "clear_cache", _("Clear authorisation cache")
        DATA_TRANSFER = "data_transfer", _("Vendor message")
        EXTEND = "extend", _("Add time or money to a charge")
        SET_POWER_LIMIT = "set_power_limit", _("Limit power")
        SET_CHARGING_PROFILE = "set_charging_profile", _("Set charging profile")
        CLEAR_CHARGING_PROFILE = "clear_charging_profile", _("Clear charging profile")
        GET_CHARGING_SCHEDULE = "get_charging_schedule", _("Read charging schedule")
        MOVE_BAY_LOCK = "move_bay_lock", _("Raise or lower the bay lock")
        RESERVE = "reserve", _("Reserve connector")
        CANCEL_RESERVATION = "cancel_reservation", _("Cancel reservation")
        SYNC_CARDS = "sync_cards", _("Send card list")
        CLEAR_CARDS = "clear_cards", _("Clear card list")
        QUERY_CARDS = "query_cards", _("Query card list")
        UPDATE_FIRMWARE = "update_firmware", _("Update firmware")
        UPLOAD_LOG = "upload_log", _("Upload log")
        TRIGGER = "trigger", _("Ask for a message")
        GET_REPORT = "get_report", _("Read all variables")
        SET_QR_PREFIX = "set_qr_prefix", _("Set QR code address")
        INSTALL_CERTIFICATE = "install_certificate", _("Install certificate")
        DELETE_CERTIFICATE = "delete_certificate", _("Delete certificate")
        LIST_CERTIFICATES = "list_certificates", _("List certificates")
        RENEW_CERTIFICATE = "renew_certificate", _("Renew the pile's certificate")
        SEND_CERTIFICATE = "send_certificate", _("Send the signed certificate")
        DISPLAY_MESSAGE = "display_message", _("Show message")
        SET_NETWORK_PROFILE = "set_network_profile", _("Set network profile")
        MONITOR_VARIABLE = "monitor_variable", _("Watch a variable")
        CUSTOMER_INFORMATION = "customer_information", _("Report or erase data about a customer")
        SHOW_COST = "show_cost", _("Show running cost")
        TRANSACTION_STATUS = "transaction_status", _("Read state of a transaction")

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENT = "sent", _("Sent")
        ACCEPTED = "accepted", _("Accepted")
        REJECTED = "rejected", _("Rejected by the pile")
        EXPIRED = "expired", _("No answer in time")
        FAILED = "failed", _("Could not be sent")

    operator = models.ForeignKey("users.Operator", verbose_name=_("operator"), on_delete=models.PROTECT)
    station = models.ForeignKey("stations.Station", verbose_name=_("station"), on_delete=models.PROTECT)
    pile = models.ForeignKey(
        "stations.Pile", verbose_name=_("pile"), on_delete=models.PROTECT, related_name="commands"
    )
    connector_no = models.PositiveSmallIntegerField(
        _("connector"), default=0, help_text=_("0 is the whole pile")
    )
    kind = models.CharField(_("command"), max_length=24, choices=Kind.choices)
    params = models.JSONField(_("parameters"), default=dict)
    reference = models.CharField(_("reference"), max_length=64, blank=True, db_index=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(_("answer"), max_length=128, blank=True)
    result = models.JSONField(_("result"), default=dict, blank=True)
    actor_key = models.CharField(_("asked by"), max_length=96)
    actor_name = models.CharField(_("name"), max_length=128, blank=True)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    objects = ScopedManager()
    scope_paths = ScopePaths(operator="operator_id", station="station_id", pile="pile_id")

    class Meta:
        verbose_name = _("device command")
        verbose_name_plural = _("device commands")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pile", "connector_no", "kind"],
                condition=models.Q(state__in=OPEN_COMMAND_STATES),
                name="command_one_outstanding",
            )
        ]
        indexes = [
            models.Index(fields=["pile", "-id"], name="command_of_pile"),
            models.Index(
                fields=["expires_at"], name="command_due", condition=models.Q(state__in=OPEN_COMMAND_STATES)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_COMMAND_STATES
