"""Stations from a spreadsheet."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from kernel.actor import Actor
from kernel.imports import Column, Importer, Labels, choice, choices_of, decimal
from stations.models.station import Amenity, Datum, Scene
from stations.services import stations
from users.selectors import operator_get

DEGREES = _("degrees with up to six places, such as 117.227239")


class StationImporter(Importer):
    """One row, one station; columns are those of the station's form."""

    title = _("Import stations")
    name = "stations"
    columns = (
        Column("operator", _("Operator code"), accepted=_("the code of an operator"), example="huiyun", required=True),
        Column("code", _("Station code"), accepted=_("1 to 32 letters, digits, - and _"), example="HF-001", required=True),
        Column("name", _("Station name"), accepted=_("up to 64 characters"), example="示例充电站", required=True),
        Column("address", _("Address"), accepted=_("up to 128 characters"), example="合肥市包河区示例路 1 号"),
        Column("region_code", _("Region code"), accepted=_("six digits of GB/T 2260"), example="340111"),
        Column("longitude", _("Longitude"), decimal, DEGREES, "117.227239"),
        Column("latitude", _("Latitude"), decimal, DEGREES, "31.820587"),
        Column("datum", _("Measured in"), choice(Datum), Labels(Datum), "GCJ-02（国内地图）"),
        Column("scene", _("Kind of place"), choice(Scene), Labels(Scene), "公共停车场"),
        Column("amenities", _("Amenities"), choices_of(Amenity), Labels(Amenity), "卫生间，便利店"),
        Column("opening_hours", _("Opening hours"), accepted=_("up to 64 characters"), example="07:00-23:00"),
        Column("parking_note", _("Parking"), accepted=_("up to 128 characters"), example="充电免停车费 2 小时"),
        Column("service_phone", _("Service phone"), accepted=_("up to 20 characters"), example="0551-12345678"),
    )  # fmt: skip

    def make(self, actor: Actor, values: Mapping[str, Any]) -> str:
        values = dict(values)
        archive = {name: values.pop(name) for name in stations.ARCHIVE if name in values}
        operator = operator_get(actor=actor, code=values.pop("operator"))
        return stations.create_station(actor=actor, operator=operator, archive=archive, **values).code
