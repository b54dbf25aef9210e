"""Alerts open and close exactly once per episode, however often a pile repeats itself."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone, translation

from alerts.models import Alert
from alerts.services.alerts import close_protections, open_alert
from devices import events
from tests import factories as f
from tests.billing import flow


def fault(site, code="E07", connector_no=1):
    return events.FaultRaised(
        pile=site.ref, connector_no=connector_no, at=timezone.now(), code=code, words="Emergency stop"
    )


def cleared(site, connector_no=1):
    return events.FaultCleared(pile=site.ref, connector_no=connector_no, at=timezone.now())


@pytest.mark.django_db
class TestEpisodes:
    def test_a_fault_repeated_is_one_alert_and_a_second_episode_another(self):
        site = f.make_site()
        for _n in range(3):
            events.publish(fault(site))
        alert = Alert.objects.get()
        assert (alert.kind, alert.code, alert.connector_no) == ("fault", "E07", 1)
        assert (alert.operator, alert.station, alert.pile) == (site.operator, site.station, site.pile)
        events.publish(cleared(site))
        events.publish(cleared(site))
        alert.refresh_from_db()
        assert alert.closed_at is not None
        events.publish(fault(site))
        assert Alert.objects.count() == 2
        assert Alert.objects.filter(closed_at__isnull=True).count() == 1

    def test_faults_of_connectors_are_apart(self):
        site = f.make_site()
        events.publish(fault(site, connector_no=1))
        events.publish(fault(site, connector_no=2))
        events.publish(cleared(site, connector_no=1))
        assert [row.connector_no for row in Alert.objects.filter(closed_at__isnull=True)] == [2]

    def test_offline_until_online(self):
        site = f.make_site()
        now = timezone.now()
        events.publish(events.PileOffline(pile=site.ref, at=now, reason="timeout"))
        events.publish(events.PileOffline(pile=site.ref, at=now, reason="timeout"))
        alert = Alert.objects.get(kind="offline")
        assert (alert.detail, alert.closed_at) == ("timeout", None)
        events.publish(events.PileOnline(pile=site.ref, at=now, session_id=1))
        alert.refresh_from_db()
        assert alert.closed_at == now

    def test_online_closes_no_fault(self):
        site = f.make_site()
        events.publish(fault(site))
        events.publish(events.PileOnline(pile=site.ref, at=timezone.now(), session_id=1))
        assert Alert.objects.get().closed_at is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "code", "detail", "text"),
    [
        ("fault", "emergency_stop", "The emergency stop is pressed.", "急停按钮已按下"),
        ("fault", "E07", "The emergency stop is pressed.", "E07 急停按钮已按下。"),
        ("fault", "E07", "", "E07"),
        ("offline", "", "silent", "桩长时间无通信"),
        ("offline", "", "", ""),
    ],
)
def test_an_alert_says_what_is_wrong(kind, code, detail, text):
    site = f.make_site()
    alert = open_alert(pile=site.ref, kind=kind, at=timezone.now(), code=code, detail=detail)
    with translation.override("zh-hans"):
        assert alert.text == text
        assert str(alert) == (f"{alert.get_kind_display()} · {text}" if text else alert.get_kind_display())


@pytest.mark.django_db(transaction=True)
def test_rivals_open_one_alert():
    site = f.make_site()

    def once(_n):
        try:
            return open_alert(pile=site.ref, kind="fault", at=timezone.now(), connector_no=1, code="E07")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        opened = [alert for alert in pool.map(once, range(8)) if alert is not None]
    assert len(opened) == 1
    assert Alert.objects.count() == 1


STOPS = {
    "start_emergency_stop": ("急停", True),
    "abort_emergency_stop": ("急停", True),
    "abort_surge_protector": ("防雷", False),
    "abort_breaker_tripped": ("", False),
    "abort_output": ("", False),
    "start_insulation": ("绝缘", True),
    "abort_temperature": ("", False),
}


@pytest.mark.django_db
@pytest.mark.feature("PIL-19", "PIL-22", "PIL-23")
@pytest.mark.parametrize("code", STOPS)
def test_a_protective_stop_calls_for_a_person_and_is_settled_on_what_was_delivered(code, client):
    site = f.make_site()
    words, urgent = STOPS[code]
    order = flow.charging(site)
    flow.shift_into_past(order, timedelta(hours=1))
    record = replace(flow.reported(site, order, {"flat": "10"}), stop_reason=code)
    flow.send_record(site, record)
    flow.send_record(site, record)  # told again
    order.refresh_from_db()
    assert (order.state, order.total_fen, order.stop_reason) == ("settled", 1_100, code)
    alert = Alert.objects.get()
    assert (alert.kind, alert.connector_no, alert.code, alert.is_urgent) == ("protection", 1, code, urgent)
    client.force_login(f.make_staff(superuser=True))
    page = client.get(reverse("admin:alerts_alert_changelist")).content.decode()
    assert words in page and ("紧急" in page) == urgent
    assert close_protections() == 0
    after = flow.charging(site)
    flow.send_record(site, flow.reported(site, after, {"flat": "0.01"}, started_at=timezone.now()))
    assert close_protections() == 1
    alert.refresh_from_db()
    assert alert.closed_at is not None
