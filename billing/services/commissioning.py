"""Bringing piles to work in one step: registered, with connectors, a tariff, and no longer on the waiting list.

On this floor because a tariff belongs to it. Every function is one transaction: nothing is half done.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Tariff
from billing.services import tariff_assignments
from devices.models import UnknownPile
from devices.services.acceptance import accept_unknown_pile
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.imports import Column, Importer, Labels, choice, day, decimal, integer
from stations.models import Pile, PileModel, Station
from stations.models.mode import ChargeMode, Edition
from stations.selectors import station_get
from stations.services import piles, stations
from users.models import Operator


def commission_pile(
    *,
    actor: Actor,
    station: Station,
    tariff: Tariff | None = None,
    unknown: UnknownPile | None = None,
    **fields: Any,
) -> Pile:
    """Register a pile and let a tariff hold there; `fields` are those of `stations.services.piles.add_pile`.

    With `unknown`, its code and protocol are taken and it leaves the waiting list. Without `tariff`, the
    station's holds. Errors of `add_pile` and `assign_tariff`.
    """
    with transaction.atomic():
        if unknown is not None:
            pile = accept_unknown_pile(actor=actor, unknown=unknown, station=station, **fields)
        else:
            pile = piles.add_pile(actor=actor, station=station, **fields)
            UnknownPile.objects.filter(code=pile.code, protocol=pile.protocol).delete()
        if tariff is not None:
            tariff_assignments.assign_tariff(actor=actor, tariff=tariff, station=station, pile=pile)
    return pile


def set_up_station(
    *,
    actor: Actor,
    operator: Operator,
    station: Mapping[str, Any],
    pile_rows: Sequence[Mapping[str, Any]],
    tariff: Tariff | None,
) -> Station:
    """A whole place at once: the station, its piles, and the tariff that holds there.

    `station` holds the arguments of `create_station`, each of `pile_rows` those of `add_pile`. A refusal of a
    pile names its row in `params["row"]`, counted from 1.
    """
    with transaction.atomic():
        made = stations.create_station(actor=actor, operator=operator, **station)
        for number, row in enumerate(pile_rows, 1):
            try:
                with transaction.atomic():
                    commission_pile(actor=actor, station=made, **row)
            except DomainError as error:
                error.params["row"] = number
                raise
        if tariff is not None:
            tariff_assignments.assign_tariff(actor=actor, tariff=tariff, station=made)
    return made


def tariff_named(*, actor: Actor, operator: Operator, name: str) -> Tariff:
    """The operator's tariff of this name inside the scope; DomainError `invalid` naming those there are."""
    rows = Tariff.objects.for_actor(actor).filter(operator=operator)
    tariff = rows.filter(name=name).first()
    if tariff is None:
        names = ", ".join(rows.order_by("name").values_list("name", flat=True)[:10])
        reason = _("accepted are: %(names)s.") % {"names": names or "–"}
        raise DomainError("invalid", {"field": "tariff", "reason": reason}, field="tariff")
    return tariff


def model_named(name: str) -> PileModel:
    """The model whose brand and name are `name`; DomainError `invalid` naming those there are."""
    known = {str(model).casefold(): model for model in PileModel.objects.all()}
    model = known.get(" ".join(name.casefold().split()))
    if model is None:
        reason = _("accepted are: %(names)s.") % {"names": ", ".join(str(m) for m in known.values()) or "–"}
        raise DomainError("invalid", {"field": "model", "reason": reason}, field="model")
    return model


class PileImporter(Importer):
    """One row, one pile with its connectors and its tariff."""

    title = gettext_lazy("Import piles")
    name = "piles"
    columns = (
        Column("station", gettext_lazy("Station code"), accepted=gettext_lazy("the code of a station"), example="HF-001", required=True),
        Column("code", gettext_lazy("Pile code"), accepted=gettext_lazy("YKC: 14 digits; DNY: 8 hexadecimal digits; OCPP: 1 to 32 letters, digits, “_”, “.” and “-”"), example="34010010010099", required=True),
        Column("name", gettext_lazy("Pile name"), accepted=gettext_lazy("up to 64 characters"), example="1 号桩"),
        Column("protocol", gettext_lazy("Protocol"), choice(Pile.Protocol), Labels(Pile.Protocol), "YKC (TCP)", required=True),
        Column("model", gettext_lazy("Brand and model"), accepted=gettext_lazy("a model of the catalogue, brand first"), example=""),
        Column("connectors", gettext_lazy("Number of connectors"), integer(1, piles.MOST_CONNECTORS), gettext_lazy("a whole number from 1 to 16"), "2"),
        Column("rated_power_kw", gettext_lazy("Rated power (kW)"), decimal, gettext_lazy("a number above 0 and up to 5000, one decimal"), "120"),
        Column("password", gettext_lazy("Password"), accepted=gettext_lazy("OCPP only: 16 to 64 characters, also set in the pile")),
        Column("tariff", gettext_lazy("Tariff"), accepted=gettext_lazy("the name of a tariff of the operator; empty: that of the station")),
        Column("edition", gettext_lazy("Edition"), choice(Edition), Labels(Edition), "网络版"),
        Column("charge_mode", gettext_lazy("Charge mode"), choice(ChargeMode), Labels(ChargeMode), "在线收费"),
        Column("iccid", gettext_lazy("SIM"), accepted=gettext_lazy("up to 24 digits")),
        Column("sim_plan_mb", gettext_lazy("Data plan per month (MB)"), integer(0, 10**7), gettext_lazy("a whole number")),
        Column("sim_expires_on", gettext_lazy("Data plan until"), day, gettext_lazy("a day such as 2026-11-25")),
        Column("installed_on", gettext_lazy("Installed on"), day, gettext_lazy("a day such as 2026-11-25"), "2026-11-25"),
        Column("insurer", gettext_lazy("Insurer"), accepted=gettext_lazy("up to 64 characters")),
        Column("policy_no", gettext_lazy("Policy no."), accepted=gettext_lazy("up to 64 characters")),
        Column("insured_until", gettext_lazy("Insured until"), day, gettext_lazy("a day such as 2026-11-25")),
    )  # fmt: skip

    def make(self, actor: Actor, values: Mapping[str, Any]) -> str:
        values = dict(values)
        try:
            station = station_get(actor=actor, code=values.pop("station"))
        except DomainError as error:
            raise DomainError(error.code, error.params, field="station") from None
        archive = {name: values.pop(name) for name in _ARCHIVE if name in values}
        if "model" in values:
            values["model"] = model_named(values["model"])
            values.setdefault("connectors", values["model"].connectors)
        if "tariff" in values:
            values["tariff"] = tariff_named(actor=actor, operator=station.operator, name=values["tariff"])
        return commission_pile(actor=actor, station=station, archive=archive, **values).code


_ARCHIVE = (
    "edition", "charge_mode", "iccid", "sim_plan_mb", "sim_expires_on", "installed_on", "insurer", "policy_no",
    "insured_until",
)  # fmt: skip
