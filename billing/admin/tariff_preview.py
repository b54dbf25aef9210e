"""What a charge would cost under a tariff, line by line: the preview on the tariff's page and in its editor."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from billing.admin.tiers import tier_class
from billing.bill_words import component_rows, discount_rows, fee_rows
from billing.pricing import PricingError, TariffSnapshot, charge, foreseen
from billing.pricing.components import OccupancyFee, PackageFee
from billing.pricing.fees import occupancy
from billing.services.tariffs import invalid
from billing.tier_words import tier_word
from kernel import clock
from users.console.display import fen


def price_preview(snapshot: TariffSnapshot, values: Mapping[str, str]) -> dict[str, Any]:
    """The typed values, and the lines they cost (or what is wrong with them).

    `values`: p-start (local date and time), p-power (kW), p-minutes, p-stay (minutes plugged in afterwards).
    """
    start = values.get("p-start") or timezone.localtime(clock.now()).strftime("%Y-%m-%dT%H:%M")
    shown: dict[str, Any] = {
        "start": start,
        "power": values.get("p-power") or "60",
        "minutes": values.get("p-minutes") or "60",
        "stay": values.get("p-stay") or "0",
        "lines": [],
        "errors": [],
    }
    try:
        moment = timezone.make_aware(datetime.fromisoformat(start))
    except ValueError:
        shown["errors"].append(_("The start is not a date and time."))
        return shown
    power = _number(shown["power"], Decimal(5000))
    minutes, stay = _number(shown["minutes"], Decimal(7 * 1440)), _number(shown["stay"], Decimal(7 * 1440))
    if None in (power, minutes, stay):
        shown["errors"].append(_("Power (kW) and minutes are numbers above zero, a week at most."))
        return shown
    duration = timedelta(seconds=int(minutes * 60))
    package = snapshot.component(PackageFee.kind)
    package_fen = None
    if isinstance(package, PackageFee):
        fitting = [pair for pair in package.pairs if pair[1] >= duration.total_seconds()] or [
            package.pairs[-1]
        ]
        package_fen, seconds = fitting[0]
        duration = min(duration, timedelta(seconds=seconds))
    try:
        usage = foreseen(snapshot, start=moment, power_kw=power, duration=duration, package_fen=package_fen)
        bill = charge(snapshot, usage)
    except PricingError as error:
        shown["errors"].append(invalid(error).params["reason"])
        return shown
    data = bill.to_json()
    for line in bill.lines:
        text = f"{line.energy_kwh} kWh × ({line.electricity_price} + {line.service_price})"
        shown["lines"].append(
            {
                "name": tier_word(line.tier),
                "css": tier_class(line.tier),
                "text": text,
                "fen": fen(line.total_fen),
            }
        )
    for row in fee_rows(data):
        shown["lines"].append({"name": row["name"], "css": "", "text": row["text"], "fen": fen(row["fen"])})
    for row in discount_rows(data):
        shown["lines"].append({"name": row["name"], "css": "", "text": row["text"], "fen": fen(-row["fen"])})
    total = bill.total_fen
    rule = snapshot.component(OccupancyFee.kind)
    if isinstance(rule, OccupancyFee) and stay:
        end = usage.ended_at
        timed = occupancy(rule, begin=end, end=end + timedelta(seconds=int(stay * 60)), zone=snapshot.zone)
        text = component_rows([rule])[0]["text"]
        shown["lines"].append({"name": _("Occupancy fee"), "css": "", "text": text, "fen": fen(timed.fen)})
        total += timed.fen
    shown |= {
        "energy": bill.energy_kwh,
        "electricity": fen(bill.electricity_fen),
        "service": fen(bill.service_fen),
        "total": fen(total),
    }
    return shown


def _number(text: str, most: Decimal) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return round(value, 2) if value.is_finite() and 0 <= value <= most else None
