"""Who holds which pile: patience per model, offline once and back once, the names of gateways, lost messages."""

import os
from datetime import timedelta

import pytest
import redis
from django.db import connection

from alerts.models import Alert
from devices.models import GatewayNode, PileSession
from devices.services import heard, nodes, presence
from kernel import clock
from kernel.actor import system
from kernel.errors import DomainError
from stations.models import Connector, Pile
from stations.services.models import save_pile_model
from tests import factories


@pytest.fixture
def pile(db):
    return factories.make_site(online=False).pile


def log_in(pile, channel="a"):
    return presence.open_session(pile_id=pile.pk, protocol=pile.protocol, channel=channel, remote_address="x")


@pytest.mark.embedded
@pytest.mark.feature("PIL-33", "PIL-34")
def test_a_silent_pile_is_offline_once_and_back_once(pile, monkeypatch):
    """The patience is that of its model: three missed heartbeats of 20 s."""
    model = save_pile_model(
        actor=system("test"),
        changes={"brand": "B", "name": "M", "rated_power_kw": 60, "heartbeat_s": 20, "missed_heartbeats": 3},
    )
    Pile.objects.filter(pk=pile.pk).update(model=model)
    opened = log_in(pile)
    assert (opened.silence, opened.heartbeat_s) == (timedelta(seconds=60), 20)
    real, at = clock.now, {"offset": timedelta(0)}
    monkeypatch.setattr(clock, "now", lambda: real() + at["offset"])
    heard.write_rows({pile.pk: clock.now()})
    at["offset"] = timedelta(seconds=59)
    assert presence.expire_silent() == 0
    at["offset"] = timedelta(seconds=62)
    assert presence.expire_silent() == 1
    assert presence.expire_silent() == 0
    alerts = Alert.objects.unscoped("test").filter(pile=pile)
    assert alerts.get().closed_at is None
    assert set(Connector.objects.filter(pile=pile).values_list("state", flat=True)) == {"offline"}

    log_in(pile, "b")
    log_in(pile, "c")  # a second socket of the same pile
    alert = alerts.get()
    assert (alert.kind, alert.closed_at is not None) == ("offline", True)
    assert PileSession.objects.get(closed_at=None).channel == "c"
    assert not presence.close_session(session_id=opened.session_id, reason="disconnected")
    assert Pile.objects.get(pk=pile.pk).online


@pytest.mark.embedded
@pytest.mark.parametrize(("field", "value"), [("heartbeat_s", 1), ("missed_heartbeats", 0)])
def test_a_senseless_heartbeat_is_refused_with_its_range(db, field, value):
    changes = {"brand": "B", "name": "M", "rated_power_kw": 60, field: value}
    with pytest.raises(DomainError) as refused:
        save_pile_model(actor=system("test"), changes=changes)
    assert (refused.value.code, refused.value.field) == ("invalid", field)


def test_redis_says_more_than_the_row_and_may_forget(pile, monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("Redis comes with PostgreSQL in the suite")
    log_in(pile)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=70))
    heard.note_heard({pile.pk: clock.now()})
    assert presence.expire_silent() == 0, "the row is old, Redis is not"
    heard._client().delete(heard.KEY)
    heard.write_rows({pile.pk: clock.now()})
    assert presence.expire_silent() == 0, "Redis forgot, the row knows"

    def away(*_args):
        raise redis.ConnectionError("away")

    monkeypatch.setattr(redis.Redis, "zadd", away)
    monkeypatch.setattr(redis.Redis, "zmscore", away)
    now = clock.now() + timedelta(seconds=30)
    assert heard.note_heard({pile.pk: now}) == {}
    assert Pile.objects.get(pk=pile.pk).last_seen_at == now


@pytest.mark.embedded
def test_a_name_belongs_to_one_live_process(db, monkeypatch):
    first, second = nodes.new_boot_id(), nodes.new_boot_id()
    nodes.take_name(name="gw", boot_id=first)
    GatewayNode.objects.update(host="elsewhere")
    with pytest.raises(nodes.NodeTaken, match=f"gw is process {os.getpid()} on elsewhere, alive 0 s ago"):
        nodes.take_name(name="gw", boot_id=second)
    assert nodes.still_alive(name="gw", boot_id=first, piles=3)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=nodes.ALIVE_S + 1))
    nodes.take_name(name="gw", boot_id=second)
    assert not nodes.still_alive(name="gw", boot_id=first, piles=3), "it is told that it lost its name"
    nodes.leave(name="gw", boot_id=first)
    assert GatewayNode.objects.get(name="gw").boot_id == second
    nodes.leave(name="gw", boot_id=second)
    assert not GatewayNode.objects.filter(name="gw").exists()


@pytest.mark.embedded
def test_a_process_killed_on_this_machine_gives_its_name_at_once(db):
    nodes.take_name(name="gw", boot_id="a")
    GatewayNode.objects.update(pid=2**22 + 1)  # above what Linux gives
    nodes.take_name(name="gw", boot_id="b")
    assert GatewayNode.objects.get(name="gw").boot_id == "b"
