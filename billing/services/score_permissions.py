"""The driver's permission for pay score: asked for once, given and withdrawn in WeChat, told by notice or found by query."""

import logging
import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from billing.locks import lock_score_permission
from billing.models import ScorePermission
from billing.payments.channels import pay_score
from billing.payments.merchants import ChannelOff
from billing.payments.pay_score import PayScore, PermissionView
from billing.payments.provider import ProviderRefused, ProviderUnknown
from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.services import audit
from users.models import Driver

logger = logging.getLogger(__name__)
S = ScorePermission.State
PLAN_S = (10, 20, 30, 60, 120, 300, 900)
ASKED_FOR = timedelta(days=1)  # whoever has not given it by then is not asked about any more


def client() -> PayScore:
    """The service's client; raises `score_unavailable`."""
    try:
        return pay_score()
    except ChannelOff:
        raise DomainError("score_unavailable") from None


def permission_of(driver: Driver) -> ScorePermission | None:
    """The driver's permission row, whatever its state."""
    return ScorePermission.objects.unscoped("a driver's own permission").filter(driver=driver).first()


def ask_permission(*, actor: Actor, driver: Driver) -> dict[str, str]:
    """What the driver's app opens to give permission; the permission counts when the service proves it.

    Raises `score_unavailable`, `score_given_already`, `payment_channel_silent`, `payment_refused`,
    `permission_denied`.
    """
    _require_own(actor, driver)
    service = client()
    now = clock.now()
    with transaction.atomic():
        found = permission_of(driver)
        if found is None:
            row = ScorePermission(driver=driver, operator_id=driver.operator_id, created_at=now)
        else:
            row = lock_score_permission(found.pk)
        if row.state == S.OPEN:
            raise DomainError("score_given_already")
        # A code that was opened once is used up; one that was not may be opened late, so it stays.
        if not row.code or row.state == S.CLOSED:
            row.code = f"A{secrets.token_hex(15)}"
        row.state, row.openid, row.created_at = S.ASKED, "", now
        row.queries, row.next_at = 0, now + timedelta(seconds=PLAN_S[0])
        row.save()
    try:
        return service.ask_permission(row.code)
    except ProviderUnknown as error:
        raise DomainError("payment_channel_silent") from error
    except ProviderRefused as refusal:
        raise DomainError("payment_refused", {"code": refusal.code}) from refusal


def withdraw_permission(*, actor: Actor, driver: Driver) -> ScorePermission:
    """End the permission at the service; charges that run are still paid by it.

    Raises `score_not_given`, `score_unavailable`, `payment_channel_silent`, `payment_refused`, `permission_denied`.
    """
    _require_own(actor, driver)
    row = permission_of(driver)
    if row is None or row.state != S.OPEN:
        raise DomainError("score_not_given")
    service = client()
    try:
        service.end_permission(row.openid, "用户关闭")
    except ProviderUnknown as error:
        _plan_now(row)
        raise DomainError("payment_channel_silent") from error
    except ProviderRefused as refusal:
        _plan_now(row)
        raise DomainError("payment_refused", {"code": refusal.code}) from refusal
    take_permission(actor=actor, view=PermissionView(code=row.code, is_open=False, at=clock.now()))
    row.refresh_from_db()
    return row


def take_permission(*, actor: Actor, view: PermissionView) -> ScorePermission | None:
    """Take over what the service proves about a permission; None when the code is nobody's here.

    Older news than what is known changes nothing: notices may come in any order.
    """
    found = ScorePermission.objects.unscoped("the permission of a verified notice or answer").filter(
        code=view.code
    )
    pk = found.values_list("pk", flat=True).first()
    if pk is None:
        return None
    with transaction.atomic():
        row = lock_score_permission(pk)
        if (
            view.at is not None
            and row.changed_at is not None
            and view.at < row.changed_at.replace(microsecond=0)
        ):
            return row
        state = S.OPEN if view.is_open else S.CLOSED
        if row.state == state or (view.is_open and not view.openid):
            return row
        before, row.state, row.changed_at, row.next_at = row.state, state, view.at or clock.now(), None
        if view.is_open:
            row.openid = view.openid
        row.save(update_fields=["state", "changed_at", "next_at", "openid"])
        audit.record(
            actor=actor,
            action="billing.score_permission",
            target=row,
            before={"state": before},
            after={"state": row.state},
        )
    return row


def query_due(*, actor: Actor, limit: int = 100) -> int:
    """Ask about permissions whose notice may have been lost; returns how many were asked about."""
    rows = ScorePermission.objects.unscoped("every permission whose query is due")
    asked = 0
    for row in list(rows.filter(next_at__lte=clock.now()).order_by("next_at")[:limit]):
        over = row.state == S.ASKED and clock.now() - row.created_at > ASKED_FOR
        wait = timedelta(seconds=PLAN_S[min(row.queries, len(PLAN_S) - 1)])
        claim = ScorePermission.objects.unscoped("claim of one query").filter(pk=row.pk, next_at=row.next_at)
        if not claim.update(next_at=None if over else clock.now() + wait, queries=F("queries") + 1):
            continue
        asked += 1
        try:
            view = pay_score().query_permission(row.code)
            if view.is_open or row.state == S.OPEN:
                take_permission(actor=actor, view=view)
                if view.is_open:
                    claim = ScorePermission.objects.unscoped("an answered query").filter(pk=row.pk)
                    claim.update(next_at=None)
        except (ChannelOff, ProviderUnknown) as error:
            logger.warning("permission %s: %s", row.code, error)
        except Exception:
            logger.exception("permission %s could not be asked about", row.code)
    return asked


def plan_query(driver: Driver) -> None:
    """Have the driver's permission asked about soon: the service does not act on it."""
    row = permission_of(driver)
    if row is not None:
        _plan_now(row)


def _plan_now(row: ScorePermission) -> None:
    rows = ScorePermission.objects.unscoped("plan of one query").filter(pk=row.pk)
    rows.update(next_at=clock.now(), queries=0)


def _require_own(actor: Actor, driver: Driver) -> None:
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(driver.pk):
        raise DomainError("permission_denied", {"permission": "billing.add_scorepermission"})
