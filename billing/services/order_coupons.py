"""A driver's coupon on an order: taken at the start, a rule of the frozen price, used or given back at the end."""

from collections.abc import Mapping
from dataclasses import replace

from billing.models import ChargingOrder
from billing.pricing import DiscountRule, TariffSnapshot
from billing.pricing.components import CHARGE_FEES, ELECTRICITY, SERVICE
from marketing.models import Coupon, CouponCampaign
from marketing.services import coupons

PREFIX = "coupon-"


def rule_of(coupon: Coupon) -> DiscountRule:
    """The coupon as the pricing engine applies it."""
    campaign = coupon.campaign
    fees: tuple[str, ...] = (ELECTRICITY, SERVICE) if campaign.energy_kwh else CHARGE_FEES
    if campaign.covers == CouponCampaign.Covers.SERVICE:
        fees = (SERVICE,)
    return DiscountRule(
        code=f"{PREFIX}{coupon.code}",
        name=campaign.name,
        off_bp=10_000 if campaign.energy_kwh else campaign.off_bp,
        off_fen=campaign.off_fen,
        fees=fees,
        bearer=campaign.bearer,
        cap_fen=campaign.cap_fen,
        stack=campaign.stack,
        least_fen=campaign.least_fen,
        energy_kwh=campaign.energy_kwh or None,
    )


def take(order: ChargingOrder, code: str) -> DiscountRule:
    """Bind the coupon to a new order, in its transaction; raises `coupon_unknown`, `coupon_not_usable`."""
    coupon = coupons.take(
        code=code,
        order_no=order.order_no,
        driver=order.driver,
        operator_id=order.operator_id,
        station_id=order.station_id,
        at=order.created_at,
    )
    return rule_of(coupon)


def book(order: ChargingOrder, taken: Mapping[str, int]) -> None:
    """The order is billed with these discounts ({code: fen}): its coupon is used, or free again when it took nothing."""
    code = _code_on(order)
    if code is None:
        return
    if taken.get(code, 0):
        coupons.use(order_no=order.order_no, fen=taken[code])
    else:
        give_back(order)


def give_back(order: ChargingOrder) -> None:
    """Free the coupon of a locked order; a bill that comes later is priced without it."""
    code = _code_on(order)
    if code is None:
        return
    coupons.give_back(order_no=order.order_no)
    snapshot = TariffSnapshot.from_json(order.tariff_snapshot)
    kept = tuple(rule for rule in snapshot.discounts if rule.code != code)
    order.tariff_snapshot = replace(snapshot, discounts=kept).to_json()
    order.save(update_fields=["tariff_snapshot"])


def _code_on(order: ChargingOrder) -> str | None:
    codes = (rule["code"] for rule in order.tariff_snapshot.get("discounts") or ())
    return next((code for code in codes if code.startswith(PREFIX)), None)
