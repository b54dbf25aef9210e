"""The simulated week in a database of its own, committed and served, for whoever wants to look at its screens.

    python -m tests.billing.finance.served_week --data-dir /tmp/week --drivers 3 --orders 4 --serve

fills a fresh SQLite database in the data folder, holds every total on the finance pages against the week's own
report, prints both as JSON, and with `--serve` runs the platform and the payment sandbox on it until Ctrl-C. Log in as
`caiwu` with the demo's password. Never where EV_ENV=production.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", required=True, type=Path, help="a folder that has no database yet")
    parser.add_argument("--drivers", type=int, default=2, help="drivers of each of the three operators")
    parser.add_argument("--orders", type=int, default=2, help="orders of each driver a day")
    parser.add_argument("--serve", action="store_true", help="serve it afterwards, until Ctrl-C")
    parser.add_argument("--http-port", type=int, default=8000)
    parser.add_argument("--sandbox-port", type=int, default=8900)
    options = parser.parse_args()
    data = options.data_dir.expanduser().resolve()
    if (data / "ev.sqlite3").exists():
        parser.error(f"{data} has a database already; name a fresh folder")
    data.mkdir(parents=True, exist_ok=True)
    for name in ("EV_DATABASE_URL", "EV_REDIS_URL", "EV_ENV"):
        os.environ.pop(name, None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "ev_platform.settings",
        "EV_DATA_DIR": str(data),
        "EV_DEMO": "1",
        "EV_HTTP_PORT": str(options.http_port),
        "EV_PAYMENT_SANDBOX": f"http://127.0.0.1:{options.sandbox_port}",
        "EV_LOG_LEVEL": os.environ.get("EV_LOG_LEVEL", "WARNING"),
    }
    sys.path.insert(0, str(ROOT))
    differences = _live(data, options)
    if options.serve:
        _serve(options)
    return 1 if differences else 0


def _live(data: Path, options: argparse.Namespace) -> dict:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from analytics.services import facts
    from billing import business_day
    from billing.payments.merchants import SANDBOX_FOLDER
    from billing.payments.sandbox import Sandbox
    from ev_platform.demo import world
    from kernel import clock
    from tests import factories
    from tests.billing.finance.desk import assert_ties
    from tests.billing.finance.screens import differing, income_of_report, read
    from tests.billing.finance.week import Week

    settings.ALLOWED_HOSTS = ["*"]
    call_command("migrate", verbosity=0, interactive=False)
    sandbox = Sandbox(data / SANDBOX_FOLDER, by_itself=False)
    sandbox.faults.refund_gap_s = 0
    sandbox.faults.drop_callback = True
    sandbox.invoices.base_url = settings.PAYMENT_SANDBOX_URL
    settings.PAYMENT_SANDBOX_URL = sandbox.start().url
    began = time.monotonic()
    try:
        with sandbox.book.deferred():
            week = Week(sandbox, drivers_each=options.drivers, orders_a_day=options.orders).open()
            noon = business_day.bounds(business_day.today())[0] - timedelta(days=7) + timedelta(hours=12)
            week.live(noon)
            week.invoice_everything()
            told = week.report()
    finally:
        sandbox.stop()
    for _hour, _rows in facts.build_span(facts.first_hour(), clock.now()):
        pass
    assert_ties()
    staff = factories.make_staff(superuser=True)
    staff.username = "caiwu"
    staff.set_password(world.PASSWORD)
    staff.save()
    client = Client()
    client.force_login(staff)
    shown = read(client)
    first = business_day.day_of(noon)
    shown["income_fen"] = income_of_report(client, first, first + timedelta(days=7))
    differences = differing(client, told, shown)
    sys.stdout.write(
        json.dumps(
            {
                "report": told,
                "screens": shown,
                "differences": {name: list(pair) for name, pair in differences.items()},
                "seconds": round(time.monotonic() - began, 1),
            },
            ensure_ascii=False,
            indent=1,
        )
        + "\n"
    )
    return differences


def _serve(options: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # its two processes end with it
    manage = [sys.executable, str(ROOT / "manage.py")]
    parts = [
        subprocess.Popen([*manage, "serve"], cwd=ROOT),
        subprocess.Popen([*manage, "sandbox", "--port", str(options.sandbox_port)], cwd=ROOT),
    ]
    sys.stdout.write(f"http://127.0.0.1:{options.http_port}/admin/  as caiwu; Ctrl-C ends it\n")
    with contextlib.suppress(KeyboardInterrupt):
        parts[0].wait()
    for part in parts:
        part.terminate()
    for part in parts:
        part.wait(10)


if __name__ == "__main__":
    sys.exit(main())
