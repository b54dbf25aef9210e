"""The life of a coupon: claimed or given, taken by one order, used or given back, expired or taken back.

Orders take and use coupons through `take`, `use` and `give_back`, inside their own transactions, by order number:
this app does not know orders.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.services import audit
from marketing.locks import lock_campaign
from marketing.models import Coupon, CouponCampaign
from users import policy
from users.models import Driver, DriverNotice
from users.services.notices import News, Topic, tell

S = Coupon.State
BATCH = 500
MOST_AT_ONCE = 1_000
SOON = timedelta(days=3)  # a coupon that lives shorter is never told of as expiring


def claim(*, actor: Actor, driver: Driver, campaign_id: int) -> Coupon:
    """A driver takes one coupon of an open campaign.

    Raises `not_found`, `campaign_closed`, `coupons_gone`, `coupon_limit`, `driver_frozen`, `permission_denied`.
    """
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(driver.pk):
        raise DomainError("permission_denied", {"permission": "marketing.add_coupon"})
    if driver.is_frozen:
        raise DomainError("driver_frozen")
    with transaction.atomic():
        campaign = _locked(campaign_id)
        if not campaign.claimable or not campaign.is_open(clock.now()):
            raise DomainError("campaign_closed", {"name": campaign.name})
        return _give(campaign, driver)


def issue(*, actor: Actor, campaign: CouponCampaign, drivers: Sequence[Driver], reason: str) -> list[Coupon]:
    """Staff give one coupon to each of these drivers, all or none.

    Needs `marketing.add_coupon` and a reason. Raises `coupons_gone`, `coupon_limit`, `campaign_closed`,
    `campaign_invalid` for too many drivers at once, `reason_required`, `not_found`, `permission_denied`.
    """
    policy.require(actor, "marketing.add_coupon")
    if not reason.strip():
        raise DomainError("reason_required", field="reason")
    if not CouponCampaign.objects.for_actor(actor).filter(pk=campaign.pk).exists():
        raise DomainError("not_found")
    if not 1 <= len(drivers) <= MOST_AT_ONCE:
        text = gettext("between 1 and %(most)s drivers at once") % {"most": MOST_AT_ONCE}
        raise DomainError("campaign_invalid", {"reason": text}, field="phones")
    ids = {driver.pk for driver in drivers}
    if Driver.objects.for_actor(actor).filter(pk__in=ids).count() != len(ids):
        raise DomainError("not_found", field="phones")
    with transaction.atomic():
        locked = _locked(campaign.pk)
        if not locked.is_active or locked.closes_at <= clock.now():
            raise DomainError("campaign_closed", {"name": locked.name})
        given = [_give(locked, driver) for driver in drivers]
        audit.record(
            actor=actor,
            action="marketing.issue_coupons",
            target=locked,
            reason=reason,
            after={"coupons": [coupon.code for coupon in given][:50], "count": len(given)},
        )
        tell(_news(coupon, locked, Topic.MARKETING) for coupon in given)
    return given


def issue_to_selection(
    *, actor: Actor, campaign: CouponCampaign, drivers: QuerySet[Driver], reason: str
) -> tuple[int, int]:
    """Staff give one coupon to each driver of a selection who is theirs and has none of this campaign.

    At most `MOST_AT_ONCE` at a time, the newest accounts first: (given, left for another time). Frozen drivers are
    left out. Raises what `issue` raises, `campaign_invalid` when nobody is left.
    """
    own = Driver.objects.for_actor(actor).filter(is_frozen=False, cancelled_at__isnull=True)
    has = _rows().filter(campaign=campaign, driver=OuterRef("pk"))
    without = own.filter(~Exists(has), pk__in=drivers.order_by().values("pk"))
    found = list(without.order_by("-pk")[:MOST_AT_ONCE])
    if not found:
        text = gettext("every driver of the selection who is yours has a coupon of it")
        raise DomainError("campaign_invalid", {"reason": text}, field="campaign")
    given = issue(actor=actor, campaign=campaign, drivers=found, reason=reason)
    return len(given), without.count()


def void(*, actor: Actor, coupon: Coupon, reason: str) -> Coupon:
    """Staff take back a coupon that is not used. Needs `marketing.void_coupon` and a reason.

    Raises `coupon_not_usable` when an order has it or it has ended, `not_found`, `permission_denied`.
    """
    policy.require(actor, "marketing.void_coupon")
    if not reason.strip():
        raise DomainError("reason_required", field="reason")
    if not Coupon.objects.for_actor(actor).filter(pk=coupon.pk).exists():
        raise DomainError("not_found")
    with transaction.atomic():
        moved = _rows().filter(pk=coupon.pk, state=S.AVAILABLE).update(state=S.VOID)
        coupon.refresh_from_db()
        if not moved:
            raise _not_usable(coupon)
        audit.record(
            actor=actor,
            action="marketing.void_coupon",
            target=coupon,
            reason=reason,
            before={"state": "available"},
            after={"state": "void"},
        )
    return coupon


def take(
    *, code: str, order_no: str, driver: Driver, operator_id: int, station_id: int, at: datetime
) -> Coupon:
    """Bind a driver's coupon to an order, in the order's own transaction; of two orders at once one gets it.

    Raises `coupon_unknown` for somebody else's, and `coupon_not_usable` with the reason.
    """
    coupon = _rows().select_related("campaign").filter(code=code, driver=driver).first()
    if coupon is None:
        raise DomainError("coupon_unknown", {"code": code}, field="coupon")
    campaign = coupon.campaign
    if campaign.operator_id not in (None, operator_id) or campaign.station_id not in (None, station_id):
        raise _not_usable(coupon, gettext("it does not hold at this station"))
    if coupon.state == S.AVAILABLE and coupon.expires_at <= at:
        raise _not_usable(coupon, gettext("it has expired"))
    taken = _rows().filter(pk=coupon.pk, state=S.AVAILABLE, expires_at__gt=at)
    try:
        with transaction.atomic():
            moved = taken.update(state=S.TAKEN, taken_for=order_no)
    except IntegrityError:
        raise _not_usable(coupon, gettext("the order has a coupon already")) from None
    coupon.refresh_from_db()
    if not moved:
        raise _not_usable(coupon)
    return coupon


def use(*, order_no: str, fen: int) -> None:
    """The order is billed: the coupon is used with what it took off, or is free again when that was nothing."""
    if fen <= 0:
        give_back(order_no=order_no)
        return
    _rows().filter(taken_for=order_no, state=S.TAKEN).update(state=S.USED, used_fen=fen, used_at=clock.now())


def give_back(*, order_no: str) -> None:
    """The order ended without the coupon: it is free again, or has expired in the meantime."""
    now = clock.now()
    rows = _rows().filter(taken_for=order_no, state=S.TAKEN)
    rows.filter(expires_at__gt=now).update(state=S.AVAILABLE, taken_for="")
    rows.filter(expires_at__lte=now).update(state=S.EXPIRED, taken_for="")


def expire() -> int:
    """End the coupons whose time is over, in batches; returns how many."""
    ended = 0
    while True:
        due = list(
            _rows()
            .filter(state=S.AVAILABLE, expires_at__lte=clock.now())
            .order_by("expires_at")
            .values_list("pk", flat=True)[:BATCH]
        )
        if not due:
            return ended
        ended += _rows().filter(pk__in=due, state=S.AVAILABLE).update(state=S.EXPIRED)


def tell_expiring() -> int:
    """Tell drivers of coupons that expire within `SOON`, each once; how many news there were."""
    told = DriverNotice.objects.unscoped("the sweep of every driver").filter(
        driver=OuterRef("driver"), topic=Topic.COUPON_EXPIRING, key=OuterRef("code")
    )
    now = clock.now()
    due = _rows().filter(
        ~Exists(told), state=S.AVAILABLE, expires_at__gt=now, expires_at__lte=now + SOON,
        campaign__valid_days__gt=SOON.days,
    )  # fmt: skip
    # Those who want no such news would stand in the way of the others at every run.
    due = due.exclude(driver__settings__tell_coupon_expiring=False).select_related("campaign")
    news = 0
    while found := list(due.order_by("expires_at", "pk")[:BATCH]):
        news += tell(_news(coupon, coupon.campaign, Topic.COUPON_EXPIRING) for coupon in found)
    return news


def _news(coupon: Coupon, campaign: CouponCampaign, topic: str) -> News:
    until = timezone.localtime(coupon.expires_at).strftime("%Y-%m-%d %H:%M")
    return News(coupon.driver_id, topic, coupon.code, {"campaign": campaign.name, "until": until})


def _rows():
    return Coupon.objects.unscoped("a coupon of the driver or order that the caller has")


def _locked(campaign_id: int) -> CouponCampaign:
    try:
        return lock_campaign(campaign_id)
    except CouponCampaign.DoesNotExist:
        raise DomainError("not_found") from None


def _give(campaign: CouponCampaign, driver: Driver) -> Coupon:
    """One coupon of a locked campaign."""
    has = _rows().filter(campaign=campaign, driver=driver).count()
    if has >= campaign.per_driver:
        raise DomainError("coupon_limit", {"name": campaign.name, "most": campaign.per_driver})
    if not campaign.left:
        raise DomainError("coupons_gone", {"name": campaign.name})
    campaign.issued += 1
    campaign.save(update_fields=["issued"])
    now = clock.now()
    return Coupon.objects.create(
        code=f"{secrets.randbelow(10**12):012d}",
        campaign=campaign,
        operator_id=campaign.operator_id,
        driver=driver,
        nth=has + 1,
        claimed_at=now,
        expires_at=now + timedelta(days=campaign.valid_days),
    )


def _not_usable(coupon: Coupon, reason: str = "") -> DomainError:
    reason = reason or gettext("it is “%(state)s”") % {"state": coupon.get_state_display()}
    return DomainError("coupon_not_usable", {"code": coupon.code, "reason": reason}, field="coupon")
