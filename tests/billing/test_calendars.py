"""Days of a tariff: seasons, weekends and holidays, frozen with the order, pushed to piles that know one day."""

import io
import json
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from billing.models import PileTariff, SpecialDay
from billing.pricing import DayRule
from billing.pricing.calendar import year_of
from billing.services import calendars, checks, tariff_assignments, tariff_push, tariffs
from billing.services.offers import offer_for
from devices import ports
from devices.models import DeviceCommand
from kernel.actor import system
from kernel.errors import DomainError
from tests.billing import flow
from tests.factories import make_site, staff_actor

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
JOB = system("tests")
SUMMER = tariffs.Day("summer", "Summer", ("sharp",) * 48)
REST = tariffs.Day("rest", "Rest day", ("valley",) * 48)
RULES = (
    DayRule("rest", days="restday"),
    DayRule("summer", first="07-01", last="08-31"),
)


def at(text):
    return datetime.fromisoformat(f"{text}+08:00")


@pytest.fixture
def friday():
    """A Friday in July, half past nine in the evening."""
    with time_machine.travel(at("2026-07-10T21:30"), tick=False) as travel:
        yield travel


@pytest.mark.feature("TAR-02")
def test_the_day_of_the_start_decides_and_a_charge_over_midnight_has_both(friday):
    site = make_site(protocol="ocpp16")
    version = flow.publish(site, days=[SUMMER, REST], rules=RULES)
    order = flow.charging(site)
    begun = order.started_at
    for hour in range(1, 6):  # 21:30 to 02:30: 2.5 h of summer's sharp, 2.5 h of Saturday's valley
        friday.shift(timedelta(hours=1))
        flow.sample(site, order, str(hour * 6), power="6")
    flow.send_record(
        site,
        flow.ocpp_record(
            site, order, meter_start="100", meter_end="130", started_at=begun, ended_at=timezone.now()
        ),
    )
    order.refresh_from_db()
    lines = {line["tier"]: line["energy_kwh"] for line in order.bill["lines"]}
    assert lines == {"sharp": "15.0000", "valley": "15.0000"} and order.total_fen == 1_500 * 16 // 10 + 1_050
    assert order.tariff_snapshot["calendar"]["rules"][0]["profile"] == "rest"
    assert version.profiles.count() == 2 and not list(checks.order_problems())


@pytest.mark.feature("TAR-02")
def test_holidays_and_worked_weekends_are_days_of_their_own(friday, tmp_path):
    site = make_site(protocol="ocpp16")
    version = flow.publish(site, days=[SUMMER, REST], rules=RULES)
    path = tmp_path / "days.csv"
    path.write_text("date,kind,name\n2026-10-01,holiday,国庆节\n2026-10-10,workday,调休\n", encoding="utf-8")
    out = io.StringIO()
    call_command("import_special_days", str(path), "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"days": 2, "holidays": 1}
    days = dict(year_of(tariffs.calendar_of(version), 2026))
    names = {text: days[datetime.fromisoformat(text).date()] for text in ("2026-10-01", "2026-10-10")}
    assert names == {"2026-10-01": "rest", "2026-10-10": ""}
    assert sum(code == "summer" for code in days.values()) == 44  # the weekdays of July and August
    for content, reason in (
        ("date,kind\n2026-13-01,holiday\n", "2026-13-01"),
        ("date,kind\n2026-10-03,party\n", "party"),
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(DomainError) as refusal:
            calendars.import_special_days(actor=JOB, path=path)
        assert reason in refusal.value.message
    assert SpecialDay.objects.count() == 2
    with pytest.raises(DomainError):
        calendars.set_special_day(actor=staff_actor(), day=timezone.now().date(), kind="holiday")


def test_a_running_order_does_not_feel_a_new_holiday(friday):
    site = make_site(protocol="ocpp16")
    flow.publish(site, days=[SUMMER, REST], rules=RULES)
    order = flow.charging(site)
    calendars.set_special_day(actor=JOB, day=at("2026-07-13T00:00").date(), kind="holiday", name="new")
    begun = order.started_at
    friday.shift(timedelta(days=2, hours=14, minutes=30))  # Monday noon
    flow.send_record(
        site,
        flow.ocpp_record(
            site, order, meter_start="0", meter_end="31.25", started_at=begun, ended_at=timezone.now()
        ),
    )
    order.refresh_from_db()
    lines = {line["tier"]: line["energy_kwh"] for line in order.bill["lines"]}
    assert lines == {"sharp": "7.2500", "valley": "24.0000"}


class TestPilesThatPriceThemselves:
    def test_a_change_of_the_day_is_pushed_and_confirmed(self, friday):
        site = make_site()
        version = flow.publish(site, days=[SUMMER, REST], rules=RULES)
        assert PileTariff.objects.get().profile == "summer"
        assert tariff_push.push_due(actor=JOB) == 0
        friday.shift(timedelta(hours=3))
        assert tariff_push.push_due(actor=JOB) == 1
        command = DeviceCommand.objects.get(kind="set_tariff")
        rest = version.profiles.get(code="rest")
        assert command.params["model_no"] == f"{rest.wire_no:04d}" and rest.wire_no != version.wire_no
        assert command.params["fields"]["slots"] == "03" * 48
        from devices.services import commands

        commands.complete_command(command_id=command.pk, state="accepted")
        assert PileTariff.objects.get().profile == "rest" and tariff_push.push_due(actor=JOB) == 0

    def test_a_pile_is_answered_with_the_day_and_says_which_it_holds(self, friday):
        site = make_site()
        version = flow.publish(site, days=[SUMMER, REST], rules=RULES, held=False)
        port = ports.tariffs()
        model = port.current(site.ref)
        summer, rest = (version.profiles.get(code=code) for code in ("summer", "rest"))
        assert model.model_no == f"{summer.wire_no:04d}" and set(model.fields["slots"]) == {0}
        port.confirm(site.ref, model.model_no)
        assert PileTariff.objects.get().profile == "summer"
        order = flow.charging(site)
        friday.shift(timedelta(hours=3))
        assert port.current(site.ref).model_no == model.model_no, "kept while it charges"
        friday.shift(timedelta(minutes=1))
        flow.send_record(site, flow.reported(site, order, {"sharp": "1"}))
        assert port.current(site.ref).model_no == f"{rest.wire_no:04d}"

    def test_just_after_midnight_one_may_start_and_pays_the_price_of_the_day(self, friday):
        site = make_site()
        flow.publish(site, days=[SUMMER, REST], rules=RULES)
        friday.shift(timedelta(hours=3))  # Saturday, the pile still counts by Friday
        order = flow.charging(site)
        assert set(order.tariff_snapshot["slots"]) == {"valley"}
        assert set(order.held_snapshot["slots"]) == {"sharp"}
        begun = order.started_at
        friday.shift(timedelta(minutes=30))
        flow.sample(site, order, "10", power="20")
        record = flow.reported(site, order, {"sharp": "10"}, started_at=begun)
        flow.send_record(site, record)
        order.refresh_from_db()
        assert (order.state, order.total_fen) == ("settled", 700), order.review_reasons
        assert order.evidence["basis"] == "readings" and not list(checks.order_problems())

    def test_of_another_version_one_may_not_start(self, friday):
        site = make_site()
        flow.publish(site, days=[SUMMER, REST], rules=RULES, held=False)
        with pytest.raises(DomainError) as refusal:
            flow.start(site)
        assert refusal.value.code == "tariff_not_on_pile"
        offer = offer_for(pile=site.pile, station=site.station, driver=None, at=timezone.now())
        assert set(offer.snapshot.slots) == {"sharp"}

    def test_every_day_needs_room_on_the_pile(self, friday):
        site = make_site()
        five = [(code, "1", "0.4") for code in ("sharp", "peak", "flat", "valley", "deep_valley")]
        tariff = tariffs.create_tariff(actor=JOB, operator=site.operator, name="Five")
        day = tariffs.Day("five", "Five", tuple(code for code, _one, _two in five) * 9 + ("flat",) * 3)
        flow.publish(site, tariff=tariff, prices=five, days=[day], rules=[DayRule("five")], held=False)
        with pytest.raises(DomainError) as refusal:
            tariff_assignments.assign_tariff(actor=JOB, tariff=tariff, station=site.station)
        assert refusal.value.code == "tariff_does_not_fit"


def test_what_a_calendar_cannot_be_is_refused(friday):
    site = make_site()
    for options in (
        {"days": [SUMMER, SUMMER]},
        {"days": [tariffs.Day("summer", "", ("sharp",) * 47)]},
        {"days": [tariffs.Day("summer", "", ("gold",) * 48)]},
        {"rules": [DayRule("winter")]},
        {"days": [tariffs.Day("Summer!", "", ("sharp",) * 48)]},
    ):
        with pytest.raises(DomainError) as refusal:
            flow.publish(site, **options)
        assert refusal.value.code == "tariff_invalid"
