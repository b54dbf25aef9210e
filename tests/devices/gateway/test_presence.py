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
from tests.billing import flow


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


@pytest.mark.embedded
@pytest.mark.promise(7, 8)
def test_a_storm_leaves_and_comes_as_one_pile_after_the_other_would(db):
    sites = [factories.make_site(online=False) for _ in range(4)]
    piles = [site.pile for site in sites]
    by_itself = piles[0]
    first = log_in(by_itself, "old")
    held = log_in(piles[1], "held")
    charging = flow.charging(site := factories.make_site())
    piles.append(site.pile)

    def login(pile, channel="new"):
        return presence.Login(pile.pk, pile.protocol, channel, "127.0.0.1", {"firmware": "V2"})

    again = log_in(by_itself, "new")
    storm = [login(pile) for pile in piles[1:]] + [login(piles[2], "newest")]
    presence.open_sessions(storm)
    assert all(one.opened is not None for one in storm)
    assert (again.replaced_channel, storm[0].opened.replaced_channel) == ("old", "held")
    assert (storm[0].opened.connectors, storm[0].opened.silence) == (again.connectors, again.silence)
    assert storm[-1].opened.replaced_channel == "new"  # the same pile twice: the newest wins
    open_now = PileSession.objects.filter(closed_at=None)
    assert dict(open_now.values_list("pile_id", "channel")) == {
        pile.pk: "newest" if pile == piles[2] else "new" for pile in piles
    }
    assert set(
        PileSession.objects.filter(pk__in=[first.session_id, held.session_id]).values_list(
            "close_reason", flat=True
        )
    ) == {"replaced"}
    rows = Pile.objects.filter(pk__in=[pile.pk for pile in piles[1:]])
    assert set(rows.values_list("online", "firmware")) == {(True, "V2")}
    assert charging.events.filter(kind="pile_online").count() == 1

    stale = presence.Logout(held.session_id, piles[1].pk, "disconnected")  # of a session that was replaced
    alerts = Alert.objects.unscoped("test").filter(kind="offline", closed_at=None)
    gone = [
        presence.Logout(one.opened.session_id, one.pile_id, "disconnected")
        for one in storm
        if one.opened.session_id in set(open_now.values_list("pk", flat=True)) and one.pile_id != piles[1].pk
    ]
    presence.close_sessions([stale, *gone])
    presence.close_sessions([stale, *gone])  # a repeat changes nothing
    offline = {one.pile_id for one in gone}
    assert len(offline) == 3
    assert set(
        Pile.objects.filter(pk__in=[p.pk for p in piles], online=False).values_list("pk", flat=True)
    ) == (offline)
    assert set(alerts.values_list("pile_id", flat=True)) == offline
    assert set(Connector.objects.filter(pile__in=offline).values_list("state", flat=True)) == {"offline"}
    assert charging.events.filter(kind="pile_offline").count() == 1
    presence.open_sessions([login(pile) for pile in piles])
    assert not alerts.exists() and not Pile.objects.filter(pk__in=offline, online=False).exists()
