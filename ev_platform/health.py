"""Is this process alive, is it ready, and what do its figures say: `/healthz`, `/readyz`, `/metrics`."""

import asyncio
import hmac
import ipaddress
import time
from collections.abc import Callable
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import REGISTRY, GaugeMetricFamily

from kernel.heartbeat import beat_age_s
from kernel.metrics import read_gauges
from kernel.runtime.dbpool import in_database

CHECK_TIMEOUT_S = 3.0
BEAT_STALE_AFTER_S = 60.0
_started_at = time.monotonic()
_migrated = False


@require_safe
async def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers; touches nothing else."""
    return _plain_json({"status": "alive", "uptime_s": round(time.monotonic() - _started_at, 1)}, 200)


@require_safe
async def readyz(request: HttpRequest) -> JsonResponse:
    """200 when work can be taken, else 503 with the names of what is not ready and why."""
    checks = {
        "database": _check_in_thread(_check_database),
        "migrations": _check_in_thread(_check_migrations),
        "cache": _check_in_thread(_check_cache),
        "channel_layer": _check_channel_layer(),
    }
    results = dict(zip(checks, await asyncio.gather(*map(_outcome, checks.values())), strict=True))
    results["beat"] = await _outcome(_check_in_thread(_check_beat))
    not_ready = [name for name, problem in results.items() if problem]
    beat_is_here = settings.EMBEDDED_BUS and getattr(settings, "EV_EMBEDDED_BEAT", False)
    failing = [name for name in not_ready if name != "beat" or beat_is_here]
    body = {
        "status": "not ready" if failing else "ready",
        "not_ready": not_ready,
        "checks": {name: problem or "ok" for name, problem in results.items()},
    }
    return _plain_json(body, 503 if failing else 200)


async def _outcome(check: Any) -> str | None:
    """None when the check passed, else what is wrong, in one line."""
    try:
        await asyncio.wait_for(check, CHECK_TIMEOUT_S)
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Exception as error:
        first_line = (str(error).strip() or "failed").splitlines()[0]
        return f"{type(error).__name__}: {first_line}"[:200]
    return None


async def _check_in_thread(check: Callable[[], None]) -> None:
    await in_database(check)


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def _check_migrations() -> None:
    global _migrated
    if _migrated:  # the code of a running process does not change
        return
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        raise RuntimeError(f"{len(waiting)} migrations are not applied")
    _migrated = True


def _check_cache() -> None:
    cache.set("ev:readyz", "1", 30)
    if cache.get("ev:readyz") != "1":
        raise RuntimeError("a value did not come back")


async def _check_channel_layer() -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel("readyz")
    await layer.send(channel, {"type": "readyz"})
    await layer.receive(channel)


def _check_beat() -> None:
    age_s = beat_age_s()
    if age_s is None:
        if time.monotonic() - _started_at > BEAT_STALE_AFTER_S:
            raise RuntimeError("no periodic job has run yet")
    elif age_s > BEAT_STALE_AFTER_S:
        raise RuntimeError(f"the last periodic job ran {age_s:.0f} s ago")


class _Gauges:
    """The registered gauges as a Prometheus collector."""

    def collect(self) -> Any:
        gauges, failed = read_gauges()
        families: dict[str, GaugeMetricFamily] = {}
        for gauge in gauges:
            names = sorted(gauge.labels)
            family = families.get(gauge.name)
            if family is None:
                family = families[gauge.name] = GaugeMetricFamily(gauge.name, gauge.help, labels=names)
            family.add_metric([str(gauge.labels[name]) for name in names], gauge.value)
        yield from families.values()
        yield GaugeMetricFamily(
            "ev_metrics_failed_sources", "Gauge sources that could not be read", value=failed
        )


@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text; for this machine itself, or for who brings `Authorization: Bearer <EV_METRICS_TOKEN>`."""
    if not _may_read_metrics(request):
        return _plain_json(
            {"status": "forbidden", "accepted": "loopback, or the bearer token of EV_METRICS_TOKEN"}, 403
        )
    registry = CollectorRegistry()
    registry.register(_Gauges())
    body = await in_database(lambda: generate_latest(registry)) + generate_latest(REGISTRY)
    return HttpResponse(body, content_type="text/plain; version=0.0.4; charset=utf-8")


def _may_read_metrics(request: HttpRequest) -> bool:
    token = settings.EV_METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return True
    # A forwarded request came from elsewhere, whatever address the proxy itself has.
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _plain_json(body: dict[str, Any], status: int) -> JsonResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})
