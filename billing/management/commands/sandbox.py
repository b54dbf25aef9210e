"""Run the stand-in for WeChat Pay and Alipay, for demos and for development."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from billing.payments.merchants import SANDBOX_FOLDER


class Command(BaseCommand):
    help = (
        "Serve a strict stand-in for WeChat Pay and Alipay, with a page to pay or cancel. Start the platform "
        "with EV_PAYMENT_SANDBOX set to its address."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8900, help="port to listen on (default 8900)")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.EV_ENV == "production":
            raise CommandError("The payment sandbox is a stand-in; EV_ENV=production does not run it.")
        from billing.payments.sandbox import Sandbox

        folder = Path(settings.EV_DATA_DIR) / SANDBOX_FOLDER
        try:
            sandbox = Sandbox(folder, host=options["host"], port=options["port"])
        except (OSError, OverflowError) as error:
            raise CommandError(f"Cannot listen on {options['host']}:{options['port']}: {error}") from None
        self.stdout.write(f"Payment sandbox on {sandbox.url}  (EV_PAYMENT_SANDBOX={sandbox.url})")
        self.stdout.flush()
        try:
            sandbox.serve()
        except KeyboardInterrupt:
            pass
        finally:
            sandbox.caller.stop()
            self.stdout.write("Stopped.")
