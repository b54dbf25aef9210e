"""Charging on pay score: open the service order, start, complete it with the real amount, book the debit.

This module asks and starts and holds the sweep; `score_calls` calls the service, `score_debits` ends and books.

Each step is one transaction or one call, never both, on a committed row that the sweep finds again: a process that
dies between the completion and its answer leaves an order that is asked about, and a notice or a query books its
debit once, as any payment. What is not debited stays on the driver's arrears, which refuse the next start.
"""

import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from billing.locks import lock_score_order
from billing.models import ScoreOrder
from billing.payments import score_texts
from billing.services import ledger, orders, score_permissions
from billing.services.offers import offer_for
from billing.services.score_calls import call, create
from billing.services.score_debits import ORDER_ENDED, charge_ended, give_up
from billing.services.score_states import BEFORE_CHARGE, PLAN_S, S, move_score
from billing.services.targets import Targets
from kernel import clock
from kernel.actor import Actor, ActorKind, system
from kernel.errors import DomainError
from stations.models import Connector
from users.models import Driver

logger = logging.getLogger(__name__)
WIRE_ZONE = ZoneInfo("Asia/Shanghai")
LATE_AFTER = timedelta(minutes=5)  # whoever asked this long ago does not wait at the pile any more


def start_by_score(
    *,
    actor: Actor,
    driver: Driver,
    connector_code: str,
    limit_fen: int | None = None,
    limits: Mapping[str, Any] | None = None,
    idempotency_key: str = "",
) -> ScoreOrder:
    """Open a service order and start the charge on it; nothing is held and nothing is paid before the end.

    The charge stops before `limit_fen`, at most `EV_PAYSCORE_FUND_FEN`. `limits` may hold `energy_kwh`, `seconds`,
    `soc_pct`, `package_fen`. A start that is refused cancels the service order. A service that does not answer
    leaves the order `created`: it is asked about, and started if it was opened soon enough.

    Raises:
        DomainError: `score_unavailable`, `score_not_given`, `connector_unknown`, `driver_frozen`,
            `driver_in_arrears`, `driver_busy`, `amount_invalid`, `idempotency_conflict`, `permission_denied`, and why
            one cannot start at the connector.
    """
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(driver.pk):
        raise DomainError("permission_denied", {"permission": "billing.add_scoreorder"})
    service = score_permissions.client()
    fund = settings.PAYSCORE_FUND_FEN
    if limit_fen is not None and (isinstance(limit_fen, bool) or not 1 <= limit_fen <= fund):
        raise DomainError("amount_invalid", {"amount": limit_fen, "maximum": fund}, field="limit_fen")
    connector = (
        Connector.objects.unscoped("a driver may charge at any connector")
        .select_related("pile", "station")
        .filter(code=connector_code)
        .first()
    )
    if connector is None:
        raise DomainError("connector_unknown", {"code": connector_code}, field="connector_code")
    kept = _limits_json({**(limits or {}), "fen": limit_fen or fund})
    row = _of_key(driver, idempotency_key)
    if row is None:
        row = _claim_row(driver, connector, kept, idempotency_key)
    if row.connector_id != connector.pk or row.limits != kept:
        raise DomainError("idempotency_conflict")
    if row.state == S.CREATED:
        create(row, service, actor)
    if row.state == S.READY:
        work(score_id=row.pk)
    row.refresh_from_db()
    return row


def work(*, score_id: int) -> str:
    """Take what needs no call of a due order: start it, or see that its charge has ended. Safe to repeat and to race."""
    job = system("pay score")
    with transaction.atomic():
        row = lock_score_order(score_id)
        if row.state == S.READY:
            _begin(row, job)
        elif row.state == S.STARTED and row.order.state in ORDER_ENDED:
            charge_ended(row, job)
        elif row.state in BEFORE_CHARGE and clock.now() - row.created_at > LATE_AFTER:
            give_up(row, DomainError("paid_start_late"), job)
    return row.state


def sweep(*, actor: Actor, limit: int = 200) -> int:
    """Take every step that is due: ended charges, completions, debits under way, lost answers; returns how many."""
    rows = ScoreOrder.objects.unscoped("every pay-score order with a step to take")
    ended = Q(state=S.STARTED, order__state__in=ORDER_ENDED)
    due = Q(next_at__lte=clock.now())
    taken = 0
    for score_id in list(rows.filter(ended | due).order_by("pk").values_list("pk", flat=True)[:limit]):
        try:
            state = work(score_id=score_id)
            taken += 1
            if state not in (S.READY, S.STARTED):
                call(score_id, actor)
        except Exception:
            logger.exception("pay-score order %s could not go on", score_id)
    return taken


def on_message(payload: Mapping[str, Any]) -> None:
    """The outbox's door: what is open starts at once."""
    work(score_id=payload["score_id"])


# --- opening -------------------------------------------------------------------------
def _claim_row(driver: Driver, connector: Connector, kept: dict[str, Any], key: str) -> ScoreOrder:
    """The committed row of this request; everything that can be refused before the service is asked is."""
    refusal = orders.why_not_startable(connector=connector, driver=driver)
    if refusal is not None:
        raise refusal
    if driver.is_frozen:
        raise DomainError("driver_frozen")
    if owed := ledger.arrears_fen(driver):
        raise DomainError("driver_in_arrears", {"yuan": f"{owed / 100:.2f}"})
    permission = score_permissions.permission_of(driver)
    if permission is None or permission.state != permission.State.OPEN:
        raise DomainError("score_not_given")
    now = clock.now()
    offer = offer_for(pile=connector.pile, station=connector.station, driver=driver, at=now)
    if offer is None:
        raise DomainError("no_tariff", {"code": connector.pile.code})
    local = now.astimezone(ZoneInfo(connector.station.time_zone))
    tiers = {tier.code: tier for tier in offer.snapshot.tiers}
    tier = tiers[offer.snapshot.slots_on(local.date())[(local.hour * 60 + local.minute) // 30]]
    try:
        with transaction.atomic():
            return ScoreOrder.objects.create(
                number=f"S{now.astimezone(WIRE_ZONE):%y%m%d%H%M%S}{secrets.randbelow(10**10):010d}",
                driver=driver,
                operator_id=connector.operator_id,
                station_id=connector.station_id,
                pile_id=connector.pile_id,
                connector=connector,
                client_key=key,
                openid=permission.openid,
                fund_fen=kept["fen"],
                rule=score_texts.rule(tier.electricity_price, tier.service_price),
                limits=kept,
                created_at=now,
                next_at=now + timedelta(seconds=PLAN_S[0]),
            )
    except IntegrityError:
        found = _of_key(driver, key)  # a rival with the same key was first
        if found is not None:
            return found
        rows = ScoreOrder.objects.unscoped("a driver's own request").filter(
            driver=driver, state__in=(*BEFORE_CHARGE, S.STARTED)
        )
        raise DomainError(
            "driver_busy", {"order_no": rows.values_list("number", flat=True).first()}
        ) from None


def _begin(row: ScoreOrder, job: Actor) -> None:
    """Start the charge of a locked row, or note why not and have the service order cancelled."""
    driver = row.driver
    actor = Actor(ActorKind.ACCOUNT, str(driver.pk), driver.masked_phone, party=driver)
    if clock.now() - row.created_at > LATE_AFTER:
        give_up(row, DomainError("paid_start_late"), job)
        return
    try:
        with transaction.atomic():
            row.order = orders.start_order(
                actor=actor,
                connector_code=row.connector.code,
                driver=driver,
                limit_fen=row.fund_fen,
                targets=Targets.from_json({k: v for k, v in row.limits.items() if k != "package_fen"}),
                package_fen=row.limits.get("package_fen"),
                by_score=True,
            )
    except DomainError as refusal:
        give_up(row, refusal, job)
        return
    move_score(row, "started", update_fields=["order"])


def _of_key(driver: Driver, key: str) -> ScoreOrder | None:
    if not key:
        return None
    return ScoreOrder.objects.unscoped("a driver's own request").filter(driver=driver, client_key=key).first()


def _limits_json(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if name == "energy_kwh" else value for name, value in limits.items() if value}
