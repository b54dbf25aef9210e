"""Writing the audit trail."""

from collections.abc import Mapping
from typing import Any

from django.db import models

from kernel import clock
from kernel.actor import Actor
from kernel.models import AuditEvent


def record(
    *,
    actor: Actor,
    action: str,
    target: models.Model,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    tenant_id: int | None = None,
) -> AuditEvent:
    """Write one audit event; call it inside the transaction that makes the change.

    `tenant_id` defaults to the target's `operator_id`-like `tenant_id` attribute when it has one.
    """
    return AuditEvent.objects.create(
        at=clock.now(),
        actor_kind=actor.kind,
        actor_id=actor.id[:64],
        actor_name=actor.name[:128],
        action=action,
        target_type=target._meta.label_lower,
        target_id=str(target.pk),
        target_name=str(target)[:128],
        tenant_id=tenant_id if tenant_id is not None else getattr(target, "tenant_id", None),
        reason=reason[:255],
        before=dict(before or {}),
        after=dict(after or {}),
        ip=actor.ip,
        request_id=actor.request_id,
    )
