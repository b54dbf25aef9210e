"""How firmware campaigns get on, for operations."""

from typing import Any

from django.core.management.base import CommandParser

from devices.models import FirmwareCampaign
from devices.services import firmware_campaigns as campaigns
from kernel.actor import Actor
from kernel.commands import ServiceCommand
from kernel.errors import DomainError


class Command(ServiceCommand):
    help = (
        "List the firmware campaigns with their piles by state; or start, pause, resume, retry or cancel one."
    )

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--campaign", type=int, help="number of a campaign; else the last twenty are listed"
        )
        parser.add_argument("--do", choices=["start", "pause", "resume", "retry", "cancel"])
        parser.add_argument("--reason", default="", help="why, for the audit trail")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        rows = FirmwareCampaign.objects.for_actor(actor).select_related("firmware__model", "operator")
        if options["campaign"] is not None:
            rows = rows.filter(pk=options["campaign"])
            if not rows.exists():
                raise DomainError("not_found")
        if options["do"]:
            if options["campaign"] is None:
                reason = "--campaign is needed with --do"
                raise DomainError("invalid", {"field": "campaign", "reason": reason}, field="campaign")
            campaigns.move(actor=actor, campaign=rows.get(), event=options["do"], reason=options["reason"])
        return {"campaigns": [self._shown(row) for row in rows.order_by("-pk")[:20]]}

    def _shown(self, row: FirmwareCampaign) -> dict[str, Any]:
        return {
            "id": row.pk,
            "name": row.name,
            "operator": row.operator.code,
            "model": str(row.firmware.model),
            "version": row.firmware.version,
            "state": row.state,
            "paused_because": row.paused_because,
            "piles": campaigns.counts(row),
        }

    def line(self, result: dict[str, Any]) -> str:
        return "\n".join(
            f"{one['id']}  {one['state']}  {one['name']}  {one['model']} {one['version']}  "
            + " ".join(f"{state}={number}" for state, number in one["piles"].items())
            for one in result["campaigns"]
        )
