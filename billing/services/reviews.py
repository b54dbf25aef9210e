"""What a person decides about orders and records that did not fit."""

import contextlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from billing.locks import lock_order
from billing.models import ChargingOrder, Proposal, ReviewItem
from billing.pricing import Bill, Finding, PricingError
from billing.pricing.register import energy_limit_kwh
from billing.services import proposals, settlement
from billing.services.evidence import bill_of, from_meter, from_record, from_samples
from billing.services.order_states import note
from billing.services.settling import settle
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import Operator

HOW = ("record", "meter", "samples", "zero")
IMPOSSIBLE = frozenset({"energy_above_power", "negative_energy", "end_before_start", "register_backwards"})


def settle_review(
    *,
    actor: Actor,
    order_no: str,
    how: str,
    reason: str,
    energy_kwh: Decimal | None = None,
    permission: str = "billing.settle_review",
) -> ChargingOrder | Proposal:
    """Settle an order that waits for a person, or ask a second one where more is at stake than one may decide.

    Args:
        how: `record` prices the pile's record although it was doubted, `meter` the difference of the pile's meter
            (its record's, or `energy_kwh` as read off), `samples` the live readings, `zero` charges nothing.
        reason: why; kept in the audit trail.
        permission: what the actor needs; another one for a door that settles orders of one kind only.

    Returns:
        The settled order; or, when what is billed or given up is above `EV_REVIEW_ALONE_FEN`, the proposal that
        somebody else has to approve (that also needs `billing.propose_change`).

    Raises:
        DomainError: `order_unknown`, `order_not_in_review`, `record_missing`, `choice_invalid`, `invalid`,
            `reason_required`, `permission_denied`.
    """
    policy.require(actor, permission)
    if not reason.strip():
        raise DomainError("reason_required", field="reason")
    found = ChargingOrder.objects.for_actor(actor).filter(order_no=order_no).first()
    if found is None:
        raise DomainError("order_unknown", {"order_no": order_no})
    with transaction.atomic():
        order = lock_order(found.pk)
        evidence = _evidence(order, how, energy_kwh)
        at_stake = _at_stake(order, evidence)
        if at_stake <= settings.REVIEW_ALONE_FEN:
            _settle(actor, order, evidence, how, reason)
            return order
    payload = {"order_no": order_no, "how": how}
    if energy_kwh is not None:
        payload["energy_kwh"] = str(energy_kwh)
    return proposals.propose(
        actor=actor,
        kind=Proposal.Kind.ORDER_SETTLEMENT,
        operator=found.operator,
        payload=payload,
        reason=reason,
    )


def _at_stake(order: ChargingOrder, evidence: dict[str, Any]) -> int:
    """Fen that the decision bills, or that it gives up of what the running cost or a possible record said."""
    total = _priced(order, evidence).total_fen
    said = [order.total_fen]
    if order.record is not None:
        by_record, findings, _bill = from_record(order, order.record)
        if "basis" in by_record and not IMPOSSIBLE & {finding.code for finding in findings}:
            with contextlib.suppress(PricingError, ArithmeticError, KeyError):
                said.append(bill_of(order, by_record).total_fen)
    return max(total, *(known - total for known in said))


def _priced(order: ChargingOrder, evidence: dict[str, Any]) -> Bill:
    try:
        return bill_of(order, evidence)
    except (PricingError, ArithmeticError, KeyError):
        reason = gettext("it cannot be priced")
        raise DomainError("record_missing", {"order_no": order.order_no, "reason": reason}) from None


def _settle(actor: Actor, order: ChargingOrder, evidence: dict[str, Any], how: str, reason: str) -> None:
    """Settle a locked order by checked evidence."""
    before = {"state": order.state, "reasons": order.review_reasons}
    findings = [Finding.from_json(row) for row in order.review_reasons]
    try:
        settle(order, actor=actor, evidence=evidence, findings=findings)
    except (PricingError, ArithmeticError):
        reason_text = gettext("it cannot be priced")
        raise DomainError("record_missing", {"order_no": order.order_no, "reason": reason_text}) from None
    audit.record(
        actor=actor,
        action="billing.settle_review",
        target=order,
        reason=reason,
        before=before,
        after={
            "state": order.state,
            "how": how,
            "energy_kwh": str(order.energy_kwh),
            "total_fen": order.total_fen,
        },
    )


def _check_proposal(operator: Operator | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    order = _of_proposal(operator, payload)
    _priced(order, _evidence(order, payload["how"], _energy_of(payload)))
    return dict(payload)


def _carry_out(actor: Actor, proposal: Proposal) -> str:
    order = lock_order(_of_proposal(proposal.operator, proposal.payload).pk)
    how = proposal.payload["how"]
    _settle(actor, order, _evidence(order, how, _energy_of(proposal.payload)), how, proposal.reason)
    return f"{order.order_no} ¥{order.total_fen / 100:.2f}"


def _of_proposal(operator: Operator | None, payload: Mapping[str, Any]) -> ChargingOrder:
    order_no = str(payload.get("order_no", ""))
    orders = ChargingOrder.objects.unscoped("the operator is in scope").select_related("pile", "record")
    order = orders.filter(operator=operator, order_no=order_no).first()
    if order is None:
        raise DomainError("order_unknown", {"order_no": order_no})
    return order


def _energy_of(payload: Mapping[str, Any]) -> Decimal | None:
    return Decimal(payload["energy_kwh"]) if "energy_kwh" in payload else None


proposals.register(
    Proposal.Kind.ORDER_SETTLEMENT, check=_check_proposal, carry_out=_carry_out, platform_only=False
)


def link_record(*, actor: Actor, item_id: int, order_no: str, reason: str) -> ChargingOrder:
    """Say that a record without an order is that of an order which lacks one; it is then judged as any record.

    The order must be of the same pile and waiting for a person, for its record, or closed. Raises `not_found`,
    `review_closed`, `order_unknown`, `record_of_other_pile`, `order_has_record`, `order_not_in_review`,
    `reason_required`, `permission_denied`.
    """
    policy.require(actor, "billing.settle_review")
    if not reason.strip():
        raise DomainError("reason_required", field="reason")
    item = ReviewItem.objects.for_actor(actor).filter(pk=item_id, kind=ReviewItem.Kind.ORPHAN_RECORD).first()
    if item is None or item.record is None:
        raise DomainError("not_found")
    found = ChargingOrder.objects.for_actor(actor).filter(order_no=order_no.strip()).first()
    if found is None:
        raise DomainError("order_unknown", {"order_no": order_no[:32]}, field="order_no")
    if found.pile_id != item.record.pile_id:
        raise DomainError(
            "record_of_other_pile", {"code": item.pile.code, "order_no": found.order_no}, field="order_no"
        )
    S = ChargingOrder.State
    with transaction.atomic():
        order = lock_order(found.pk)
        if order.record_id is not None:
            raise DomainError("order_has_record", {"order_no": order.order_no}, field="order_no")
        if order.state not in (S.REVIEW, S.FINISHING, S.CLOSED):
            raise DomainError("order_not_in_review", {"order_no": order.order_no}, field="order_no")
        before = {"state": order.state}
        _resolve(actor, item, f"{order.order_no}: {reason}")
        note(order, "record_linked", actor, {"record": item.record_id, "text": reason.strip()})
        settlement.link_record(order, item.record, actor)
        audit.record(
            actor=actor,
            action="billing.link_record",
            target=order,
            reason=reason,
            before=before,
            after={"state": order.state, "record": item.record_id, "total_fen": order.total_fen},
        )
    return order


def add_note(*, actor: Actor, order_no: str, text: str) -> None:
    """Write a note of staff on an order's timeline. Needs `billing.settle_review`; `order_unknown`."""
    policy.require(actor, "billing.settle_review")
    if not text.strip():
        raise DomainError("reason_required", field="reason")
    found = ChargingOrder.objects.for_actor(actor).filter(order_no=order_no).first()
    if found is None:
        raise DomainError("order_unknown", {"order_no": order_no})
    with transaction.atomic():
        order = lock_order(found.pk)
        note(order, "note", actor, {"text": text.strip()[:255]})
        audit.record(
            actor=actor, action="billing.note_order", target=order, reason=text, after={"text": text[:255]}
        )


def resolve_item(*, actor: Actor, item_id: int, resolution: str) -> ReviewItem:
    """Mark an item as handled, with a sentence on how. Moves no money.

    An item about an order in review is resolved by settling the order. Raises `not_found`, `review_closed`,
    `order_needs_settling`, `reason_required`, `permission_denied`.
    """
    policy.require(actor, "billing.settle_review")
    if not resolution.strip():
        raise DomainError("reason_required", field="resolution")
    found = ReviewItem.objects.for_actor(actor).filter(pk=item_id).first()
    if found is None:
        raise DomainError("not_found")
    with transaction.atomic():
        if found.order_id is not None:
            order = lock_order(found.order_id)
            if found.kind == ReviewItem.Kind.ORDER and order.state == ChargingOrder.State.REVIEW:
                raise DomainError("order_needs_settling", {"order_no": order.order_no})
        _resolve(actor, found, resolution)
        found.refresh_from_db()
        audit.record(
            actor=actor,
            action="billing.resolve_item",
            target=found,
            reason=resolution,
            before={"state": ReviewItem.State.OPEN},
            after={"state": found.state},
            tenant_id=found.operator_id,
        )
    return found


def _resolve(actor: Actor, item: ReviewItem, resolution: str) -> None:
    """Close an open item once; `review_closed`."""
    changed = (
        ReviewItem.objects.for_actor(actor)
        .filter(pk=item.pk, state=ReviewItem.State.OPEN)
        .update(
            state=ReviewItem.State.RESOLVED,
            resolved_at=clock.now(),
            resolved_by=actor.name[:128],
            resolution=resolution[:255],
        )
    )
    if not changed:
        raise DomainError("review_closed")


def _metered(order: ChargingOrder, energy_kwh: Decimal | None) -> Decimal:
    """The energy of the pile's meter: as read off, else the difference of the record's registers."""
    record = order.record
    if energy_kwh is None:
        if record is None or record.meter_start_kwh is None or record.meter_end_kwh is None:
            reason = gettext("it holds no registers; type the energy that the meter shows")
            raise DomainError("record_missing", {"order_no": order.order_no, "reason": reason})
        energy_kwh = record.meter_end_kwh - record.meter_start_kwh
    start = order.started_at or order.created_at
    most = energy_limit_kwh(order.pile.rated_power_kw, (order.ended_at or clock.now()) - start)
    if not energy_kwh.is_finite() or not 0 <= energy_kwh <= most or energy_kwh != round(energy_kwh, 4):
        accepted = gettext("a number from 0 to %(most)s with at most four decimals") % {"most": most}
        raise DomainError("invalid", {"field": "energy_kwh", "reason": accepted}, field="energy_kwh")
    return energy_kwh


def _evidence(order: ChargingOrder, how: str, energy_kwh: Decimal | None = None) -> dict[str, Any]:
    """What the order would be billed by; `choice_invalid`, `order_not_in_review`, `record_missing`, `invalid`."""
    if how not in HOW:
        raise DomainError("choice_invalid", {"value": how, "accepted": ", ".join(HOW)}, field="how")
    if order.state != ChargingOrder.State.REVIEW:
        raise DomainError("order_not_in_review", {"order_no": order.order_no})
    if how == "meter":
        return from_meter(order, _metered(order, energy_kwh))
    if how == "zero":
        return {"basis": "zero"}
    if how == "samples":
        if order.last_sample_at is None:
            raise DomainError(
                "record_missing",
                {"order_no": order.order_no, "reason": gettext("there are no live readings")},
            )
        return from_samples(order)
    if order.record is None:
        raise DomainError(
            "record_missing", {"order_no": order.order_no, "reason": gettext("the pile has sent none")}
        )
    evidence, _findings, _bill = from_record(order, order.record)
    if "basis" not in evidence:
        raise DomainError(
            "record_missing", {"order_no": order.order_no, "reason": gettext("it cannot be priced")}
        )
    return evidence
