"""A bill and a tariff's further fees in sentences: the same for the console, the driver API and receipts."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from billing.fee_words import COMPONENT_WORDS, fee_word
from billing.pricing.components import (
    Component,
    MinimumFee,
    OccupancyFee,
    PackageFee,
    ParkingFee,
    PowerFee,
    ReservationFee,
    StartFee,
    TimeFee,
    UseFee,
)
from billing.pricing.tariff import slot_label


def yuan(fen: int) -> str:
    """Fen as yuan, such as ¥1.50 or −¥1.50."""
    return f"{'−' if fen < 0 else ''}¥{abs(fen) / 100:.2f}"


def span(seconds: int) -> str:
    """Seconds in the largest unit that keeps them whole."""
    if seconds % 3600 == 0 and seconds:
        return _("%(count)d h") % {"count": seconds // 3600}
    if seconds % 60 == 0:
        return _("%(count)d min") % {"count": seconds // 60}
    return _("%(count)d s") % {"count": seconds}


def clock_span(window: Iterable[int]) -> str:
    """Half-hours of the day as 22:00–06:00."""
    begin, end = window
    return f"{slot_label(begin)}–{'24:00' if end in (0, 48) else slot_label(end)}"


def rate(fen: int, per_s: int) -> str:
    """A price by time: ¥1.00 / h."""
    return f"{yuan(fen)} / {span(per_s)}"


def component_text(one: Component) -> str:
    """What a component of a tariff costs, in a sentence for the driver."""
    match one:
        case TimeFee():
            parts = [_("%(rate)s of charging") % {"rate": rate(one.fen, one.per_s)}]
            if one.unit_s > 60:
                parts.append(_("every started %(unit)s") % {"unit": span(one.unit_s)})
            if one.free_s:
                parts.append(_("the first %(free)s free") % {"free": span(one.free_s)})
            if one.window:
                parts.append(clock_span(one.window))
        case PowerFee():
            steps = [
                _("up to %(watts)d W %(rate)s") % {"watts": step.up_to_w, "rate": rate(step.fen, step.per_s)}
                for step in one.steps
            ]
            parts = [*steps]
            if one.follow == "highest":
                parts.append(_("a step once reached is kept"))
        case PackageFee():
            parts = [
                _("%(yuan)s for %(time)s") % {"yuan": yuan(fen), "time": span(s)} for fen, s in one.pairs
            ]
            parts.append(
                _("unused time is not charged") if one.refundable else _("unused time is not refunded")
            )
        case UseFee():
            parts = [_("%(yuan)s per use") % {"yuan": yuan(one.fen)}]
        case StartFee():
            parts = [_("%(yuan)s per charge") % {"yuan": yuan(one.fen)}]
        case MinimumFee():
            parts = [_("a charge costs at least %(yuan)s") % {"yuan": yuan(one.fen)}]
        case OccupancyFee():
            parts = [
                _("%(yuan)s for every started %(block)s plugged in after charging")
                % {"yuan": yuan(one.fen), "block": span(one.block_s)},
                _("the first %(free)s free") % {"free": span(one.grace_s)},
                _("at most %(yuan)s") % {"yuan": yuan(one.cap_fen)},
            ]
            if one.cap_day_fen is not None:
                parts.append(_("at most %(yuan)s a day") % {"yuan": yuan(one.cap_day_fen)})
        case ReservationFee():
            parts = [
                _("%(yuan)s for every started %(block)s")
                % {"yuan": yuan(one.fen), "block": span(one.block_s)}
            ]
            if one.no_show_fen:
                parts.append(_("%(yuan)s when nobody comes") % {"yuan": yuan(one.no_show_fen)})
        case ParkingFee():
            parts = [
                _("%(yuan)s for every started %(block)s")
                % {"yuan": yuan(one.fen), "block": span(one.block_s)}
            ]
            if one.free_s:
                parts.append(_("the first %(free)s free") % {"free": span(one.free_s)})
            if one.free_charging:
                parts.append(_("free while charging"))
            parts.append(_("at most %(yuan)s") % {"yuan": yuan(one.cap_fen)})
    return _("; ").join(parts)


def component_rows(components: Iterable[Component]) -> list[dict[str, str]]:
    """The further fees of a tariff: kind, name, sentence."""
    return [
        {"kind": one.kind, "name": fee_word(_fee_of(one)), "text": component_text(one)} for one in components
    ]


def fee_rows(bill: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The further lines of a bill's JSON: kind, component, name, how it came about, fen.

    Lines that are a way of charging the service fee are part of `service_fen`; `of_service` says so.
    """
    return [
        {
            "kind": line["kind"],
            "component": line["component"],
            "name": _("%(fee)s (%(how)s)")
            % {
                "fee": fee_word(line["kind"]),
                "how": COMPONENT_WORDS.get(line["component"], line["component"]),
            },
            "text": _how(line),
            "fen": line["fen"],
            "of_service": line["kind"] == "service",
        }
        for line in (bill or {}).get("fees", ())
    ]


def discount_rows(bill: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The discounts of a bill's JSON: name, on which fees, fen taken off."""
    return [
        {
            "name": line["name"] or fee_word("discount"),
            "text": "、".join(f"{fee_word(kind)} {yuan(-fen)}" for kind, fen in line["by_fee"].items()),
            "bearer": line["bearer"],
            "fen": line["fen"],
        }
        for line in (bill or {}).get("discounts", ())
    ]


def _fee_of(one: Component) -> str:
    return getattr(one, "fee", one.kind)


def _how(line: Mapping[str, Any]) -> str:
    params = line["params"]
    match line["component"]:
        case "time":
            text = f"{span(line['seconds'])} × {rate(params['fen'], params['per_s'])}"
            return f"{text}，{clock_span((params['from'], params['to']))}" if "from" in params else text
        case "power":
            return _("up to %(watts)d W: %(time)s × %(rate)s") % {
                "watts": params["up_to_w"],
                "time": span(line["seconds"]),
                "rate": rate(params["fen"], params["per_s"]),
            }
        case "package":
            return _("%(used)s of %(bought)s for %(yuan)s") % {
                "used": span(line["seconds"]),
                "bought": span(params["bought_s"]),
                "yuan": yuan(params["fen"]),
            }
        case "minimum":
            return _("topped up to %(yuan)s") % {"yuan": yuan(params["fen"])}
    return ""
