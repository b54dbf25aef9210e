"""Stop an order from the command line."""

from typing import Any

from django.core.management.base import CommandParser

from billing.api.orders import order_json
from billing.selectors import order_get
from billing.services import orders
from kernel.actor import Actor
from kernel.commands import ServiceCommand


class Command(ServiceCommand):
    help = "Send the stop command of an order to its pile."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--order", required=True, metavar="NO", help="order number")
        parser.add_argument("--reason", default="command line")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        orders.stop_order(actor=actor, order_no=options["order"], reason=options["reason"])
        return order_json(order_get(actor=actor, order_no=options["order"]))

    def line(self, result: dict[str, Any]) -> str:
        return f"Order {result['order_no']} is {result['state']}."
