"""Records of sessions that a pile without a network kept, brought in from a file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.services.records import ReportedTransaction, store_record
from devices.services.references import pile_ref
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.imports import Column, Importer, Labels, choice, decimal, integer
from kernel.services import audit
from stations.models.mode import ChargeMode, Edition, StartWay
from stations.selectors import pile_get
from users import policy

MOMENT = gettext_lazy("a moment in the station's time such as 2026-11-25 18:30:00")
ENERGY = gettext_lazy("kWh with up to four decimals")
START_METHODS = {"card": "offline_card", "plug": "plug", "vin": "vin"}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("/", "-"))


class RecordImporter(Importer):
    """One row, one finished session; a record that came before, by file or by the pile itself, is one and the same."""

    title = gettext_lazy("Import offline records")
    name = "records"
    columns = (
        Column("pile", gettext_lazy("Pile code"), accepted=gettext_lazy("the code of a pile in an offline mode"), example="34010010010099", required=True),
        Column("connector_no", gettext_lazy("Connector"), integer(1, 99), gettext_lazy("a whole number from 1 to 99"), "1", required=True),
        Column("transaction_ref", gettext_lazy("Transaction no."), accepted=gettext_lazy("up to 64 characters"), example="34010010010099012611251830000001", required=True),
        Column("method", gettext_lazy("Start method"), choice(StartWay), Labels(StartWay), "刷卡", required=True),
        Column("started_at", gettext_lazy("Started at"), _moment, MOMENT, "2026-11-25 18:30:00", required=True),
        Column("ended_at", gettext_lazy("Ended at"), _moment, MOMENT, "2026-11-25 20:10:00", required=True),
        Column("energy_kwh", gettext_lazy("Energy (kWh)"), decimal, ENERGY, "11.2", required=True),
        Column("meter_start_kwh", gettext_lazy("Meter start (kWh)"), decimal, ENERGY, "1520.3"),
        Column("meter_end_kwh", gettext_lazy("Meter end (kWh)"), decimal, ENERGY, "1531.5"),
        Column("card", gettext_lazy("Card number"), accepted=gettext_lazy("the physical card number")),
    )  # fmt: skip

    def make(self, actor: Actor, values: Mapping[str, Any]) -> str:
        policy.require(actor, "devices.add_transactionrecord")
        try:
            pile = pile_get(actor=actor, code=values["pile"])
        except DomainError as error:
            raise DomainError(error.code, error.params, field="pile") from None
        if pile.edition != Edition.OFFLINE and pile.charge_mode == ChargeMode.ONLINE_PAID:
            raise _refuse("pile", _("a pile of the offline edition or in an offline mode is accepted."))
        if values["method"] not in START_METHODS:
            raise _refuse("method", _("no platform saw the session, so nobody can have scanned."))
        zone = ZoneInfo(pile.station.time_zone)
        times = {
            name: values[name] if values[name].tzinfo else values[name].replace(tzinfo=zone)
            for name in ("started_at", "ended_at")
        }
        ref = values["transaction_ref"][:64]
        record = store_record(
            pile=pile_ref(pile),
            reported=ReportedTransaction(
                connector_no=values["connector_no"],
                protocol=pile.protocol,
                identity=f"{pile.protocol}:{pile.code}:{ref}",
                transaction_ref=ref,
                energy_kwh=values["energy_kwh"],
                meter_start_kwh=values.get("meter_start_kwh"),
                meter_end_kwh=values.get("meter_end_kwh"),
                start_method=START_METHODS[values["method"]],
                id_tag=values.get("card", ""),
                payload={"imported_by": actor.name},
                **times,
            ),
        )
        audit.record(
            actor=actor,
            action="devices.import_record",
            target=record,
            after={"pile": pile.code, "energy_kwh": str(values["energy_kwh"])},
        )
        return record.transaction_ref


def _refuse(field: str, reason: str) -> DomainError:
    return DomainError("invalid", {"field": field, "reason": reason}, field=field)
