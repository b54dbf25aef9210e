"""Piles as events name them."""

from devices.events import PileRef
from stations.models import Pile


def pile_ref(pile: Pile) -> PileRef:
    return PileRef(
        id=pile.pk,
        code=pile.code,
        protocol=pile.protocol,
        operator_id=pile.operator_id,
        station_id=pile.station_id,
        rated_power_kw=pile.rated_power_kw,
    )


def pile_by_code(code: str, protocol: str) -> Pile | None:
    """A registered pile with its model, by the identity it shows on the wire."""
    rows = Pile.objects.unscoped("a pile shows its own identity").select_related("model")
    return rows.filter(code=code, protocol=protocol).first()


def pile_by_id(pile_id: int) -> Pile:
    return Pile.objects.unscoped("the gateway holds this pile's socket").get(pk=pile_id)


def pile_by_any_protocol(code: str) -> Pile | None:
    """A registered pile by its code alone, to tell a stranger from one that speaks the wrong protocol."""
    return Pile.objects.unscoped("a pile shows its own identity").filter(code=code).first()
