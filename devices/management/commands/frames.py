"""The frame log of a pile, on standard output."""

from typing import Any

from django.core.management.base import CommandParser

from devices.services import frames
from kernel.actor import Actor
from kernel.commands import ServiceCommand
from stations.selectors import pile_get


class Command(ServiceCommand):
    help = "Print the frames of a pile: a line each, with --json a JSON object each (hex and decoding)."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--pile", required=True, help="code of the pile")
        parser.add_argument("--day", default="", help="a day such as 2026-11-26; without it all that is kept")
        parser.add_argument("--transaction", default="", help="transaction number")
        parser.add_argument("--errors", action="store_true", help="only frames that could not be read")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        rows = frames.frames_of(
            actor=actor,
            pile=pile_get(actor=actor, code=options["pile"]),
            day=frames.day_of(options["day"]) if options["day"] else None,
            transaction_ref=options["transaction"],
            errors_only=options["errors"],
        )
        number = 0
        for row in rows.values(*frames.NAMES).iterator(chunk_size=frames.CHUNK):
            number += 1
            if options["json"]:
                self._print(frames.as_json(row))
            else:
                arrow = "<" if row["direction"] == "out" else ">"
                self.stdout.write(
                    f"{row['at']:%Y-%m-%d %H:%M:%S.%f} {arrow} {row['name']}  {row['raw']}"
                    + (f"  !{row['error']}" if row["error"] else "")
                )
        return {"frames": number}
