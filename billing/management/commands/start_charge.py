"""Start charging for a driver from the command line."""

from typing import Any

from django.core.management.base import CommandParser

from billing.api.orders import order_json
from billing.selectors import order_get
from billing.services import orders
from kernel.actor import Actor
from kernel.commands import ServiceCommand
from users.selectors import driver_get


class Command(ServiceCommand):
    help = "Open an order on a connector and send the start command to its pile."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--connector", required=True, help="code of the connector")
        parser.add_argument("--phone", required=True, help="phone of the driver who pays")
        parser.add_argument("--limit-fen", type=int, help="hold and charge at most this much")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        order = orders.start_order(
            actor=actor,
            connector_code=options["connector"],
            driver=driver_get(actor=actor, phone=options["phone"]),
            limit_fen=options["limit_fen"],
        )
        return order_json(order_get(actor=actor, order_no=order.order_no))

    def line(self, result: dict[str, Any]) -> str:
        return (
            f"Order {result['order_no']} is {result['state']} on {result['connector_code']}; "
            f"{result['limit_fen']} fen are held."
        )
