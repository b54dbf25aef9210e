"""What billing gives to the device floor: the tariff a pile has to hold."""

from billing.models import PileTariff, TariffVersion
from billing.services import tariffs
from devices.events import PileRef
from devices.ports import WireTariff, register_tariff_port
from kernel import clock
from kernel.errors import DomainError


class BillingTariffs:
    """The tariff port. A pile with an open session keeps the version it holds; prices change when it is idle."""

    def current(self, pile: PileRef) -> WireTariff | None:
        version = self._version(pile)
        if version is None:
            return None
        try:
            fields = tariffs.wire_model(version)
        except DomainError:
            return None
        return WireTariff(model_no=fields.pop("model_no"), fields=fields)

    def confirm(self, pile: PileRef, model_no: str) -> None:
        version = tariffs.version_by_wire_no(pile=pile, model_no=model_no)
        if version is not None:
            tariffs.confirm_held(pile=pile, version=version)

    def _version(self, pile: PileRef) -> TariffVersion | None:
        held = (
            PileTariff.objects.unscoped("what a pile holds").select_related("version").filter(pile_id=pile.id)
        )
        if (kept := held.first()) is not None and not tariffs.is_idle(pile):
            return kept.version
        return tariffs.version_in_force(pile=pile, at=clock.now())


def register() -> None:
    register_tariff_port(BillingTariffs())
