"""A burst of records: settled as one by one, to the fen and the line, in one transaction with few statements."""

from datetime import datetime, timedelta
from unittest import mock

import pytest
import time_machine
from django.db import OperationalError

from billing.models import Account, ChargingOrder, Entry, Hold, Journal, ReviewItem
from billing.services import checks, debts, ledger
from devices.models import TransactionRecord
from devices.services import records
from kernel.actor import system
from tests.billing import flow
from tests.billing.test_discounts import discount
from tests.factories import CardFactory, EnterpriseFactory, make_site

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
S = ChargingOrder.State
HALF_PAST_NINE = datetime.fromisoformat("2026-11-20T09:30:00+08:00")
FLAT = {"flat": "10"}


@pytest.fixture
def clock():
    """09:30 in the station: flat (1.10) until 10:00."""
    with time_machine.travel(HALF_PAST_NINE, tick=False) as travel:
        yield travel


def sites_with_accounts(number: int, **options) -> list:
    """Sites whose operators have had a settlement before."""
    sites = [make_site(**options) for _ in range(number)]
    for site in sites:
        for kind in (Account.Kind.OPERATOR_ELECTRICITY, Account.Kind.OPERATOR_SERVICE):
            ledger.account_of(kind, operator=site.operator)
    return sites


def told(site, order) -> dict:
    """All that a settlement writes, without the ids."""
    order.refresh_from_db()
    own = {"record", "order_no", "transaction_ref", "id_tag", "evidence", "bill", "tariff_snapshot"}
    fields = {
        field.name: getattr(order, field.attname)
        for field in ChargingOrder._meta.concrete_fields
        if not field.is_relation and field.name not in own and not field.primary_key
    }
    journal = Journal.objects.get(order=order)
    return {
        **fields,
        "bill": order.bill,
        "evidence": {key: value for key, value in order.evidence.items() if key != "record"},
        "record": order.record.transaction_ref == order.transaction_ref,
        "lines": list(
            order.events.filter(kind="settled").values_list("kind", "from_state", "to_state", "data", "at")
        ),
        "journal": (journal.kind, journal.memo, journal.at, journal.actor_key == f"device:{site.pile.code}"),
        "entries": sorted(
            Entry.objects.filter(journal=journal).values_list(
                "account__kind", "amount_fen", "balance_after_fen", "at"
            )
        ),
        "owners": [entry.driver_id or entry.operator_id for entry in journal.entries.all()]
        == [entry.account.driver_id or entry.account.operator_id for entry in journal.entries.all()],
        "money": flow.money(site.driver),
        "hold": Hold.objects.values_list("state", "released_at").get(order=order),
    }


@pytest.mark.promise(2, 6)
def test_they_settle_as_each_would_by_itself(clock, django_assert_max_num_queries):
    sites = sites_with_accounts(3) + sites_with_accounts(2, balance_fen=1_000)  # two will owe something
    orders = [flow.charging(site) for site in sites]
    clock.shift(timedelta(minutes=20))
    reports = [flow.reported(site, order, FLAT) for site, order in zip(sites, orders, strict=True)]
    flow.send_record(sites[0], reports[0])
    flow.send_record(sites[3], reports[3])
    together = [(site.ref, report) for site, report in zip(sites, reports, strict=True)]
    with django_assert_max_num_queries(18):  # whatever their number
        records.store_records([together[index] for index in (1, 2, 4)])
    found = [told(site, order) for site, order in zip(sites, orders, strict=True)]
    assert found[1] == found[2] == found[0] and found[0]["money"] == (10_000 - 1_100, 0, 0)
    assert found[4] == found[3] and found[3]["money"] == (0, 0, 100)
    flow.assert_books_balance()

    records.store_records(together)  # the whole burst again, as after a link loss
    assert [told(site, order) for site, order in zip(sites, orders, strict=True)] == found
    assert set(TransactionRecord.objects.values_list("times_received", flat=True)) == {2}
    assert Journal.objects.filter(kind="settlement").count() == 5 and not list(checks.ledger_problems())


@pytest.mark.promise(3, 4)
def test_what_is_not_plain_goes_its_own_way_and_keeps_nobody_else(clock):
    plain, other, doubtful, nothing, orphan, conflicting = sites_with_accounts(6)
    first = make_site()  # its operator has no accounts yet
    order_of = {
        site.pile.code: flow.start(site) if site is nothing else flow.charging(site)
        for site in (plain, other, doubtful, nothing, conflicting, first)
    }
    clock.shift(timedelta(minutes=20))
    flow.send_record(conflicting, flow.reported(conflicting, order_of[conflicting.pile.code], FLAT))
    burst = [
        (plain.ref, flow.reported(plain, order_of[plain.pile.code], FLAT)),
        (doubtful.ref, flow.reported(doubtful, order_of[doubtful.pile.code], {"flat": "900"})),
        (nothing.ref, flow.reported(nothing, order_of[nothing.pile.code], {})),
        (orphan.ref, flow.reported(orphan, order_of[plain.pile.code], FLAT, transaction_ref="9" * 32)),
        (conflicting.ref, flow.reported(conflicting, order_of[conflicting.pile.code], {"flat": "2"})),
        (other.ref, flow.reported(other, order_of[other.pile.code], FLAT)),
        (other.ref, flow.reported(other, order_of[other.pile.code], FLAT)),  # twice in one burst
        (first.ref, flow.reported(first, order_of[first.pile.code], FLAT)),
    ]
    records.store_records(burst)
    for order in order_of.values():
        order.refresh_from_db()
    assert [order_of[site.pile.code].state for site in (plain, other, conflicting, first)] == [S.SETTLED] * 4
    assert order_of[doubtful.pile.code].state == S.REVIEW and order_of[nothing.pile.code].state == S.CLOSED
    assert flow.money(conflicting.driver)[0] == 10_000 - 1_100
    kinds = ReviewItem.Kind
    assert set(ReviewItem.objects.values_list("kind", flat=True)) == {
        kinds.ORDER,
        kinds.ORPHAN_RECORD,
        kinds.CONFLICTING_RECORD,
    }
    assert TransactionRecord.objects.count() == 7
    assert TransactionRecord.objects.get(pile=other.pile).times_received == 2
    flow.assert_books_balance()


@pytest.mark.promise(6)
def test_whoever_pays_and_whatever_is_taken_off_is_the_same_alone_and_together(clock):
    def bonus(site):
        purse = ledger.account_of(Account.Kind.BONUS, driver=site.driver)
        source = ledger.account_of(Account.Kind.PLATFORM_BONUS)
        lines = [(source, -2_000), (purse, 2_000)]
        ledger.post(key=f"bonus-{site.pile.pk}", kind="bonus", lines=lines, actor=system("tests"))
        return flow.charging(site, limit_fen=1_500)

    def discounted(site):
        discount(site, budget_fen=5_000, cap_fen=400)
        return flow.charging(site)

    def platform_discounted(site):
        order = flow.charging(site)
        assert order.tariff_snapshot["discounts"][-1]["bearer"] == "platform"
        return order

    def paid_by(kind, owner, cover=""):
        def begin(site):
            order = flow.charging(site)
            ledger.release_hold(order=order)
            payer = owner(site)
            ledger.top_up(
                actor=system("tests"), driver=payer, amount_fen=900, reason="r", idempotency_key="1"
            )
            ChargingOrder.objects.filter(pk=order.pk).update(
                payer_kind=kind, **{kind: payer}, cover=cover, driver=None
            )
            order.refresh_from_db()
            return order

        return begin

    ways = [
        (bonus, {"balance_fen": 500}),
        (discounted, {}),
        (paid_by("enterprise", lambda site: EnterpriseFactory(operator=site.operator)), {}),
        (paid_by("card", lambda site: CardFactory(operator=site.operator)), {}),
        (
            paid_by(
                "card",
                lambda site: CardFactory(operator=site.operator, kind="month", daily_energy_kwh=5),
                "month_card",
            ),
            {},
        ),
    ]
    alone, together = ([make_site(**options) for _way, options in ways] for _ in range(2))
    pairs = [
        [way(site) for (way, _options), site in zip(ways, sites, strict=True)] for sites in (alone, together)
    ]
    discount(bearer="platform", off_bp=500)
    alone.append(make_site())
    together.append(make_site())
    for orders, site in zip(pairs, (alone[-1], together[-1]), strict=True):
        orders.append(platform_discounted(site))
    clock.shift(timedelta(minutes=20))
    for site, order in zip(alone, pairs[0], strict=True):
        flow.send_record(site, flow.reported(site, order, FLAT))
    records.store_records(
        [(site.ref, flow.reported(site, order, FLAT)) for site, order in zip(together, pairs[1], strict=True)]
    )
    by_itself, in_one = (
        [told(site, order) for site, order in zip(sites, orders, strict=True)]
        for sites, orders in zip((alone, together), pairs, strict=True)
    )
    for found in (*by_itself, *in_one):
        for line in found["bill"].get("discounts", ()):
            line["code"] = ""
        found["entries"] = [  # the platform's own account is the same for both
            entry if entry[0] != "platform_discounts" else (*entry[:2], None) for entry in found["entries"]
        ]
    assert in_one == by_itself
    totals = [(found["total_fen"], found["covered_fen"]) for found in in_one]
    assert totals == [(1_100, 0), (1_060, 0), (1_100, 0), (1_100, 0), (1_100, 550), (1_080, 0)]
    assert ("bonus", -600) in [entry[:2] for entry in in_one[0]["entries"]]
    flow.assert_books_balance()
    assert not list(checks.ledger_problems())


@pytest.mark.promise(6)
def test_a_month_card_covers_no_more_of_a_day_when_its_records_come_together(clock):
    site, other = make_site(), make_site()
    card = CardFactory(operator=site.operator, kind="month", daily_energy_kwh=15)
    orders = [flow.charging(one) for one in (site, other)]
    for order in orders:
        ledger.release_hold(order=order)
    ChargingOrder.objects.update(payer_kind="card", card=card, cover="month_card", driver=None)
    clock.shift(timedelta(minutes=20))
    records.store_records(
        [(one.ref, flow.reported(one, order, FLAT)) for one, order in zip((site, other), orders, strict=True)]
    )
    settled = ChargingOrder.objects.order_by("pk").values_list("state", "total_fen", "covered_fen")
    assert list(settled) == [(S.SETTLED, 1_100, 1_100), (S.SETTLED, 1_100, 550)]
    flow.assert_books_balance()


@pytest.mark.promise(1)
def test_a_burst_that_the_database_fails_leaves_nothing_and_each_can_come_by_itself(clock):
    sites = sites_with_accounts(2)
    orders = [flow.charging(site) for site in sites]
    clock.shift(timedelta(minutes=20))
    burst = [(site.ref, flow.reported(site, order, FLAT)) for site, order in zip(sites, orders, strict=True)]
    with (
        mock.patch.object(debts, "insert_rows", side_effect=OperationalError("deadlock")),
        pytest.raises(OperationalError),
    ):
        records.store_records(burst)
    assert not TransactionRecord.objects.exists() and not Journal.objects.filter(kind="settlement").exists()
    assert flow.money(sites[0].driver)[1] > 0  # the hold stands
    for one in burst:
        records.store_records([one])
    assert {told(site, order)["state"] for site, order in zip(sites, orders, strict=True)} == {S.SETTLED}
    flow.assert_books_balance()


@pytest.mark.promise(3)
def test_one_record_that_we_fail_over_waits_for_a_person_and_the_others_are_settled(clock):
    sites = sites_with_accounts(3)
    orders = [flow.charging(site) for site in sites]
    clock.shift(timedelta(minutes=20))
    burst = [(site.ref, flow.reported(site, order, FLAT)) for site, order in zip(sites, orders, strict=True)]

    def faulty(order):
        if order.pk == orders[1].pk:
            raise ZeroDivisionError("a bug")
        return wallet(order)

    wallet = debts.payers.of_order
    with mock.patch.object(debts.payers, "of_order", side_effect=faulty):
        records.store_records(burst)
    for order in orders:
        order.refresh_from_db()
    assert [order.state for order in orders] == [S.SETTLED, S.REVIEW, S.SETTLED]
    assert orders[1].review_reasons[0]["code"] == "processing_failed"
    assert TransactionRecord.objects.filter(order__isnull=False).count() == 3
    assert flow.money(sites[1].driver)[1] > 0
    flow.assert_books_balance()
