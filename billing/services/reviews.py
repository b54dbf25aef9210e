"""What a person decides about orders and records that did not fit."""

from django.db import transaction
from django.utils.translation import gettext

from billing.locks import lock_order
from billing.models import ChargingOrder, ReviewItem
from billing.pricing import Finding, PricingError
from billing.services.evidence import from_record, from_samples
from billing.services.settlement import settle
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy

HOW = ("record", "samples", "zero")


def settle_review(*, actor: Actor, order_no: str, how: str, reason: str) -> ChargingOrder:
    """Settle an order that waits for a person.

    Args:
        how: `record` prices the pile's record although it was doubted, `samples` the live readings, `zero`
            charges nothing.
        reason: why; kept in the audit trail.

    Raises:
        DomainError: `order_unknown`, `order_not_in_review`, `record_missing`, `choice_invalid`,
            `reason_required`, `permission_denied`.
    """
    policy.require(actor, "billing.settle_review")
    if how not in HOW:
        raise DomainError("choice_invalid", {"value": how, "accepted": ", ".join(HOW)}, field="how")
    if not reason.strip():
        raise DomainError("reason_required", field="reason")
    found = ChargingOrder.objects.for_actor(actor).filter(order_no=order_no).first()
    if found is None:
        raise DomainError("order_unknown", {"order_no": order_no})
    with transaction.atomic():
        order = lock_order(found.pk)
        if order.state != ChargingOrder.State.REVIEW:
            raise DomainError("order_not_in_review", {"order_no": order_no})
        before = {"state": order.state, "reasons": order.review_reasons}
        findings = [Finding.from_json(row) for row in order.review_reasons]
        evidence = _evidence(order, how)
        try:
            settle(order, actor=actor, evidence=evidence, findings=findings)
        except (PricingError, ArithmeticError):
            reason_text = gettext("it cannot be priced")
            raise DomainError("record_missing", {"order_no": order_no, "reason": reason_text}) from None
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
    return order


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
        changed = (
            ReviewItem.objects.for_actor(actor)
            .filter(pk=item_id, state=ReviewItem.State.OPEN)
            .update(
                state=ReviewItem.State.RESOLVED,
                resolved_at=clock.now(),
                resolved_by=actor.name[:128],
                resolution=resolution[:255],
            )
        )
        if not changed:
            raise DomainError("review_closed")
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


def _evidence(order: ChargingOrder, how: str) -> dict:
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
    evidence, _findings = from_record(order, order.record)
    if "basis" not in evidence:
        raise DomainError(
            "record_missing", {"order_no": order.order_no, "reason": gettext("it cannot be priced")}
        )
    return evidence
