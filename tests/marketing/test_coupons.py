"""Coupons: claimed within their limits under many at once, used by one order, given back when it takes nothing."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from billing.models import Account, ChargingOrder
from kernel.actor import system
from kernel.errors import DomainError
from marketing.models import Coupon, CouponCampaign
from marketing.services import campaigns, coupons
from tests.api_client import ApiClient, assert_problem
from tests.billing import flow
from tests.factories import make_driver, make_site, make_staff, staff_actor
from users.actors import of_driver

JOB = system("tests")
HALF_PAST_NINE = datetime.fromisoformat("2026-11-20T09:30:00+08:00")
rolled_back = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)
pytestmark = pytest.mark.embedded


@pytest.fixture
def clock():
    """09:30 in the station: flat (0.70 + 0.40) until 10:00."""
    with time_machine.travel(HALF_PAST_NINE, tick=False) as travel:
        yield travel


def campaign(site=None, **fields) -> CouponCampaign:
    now = timezone.now()
    worth = {"off_fen", "off_bp", "energy_kwh"} & set(fields)
    fields = {
        "name": "Welcome",
        "opens_at": now - timedelta(days=1),
        "closes_at": now + timedelta(days=10),
        "total": 100,
        **({} if worth else {"off_fen": 500}),
        **fields,
    }
    return campaigns.save_campaign(actor=JOB, operator=site and site.operator, **fields)


def claimed(given: CouponCampaign, driver) -> Coupon:
    return coupons.claim(actor=of_driver(driver), driver=driver, campaign_id=given.pk)


def settled(site, clock, coupon: Coupon, energy="10") -> ChargingOrder:
    order = flow.charging(site, coupon=coupon.code)
    clock.shift(timedelta(minutes=20))
    flow.send_record(site, flow.reported(site, order, {"flat": energy}))
    order.refresh_from_db()
    coupon.refresh_from_db()
    assert order.state == "settled"
    return order


def codes(results):
    return sorted(r.code if isinstance(r, DomainError) else type(r).__name__ for r in results)


@rolled_back
@pytest.mark.feature("MKT-10", "MKT-11", "MKT-13")
def test_a_driver_claims_one_in_the_app_and_pays_less(clock):
    site = make_site()
    given = campaign(site)
    app = ApiClient(site.driver)
    (offered,) = app.get("/api/v1/driver/coupon-centre").json()
    assert (offered["worth"], offered["left"], offered["may_claim"]) == ("5.00 yuan off", 100, True)
    coupon = app.post(f"/api/v1/driver/coupon-centre/{given.pk}/claim").json()
    again = app.post(f"/api/v1/driver/coupon-centre/{given.pk}/claim")
    assert_problem(again, 409, "coupon_limit")
    assert app.get("/api/v1/driver/coupon-centre").json()[0]["may_claim"] is False

    started = app.post(
        "/api/v1/driver/orders", {"connector_code": site.connector.code, "coupon": coupon["code"]}
    )
    order = ChargingOrder.objects.get(order_no=started.json()["order_no"])
    flow.answer(order)
    flow.begin(site, order)
    assert app.get("/api/v1/driver/coupons").json()["results"][0]["state"] == "taken"
    clock.shift(timedelta(minutes=20))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    order.refresh_from_db()
    # 10 kWh at 0.70 + 0.40: 11.00, 5.00 off, borne by the operator
    assert (order.total_fen, order.discount_fen) == (600, 500)
    (mine,) = app.get("/api/v1/driver/coupons", {"state": "used"}).json()["results"]
    assert (mine["used_fen"], mine["order_no"]) == (500, order.order_no)
    discounts = Account.objects.get(kind="operator_discounts", operator=site.operator)
    assert discounts.balance_fen == -500
    assert flow.money(site.driver) == (9_400, 0, 0)
    flow.assert_books_balance()


@rolled_back
@pytest.mark.parametrize(
    ("fields", "energy", "off"),
    [
        ({"off_fen": 5_000}, "10", 1_100),  # never more than the charge
        ({"off_bp": 3_000, "cap_fen": 200}, "10", 200),
        ({"off_bp": 5_000, "covers": "service"}, "10", 200),
        ({"energy_kwh": Decimal(4)}, "10", 440),
        ({"energy_kwh": Decimal(4)}, "3", 330),
        ({"off_fen": 500, "least_fen": 1_100}, "10", 500),
        ({"off_fen": 500, "least_fen": 1_101}, "10", 0),
    ],
)
def test_what_each_kind_takes_off(clock, fields, energy, off):
    site = make_site()
    coupon = claimed(campaign(**fields), site.driver)
    order = settled(site, clock, coupon, energy)
    assert (order.discount_fen, coupon.used_fen) == (off, off)
    assert coupon.state == ("used" if off else "available")
    assert not off or Account.objects.get(kind="platform_discounts").balance_fen == -off
    flow.assert_books_balance()


@rolled_back
def test_an_order_that_never_charges_gives_it_back_and_a_late_record_is_priced_without_it(clock):
    site = make_site()
    coupon = claimed(campaign(site), site.driver)
    order = flow.start(site, coupon=coupon.code)
    coupon.refresh_from_db()
    assert (coupon.state, coupon.taken_for) == ("taken", order.order_no)
    flow.answer(order, state="rejected", reason="00")
    order.refresh_from_db()
    coupon.refresh_from_db()
    assert order.state == "closed" and (coupon.state, coupon.taken_for) == ("available", "")
    assert not order.tariff_snapshot.get("discounts")
    second = settled(site, clock, coupon)
    assert second.discount_fen == 500
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    order.refresh_from_db()
    assert order.state == "review"  # and whoever settles it bills it in full


@rolled_back
def test_a_coupon_that_cannot_be_used_says_why_and_nothing_starts(clock):
    site, elsewhere = make_site(), make_site()
    other = make_driver()
    mine = claimed(campaign(site, per_driver=3), site.driver)
    foreign = claimed(campaign(site), other)
    there = claimed(campaign(elsewhere), site.driver)
    gone = claimed(campaign(site), site.driver)
    coupons.void(actor=JOB, coupon=gone, reason="test")
    late = claimed(campaign(site, valid_days=1), site.driver)
    for code, refusal, words in (
        ("no-such", "coupon_unknown", "no-such"),
        (foreign.code, "coupon_unknown", foreign.code),
        (there.code, "coupon_not_usable", "station"),
        (gone.code, "coupon_not_usable", "Taken back"),
    ):
        body = {"connector_code": site.connector.code, "coupon": code}
        answer = ApiClient(site.driver).post("/api/v1/driver/orders", body)
        problem = assert_problem(answer, 404 if refusal == "coupon_unknown" else 409, refusal)
        assert words in problem["detail"] and "coupon" in problem["errors"]
    assert not ChargingOrder.objects.exists() and flow.money(site.driver)[1] == 0
    clock.shift(timedelta(days=2))
    with pytest.raises(DomainError) as refusal:
        coupons.take(
            code=late.code, order_no="1", driver=site.driver, operator_id=site.operator.pk,
            station_id=site.station.pk, at=timezone.now(),
        )  # fmt: skip
    assert refusal.value.code == "coupon_not_usable"
    assert coupons.expire() == 1 and coupons.expire() == 0
    late.refresh_from_db()
    mine.refresh_from_db()
    assert (late.state, mine.state) == ("expired", "available")


@rolled_back
def test_campaigns_refuse_what_contradicts_itself_and_keep_what_was_promised(clock):
    site = make_site()
    now = timezone.now()
    for fields, field in (
        ({"off_fen": 5, "off_bp": 5}, "off_bp"),
        ({"off_bp": 10_001}, "off_bp"),
        ({"closes_at": now - timedelta(days=9)}, "closes_at"),
        ({"total": 0}, "total"),
        ({"name": ""}, "name"),
    ):
        with pytest.raises(DomainError) as refusal:
            campaign(site, **fields)
        assert (refusal.value.code, refusal.value.field) == ("campaign_invalid", field)
    owner = staff_actor("marketing.change_couponcampaign", operator=site.operator)
    with pytest.raises(DomainError) as refusal:
        campaigns.save_campaign(
            actor=owner, operator=site.operator, bearer="platform", name="x", off_fen=5, total=1,
            opens_at=now, closes_at=now + timedelta(days=1),
        )  # fmt: skip
    assert refusal.value.field == "bearer"
    given = campaign(site, total=2)
    claimed(given, site.driver)
    for fields, field in (({"off_fen": 9}, "off_fen"), ({"total": 0}, "total")):
        with pytest.raises(DomainError) as refusal:
            campaigns.save_campaign(actor=JOB, operator=site.operator, campaign_id=given.pk, **fields)
        assert refusal.value.field == field
    campaigns.save_campaign(actor=JOB, operator=site.operator, campaign_id=given.pk, total=1)
    with pytest.raises(DomainError) as refusal:
        claimed(given, make_driver())
    assert refusal.value.code == "coupons_gone"


@rolled_back
@pytest.mark.feature("MKT-08", "MKT-09")
def test_staff_set_one_up_give_it_out_and_see_what_became_of_it(clock, client):
    site = make_site()
    rights = ("view_couponcampaign", "add_couponcampaign", "change_couponcampaign")
    rights += ("view_coupon", "add_coupon", "void_coupon")
    staff = make_staff(*(f"marketing.{one}" for one in rights), operator=site.operator)
    client.force_login(staff)
    form = {
        "name": "开业礼券", "operator": site.operator.pk, "bearer": "operator", "off_fen": "500", "off_bp": "0",
        "covers": "charge", "least_fen": "0", "opens_at_0": "2026-11-19", "opens_at_1": "00:00",
        "closes_at_0": "2026-12-01", "closes_at_1": "00:00", "valid_days": "30", "total": "2", "per_driver": "1",
        "is_active": "on",
    }  # fmt: skip
    wrong = client.post("/admin/marketing/couponcampaign/add/", {**form, "off_bp": "700"})
    assert wrong.status_code == 200 and not CouponCampaign.objects.exists()
    assert client.post("/admin/marketing/couponcampaign/add/", form).status_code == 302
    given = CouponCampaign.objects.get()
    site.driver.operator = site.operator
    site.driver.save()
    url = f"/admin/marketing/couponcampaign/{given.pk}/issue/"
    refused = client.post(url, {"phones": f"{site.driver.phone}\n13900000000", "reason": "开业"})
    assert "13900000000" in refused.content.decode() and not Coupon.objects.exists()
    assert client.post(url, {"phones": site.driver.phone, "reason": "开业"}).status_code in (200, 302)
    coupon = Coupon.objects.get()
    settled(site, clock, coupon)
    page = client.get("/admin/marketing/couponcampaign/").content.decode()
    assert "1 / 1" in page and "已核销 1 张" in page and "¥5.00" in page
    assert coupon.code in client.get(f"/admin/marketing/coupon/?q={coupon.code}").content.decode()
    void = client.post(f"/admin/marketing/coupon/{coupon.pk}/void/", {"reason": "x"})
    coupon.refresh_from_db()
    assert coupon.state == "used" and void.status_code == 200


@committed
@pytest.mark.promise(6)
def test_claims_of_many_at_once_stay_within_both_limits():
    few, own = campaign(total=5), campaign(per_driver=2)
    drivers = [make_driver(balance_fen=0) for _ in range(12)]
    results = flow.in_threads(12, lambda n: claimed(few, drivers[n]))
    assert codes(results) == ["Coupon"] * 5 + ["coupons_gone"] * 7
    results = flow.in_threads(8, lambda n: claimed(own, drivers[0]))
    assert codes(results) == ["Coupon"] * 2 + ["coupon_limit"] * 6
    few.refresh_from_db()
    own.refresh_from_db()
    assert (few.issued, few.coupons.count(), own.issued) == (5, 5, 2)


@committed
@pytest.mark.promise(6)
def test_one_coupon_serves_one_order_whatever_else_happens_at_once(clock):
    site = make_site(protocol="ocpp16")
    coupon = claimed(campaign(site), site.driver)

    def take(n):
        return coupons.take(
            code=coupon.code, order_no=f"{n}", driver=site.driver, operator_id=site.operator.pk,
            station_id=site.station.pk, at=timezone.now(),
        )  # fmt: skip

    results = flow.in_threads(8, take)
    assert codes(results) == ["Coupon"] + ["coupon_not_usable"] * 7
    coupon.refresh_from_db()
    coupons.give_back(order_no=coupon.taken_for)

    order = flow.charging(site, coupon=coupon.code)
    clock.shift(timedelta(minutes=20))
    record = flow.ocpp_record(
        site, order, meter_start="100", meter_end="110", started_at=order.started_at, ended_at=timezone.now()
    )

    def work(n):
        if n < 4:
            return flow.send_record(site, record)
        if n < 6:
            return coupons.void(actor=JOB, coupon=Coupon.objects.get(pk=coupon.pk), reason="r")
        return coupons.expire()

    flow.in_threads(8, work)
    order.refresh_from_db()
    coupon.refresh_from_db()
    assert (order.state, order.discount_fen) == ("settled", 500)
    assert (coupon.state, coupon.used_fen, coupon.taken_for) == ("used", 500, order.order_no)
    flow.assert_books_balance()
