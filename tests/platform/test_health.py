"""The three addresses that machines ask: alive, ready, figures."""

import json
import time

import pytest
from channels.layers import get_channel_layer
from django.core.cache import cache
from django.test import AsyncClient

from ev_platform import health
from ev_platform.schedule import PERIODIC_JOBS, QUEUES
from kernel import heartbeat
from kernel.metrics import Gauge, register_gauges
from kernel.runtime.dbpool import shutdown_database_pool

pytestmark = [pytest.mark.embedded, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _young_process(monkeypatch):
    """The suite runs for minutes without a beat; to these tests the process has just started."""
    monkeypatch.setattr(health, "_started_at", time.monotonic())
    yield
    shutdown_database_pool()


async def _get(path: str, **options):
    response = await AsyncClient().get(path, **options)
    return response.status_code, response.content.decode()


def test_healthz_answers_without_touching_the_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json()["status"] == "alive"


async def test_readyz_is_200_when_everything_answers():
    # The first answer may come before every migration has been read.
    for _ in range(10):
        status, body = await _get("/readyz")
        answer = json.loads(body)
        if answer["not_ready"] != ["migrations"]:
            break
    assert (status, answer["status"]) == (200, "ready"), answer
    assert {"database", "migrations", "cache", "channel_layer", "beat"} == set(answer["checks"])
    assert answer["checks"]["channel_layer"] == "ok"


async def test_readyz_names_a_database_that_is_gone(monkeypatch):
    def gone() -> None:
        raise ConnectionError("the server closed the connection\nwith details")

    monkeypatch.setattr(health, "_check_database", gone)
    status, body = await _get("/readyz")
    answer = json.loads(body)
    assert status == 503
    assert answer["not_ready"] == ["database"]
    assert answer["checks"]["database"] == "ConnectionError: the server closed the connection"


async def test_readyz_names_missing_migrations(monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_: [("billing", "0002")])
    status, body = await _get("/readyz")
    assert status == 503
    assert json.loads(body)["checks"]["migrations"] == "RuntimeError: 1 migrations are not applied"


async def test_readyz_does_not_hang_with_a_channel_layer_that_does(monkeypatch):
    async def lose(*_args) -> None:
        return None

    monkeypatch.setattr(health, "CHECK_TIMEOUT_S", 0.2)
    monkeypatch.setattr(health, "_migrated", True)  # reading every migration takes longer than that
    monkeypatch.setattr(get_channel_layer(), "send", lose)
    status, body = await _get("/readyz")
    assert status == 503
    assert json.loads(body)["not_ready"] == ["channel_layer"]


async def test_a_silent_beat_is_reported_and_fails_only_the_process_that_holds_it(settings):
    heartbeat.record_beat()
    cache.set("ev:beat:last", time.time() - 300)
    status, body = await _get("/readyz")
    assert status == 200
    assert "ran 300 s ago" in json.loads(body)["checks"]["beat"]
    settings.EMBEDDED_BUS = settings.EV_EMBEDDED_BEAT = True
    status, _body = await _get("/readyz")
    assert status == 503


async def test_metrics_show_registered_gauges_and_survive_a_broken_source(monkeypatch):
    monkeypatch.setattr("kernel.metrics._sources", [])

    @register_gauges
    def piles():
        yield Gauge("ev_test_piles", "Piles", 3, {"state": "online", "protocol": "ykc"})
        yield Gauge("ev_test_piles", "Piles", 1, {"state": "offline", "protocol": "ykc"})

    @register_gauges
    def broken():
        raise RuntimeError("on purpose")

    status, body = await _get("/metrics")
    assert status == 200
    assert 'ev_test_piles{protocol="ykc",state="online"} 3.0' in body
    assert "ev_metrics_failed_sources 1.0" in body
    assert "process_resident_memory_bytes" in body


async def test_the_grounds_own_gauges_can_all_be_read():
    heartbeat.record_beat()
    _status, body = await _get("/metrics")
    assert "ev_metrics_failed_sources 0.0" in body
    for name in ("ev_outbox_messages_waiting 0.0", "ev_outbox_oldest_age_seconds 0.0", "ev_beat_age_seconds"):
        assert name in body


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.1.2.3", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "10.1.2.3"}, 403),
        ("10.1.2.3", {"Authorization": "Bearer wrong"}, 403),
        ("10.1.2.3", {"Authorization": "Bearer the-token"}, 200),
        ("", {}, 403),
    ],
)
def test_metrics_are_for_this_machine_or_the_bearer(client, settings, address, headers, status):
    settings.EV_METRICS_TOKEN = "the-token"
    assert client.get("/metrics", REMOTE_ADDR=address, headers=headers).status_code == status


def test_an_empty_token_opens_nothing(client, settings):
    settings.EV_METRICS_TOKEN = ""
    assert (
        client.get("/metrics", REMOTE_ADDR="10.1.2.3", headers={"Authorization": "Bearer "}).status_code
        == 403
    )


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_only_reading_is_accepted(client, path):
    assert client.post(path).status_code == 405


def test_the_root_leads_to_the_console(client):
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_every_periodic_job_is_a_task_on_a_queue_that_is_served():
    from ev_platform.celery import app

    app.loader.import_default_modules()
    for name in PERIODIC_JOBS:
        assert name in app.tasks, name
        queue = app.amqp.router.route({}, name)["queue"].name
        assert queue in QUEUES


def test_the_scheduled_task_leaves_its_mark():
    from kernel.tasks import record_beat

    assert heartbeat.beat_age_s() is None
    record_beat()
    assert heartbeat.beat_age_s() < 5
