"""Read the public holidays of a year, and the weekend days worked for them, from a CSV file."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from billing.services.calendars import import_special_days
from kernel.actor import Actor
from kernel.commands import ServiceCommand


class Command(ServiceCommand):
    help = "Read special days from a CSV file with the columns date, kind (holiday or workday), name."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="the CSV file, UTF-8")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        return import_special_days(actor=actor, path=options["file"])
