"""Add the usual pile models to the catalogue."""

from typing import Any

from kernel.actor import Actor
from kernel.commands import ServiceCommand
from stations.services.models import ensure_models


class Command(ServiceCommand):
    help = "Add the usual pile models that are missing; existing ones stay as they are."

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        return {"added": ensure_models(actor=actor)}

    def line(self, result: dict[str, Any]) -> str:
        return f"{result['added']} pile models added."
