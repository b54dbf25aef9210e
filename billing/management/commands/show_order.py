"""Show an order from the command line."""

from typing import Any

from django.core.management.base import CommandParser

from billing.api.orders import order_json
from billing.selectors import order_get
from kernel.actor import Actor
from kernel.commands import ServiceCommand


class Command(ServiceCommand):
    help = "Show an order with its figures, its bill and its history."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("order", metavar="NO", help="order number")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        order = order_get(actor=actor, order_no=options["order"])
        result = order_json(order)
        result["driver"] = order.driver.phone if order.driver else None
        result["transaction_ref"] = order.transaction_ref
        result["review_reasons"] = order.review_reasons
        result["events"] = [
            {
                "at": event.at.isoformat(),
                "kind": event.kind,
                "from": event.from_state,
                "to": event.to_state,
                "data": event.data,
                "by": event.actor_key,
            }
            for event in order.events.all()
        ]
        return result

    def line(self, result: dict[str, Any]) -> str:
        lines = [
            f"Order {result['order_no']}: {result['state']}, {result['energy_kwh']} kWh, "
            f"{result['total_fen']} fen (electricity {result['electricity_fen']}, service {result['service_fen']})"
        ]
        lines += [
            f"  {line['tier']}: {line['energy_kwh']} kWh, {line['total_fen']} fen"
            for line in result["bill"] or ()
        ]
        lines += [f"  {event['at']} {event['kind']} {event['to']}".rstrip() for event in result["events"]]
        return "\n".join(lines)
