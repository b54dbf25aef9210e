"""Create or complete the role templates from the command line."""

from typing import Any

from kernel.actor import Actor
from kernel.commands import ServiceCommand
from users.services.roles import ensure_roles


class Command(ServiceCommand):
    help = "Create the role templates, or add what they lack."

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        roles = ensure_roles(actor=actor)
        return {code: group.permissions.count() for code, group in roles.items()}

    def line(self, result: dict[str, Any]) -> str:
        return "Roles: " + ", ".join(f"{code} ({number} permissions)" for code, number in result.items())
