"""Rows appended and updated in one go read back exactly as the ORM would have written them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, connection

from devices.models import FrameLog, MeterSample
from devices.services.samples import LoggedFrame
from kernel.runtime.rows import append_rows, insert_rows, update_rows
from users.models import Operator

pytestmark = [pytest.mark.embedded, pytest.mark.django_db(transaction=True)]

AT = datetime(2026, 11, 20, 4, 0, 0, 123456, tzinfo=UTC)
WHY = "test"


def frame(**changes) -> LoggedFrame:
    given = {"at": AT, "protocol": "ykc", "direction": "in", "name": "03", "raw": "68"}
    return LoggedFrame(**{**given, **changes})


def sample(**changes) -> MeterSample:
    given = {"operator_id": 1, "station_id": 2, "pile_id": 3, "connector_no": 1, "at": AT}
    return MeterSample(**{**given, **changes})


def test_every_kind_of_value_comes_back_as_it_was():
    decoded = {"text": 'quote " tab \t line \n backslash \\ 桩', "number": 1, "list": [1, None, {"a": "b"}]}
    rows = [
        frame(decoded=decoded, pile_id=7, connector_no=1, transaction_ref="9" * 32, raw="\\N\t\n\\."),
        frame(error="bad"),
    ]
    append_rows(FrameLog, rows)
    first, second = FrameLog.objects.unscoped(WHY).order_by("pk")
    assert (first.decoded, first.raw, first.at, first.pile_id) == (decoded, "\\N\t\n\\.", AT, 7)
    assert (second.decoded, second.pile_id, second.transaction_ref, second.error) == (None, None, "", "bad")


def test_exact_numbers_stay_exact():
    append_rows(MeterSample, [sample(energy_kwh=Decimal("12.3456"), power_kw=Decimal("-0.001"), soc_pct=0)])
    row = MeterSample.objects.unscoped(WHY).get()
    assert (row.energy_kwh, row.power_kw, row.soc_pct) == (Decimal("12.3456"), Decimal("-0.001"), 0)
    assert row.register_kwh is None


def test_one_row_that_does_not_fit_leaves_none_of_its_batch():
    with pytest.raises((DataError, IntegrityError)):
        append_rows(FrameLog, [frame(), frame(name="x" * 49 if connection.vendor == "postgresql" else None)])
    assert not FrameLog.objects.unscoped(WHY).exists()


def test_an_update_touches_the_named_fields_of_its_own_rows_only():
    append_rows(MeterSample, [sample(soc_pct=1, suspect="a"), sample(soc_pct=1), sample(soc_pct=1)])
    first, second, third = MeterSample.objects.unscoped(WHY).order_by("pk")
    first.soc_pct, first.energy_kwh, first.suspect = 11, Decimal("0.0001"), "not written"
    second.soc_pct, second.energy_kwh = 12, None
    update_rows([first, second], ["soc_pct", "energy_kwh"])
    stored = MeterSample.objects.unscoped(WHY).order_by("pk")
    assert list(stored.values_list("soc_pct", "energy_kwh", "suspect")) == [
        (11, Decimal("0.0001"), "a"),
        (12, None, ""),
        (1, None, ""),
    ]
    assert third.pk


def test_nothing_costs_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        append_rows(FrameLog, [])
        update_rows([], ["soc_pct"])


def test_rows_that_others_point_at_get_their_ids():
    rows = [Operator(code=f"row{number}", name=f"Row {number}", created_at=AT) for number in range(3)]
    insert_rows(rows)
    assert len({row.pk for row in rows}) == 3 and not rows[0]._state.adding
    stored = {row.pk: row.code for row in Operator.objects.filter(code__startswith="row")}
    assert stored == {row.pk: row.code for row in rows}
    with pytest.raises(IntegrityError):
        insert_rows([Operator(code=code, name="Twice", created_at=AT) for code in ("other", "row1")])
    assert not Operator.objects.filter(code="other").exists()
    Operator.objects.create(code="next", name="The next id is free")
