"""What doors read: in scope only, in time order, with frames, commands, states and money side by side."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone, translation

from billing import review_words, selectors
from billing.pricing.words import FINDINGS
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
