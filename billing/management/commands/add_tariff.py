"""Create a tariff with its first version from the command line."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from billing.pricing import PricingError, Tier
from billing.pricing.tariff import SLOTS_PER_DAY
from billing.services import tariff_assignments, tariffs
from kernel import clock
from kernel.actor import Actor
from kernel.commands import Refused, ServiceCommand, decimal
from stations.selectors import pile_get, station_get
from users.selectors import operator_get

FILE_HELP = (
    'JSON file {"tiers": [{"code", "electricity_price", "service_price"}], "slots": [48 tier codes]}; '
    'instead of slots, "periods": [{"start": "HH:MM", "end": "HH:MM", "tier"}] that cover the day'
)


class Command(ServiceCommand):
    help = "Create a tariff that holds from now on, and assign it to a station or one of its piles."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--operator", required=True, help="code of the operator")
        parser.add_argument("--name", required=True)
        prices = parser.add_mutually_exclusive_group(required=True)
        prices.add_argument("--flat", metavar="ELEC+SERVICE", help="one price all day, yuan per kWh: 0.8+0.4")
        prices.add_argument("--file", type=Path, help=FILE_HELP)
        parser.add_argument("--station", help="code of the station where it is to hold")
        parser.add_argument("--pile", help="code of the one pile where it is to hold")

    @transaction.atomic
    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        operator = operator_get(actor=actor, code=options["operator"])
        tiers, slots = _flat(options["flat"]) if options["flat"] else _from_file(options["file"])
        tariff = tariffs.create_tariff(actor=actor, operator=operator, name=options["name"])
        version = tariffs.publish_version(
            actor=actor, tariff=tariff, tiers=tiers, slots=slots, effective_at=clock.now()
        )
        result = {"id": tariff.pk, "name": tariff.name, "version": version.number, "wire_no": version.wire_no}
        if options["pile"]:
            pile = pile_get(actor=actor, code=options["pile"])
            tariff_assignments.assign_tariff(actor=actor, tariff=tariff, station=pile.station, pile=pile)
            result["pile"] = pile.code
        elif options["station"]:
            station = station_get(actor=actor, code=options["station"])
            tariff_assignments.assign_tariff(actor=actor, tariff=tariff, station=station)
            result["station"] = station.code
        return result

    def line(self, result: dict[str, Any]) -> str:
        place = result.get("pile") or result.get("station") or "no place yet"
        return f"Tariff {result['name']} v{result['version']} created; it holds at {place}."


def _flat(text: str) -> tuple[list[Tier], list[str]]:
    parts = text.split("+")
    if len(parts) != 2:
        raise Refused("tariff_invalid", f"--flat {text!r} is not ELECTRICITY+SERVICE such as 0.8+0.4")
    return [_tier("flat", *parts)], ["flat"] * SLOTS_PER_DAY


def _from_file(path: Path) -> tuple[list[Tier], list[str]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_float=str, parse_int=str)
    except OSError as error:
        raise Refused("file_unreadable", f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise Refused("tariff_invalid", f"{path} is not JSON: {error}") from None
    try:
        tiers = [_tier(row["code"], row["electricity_price"], row["service_price"]) for row in data["tiers"]]
        slots = list(data["slots"]) if "slots" in data else _slots(data["periods"])
    except (KeyError, TypeError, AttributeError) as error:
        raise Refused(
            "tariff_invalid", f"{path}: {error} is missing or of another shape; {FILE_HELP}"
        ) from None
    return tiers, slots


def _slots(periods: list[dict[str, str]]) -> list[str]:
    slots: list[str | None] = [None] * SLOTS_PER_DAY
    for period in periods:
        for index in range(_slot(period["start"]), _slot(period["end"])):
            if slots[index] is not None:
                raise Refused("tariff_invalid", f"two periods cover {index // 2:02d}:{index % 2 * 30:02d}")
            slots[index] = period["tier"]
    if None in slots:
        index = slots.index(None)
        raise Refused("tariff_invalid", f"no period covers {index // 2:02d}:{index % 2 * 30:02d}")
    return slots


def _slot(text: str) -> int:
    hours, _colon, minutes = text.partition(":")
    if not (hours.isdecimal() and minutes in ("00", "30") and int(hours) * 2 + int(minutes) // 30 <= 48):
        raise Refused("tariff_invalid", f"{text!r} is not a half-hour between 00:00 and 24:00")
    return int(hours) * 2 + int(minutes) // 30


def _tier(code: str, electricity: str, service: str) -> Tier:
    try:
        return Tier(code, decimal(electricity), decimal(service))
    except PricingError as error:
        raise tariffs.invalid(error) from None
    except Exception as error:
        raise Refused("tariff_invalid", f"tier {code}: {error}") from None
