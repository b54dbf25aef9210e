"""Pile models: the catalogue of makes that all operators share."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile, PileModel
from users import policy
from users.services import edits

EDITABLE = (
    "brand",
    "name",
    "current_type",
    "rated_power_kw",
    "register_kind",
    "connectors",
    "connector_standard",
    "phases",
    "voltage_v",
    "current_a",
    "protocol",
    "vehicle_class",
    "capabilities",
    "heartbeat_s",
    "missed_heartbeats",
)
Kind, Standard, Cap, For = (
    PileModel.CurrentType,
    PileModel.ConnectorStandard,
    PileModel.Capability,
    PileModel.VehicleClass,
)
_DC = {
    "current_type": Kind.DC,
    "connector_standard": Standard.GBT_DC,
    "phases": 3,
    "voltage_v": 750,
    "protocol": "ykc",
    "capabilities": [Cap.CARD, Cap.VIN, Cap.SCREEN, Cap.ORDERED, Cap.FIRMWARE],
}
_AC = {
    "current_type": Kind.AC,
    "connector_standard": Standard.GBT_AC,
    "phases": 1,
    "voltage_v": 220,
    "protocol": "ykc",
    "capabilities": [Cap.CARD, Cap.PLUG, Cap.OFFLINE_RECORDS, Cap.FIRMWARE],
}
# What a platform begins with: the usual classes, to be copied and named by their makers.
USUAL: tuple[dict[str, Any], ...] = (
    {**_DC, "name": "DC 30 kW", "rated_power_kw": Decimal("30.0"), "connectors": 1, "current_a": Decimal(75)},
    {
        **_DC,
        "name": "DC 60 kW",
        "rated_power_kw": Decimal("60.0"),
        "connectors": 2,
        "current_a": Decimal(150),
    },
    {
        **_DC,
        "name": "DC 120 kW",
        "rated_power_kw": Decimal("120.0"),
        "connectors": 2,
        "current_a": Decimal(250),
    },
    {**_AC, "name": "AC 7 kW", "rated_power_kw": Decimal("7.0"), "current_a": Decimal(32)},
    {**_AC, "name": "AC 3.3 kW", "rated_power_kw": Decimal("3.3"), "current_a": Decimal(16)},
    {
        "brand": "Acrel",
        "name": "ACX10A-YH",
        "current_type": Kind.AC,
        "rated_power_kw": Decimal("5.0"),
        "connectors": 10,
        "connector_standard": Standard.SOCKET,
        "phases": 1,
        "voltage_v": 220,
        "current_a": Decimal(10),
        "protocol": "dny",
        "vehicle_class": For.EBIKE,
        "capabilities": [Cap.CARD],
    },
)
GENERIC = "通用"


def ensure_models(*, actor: Actor) -> int:
    """Add the usual models that are missing; returns how many. Those that are there stay as they are."""
    policy.require(actor, "stations.add_pilemodel")
    made = 0
    for given in USUAL:
        changes = {"brand": GENERIC, **given}
        if not PileModel.objects.filter(brand=changes["brand"], name=changes["name"]).exists():
            save_pile_model(actor=actor, changes=changes)
            made += 1
    return made


def save_pile_model(*, actor: Actor, model: PileModel | None = None, changes: Mapping[str, Any]) -> PileModel:
    """Add a pile model, or change one; DomainError `permission_denied`, `invalid`, `pile_model_taken`."""
    policy.require(actor, "stations.change_pilemodel" if model else "stations.add_pilemodel")
    try:
        with transaction.atomic():
            row = PileModel.objects.select_for_update().get(pk=model.pk) if model else PileModel()
            before, after = edits.apply(row, changes, editable=EDITABLE)
            _check(row)
            row.save()
            audit.record(
                actor=actor, action="stations.save_pile_model", target=row, before=before, after=after
            )
    except IntegrityError:
        raise DomainError("pile_model_taken", {"name": str(row)}, field="name") from None
    return row


def _check(model: PileModel) -> None:
    wrong = set(model.capabilities) - set(Cap.values)
    if wrong:
        _refuse("capabilities", ", ".join(Cap.values))
    if not 1 <= model.connectors <= 16:
        _refuse("connectors", "1–16")
    if model.phases not in (None, 1, 3):
        _refuse("phases", "1, 3")
    if model.protocol and model.protocol not in Pile.Protocol.values:
        _refuse("protocol", ", ".join(Pile.Protocol.values))
    if not 0 < model.rated_power_kw <= 5000:
        _refuse("rated_power_kw", "0.1–5000")


def _refuse(field: str, accepted: str) -> None:
    reason = _("%(accepted)s are accepted.") % {"accepted": accepted}
    raise DomainError("invalid", {"field": field, "reason": reason}, field=field)
