"""What a staff member fills in to send a command, told once for every door: kind of command -> fields.

The console draws a dialog from these fields, the API and commands check their input by them; the protocols read
what `clean` returns. A kind without a form here is sent by services only (starts, tariffs, balances …) or needs
nothing (an empty form).
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from devices.models import DeviceCommand
from devices.protocols.capabilities import supports
from devices.services.command_fields import Field, Form, read
from devices.services.work_parameters import HIGHEST_PCT, LOWEST_PCT
from kernel.errors import DomainError

_K = DeviceCommand.Kind
_OCPP, _OCPP16, _OCPP201 = ("ocpp16", "ocpp201"), ("ocpp16",), ("ocpp201",)


def _plain(*words: str) -> tuple[tuple[str, str], ...]:
    """Choices that are the protocol's own words."""
    return tuple((word, word) for word in words)


_PURPOSES = (("max", _("The whole pile")), ("default", _("Every charge")), ("transaction", _("One charge")))
_UNITS = (("A", _("Amperes per phase")), ("W", _("Watts")))
_TRIES = (
    Field(name="retries", label=_("Attempts"), kind="integer", lowest=0, highest=20, protocols=_OCPP),
    Field(
        name="retry_interval_s",
        label=_("Seconds between attempts"),
        kind="integer",
        lowest=1,
        highest=86_400,
        protocols=_OCPP,
    ),
)
_SPAN = (
    Field(name="oldest", label=_("From"), kind="moment"),
    Field(name="latest", label=_("To"), kind="moment"),
)
_TRIGGERS_16 = _plain(
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
    "LogStatusNotification",
    "SignChargePointCertificate",
)
_TRIGGERS_201 = _plain(
    "BootNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "SignChargingStationCertificate",
    "StatusNotification",
    "TransactionEvent",
)
_CERTIFICATES_16 = (
    ("platform", _("Authority of the platform")),
    ("manufacturer", _("Authority of the manufacturer")),
)
_CERTIFICATES_201 = (
    *_CERTIFICATES_16,
    ("v2g", _("Authority for vehicles (V2G)")),
    ("mobility", _("Authority of mobility providers (MO)")),
)
_CERTIFICATE_USE = Field(
    name="use",
    label=_("Kind of certificate"),
    kind="choice",
    default="platform",
    choices=_CERTIFICATES_16,
    choices_of={"ocpp201": _CERTIFICATES_201},
)
_VARIABLE_HELP = _(
    "OCPP 1.6: the configuration key. OCPP 2.0.1: Component.Variable, for example SampledDataCtrlr.TxUpdatedInterval"
)
# AP3000 device protocol V8.6 §4.5: what a box keeps; 0 leaves a limit as it is.
_BOX_LIMITS = tuple(
    Field(
        name=name,
        label=label,
        kind="integer",
        required=required,
        lowest=0,
        highest=65_535,
        protocols=("dny",),
    )
    for name, label, required in (
        ("max_time_s", _("Longest charge (s)"), True),
        ("overload_w", _("Overload (W)"), True),
        ("over_voltage_v", _("Over-voltage (V)"), False),
        ("under_voltage_v", _("Under-voltage (V)"), False),
    )
)

_CARDS = Field(
    name="cards",
    label=_("Cards"),
    kind="list",
    help=_("Physical card numbers, one a line; empty means all that the pile is known to hold"),
    protocols=("ykc",),
)

FORMS: dict[str, Form] = {
    _K.SYNC_TIME: Form(),
    _K.READ_STATUS: Form(aim="either"),
    _K.REBOOT: Form(
        fields=(
            Field(name="hard", label=_("At once"), kind="boolean", default=False, protocols=(*_OCPP, "ykc")),
        ),
        warning=_("Charging on this pile ends."),
    ),
    _K.UNLOCK: Form(aim="connector"),
    _K.CLEAR_CACHE: Form(),
    _K.GET_CONFIGURATION: Form(
        fields=(Field(name="keys", label=_("Variables"), kind="list", help=_VARIABLE_HELP, protocols=_OCPP),)
    ),
    _K.CHANGE_CONFIGURATION: Form(
        fields=(
            Field(name="key", label=_("Variable"), required=True, help=_VARIABLE_HELP, protocols=_OCPP),
            Field(name="value", label=_("Value"), protocols=_OCPP),
            *_BOX_LIMITS,
        )
    ),
    _K.GET_REPORT: Form(
        fields=(
            Field(
                name="base",
                label=_("Extent"),
                kind="choice",
                default="FullInventory",
                choices=_plain("FullInventory", "ConfigurationInventory", "SummaryInventory"),
                protocols=_OCPP201,
            ),
            Field(name="keys", label=_("Variables"), kind="list", help=_VARIABLE_HELP, protocols=_OCPP201),
        )
    ),
    _K.DATA_TRANSFER: Form(
        fields=(
            Field(name="vendor_id", label=_("Vendor"), required=True),
            Field(name="message_id", label=_("Message")),
            Field(name="data", label=_("Data"), kind="lines"),
        )
    ),
    _K.TRIGGER: Form(
        aim="either",
        fields=(
            Field(
                name="message",
                label=_("Message"),
                kind="choice",
                required=True,
                choices=_TRIGGERS_16,
                choices_of={"ocpp201": _TRIGGERS_201},
                protocols=_OCPP,
            ),
        ),
    ),
    _K.UPDATE_FIRMWARE: Form(
        fields=(
            Field(name="url", label=_("Address of the firmware"), required=True),
            Field(name="retrieve_at", label=_("Download at"), kind="moment", protocols=_OCPP),
            Field(name="install_at", label=_("Install at"), kind="moment", protocols=_OCPP),
            Field(name="signature", label=_("Signature (Base64)"), kind="lines", protocols=_OCPP),
            Field(
                name="signing_certificate",
                label=_("Signing certificate (PEM)"),
                kind="lines",
                protocols=_OCPP,
            ),
            Field(name="hard", label=_("At once"), kind="boolean", default=False, protocols=("ykc",)),
            Field(
                name="download_min",
                label=_("Download within (min)"),
                kind="integer",
                lowest=1,
                highest=255,
                protocols=("ykc",),
            ),
            *_TRIES,
        )
    ),
    _K.SET_QR_PREFIX: Form(
        fields=(
            Field(name="prefix", label=_("Address before the code"), required=True),
            Field(name="with_gun", label=_("With the connector"), kind="boolean", default=True),
        )
    ),
    _K.UPLOAD_LOG: Form(
        fields=(
            Field(
                name="log",
                label=_("Log"),
                kind="choice",
                default="diagnostics",
                choices=(("diagnostics", _("Diagnostics")), ("security", _("Security log"))),
                protocols=_OCPP,
            ),
            *_SPAN,
        )
    ),
    _K.SET_POWER_LIMIT: Form(
        aim="either",
        fields=(
            Field(
                name="limit_kw",
                label=_("Limit (kW)"),
                kind="decimal",
                lowest=0,
                help=_("Empty lifts the limit"),
            ),
            Field(
                name="power_pct",
                label=_("Limit (% of rated power)"),
                kind="integer",
                lowest=LOWEST_PCT,
                highest=HIGHEST_PCT,
                protocols=("ykc",),
            ),
            Field(name="limit_a", label=_("Limit (A)"), kind="decimal", lowest=0, protocols=_OCPP),
        ),
    ),
    _K.SET_CHARGING_PROFILE: Form(
        aim="either",
        fields=(
            Field(name="purpose", label=_("Limits"), kind="choice", default="default", choices=_PURPOSES),
            Field(name="stack_level", label=_("Level"), kind="integer", default=0, lowest=0, highest=1000),
            Field(name="unit", label=_("Unit"), kind="choice", default="A", choices=_UNITS),
            Field(
                name="periods",
                label=_("Course"),
                kind="json",
                required=True,
                help=_('For example [{"start_s": 0, "limit": 32}, {"start_s": 3600, "limit": 16}]'),
            ),
            Field(
                name="kind",
                label=_("Begins"),
                kind="choice",
                default="absolute",
                choices=(
                    ("absolute", _("At a set time")),
                    ("recurring", _("Again and again")),
                    ("relative", _("With the charge")),
                ),
            ),
            Field(
                name="recurrency",
                label=_("Repeats"),
                kind="choice",
                choices=(("daily", _("Every day")), ("weekly", _("Every week"))),
            ),
            Field(name="starts_at", label=_("Starts at"), kind="moment"),
            Field(name="duration_s", label=_("Duration (s)"), kind="integer", lowest=1, highest=31_536_000),
            Field(name="valid_from", label=_("Valid from"), kind="moment"),
            Field(name="valid_to", label=_("Valid until"), kind="moment"),
            Field(name="transaction_ref", label=_("Transaction no.")),
        ),
    ),
    _K.CLEAR_CHARGING_PROFILE: Form(
        aim="either",
        fields=(
            Field(name="profile_id", label=_("Profile"), kind="integer", lowest=1),
            Field(name="purpose", label=_("Limits"), kind="choice", choices=_PURPOSES),
            Field(name="stack_level", label=_("Level"), kind="integer", lowest=0, highest=1000),
        ),
        warning=_("Without a choice every profile is cleared."),
    ),
    _K.GET_CHARGING_SCHEDULE: Form(
        aim="either",
        fields=(
            Field(name="duration_s", label=_("Duration (s)"), kind="integer", lowest=1, highest=31_536_000),
            Field(name="unit", label=_("Unit"), kind="choice", choices=_UNITS),
            Field(
                name="profiles",
                label=_("List the profiles instead"),
                kind="boolean",
                default=False,
                protocols=_OCPP201,
            ),
        ),
    ),
    _K.QUERY_CARDS: Form(fields=(_CARDS,)),
    _K.CLEAR_CARDS: Form(fields=(_CARDS,), warning=_("The pile accepts no card by itself any more.")),
    _K.INSTALL_CERTIFICATE: Form(
        fields=(
            _CERTIFICATE_USE,
            Field(name="certificate", label=_("Certificate (PEM)"), kind="lines", required=True),
        )
    ),
    _K.LIST_CERTIFICATES: Form(fields=(_CERTIFICATE_USE,)),
    _K.DELETE_CERTIFICATE: Form(
        fields=(
            Field(
                name="hash_algorithm",
                label=_("Hash"),
                kind="choice",
                default="SHA256",
                choices=_plain("SHA256", "SHA384", "SHA512"),
            ),
            Field(name="issuer_name_hash", label=_("Hash of the issuer's name"), required=True),
            Field(name="issuer_key_hash", label=_("Hash of the issuer's key"), required=True),
            Field(name="serial_no", label=_("Serial number"), required=True),
        )
    ),
    _K.RENEW_CERTIFICATE: Form(),
    _K.DISPLAY_MESSAGE: Form(
        fields=(
            Field(
                name="action",
                label=_("What to do"),
                kind="choice",
                default="show",
                choices=(("show", _("Show")), ("clear", _("Clear")), ("list", _("List"))),
            ),
            Field(name="text", label=_("Text"), kind="lines"),
            Field(name="message_id", label=_("Message no."), kind="integer", lowest=1),
            Field(
                name="priority",
                label=_("Priority"),
                kind="choice",
                default="NormalCycle",
                choices=_plain("AlwaysFront", "InFront", "NormalCycle"),
            ),
            Field(
                name="state",
                label=_("When"),
                kind="choice",
                choices=(
                    ("Charging", _("While charging")),
                    ("Faulted", _("While faulted")),
                    ("Idle", _("While idle")),
                    ("Unavailable", _("While out of service")),
                ),
            ),
            Field(name="language", label=_("Language"), default="zh"),
            Field(name="starts_at", label=_("From"), kind="moment"),
            Field(name="ends_at", label=_("To"), kind="moment"),
        )
    ),
    _K.SET_NETWORK_PROFILE: Form(
        fields=(
            Field(name="slot", label=_("Slot"), kind="integer", required=True, lowest=0, highest=100),
            Field(name="url", label=_("Address of the platform"), required=True),
            Field(
                name="interface",
                label=_("Interface"),
                kind="choice",
                default="Wired0",
                choices=_plain(
                    "Wired0", "Wired1", "Wired2", "Wired3", "Wireless0", "Wireless1", "Wireless2", "Wireless3"
                ),
            ),
            Field(
                name="security_profile",
                label=_("Security profile"),
                kind="integer",
                default=1,
                lowest=0,
                highest=3,
            ),
            Field(
                name="message_timeout_s",
                label=_("Timeout (s)"),
                kind="integer",
                default=30,
                lowest=1,
                highest=600,
            ),
        ),
        warning=_("A wrong address cuts the pile off after its next restart."),
    ),
    _K.MONITOR_VARIABLE: Form(
        fields=(
            Field(
                name="action",
                label=_("What to do"),
                kind="choice",
                default="set",
                choices=(
                    ("set", _("Watch")),
                    ("clear", _("Stop watching")),
                    ("report", _("List")),
                    ("base", _("Choose the monitors")),
                    ("level", _("Choose the severity of monitors")),
                ),
            ),
            Field(name="key", label=_("Variable"), help=_VARIABLE_HELP),
            Field(
                name="type",
                label=_("Strikes"),
                kind="choice",
                default="UpperThreshold",
                choices=_plain(
                    "UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned"
                ),
            ),
            Field(name="value", label=_("Value"), kind="decimal"),
            Field(
                name="severity",
                label=_("Severity (0 danger to 9 debug)"),
                kind="integer",
                lowest=0,
                highest=9,
            ),
            Field(name="monitor_id", label=_("Monitor no."), kind="integer", lowest=0),
            Field(
                name="base",
                label=_("Monitors"),
                kind="choice",
                choices=_plain("All", "FactoryDefault", "HardWiredOnly"),
            ),
        )
    ),
    _K.CUSTOMER_INFORMATION: Form(
        fields=(
            Field(name="customer", label=_("Customer"), help=_("What the pile knows the customer by")),
            Field(name="tag", label=_("Card")),
            Field(name="report", label=_("Report"), kind="boolean", default=True),
            Field(name="clear", label=_("Erase"), kind="boolean", default=False),
        )
    ),
    _K.TRANSACTION_STATUS: Form(fields=(Field(name="transaction_ref", label=_("Transaction no.")),)),
}


def form_of(kind: str, protocol: str) -> Form | None:
    """The form of a command for piles of a protocol; None when none of them carries it or nobody fills it in."""
    return FORMS.get(kind) if supports(protocol, kind) else None


def clean(*, kind: str, protocol: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a command from what was filled in; what is empty is left out.

    Raises:
        DomainError: `command_unsupported`, or `invalid` naming the field and what it accepts.
    """
    form = form_of(kind, protocol)
    if form is None:
        raise DomainError("command_unsupported", {"protocol": protocol, "kind": kind})
    return read(form.fields_for(protocol), protocol=protocol, data=data)
