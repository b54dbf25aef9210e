"""Pile models: the catalogue of makes that all operators share."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import PileModel
from users import policy
from users.services import edits

EDITABLE = (
    "brand",
    "name",
    "current_type",
    "rated_power_kw",
    "register_kind",
    "heartbeat_s",
    "missed_heartbeats",
)


def save_pile_model(*, actor: Actor, model: PileModel | None = None, changes: Mapping[str, Any]) -> PileModel:
    """Add a pile model, or change one; DomainError `permission_denied`, `invalid`, `pile_model_taken`."""
    policy.require(actor, "stations.change_pilemodel" if model else "stations.add_pilemodel")
    try:
        with transaction.atomic():
            row = PileModel.objects.select_for_update().get(pk=model.pk) if model else PileModel()
            before, after = edits.apply(row, changes, editable=EDITABLE)
            row.save()
            audit.record(
                actor=actor, action="stations.save_pile_model", target=row, before=before, after=after
            )
    except IntegrityError:
        raise DomainError("pile_model_taken", {"name": str(row)}, field="name") from None
    return row
