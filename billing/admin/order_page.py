"""What the order page shows: figures, bill lines, the curve of samples, the timeline."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from billing import selectors
from billing.admin.tiers import price_places, tier_class
from billing.bill_words import discount_rows, fee_rows
from billing.fee_words import fee_word
from billing.models import ChargingOrder, OrderFee
from billing.models.order import RUNNING_STATES
from billing.order_money import money_of
from billing.review_words import sentence_of
from billing.services import fees
from billing.tier_words import tier_word
from devices.services.curves import CurvePoint, curve_of
from devices.vehicle_words import vehicle_card
from devices.words import advice_text, stop_reason_text
from kernel import clock
from kernel.actor import Actor
from users.console.display import duration, fen, quantity

PRICES = ("electricity_price", "service_price")


def lasted(order: ChargingOrder) -> str:
    """How long it charged, or has been charging."""
    if order.started_at is None:
        return "–"
    return duration((order.ended_at or clock.now()) - order.started_at)


def context(*, actor: Actor, order: ChargingOrder, brief: bool) -> dict[str, Any]:
    """The page's context; `brief` leaves out what a refresh of the live figures does not need."""
    result: dict[str, Any] = {
        "order": order,
        "stop_words": stop_reason_text(order.pile.protocol, order.stop_reason),
        "stop_advice": advice_text(order.pile.protocol, order.stop_reason),
        "running": order.state in RUNNING_STATES,
        "figures": _figures(order),
        "reasons": [sentence_of(reason) for reason in order.review_reasons],
    }
    if not brief:
        result |= {
            "bill_lines": _bill_lines(order),
            "fee_lines": [{**row, "fen": fen(row["fen"])} for row in fee_rows(order.bill)],
            "discount_lines": [{**row, "fen": fen(-row["fen"])} for row in discount_rows(order.bill)],
            "later_fees": _later_fees(order),
            "targets": _targets(order),
            "payment": _payment(order),
            "curve": curve(order),
            "vehicle": vehicle_card(pile_id=order.pile_id, transaction_ref=order.transaction_ref),
            "timeline": selectors.order_timeline(actor=actor, order=order),
        }
    return result


def _figures(order: ChargingOrder) -> list[tuple[str, str, str]]:
    """(label, value, small print) of the header."""
    pile_says = ""
    if order.device_amount is not None:
        pile_says = _("the pile says %(value)s") % {"value": f"¥{order.device_amount:.2f}"}
    figures = [
        (
            _("Energy"),
            quantity(order.energy_kwh, "kWh", 3),
            _("the pile says %(value)s") % {"value": quantity(order.device_energy_kwh, "kWh", 3)}
            if order.device_energy_kwh is not None
            else "",
        ),
        (_("Amount"), fen(order.total_fen), pile_says),
        (_("Electricity fee"), fen(order.electricity_fen), ""),
        (_("Service fee"), fen(order.service_fen), ""),
        (_("Duration"), lasted(order), _span(order)),
    ]
    if order.fees_fen:
        figures.insert(4, (_("Further fees"), fen(order.fees_fen), ""))
    if order.discount_fen:
        figures.insert(4, (_("Discount"), fen(-order.discount_fen), ""))
    if order.state in RUNNING_STATES:
        figures.insert(1, (_("Power"), quantity(order.power_kw, "kW", 1), ""))
    figures.append((_("SoC"), "–" if order.soc_pct is None else f"{order.soc_pct} %", ""))
    return figures


def _span(order: ChargingOrder) -> str:
    def moment(at):
        return timezone.localtime(at).strftime("%m-%d %H:%M") if at else "…"

    return f"{moment(order.started_at)} – {moment(order.ended_at)}" if order.started_at else ""


def _bill_lines(order: ChargingOrder) -> list[dict[str, Any]]:
    lines = (order.bill or {}).get("lines", ())
    places = price_places(Decimal(line[name]) for line in lines for name in PRICES)
    return [
        {
            **{name: f"{Decimal(line[name]):.{places}f}" for name in PRICES},
            "word": tier_word(line["tier"]),
            "css": tier_class(line["tier"]),
            "energy": line["energy_kwh"],
            "electricity": fen(line["electricity_fen"]),
            "service": fen(line["service_fen"]),
            "total": fen(line["electricity_fen"] + line["service_fen"]),
        }
        for line in lines
    ]


def _later_fees(order: ChargingOrder) -> list[dict[str, Any]]:
    rows = []
    for fee in order.fees.order_by("pk"):
        running = fee.state == OrderFee.State.RUNNING
        rows.append(
            {
                "pk": fee.pk,
                "name": fee_word(fee.kind),
                "state": fee.get_state_display(),
                "began_at": fee.began_at,
                "ended_at": fee.ended_at,
                "blocks": fee.blocks,
                "fen": fen(fees.so_far(fee).fen if running else fee.amount_fen),
                "flagged": fee.flagged,
            }
        )
    return rows


def _payment(order: ChargingOrder) -> str:
    money = money_of(order)
    parts = [money.text]
    if money.owed_fen:
        parts.append(_("%(amount)s owed") % {"amount": fen(money.owed_fen)})
    if money.returned_fen:
        parts.append(_("%(amount)s given back") % {"amount": fen(money.returned_fen)})
    return " · ".join(parts)


def _targets(order: ChargingOrder) -> str:
    words = {
        "energy_kwh": lambda value: quantity(Decimal(value), "kWh", 2),
        "seconds": lambda value: duration(timedelta(seconds=value)),
        "soc_pct": lambda value: f"SoC {value} %",
        "power_kw": lambda value: quantity(Decimal(value), "kW", 1),
    }
    parts = [words[name](value) for name, value in order.targets.items() if name in words]
    if order.stop_at_fen is not None and not order.is_free:
        parts.append(fen(order.stop_at_fen))
    if order.package_fen is not None:
        parts.append(_("%(amount)s bought ahead") % {"amount": fen(order.package_fen)})
    return " · ".join(parts)


def curve(order: ChargingOrder) -> dict[str, list[Any]] | None:
    """At most 300 points over local time: power (kW), energy (kWh), SoC (%), voltage (V), current (A) and
    temperature (°C)."""
    if not order.transaction_ref:
        return None
    kept = curve_of(
        pile_id=order.pile_id,
        transaction_ref=order.transaction_ref,
        since=order.started_at or order.created_at,
    )
    if not kept:
        return None

    def number(value):
        return None if value is None else float(value)

    return {
        "labels": [timezone.localtime(point.at).strftime("%H:%M:%S") for point in kept],
        **{
            name.rpartition("_")[0]: [number(getattr(point, name)) for point in kept]
            for name in CurvePoint._fields[1:]
        },
    }
