"""Fills a database with the demo's world; a second run completes what is missing and changes nothing else."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import translation

from analytics.services import facts
from billing.models import ChargingOrder, Journal
from ev_platform.demo import nights, till, world
from ev_platform.demo.build import build
from ev_platform.demo.history import DAYS, write_history
from kernel import clock
from kernel.actor import Actor
from kernel.commands import Refused, ServiceCommand
from stations.models import Pile


class Command(ServiceCommand):
    help = "Make demo operators, stations, piles, tariffs, console accounts, drivers and a week of orders and settlement."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--no-history", action="store_true", help="without the last week")
        parser.add_argument("--sessions", type=int, default=64, help="how many past sessions (default 64)")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        if settings.PRODUCTION:
            raise Refused("not_in_production", "demo data has known passwords; not where EV_ENV=production")
        orders, now = ChargingOrder.objects.unscoped("the demo's own rows"), clock.now()
        if options["no_history"] or orders.exists():
            built = build(actor=actor)
        else:
            with translation.override("zh-hans"), till.opened() as channels:
                with clock.held_at(now - timedelta(days=DAYS, hours=1)):
                    built = build(actor=actor, recharged=channels is not None)
                built.made["orders"] = write_history(
                    actor=actor, now=now, till=channels, sessions=options["sessions"]
                )
            moments = Journal.objects.order_by().values_list("at", flat=True).iterator()
            for hour in sorted({facts.hour_of(at) for at in moments}):  # most hours of a week had no money
                facts.build_hour(hour)
            if channels is not None:
                nights.export_week(now)
        return {
            "made": built.made,
            "accounts": [
                {
                    "username": account.username,
                    "password": world.PASSWORD,
                    "name": account.display_name,
                    "role": account.role,
                    "operator": account.operator,
                }
                for account in world.ACCOUNTS
            ],
            "drivers": [world.DRIVER_PHONE.format(number) for number in range(1, world.DRIVERS + 1)],
            "piles": Pile.objects.unscoped("the demo's own rows").count(),
            "orders": orders.count(),
        }

    def line(self, result: dict[str, Any]) -> str:
        made = ", ".join(f"{count} {what}" for what, count in result["made"].items()) or "nothing new"
        lines = [f"Demo data: {made}; {result['piles']} piles, {result['orders']} orders in all."]
        lines += [
            f"  {one['username']:<10} {one['password']}  {one['role']} {one['operator']}".rstrip()
            for one in result["accounts"]
        ]
        lines.append(f"  drivers    {result['drivers'][0]} to {result['drivers'][-1]} (code login)")
        return "\n".join(lines)
