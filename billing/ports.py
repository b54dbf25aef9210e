"""What billing gives to the device floor: the tariff a pile has to hold, and whether it charges for somebody."""

from billing.models import ChargingOrder, PileTariff
from billing.models.order import OPEN_STATES
from billing.services import tariff_push
from devices.events import PileRef
from devices.ports import WireTariff, register_open_charge, register_tariff_port
from kernel import clock
from kernel.errors import DomainError


class BillingTariffs:
    """The tariff port. A pile with an open session keeps the version it holds; prices change when it is idle."""

    def current(self, pile: PileRef) -> WireTariff | None:
        rows = PileTariff.objects.unscoped("what a pile holds").select_related("version")
        kept = rows.filter(pile_id=pile.id).first()
        if kept is not None and not tariff_push.is_idle(pile):
            wanted = tariff_push.Wanted(kept.version, kept.profile)
        else:
            wanted = tariff_push.wanted_on(pile=pile, at=clock.now())
        if wanted is None:
            return None
        try:
            fields = tariff_push.wire_model(wanted.version, wanted.profile)
        except DomainError:
            return None
        held = kept is not None and (kept.version_id, kept.profile) == (wanted.version.pk, wanted.profile)
        return WireTariff(model_no=fields.pop("model_no"), fields=fields, held=held)

    def confirm(self, pile: PileRef, model_no: str) -> None:
        said = tariff_push.version_by_wire_no(pile=pile, model_no=model_no)
        if said is not None:
            tariff_push.confirm_held(pile=pile, version=said.version, profile=said.profile)


def has_open_order(pile_id: int) -> bool:
    """Whether an order of this pile is not over."""
    rows = ChargingOrder.objects.unscoped("asked for a pile that the caller holds")
    return rows.filter(pile_id=pile_id, state__in=OPEN_STATES).exists()


def register() -> None:
    register_tariff_port(BillingTariffs())
    register_open_charge(has_open_order)
