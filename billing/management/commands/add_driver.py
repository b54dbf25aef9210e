"""Register a driver from the command line. On this floor because it may put money on the wallet as well."""

import uuid
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from billing.services import ledger
from kernel.actor import Actor
from kernel.commands import ServiceCommand
from users.selectors import operator_get
from users.services import drivers, tokens


class Command(ServiceCommand):
    help = "Register a driver, put money on the wallet, print an API token."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--phone", required=True, help="mobile number, 11 digits starting with 1")
        parser.add_argument("--name", default="")
        parser.add_argument("--operator", help="code of the operator that registers the driver")
        parser.add_argument("--top-up", type=int, metavar="FEN", help="money for the wallet, in fen")
        parser.add_argument("--token", action="store_true", help="issue an API token and print it")
        parser.add_argument(
            "--existing", action="store_true", help="use the driver of this phone if there is one"
        )

    @transaction.atomic
    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        operator = operator_get(actor=actor, code=options["operator"]) if options["operator"] else None
        driver = drivers.register_driver(
            actor=actor,
            phone=options["phone"],
            name=options["name"],
            operator=operator,
            get_existing=options["existing"],
        )
        if options["top_up"] is not None:
            ledger.top_up(
                actor=actor,
                driver=driver,
                amount_fen=options["top_up"],
                reason="command line",
                idempotency_key=uuid.uuid4().hex,
            )
        result = {
            "id": driver.pk,
            "phone": driver.phone,
            "name": driver.name,
            "balance_fen": ledger.wallet_of(driver).balance_fen,
        }
        if options["token"]:
            result["token"] = tokens.issue_token(actor=actor, driver=driver, name="command line")
        return result

    def line(self, result: dict[str, Any]) -> str:
        token = f" Token: {result['token']}" if "token" in result else ""
        return f"Driver {result['phone']} has {result['balance_fen']} fen.{token}"
