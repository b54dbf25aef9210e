"""What doors read: in scope only, in time order, with frames, commands, states and money side by side."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone, translation

from billing import review_words, selectors
from billing.models import OrderEvent
from billing.pricing.words import FINDINGS
from devices.models import DeviceCommand
from kernel.actor import system
from kernel.errors import DomainError
from tests.billing import flow
from tests.factories import FrameLogFactory, make_driver, make_site, staff_actor
from users.actors import of_driver

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


@pytest.fixture
def settled():
    site = make_site()
    order = flow.charging(site)
    FrameLogFactory(
        pile=site.pile, transaction_ref=order.transaction_ref, name="live_data", decoded={"soc": 40}
    )
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    order.refresh_from_db()
    return site, order


def test_an_order_is_seen_by_its_driver_and_its_operator_only(settled):
    site, order = settled
    for actor in (site.driver_actor, staff_actor(operator=site.operator), system("tests")):
        assert selectors.order_get(actor=actor, order_no=order.order_no) == order
        assert list(selectors.order_list(actor=actor)) == [order]
    for actor in (of_driver(make_driver()), staff_actor(operator=make_site().operator)):
        assert not selectors.order_list(actor=actor).exists()
        for call in (
            lambda actor: selectors.order_get(actor=actor, order_no=order.order_no),
            lambda actor: selectors.order_timeline(actor=actor, order=order),
        ):
            with pytest.raises(DomainError) as refusal:
                call(actor)
            assert refusal.value.code == "order_unknown"


@pytest.mark.feature("ORD-04")
def test_the_timeline_merges_everything_in_time_order(settled):
    site, order = settled
    items = selectors.order_timeline(actor=staff_actor(operator=site.operator), order=order)
    assert [item.at for item in items] == sorted(item.at for item in items)
    assert {item.kind for item in items} == {"event", "command", "frame", "money"}
    with translation.override("en"):
        items = selectors.order_timeline(actor=site.driver_actor, order=order)
    titles = [item.title for item in items]
    assert {"Order created", "Charging began", "Settled", "Money held", "Hold released"} <= set(titles)
    money = [item.data["amount_fen"] for item in items if item.title == "Driver wallet"]
    assert money == [-1_100]
    assert not [title for title in titles if title.startswith("Operator:")]  # none of a driver's business
    frame = next(item for item in items if item.kind == "frame")
    assert frame.data["decoded"] == {"soc": 40}


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("fault", {"code": "door_open", "words": "The door of the pile is open."}, "桩门打开"),
        ("fault", {"code": "X1", "words": "The door of the pile is open."}, "桩门打开。"),
        ("fault", {"code": "X1"}, "X1"),
        ("start_refused", {"reason": "not_plugged"}, "枪未插入车辆"),
        ("stop_requested", {"reason": "balance"}, "预授权金额即将用完"),
        ("stop_requested", {"reason": "blocked bay"}, "blocked bay"),
        ("nothing_delivered", {"stop_reason": "start_insulation"}, "启动失败：绝缘检测异常"),
        ("pile_offline", {"reason": "silent"}, "桩长时间无通信"),
        ("reading_doubtful", {"why": "jump"}, "电量增长超过桩的供电能力"),
        ("idle_seen", {"state": "fault", "fault_code": "dc_fuse"}, "故障 直流熔断器故障"),
        ("record_attached", {"record": 1}, ""),
    ],
)
def test_an_event_says_its_codes_in_words(settled, kind, data, words):
    _site, order = settled
    OrderEvent.objects.create(order=order, at=timezone.now(), kind=kind, data=data)
    with translation.override("zh-hans"):
        item = selectors.order_timeline(actor=system("tests"), order=order)[-1]
    assert (item.data["event"], item.detail) == (kind, words)


def test_a_stop_that_cannot_be_sent_says_why(settled):
    site, order = settled
    for reason in ("pile_offline", "command_pending", "command_unsupported"):
        OrderEvent.objects.create(
            order=order, at=timezone.now(), kind="stop_impossible", data={"reason": reason}
        )
    with translation.override("en"):
        items = selectors.order_timeline(actor=system("tests"), order=order)[-3:]
    assert items[0].detail == f"The pile {site.pile.code} is offline."
    assert not [item.detail for item in items if "%(" in item.detail]


def test_answers_and_frames_are_in_words(settled):
    site, order = settled
    frame = {"pile": site.pile, "transaction_ref": order.transaction_ref, "name": "13 realtime_data"}
    FrameLogFactory(**frame)
    order_commands = DeviceCommand.objects.filter(reference=order.order_no)
    order_commands.update(state="rejected", reason="already_charging", answered_at=timezone.now())
    with translation.override("zh-hans"):
        items = selectors.order_timeline(actor=system("tests"), order=order)
    assert "13 · 实时数据" in [item.title for item in items]
    assert "桩已拒绝 · 枪已在充电" in [item.detail for item in items]


def test_a_reason_quotes_tiers_and_errors_in_words():
    with translation.override("zh-hans"):
        assert "峰" in review_words.sentence_of({"code": "unknown_tier", "params": {"tier": "peak"}})
        quoted = review_words.sentence_of({"code": "cannot_price", "params": {"reason": "no_tiers"}})
    assert "no_tiers" not in quoted


def test_a_long_session_shows_its_first_and_last_frames(settled):
    site, order = settled
    FrameLogFactory.create_batch(
        selectors.FIRST_FRAMES + selectors.LAST_FRAMES + 50,
        pile=site.pile,
        transaction_ref=order.transaction_ref,
        at=timezone.now(),
    )
    items = selectors.order_timeline(actor=system("tests"), order=order)
    frames = [item for item in items if item.kind == "frame"]
    assert len(frames) == selectors.FIRST_FRAMES + selectors.LAST_FRAMES


@pytest.mark.feature("WAL-11")
def test_entries_of_a_driver_newest_first(settled):
    site, order = settled
    entries = list(selectors.entry_list(actor=site.driver_actor, driver=site.driver))
    assert [entry.amount_fen for entry in entries] == [-1_100, 10_000]
    assert entries[0].journal.order == order
    assert not selectors.entry_list(actor=of_driver(make_driver()), driver=site.driver).exists()


def test_the_price_now_and_until_when():
    site = make_site()
    at = datetime.fromisoformat("2026-11-20T10:20:00+08:00")
    price = selectors.price_now(pile=site.pile, at=at)
    assert (price.tier, price.unit_price) == ("peak", Decimal("1.40000"))
    assert price.until == datetime.fromisoformat("2026-11-20T12:00:00+08:00")
    night = selectors.price_now(pile=site.pile, at=datetime.fromisoformat("2026-11-20T23:59:00+08:00"))
    assert night.until == datetime.fromisoformat("2026-11-21T00:00:00+08:00")
    assert selectors.price_now(pile=site.pile, at=datetime.fromisoformat("2020-01-01T00:00:00+08:00")) is None


def test_every_reason_has_a_sentence():
    assert set(FINDINGS) <= set(review_words.REASONS)
    with translation.override("en"):
        for code in review_words.REASONS:
            assert "%(" in review_words.REASONS[code] or review_words.sentence_of({"code": code})[-1] in ".)"
        filled = review_words.sentence_of(
            {"code": "register_backwards", "params": {"from_kwh": "2", "to_kwh": "1"}}
        )
    assert filled == "The energy register went back from 2 to 1 kWh."
    assert review_words.sentence_of({"code": "something_new"}) == "something_new"


def test_the_checks_pass_after_a_session(settled):
    call_command("check_ledger")
    call_command("check_orders")
