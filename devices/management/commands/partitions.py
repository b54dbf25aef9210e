"""Create the partitions of the coming days and drop the old ones, as the periodic job does."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import connection

from devices.services import partitions
from kernel.actor import Actor
from kernel.commands import ServiceCommand


class Command(ServiceCommand):
    help = (
        "Create partitions of samples and frames for the coming week; drop or delete what is older than kept."
    )

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--show", action="store_true", help="only list the partitions there are")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        if not options["show"]:
            return {"tables": [kept.as_json() for kept in partitions.keep_partitions()]}
        tables = []
        for model, days in partitions.retention_days().items():
            there = partitions.partitions_of(model) if connection.vendor == "postgresql" else set()
            tables.append(
                {
                    "table": model._meta.db_table,
                    "keep_days": days,
                    "days": sorted(day.isoformat() for day in there),
                }
            )
        return {"tables": tables}

    def line(self, result: dict[str, Any]) -> str:
        lines = []
        for row in result["tables"]:
            if "days" in row:
                span = f"{row['days'][0]} to {row['days'][-1]}" if row["days"] else "not partitioned"
                lines.append(
                    f"{row['table']}: {len(row['days'])} days, {span}, kept for {row['keep_days']} days"
                )
            else:
                made, gone = len(row["created"]), len(row["dropped"])
                lines.append(
                    f"{row['table']}: {made} days created, {gone} dropped, {row['deleted']} rows deleted"
                )
        return "\n".join(lines)
