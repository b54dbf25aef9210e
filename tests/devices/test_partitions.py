"""Samples and frames by the day: made ahead, filled, moved, dropped; what stays of a charge; both databases."""

import importlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from devices import events
from devices.models import FrameLog, MeterSample, StoredCurve
from devices.services import curves, partitions, samples
from devices.services.references import pile_ref
from devices.services.samples import LoggedFrame, StoredReading
from kernel import clock
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
TODAY = NOON.date()


@pytest.fixture
def on_postgresql():
    return connection.vendor == "postgresql"


def frame(pile, at):
    samples.store_frames(
        [
            LoggedFrame(
                at=at, pile_id=pile.pk, pile_code=pile.code, operator_id=pile.operator_id,
                station_id=pile.station_id, protocol="ykc", direction="in", name="03 heartbeat", raw="68",
            )
        ]
    )  # fmt: skip


def charge(pile, ref, start, number, step=timedelta(seconds=15)):
    """Samples of one transaction, the energy counting up by 0.1 kWh."""
    readings = [
        StoredReading(
            events.MeterSampled(
                pile=pile_ref(pile), connector_no=1, transaction_ref=ref, at=start + step * index,
                energy_kwh=Decimal(index) / 10, power_kw=Decimal("24.0"), voltage_v=None, current_a=None,
                soc_pct=index % 100, device_amount=None,
            )
        )
        for index in range(number)
    ]  # fmt: skip
    samples.append_rows(MeterSample, [samples._row(reading) for reading in readings])


def where(model):
    """How many rows each table of the model holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT tableoid::regclass::text, COUNT(*) FROM {model._meta.db_table} GROUP BY 1")
        return dict(cursor.fetchall())


@pytest.mark.feature("PIL-37")
def test_days_are_made_ahead_and_dropped_when_old_and_the_curve_stays(settings, on_postgresql):
    settings.SAMPLE_DAYS, settings.FRAME_DAYS = 30, 10
    pile = factories.make_site().pile
    charge(pile, "T-OLD", NOON - timedelta(days=31), 700)
    charge(pile, "T-NEW", NOON, 3)
    for days in (11, 2, 0):
        frame(pile, NOON - timedelta(days=days))

    by_samples, by_frames = partitions.keep_partitions(today=TODAY)
    if on_postgresql:
        assert by_frames.created == [(TODAY + timedelta(days=n)).isoformat() for n in range(-1, 8)]
        assert where(FrameLog) == {"devices_framelog_20260310": 1, "devices_framelog_default": 1}, (
            "rows move to the day that is made for them"
        )
    assert (by_samples.deleted, by_frames.deleted) == (700, 1)
    assert FrameLog.objects.unscoped("test").count() == 2
    again = partitions.keep_partitions(today=TODAY)
    assert [(kept.created, kept.dropped, kept.deleted) for kept in again] == [([], [], 0)] * 2

    stored = StoredCurve.objects.get()
    assert (stored.transaction_ref, len(stored.points)) == ("T-OLD", 234)
    points = curves.curve_of(pile_id=pile.pk, transaction_ref="T-OLD")
    assert (points[0].at, points[0].energy_kwh) == (NOON - timedelta(days=31), 0)
    assert (points[-1].energy_kwh, points[-1].soc_pct) == (Decimal("69.9"), 99)
    assert len(curves.curve_of(pile_id=pile.pk, transaction_ref="T-OLD", most=50)) <= 50

    # Weeks later the days themselves go, whole.
    by_samples, by_frames = partitions.keep_partitions(today=TODAY + timedelta(days=31))
    if on_postgresql:
        assert by_samples.dropped == ["2026-03-09", "2026-03-10"]
        assert len(by_frames.dropped) == 9
    assert not MeterSample.objects.unscoped("test").exists()
    assert StoredCurve.objects.get(transaction_ref="T-NEW").points[-1][2] == "0.2000"


def test_a_charge_over_midnight_keeps_its_whole_curve(settings):
    settings.SAMPLE_DAYS = 30
    pile = factories.make_site().pile
    partitions.keep_partitions(today=TODAY)
    midnight = datetime(2026, 3, 11, tzinfo=UTC)
    charge(pile, "T", midnight - timedelta(minutes=2), 16)
    partitions.keep_partitions(today=TODAY + timedelta(days=31))
    left = MeterSample.objects.unscoped("test")
    assert left.count() == 8
    assert len(curves.curve_of(pile_id=pile.pk, transaction_ref="T")) == 16
    partitions.keep_partitions(today=TODAY + timedelta(days=40))
    assert not left.exists()
    assert len(curves.curve_of(pile_id=pile.pk, transaction_ref="T")) == 16


def test_a_row_of_any_time_is_stored(on_postgresql):
    """A pile's clock may be years off."""
    pile = factories.make_site().pile
    partitions.keep_partitions(today=TODAY)
    for at in (datetime(1999, 1, 1, tzinfo=UTC), NOON, datetime(2099, 1, 1, tzinfo=UTC)):
        frame(pile, at)
    row = FrameLog.objects.create(
        at=NOON, protocol="ykc", direction="in", name="x", raw="00", pile_id=pile.pk, pile_code=pile.code
    )
    assert row.pk == FrameLog.objects.unscoped("test").order_by("-pk").first().pk
    if on_postgresql:
        assert where(FrameLog) == {"devices_framelog_20260310": 2, "devices_framelog_default": 2}


def test_the_command_says_what_it_did(capsys, on_postgresql):
    call_command("partitions", "--json")
    said = json.loads(capsys.readouterr().out)
    assert [row["table"] for row in said["tables"]] == ["devices_metersample", "devices_framelog"]
    call_command("partitions", "--show")
    text = capsys.readouterr().out
    today = clock.now().astimezone(UTC).date()
    if on_postgresql:
        assert (
            f"9 days, {today - timedelta(days=1)} to {today + timedelta(days=7)}, kept for 180 days" in text
        )
    else:
        assert "not partitioned" in text


@pytest.mark.postgresql_only
def test_rows_and_numbers_survive_the_migration_both_ways():
    migration = importlib.import_module("devices.migrations.0010_partitions")
    pile = factories.make_site().pile
    partitions.keep_partitions(today=TODAY)
    frame(pile, NOON)
    charge(pile, "T", NOON, 5)
    before = list(FrameLog.objects.unscoped("test").values_list("pk", "at"))
    with connection.schema_editor() as editor:
        migration.join(apps, editor)
    assert not partitions._is_partitioned(FrameLog)
    frame(pile, NOON - timedelta(days=400))
    with connection.schema_editor() as editor:
        migration.partition(apps, editor)
    assert partitions._is_partitioned(FrameLog)
    frame(pile, NOON)
    after = list(FrameLog.objects.unscoped("test").order_by("pk").values_list("pk", "at"))
    assert after[:1] == before
    assert len(after) == len({pk for pk, _at in after}) == 3
    assert MeterSample.objects.unscoped("test").count() == 5
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = 'devices_framelog_default'::regclass"
        )
        assert cursor.fetchone()[0] == 4, "the old table's indexes serve; none is built twice"
