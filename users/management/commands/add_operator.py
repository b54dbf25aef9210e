"""Create an operator from the command line."""

from typing import Any

from django.core.management.base import CommandParser

from kernel.actor import Actor
from kernel.commands import ServiceCommand
from users.services import operators


class Command(ServiceCommand):
    help = "Create an operator (tenant)."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--code", required=True, help="1 to 32 letters, digits, - and _")
        parser.add_argument("--name", required=True)
        parser.add_argument("--contact", default="")
        parser.add_argument("--contact-phone", default="")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        operator = operators.create_operator(
            actor=actor,
            code=options["code"],
            name=options["name"],
            contact=options["contact"],
            contact_phone=options["contact_phone"],
        )
        return {"id": operator.pk, "code": operator.code, "name": operator.name}

    def line(self, result: dict[str, Any]) -> str:
        return f"Operator {result['code']} ({result['name']}) created."
