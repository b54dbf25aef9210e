"""Settings of the console's theme (Unfold): titles, colours, the environment badge and the sidebar."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

# The menu names sixty addresses, several times a page each; they never change while a process runs.
reverse_lazy = lazy(cache(reverse), str)
address_lazy = lazy(cache(lambda name, query: reverse(name) + query), str)


def environment(request: Any) -> tuple[str, str] | None:
    """The badge in the header, so that nobody mistakes a demo for production."""
    from django.conf import settings

    if settings.EV_DEMO:
        return _("Demo"), "info"
    return {"production": None, "test": (_("Test"), "warning")}.get(
        settings.EV_ENV, (_("Development"), "warning")
    )


def review_badge(request: Any) -> str:
    """Number of items to handle in the reader's scope; empty when none."""
    from analytics import selectors
    from users.console.admin import actor_of

    if not request.user.has_perm("billing.view_reviewitem"):
        return ""
    number = selectors.open_review_badge(actor=actor_of(request))
    if not number:
        return ""
    return f"{selectors.BADGE_CAP}+" if number > selectors.BADGE_CAP else str(number)


def difference_badge(request: Any) -> str:
    """Number of open differences with payment channels; empty when none, and for everybody but the platform."""
    from billing.selectors import open_differences
    from users.console.admin import actor_of

    if not request.user.has_perm("billing.view_difference"):
        return ""
    number = open_differences(actor=actor_of(request))
    return str(number) if number else ""


def finding_badge(request: Any) -> str:
    """Number of problems in the books; empty when none, and for everybody but the platform."""
    from billing.selectors import open_findings
    from users.console.admin import actor_of

    if not request.user.has_perm("billing.view_checkfinding"):
        return ""
    number = open_findings(actor=actor_of(request))
    return str(number) if number else ""


def _may(permission: str) -> Callable[[Any], bool]:
    return lambda request: request.user.has_perm(permission)


def _item(title: Any, icon: str, model: str, query: str = "", **more: Any) -> dict[str, Any]:
    """A menu entry that leads to the list of `app.model`, shown to those who may see it."""
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": address_lazy(f"admin:{app}_{name}_changelist", query),
        "permission": _may(f"{app}.view_{name}"),
        **more,
    }


def _at_drivers(request: Any) -> bool:
    """Whether the page in hand is of the drivers, whose list stands twice in the menu."""
    return request.path.startswith(reverse("admin:users_driver_changelist"))


def _group(title: Any, *items: dict[str, Any], collapsible: bool = True) -> dict[str, Any]:
    """A part of the menu; all but the first open at a click, or when the page in hand is one of theirs."""
    return {"title": title, "items": list(items), "collapsible": collapsible, "separator": False}


NAVIGATION = [
    _group(
        _("Operation"),
        {"title": _("Overview"), "icon": "monitoring", "link": reverse_lazy("admin:index")},
        {
            "title": _("Three-level monitoring"),
            "icon": "account_tree",
            "link": reverse_lazy("admin:monitor"),
            "permission": _may("stations.view_station"),
        },
        {
            "title": _("Running orders"),
            "icon": "bolt",
            "link": reverse_lazy("admin:running_orders"),
            "permission": _may("billing.view_chargingorder"),
        },
        _item(_("Orders"), "receipt_long", "billing.chargingorder"),
        {
            "title": _("Day of a station"),
            "icon": "today",
            "link": reverse_lazy("admin:station_day"),
            "permission": _may("billing.view_chargingorder"),
        },
        _item(_("Bookings"), "event_seat", "billing.booking"),
        _item(_("To handle"), "assignment_late", "billing.reviewitem", counter=review_badge),
        _item(_("Alerts"), "notifications_active", "alerts.alert"),
        {
            "title": _("Reports"),
            "icon": "bar_chart",
            "link": reverse_lazy("admin:reports"),
            "permission": _may("analytics.view_reports"),
        },
        {
            "title": _("Order statistics"),
            "icon": "pivot_table_chart",
            "link": reverse_lazy("admin:order_statistics"),
            "permission": _may("analytics.view_reports"),
        },
        collapsible=False,
    ),
    _group(
        _("Stations and piles"),
        _item(_("Stations"), "location_on", "stations.station"),
        _item(_("Piles"), "ev_station", "stations.pile"),
        _item(_("Connectors"), "ev_charger", "stations.connector"),
        _item(_("Unknown piles"), "help_center", "devices.unknownpile"),
        collapsible=False,
    ),
    _group(
        _("Upkeep"),
        _item(_("Sensors"), "sensors", "devices.sensor"),
        _item(_("Bay locks"), "lock", "devices.baylock"),
        _item(_("Gateway processes"), "hub", "devices.gatewaynode"),
        _item(_("Station groups"), "workspaces", "stations.stationgroup"),
        _item(_("Pile models"), "category", "stations.pilemodel"),
        _item(_("Firmware"), "memory", "devices.firmwarefile"),
        _item(_("Firmware campaigns"), "system_update", "devices.firmwarecampaign"),
        _item(_("Firmware by pile"), "fact_check", "devices.firmwaretarget"),
        _item(_("Parameter sets"), "tune", "devices.parameterset"),
        _item(_("Parameters of piles"), "difference", "devices.parametercheck"),
        _item(_("Mode matrix"), "grid_on", "stations.modecell"),
    ),
    _group(
        _("Prices and marketing"),
        _item(_("Tariffs"), "sell", "billing.tariff"),
        _item(_("Discounts"), "percent", "billing.discount"),
        _item(_("Coupon campaigns"), "redeem", "marketing.couponcampaign"),
        _item(_("Coupons"), "confirmation_number", "marketing.coupon"),
        _item(_("Recharge offers"), "savings", "marketing.rechargeoffer"),
        _item(_("Special days"), "event", "billing.specialday"),
        _item(_("Charging strategies"), "rule", "billing.chargingstrategy"),
    ),
    _group(
        _("Payments and ledger"),
        _item(_("Fees after the charge"), "hourglass_bottom", "billing.orderfee"),
        _item(_("Payments"), "payments", "billing.payment"),
        _item(_("Paid starts"), "bolt", "billing.paidstart"),
        _item(_("Month card sales"), "calendar_month", "billing.monthsale"),
        _item(_("Cash of boxes"), "savings", "billing.boxcashday"),
        _item(_("Pay score"), "verified_user", "billing.scoreorder"),
        _item(_("Refunds"), "undo", "billing.refund"),
        _item(_("Recharge bonuses"), "redeem", "billing.rechargebonus"),
        _item(_("Payment notices"), "mark_email_read", "billing.paymentnotice"),
        _item(_("Ledger entries"), "account_balance_wallet", "billing.entry"),
        _item(_("Accounts"), "account_balance", "billing.account"),
    ),
    _group(
        _("Finance"),
        _item(_("Changes to approve"), "how_to_reg", "billing.proposal"),
        _item(_("Clearing records"), "call_split", "billing.clearingrecord"),
        _item(_("Clearing rules"), "rule_settings", "billing.clearingrule"),
        _item(_("Payees"), "groups", "billing.payee"),
        _item(_("Statements"), "summarize", "billing.statement"),
        _item(_("Payouts"), "outbound", "billing.payout"),
        _item(_("Payout accounts"), "credit_card", "billing.payoutaccount"),
        _item(_("Invoices"), "receipt_long", "billing.invoice"),
        _item(_("Invoice terms"), "percent", "billing.invoiceterms"),
        _item(_("Day close"), "event_available", "billing.dayclose"),
        _item(_("Channel bills"), "receipt", "billing.channelbill"),
        _item(
            _("Reconciliation differences"), "compare_arrows", "billing.difference", counter=difference_badge
        ),
        _item(_("Problems in the books"), "report", "billing.checkfinding", counter=finding_badge),
        _item(_("Fees and adjustments"), "balance", "billing.settlementitem"),
        _item(_("Settlement terms"), "gavel", "billing.financeterms"),
        _item(_("Service contracts"), "contract", "billing.servicecontract"),
    ),
    _group(
        _("People"),
        _item(
            _("Drivers"),
            "directions_car",
            "users.driver",
            active=lambda request: _at_drivers(request) and "idle" not in request.GET,
        ),
        _item(
            _("Inactive drivers"),
            "person_off",
            "users.driver",
            query="?idle=30",
            active=lambda request: _at_drivers(request) and "idle" in request.GET,
        ),
        _item(_("Member levels"), "military_tech", "marketing.memberlevel"),
        _item(_("Members"), "card_membership", "marketing.membership"),
        _item(_("Enterprises"), "apartment", "users.enterprise"),
        _item(_("Enterprise members"), "badge", "users.enterprisemember"),
        _item(_("Vehicles"), "no_crash", "users.vehicle"),
        _item(_("Charging cards"), "credit_card", "users.card"),
        _item(_("Whitelist"), "playlist_add_check", "users.whitelistentry"),
        _item(_("Driver tags"), "label", "users.drivertag"),
        _item(_("Operators"), "business", "users.operator"),
        _item(_("Staff"), "badge", "users.staff"),
        _item(_("Roles"), "admin_panel_settings", "auth.group"),
    ),
    _group(
        _("Records"),
        _item(_("Device commands"), "terminal", "devices.devicecommand"),
        _item(_("Frame log"), "data_object", "devices.framelog"),
        _item(_("Transaction records"), "description", "devices.transactionrecord"),
        _item(_("Vehicles at the piles"), "electric_car", "devices.reportedvehicle"),
        _item(_("Vehicle reports"), "battery_charging_full", "devices.vehiclereport"),
        _item(_("Transactions"), "sync_alt", "devices.devicetransaction"),
        _item(_("Cash counters"), "savings", "devices.cashcounter"),
        _item(_("Pile meters"), "electric_meter", "devices.pilemeterday"),
        _item(_("Pile sessions"), "cable", "devices.pilesession"),
        _item(_("Notices of piles"), "campaign", "devices.pilenotice"),
        _item(_("Reservations"), "event_available", "devices.reservation"),
        _item(_("Pile variables"), "tune", "devices.devicevariable"),
        _item(_("Charging profiles"), "speed", "devices.heldprofile"),
        _item(_("Card lists of piles"), "contactless", "devices.locallist"),
        _item(_("Things held by piles"), "inventory_2", "devices.helditem"),
        _item(_("Files from piles"), "folder_zip", "devices.pileupload"),
        _item(_("Pile certificates"), "verified_user", "devices.issuedcertificate"),
        _item(_("Alarm messages"), "sms", "alerts.alertmessage"),
        _item(_("Exports"), "download", "kernel.exportjob"),
        _item(_("Audit trail"), "policy", "kernel.auditevent"),
        collapsible=True,
    ),
]


def navigation(request: Any) -> list[dict[str, Any]]:
    """The sidebar of a request; a counter that counts nothing shows no badge."""
    groups = []
    for group in NAVIGATION:
        items = []
        for item in group["items"]:
            entry = {key: value for key, value in item.items() if key != "counter"}
            if "counter" in item and (number := item["counter"](request)):
                entry["badge"] = number
            items.append(entry)
        groups.append({**group, "items": items})
    return groups


UNFOLD = {
    "SITE_TITLE": _("EV charging operations"),
    "SITE_HEADER": _("EV charging operations"),
    "SITE_SYMBOL": "ev_station",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("console/favicon.svg")}
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "ENVIRONMENT": "ev_platform.console_theme.environment",
    "STYLES": [lambda request: static("console/console.css")],
    "SIDEBAR": {"show_search": False, "command_search": False, "navigation": navigation},
    "COMMAND": {"search_models": False, "show_history": False},
    "COLORS": {
        # A calm teal: states keep green, blue, amber and red for themselves.
        "primary": {
            "50": "oklch(98% .014 190)",
            "100": "oklch(95% .035 190)",
            "200": "oklch(90% .065 190)",
            "300": "oklch(83% .095 190)",
            "400": "oklch(72% .11 190)",
            "500": "oklch(62% .105 192)",
            "600": "oklch(53% .093 194)",
            "700": "oklch(45% .078 196)",
            "800": "oklch(39% .065 197)",
            "900": "oklch(34% .053 198)",
            "950": "oklch(25% .042 200)",
        }
    },
}
