"""Member levels: earned by what was charged, worth what holds for their tag, lost when it lies too far back."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from analytics import tasks
from billing.services import discounts
from kernel.actor import system
from kernel.errors import DomainError
from marketing.models import MemberLevel, Membership
from marketing.services import levels
from tests.analytics.test_reports import charge
from tests.api_client import ApiClient
from tests.factories import make_driver, make_site, make_staff, staff_actor
from users.models import DriverTag
from users.services import groups

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
JOB = system("tests")


def level(site, name, rank, **fields):
    tag = groups.save_tag(actor=JOB, operator=site.operator, name=name, rank=rank)
    return levels.save_level(actor=JOB, operator=site.operator, tag=tag, **fields)


def look():
    tasks.build_recent_facts()
    tasks.assign_levels()


@pytest.mark.feature("MEM-07")
@pytest.mark.promise(9)
def test_a_level_is_earned_has_its_price_and_is_lost_again(client):
    with time_machine.travel(datetime.fromisoformat("2026-11-20T09:30:00+08:00"), tick=False) as clock:
        site, other = make_site(), make_site()
        silver = level(site, "银卡", 1, measure="energy", least=10)
        gold = level(site, "金卡", 2, measure="money", least=20, window_days=30)
        discounts.save_discount(
            actor=JOB, operator=site.operator, name="gold", off_bp=1_000, fees=["electricity", "service"],
            group="金卡", valid_from=timezone.now(),
        )  # fmt: skip
        driver = make_driver(balance_fen=50_000, operator=site.operator)
        guest = make_driver(balance_fen=50_000)
        app = ApiClient(driver)

        first = charge(site, clock, {"flat": "12.0000"}, driver=driver)  # 13.20 yuan: silver
        charge(site, clock, {"flat": "9.9999"}, driver=guest)  # not quite
        charge(other, clock, {"flat": "30.0000"}, driver=guest)  # counts at the other operator only
        for _again in range(2):
            look()
        assert set(silver.tag.drivers.all()) == {driver} and not gold.tag.drivers.exists()
        (mine,) = app.get("memberships").json()
        assert (mine["level"], mine["counted"], mine["next"]["name"], mine["next"]["least"]) == (
            "银卡",
            12,
            "金卡",
            20,
        )
        assert first.discount_fen == 0

        charge(site, clock, {"flat": "10.0000"}, driver=driver)  # 24.20 yuan: gold
        look()
        assert set(gold.tag.drivers.all()) == {driver} and not silver.tag.drivers.exists()
        since = Membership.objects.get().since
        better = charge(site, clock, {"flat": "10.0000"}, driver=driver)
        assert (better.discount_fen, better.total_fen) == (110, 990)
        look()
        membership = Membership.objects.get()
        assert (membership.level, membership.since, membership.counted) == (gold, since, 34)
        assert app.get("memberships").json()[0]["next"] is None
        assert ApiClient(guest).get("memberships").json() == []

        clock.shift(timedelta(days=31))  # the money lies too far back, the energy does not
        tasks.assign_levels()
        assert set(silver.tag.drivers.all()) == {driver} and not gold.tag.drivers.exists()
        usual = charge(site, clock, {"flat": "10.0000"}, driver=driver)
        assert usual.discount_fen == 0
        levels.save_level(actor=JOB, level_id=silver.pk, is_active=False)
        tasks.assign_levels()
        assert not Membership.objects.exists() and not silver.tag.drivers.exists()

        # Set up by staff of the operator, of its own tags only.
        tag = DriverTag.objects.create(operator=other.operator, name="theirs")
        staff = staff_actor("marketing.change_memberlevel", operator=site.operator)
        for wrong in (
            {"operator": site.operator, "tag": tag, "least": 1},
            {"operator": other.operator, "tag": tag, "least": 1},
            {"operator": site.operator, "tag": silver.tag, "least": 1},
            {"level_id": silver.pk, "least": 0},
            {"level_id": silver.pk, "window_days": 5_000},
        ):
            with pytest.raises(DomainError):
                levels.save_level(actor=staff, **wrong)
        with pytest.raises(DomainError, match="change_memberlevel"):
            levels.save_level(actor=staff_actor(operator=site.operator), level_id=silver.pk, least=1)
        client.force_login(make_staff(superuser=True))
        form = {"measure": "energy", "least": "15", "window_days": "90", "is_active": "on"}
        assert client.post(f"/admin/marketing/memberlevel/{silver.pk}/change/", form).status_code == 302
        assert MemberLevel.objects.get(pk=silver.pk).least == 15
        assert "银卡" in client.get("/admin/marketing/memberlevel/").content.decode()
