"""A driver's own settings, and that what is switched off is not told."""

from datetime import datetime, timedelta

import pytest
import time_machine

from billing.tasks import tell_drivers
from kernel.models import AuditEvent
from marketing import tasks as marketing_tasks
from marketing.services import coupons
from tests.analytics.test_reports import charge
from tests.api_client import ApiClient, assert_problem
from tests.factories import make_driver, make_site, make_staff, staff_actor
from tests.marketing.test_coupons import campaign
from users import tasks
from users.models import DriverNotice, DriverSettings

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


def told(app, language="en"):
    body = app.get("notices", **{"Accept-Language": language}).json()
    return [(row["topic"], row["text"]) for row in body["results"]]


@pytest.mark.feature("USR-14")
@pytest.mark.promise(9)
def test_settings_are_kept_and_switches_are_honoured(client):
    with time_machine.travel(datetime.fromisoformat("2026-11-20T09:30:00+08:00"), tick=False) as clock:
        site = make_site()
        loud = make_driver(balance_fen=2_000, operator=site.operator)
        quiet = make_driver(balance_fen=2_000, operator=site.operator)
        apps = {driver: ApiClient(driver) for driver in (loud, quiet)}
        usual = apps[loud].get("settings").json()
        assert usual["tell_order_ended"] and not usual["tell_marketing"] and usual["avatar_colour"] == "teal"
        assert not DriverSettings.objects.exists()  # looking writes nothing
        mine = {"nickname": "小明", "avatar_colour": "rose", "tell_marketing": True}
        assert apps[loud].call("PATCH", "settings", mine).json() == {**usual, **mine}
        off = dict.fromkeys(("tell_order_ended", "tell_balance_low", "tell_coupon_expiring"), False)
        assert apps[quiet].call("PATCH", "settings", off).json() == {**usual, **off}
        assert apps[loud].get("settings").json() == {**usual, **mine}
        event = AuditEvent.objects.filter(action="users.change_settings").latest("pk")
        assert (event.before["tell_order_ended"], event.after["tell_order_ended"]) == (True, False)
        for wrong, field in (({"avatar_colour": "plaid"}, "avatar_colour"), ({"language": "xx"}, "language")):
            body = assert_problem(apps[loud].call("PATCH", "settings", wrong), 400, "invalid_request")
            assert field in body["errors"]

        order = charge(site, clock, {"flat": "10.0000"}, driver=loud)
        tell_drivers()
        charge(site, clock, {"flat": "10.0000"}, driver=quiet)
        given = campaign(site, valid_days=10, total=10)
        staff = staff_actor("marketing.add_coupon", operator=site.operator)
        coupons.issue(actor=staff, campaign=given, drivers=[loud, quiet], reason="hello")
        for _again in range(2):  # sweeps may run any number of times
            tell_drivers()
        assert [topic for topic, _text in told(apps[loud])] == ["marketing", "balance_low", "order_ended"]
        assert told(apps[quiet]) == []
        offer, low, ended = (text for _topic, text in told(apps[loud]))
        assert (
            ended == f"Your charge at {site.station.name} has ended: 10.00 kWh, ¥{order.total_fen / 100:.2f}."
        )
        assert low.startswith("Your balance is ¥9.00") and given.name in offer
        assert told(apps[loud], "zh-CN")[2][1].startswith(f"您在{site.station.name}的充电已结束")
        apps[loud].call("PATCH", "settings", {"language": "zh-hans"})  # one's own language before the app's
        assert told(apps[loud])[1][1].startswith("您的余额为")

        clock.shift(timedelta(days=8))
        for _again in range(2):
            marketing_tasks.expire_coupons()
        assert told(apps[loud])[0][0] == "coupon_expiring" and told(apps[quiet]) == []
        page = apps[loud].get("notices", {"limit": 3}).json()
        assert (page["unread"], len(page["results"])) == (4, 3)
        rest = apps[loud].get("notices", {"limit": 3, "cursor": page["next"]}).json()
        assert [row["topic"] for row in rest["results"]] == ["order_ended"]
        newest = page["results"][0]["id"]
        apps[quiet].post("notices/read", {"up_to": newest})  # reads nothing of somebody else's
        assert apps[loud].get("notices").json()["unread"] == 4
        assert apps[loud].post("notices/read", {"up_to": newest}).status_code == 204
        assert apps[loud].get("notices").json()["unread"] == 0

        client.force_login(make_staff("users.view_driver", operator=site.operator))
        body = client.get(f"/admin/users/driver/{quiet.pk}/change/").content.decode()
        assert "关闭：充电结束" in body and "优惠活动" in body
        clock.shift(timedelta(days=181))
        tasks.forget_old_notices()
        assert not DriverNotice.objects.exists()
