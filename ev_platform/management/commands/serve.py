"""Start this process of the platform: everything in one on the embedded default, chosen parts in production."""

import asyncio
import gc
import os
import sys
from argparse import ArgumentParser
from typing import Any

import psycopg
import uvloop
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from ev_platform.server import Parts, PortTaken, open_port, serve


class Command(BaseCommand):
    help = (
        "Serve web, WebSockets and device listeners; with the embedded broker also Celery's worker and beat."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--migrate", action="store_true", help="apply missing migrations first")
        parser.add_argument("--no-worker", action="store_true", help="run no Celery worker in this process")
        parser.add_argument("--no-beat", action="store_true", help="send no periodic jobs from this process")
        parser.add_argument("--no-devices", action="store_true", help="open no device ports in this process")

    def handle(self, *args: Any, **options: Any) -> None:
        # First, so that a second start says so at once and changes nothing.
        try:
            http_socket = open_port(settings.EV_HTTP_HOST, settings.EV_HTTP_PORT, "EV_HTTP_PORT")
        except PortTaken as error:
            raise CommandError(str(error)) from None
        self._prepare_database(migrate=options["migrate"])
        embedded = settings.CELERY_BROKER_URL.startswith("memory://")
        worker = embedded and not options["no_worker"]
        parts = Parts(
            devices=not options["no_devices"], worker=worker, beat=worker and not options["no_beat"]
        )
        settings.EV_EMBEDDED_BEAT = parts.beat
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                clean = runner.run(
                    serve(
                        parts,
                        on_ready=lambda addresses: self._announce(addresses, parts, embedded=embedded),
                        http_socket=http_socket,
                    )
                )
        except PortTaken as error:
            raise CommandError(str(error)) from None
        self.stdout.write("Stopped.")
        if not clean:
            # A task is still running in a pool thread, which the interpreter would wait for. Its work is a
            # transaction that rolls back, and a sweep that runs again.
            self.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    def _prepare_database(self, *, migrate: bool) -> None:
        try:
            if settings.EV_DATABASE_URL:
                # Without the pool, which would only say after its timeout that it got no connection, not why.
                psycopg.connect(settings.EV_DATABASE_URL, connect_timeout=5).close()
            if migrate:
                call_command("migrate", verbosity=0, interactive=False)
            executor = MigrationExecutor(connection)
            waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        except (OperationalError, psycopg.OperationalError) as error:
            reason = str(error).strip().splitlines()[0]
            raise CommandError(f"The database cannot be reached: {reason}") from None
        finally:
            connections.close_all()
        if waiting:
            raise CommandError(
                f"{waiting} migrations are not applied; run `manage.py migrate` or add --migrate."
            )
        gc.freeze()  # what start-up built stays; later collections skip it

    def _announce(self, addresses: dict[str, str], parts: Parts, *, embedded: bool) -> None:
        lines = [f"Serving {addresses['http']}"]
        if "ykc" in addresses:
            lines.append(f"  piles: YKC on {addresses['ykc']}, OCPP on {addresses['ocpp']}")
        else:
            lines.append(f"  piles: OCPP on {addresses['ocpp']}; no TCP listeners in this process")
        lines += [f"  {line}" for line in self._embedded_parts(parts, embedded=embedded)]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()

    def _embedded_parts(self, parts: Parts, *, embedded: bool) -> list[str]:
        lines = []
        if settings.EMBEDDED_DATABASE:
            lines.append(
                f"embedded database: SQLite in {settings.EV_DATA_DIR}; local disk only, one writer at a time, no "
                "second host (PostgreSQL: EV_DATABASE_URL)"
            )
        if settings.EMBEDDED_BUS:
            lines.append(
                "embedded channel layer, cache and queue: in memory; one process only, gone at its end, found again "
                "by the sweeps (Redis: EV_REDIS_URL)"
            )
        if parts.worker:
            lines.append(
                f"embedded Celery worker{' and beat' if parts.beat else ', no beat'}: threads of this process"
            )
        elif embedded:
            lines.append(
                "no Celery worker: the embedded queue is served by nobody, periodic work does not happen"
            )
        return lines
