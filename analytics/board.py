"""The overview as the page shows it: parts as HTML, the chart as numbers, each by the reader's permissions."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics import selectors
from kernel import clock
from stations.admin.chips import ORDER, TONES, state_bar
from stations.models import Connector
from users.console.admin import actor_of
from users.console.display import fen, quantity

# part -> permission that shows it
PARTS = {
    "tiles": "stations.view_pile",
    "money": "billing.view_chargingorder",
    "charging": "billing.view_chargingorder",
    "reviews": "billing.view_reviewitem",
    "alerts": "alerts.view_alert",
    "stations": "stations.view_station",
}
CHART_PERMISSION = "billing.view_chargingorder"


def read(request: HttpRequest) -> dict[str, Any]:
    """The board of a request: `as_of`, `parts` (name -> HTML) and `chart` or None."""
    actor = actor_of(request)
    parts = {}
    for name, permission in PARTS.items():
        if request.user.has_perm(permission):
            context = {**_READERS[name](actor), "perms_money": request.user.has_perm("billing.view_account")}
            parts[name] = render_to_string(f"analytics/part_{name}.html", context, request=request)
    chart = selectors.energy_by_hour(actor=actor) if request.user.has_perm(CHART_PERMISSION) else None
    return {"as_of": timezone.localtime(clock.now()).strftime("%H:%M:%S"), "parts": parts, "chart": chart}


def _tiles(actor) -> dict[str, Any]:
    states = selectors.connector_states(actor=actor)
    labels = dict(Connector.State.choices)
    return {
        "tiles": [(state, TONES[state], labels[state], states.get(state, 0)) for state in ORDER],
        "piles": selectors.pile_counts(actor=actor),
    }


def _money(actor) -> dict[str, Any]:
    day = selectors.day_totals(actor=actor)
    return {
        "energy": quantity(day.energy_kwh, "kWh", 1),
        "energy_then": quantity(day.energy_then_kwh, "kWh", 1),
        "energy_yesterday": quantity(day.energy_yesterday_kwh, "kWh", 1),
        "energy_change": change(day.energy_kwh, day.energy_then_kwh),
        "amount": fen(day.amount_fen),
        "amount_then": fen(day.amount_then_fen),
        "amount_yesterday": fen(day.amount_yesterday_fen),
        "amount_change": change(day.amount_fen, day.amount_then_fen),
        "orders": day.orders,
        "orders_then": day.orders_then,
        "orders_yesterday": day.orders_yesterday,
        "orders_change": change(day.orders, day.orders_then),
        "power": quantity(selectors.power_now_kw(actor=actor), "kW", 1),
    }


def change(now: Decimal | int, then: Decimal | int) -> dict[str, str] | None:
    """Today against yesterday at the same time, in percent with its direction; None without a yesterday."""
    if not then:
        return None
    percent = (Decimal(now) - Decimal(then)) / Decimal(then) * 100
    way = "up" if percent >= 0 else "down"
    words = _("%(percent)s %% against yesterday at this time") % {"percent": f"{percent:+.0f}"}
    return {"way": way, "short": f"{percent:+.0f} %", "words": words}


def _charging(actor) -> dict[str, Any]:
    orders, count = selectors.charging_now(actor=actor)
    return {"orders": orders, "count": count, "more": max(count - len(orders), 0)}


def _reviews(actor) -> dict[str, Any]:
    items, count = selectors.open_reviews(actor=actor)
    return {"items": items, "count": count}


def _alerts(actor) -> dict[str, Any]:
    alerts, count = selectors.open_alerts(actor=actor)
    return {"alerts": alerts, "count": count}


def _stations(actor) -> dict[str, Any]:
    return {"rows": [(row, state_bar(states)) for row, states in selectors.station_bars(actor=actor)]}


_READERS = {
    "tiles": _tiles,
    "money": _money,
    "charging": _charging,
    "reviews": _reviews,
    "alerts": _alerts,
    "stations": _stations,
}
