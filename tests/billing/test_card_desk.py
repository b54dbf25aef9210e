"""The card desk through the console: batches, deposits, months, un-graying, returning; and offline lists in piles."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from billing.models import Account, ChargingOrder, EnterpriseStation, Proposal
from billing.services import card_lists, ledger
from devices.models import DeviceCommand, LocalList
from devices.services import local_lists
from kernel.actor import system
from kernel.commands import Refused
from kernel.models import AuditEvent
from kernel.sheets import write_sheet
from stations.models import Pile, PileModel
from tests import factories as f
from tests.billing import flow
from tests.billing.test_local_starts import ask
from users.models import Card
from users.services.roles import ensure_roles

pytestmark = pytest.mark.django_db
SYSTEM = system("tests")
KEY = "0c4f2b0e-4d0e-4a8e-9d6c-3f6f0f6b8a11"


@pytest.fixture
def site():
    return f.make_site()


@pytest.fixture
def desk(client, site):
    """The card admin of the site's operator, logged in."""
    staff = f.make_staff(operator=site.operator)
    staff.groups.add(ensure_roles(actor=SYSTEM)["card_admin"])
    client.force_login(staff)
    return client


def act(client, action, pk, model="card", **data):
    return client.post(reverse(f"admin:users_{model}_{action}", args=[pk]), {"reason": "desk", **data})


def balance(card, kind=Account.Kind.CARD):
    return ledger.account_of(kind, payer=ledger.payers.of(card)).balance_fen


def money_card(site, amount_fen=10_000, **fields):
    card = f.CardFactory(operator=site.operator, **fields)
    ledger.top_up(actor=SYSTEM, driver=card, amount_fen=amount_fen, reason="r", idempotency_key="1")
    return card


@pytest.mark.feature("CRD-01", "CRD-04", "CRD-09", "CRD-11", "CRD-12", "CRD-13", "CRD-14")
@pytest.mark.promise(10)
def test_a_card_from_the_counter_and_back(desk, site):
    page = desk.post(
        reverse("admin:users_card_add"),
        {"operator": site.operator.pk, "physical_no": "00 D1 4B 0A 54", "kind": "online", "opened": "on"},
    )
    assert page.status_code == 302, page.context["adminform"].form.errors
    card = Card.objects.get()
    assert (card.physical_no, card.state, len(card.logical_no)) == ("D14B0A54", "active", 16)
    again = {"operator": site.operator.pk, "physical_no": "d14b0a54", "kind": "online"}
    assert desk.post(reverse("admin:users_card_add"), again).status_code == 200
    assert Card.objects.count() == 1
    # Two clicks on one dialog book once.
    for _n in range(2):
        assert act(desk, "top_up", card.pk, amount="50", key=KEY).status_code == 302
        assert act(desk, "deposit", card.pk, amount="20", key=KEY).status_code == 302
    assert (balance(card), balance(card, Account.Kind.CARD_DEPOSIT)) == (5_000, 2_000)
    # One page tells card, money, sessions and what was done.
    shown = desk.get(reverse("admin:users_card_change", args=[card.pk])).content.decode()
    for words in ("¥50.00", "¥20.00", "users.add_card", "billing.take_deposit"):
        assert words in shown
    # Another operator's card is not there.
    foreign = f.CardFactory()
    assert act(desk, "top_up", foreign.pk, amount="1", key=KEY).status_code == 404
    driver = f.make_driver(balance_fen=0, operator=site.operator)
    assert act(desk, "bind", card.pk, phone=driver.phone, pays_from="card").status_code == 302
    assert act(desk, "take_back", card.pk, to_wallet="1").status_code == 302
    card.refresh_from_db()
    assert (card.state, card.driver, balance(card), balance(card, Account.Kind.CARD_DEPOSIT)) == (
        "returned", None, 0, 0,
    )  # fmt: skip
    assert ledger.wallet_of(driver).balance_fen == 7_000
    assert AuditEvent.objects.filter(target_id=str(card.pk), action="billing.return_card").count() == 1
    assert act(desk, "top_up", card.pk, amount="1", key=KEY[:-1] + "2").status_code == 200
    flow.assert_books_balance()


@pytest.mark.feature("CRD-02", "CRD-03", "CRD-09", "CRD-10")
def test_what_stands_against_unbinding_and_returning(desk, site, settings):
    driver = f.make_driver(balance_fen=0, operator=site.operator)
    card = money_card(site, 60_000, driver=driver)
    ask(site, card.physical_no)
    assert ChargingOrder.objects.get().card == card
    for action in ("unbind", "take_back"):
        answer = act(desk, action, card.pk)
        assert answer.status_code == 200 and answer.context["form"].errors
    card.refresh_from_db()
    assert (card.state, card.driver) == ("active", driver)
    assert act(desk, "freeze", card.pk).status_code == 302  # the running session goes on
    assert ChargingOrder.objects.get().state == "starting"
    assert ask(site, card.physical_no, connector=2).refusal == "account_frozen"
    ChargingOrder.objects.update(state="closed")
    ledger.release_hold(order=ChargingOrder.objects.get())
    # So much cash is for somebody who may approve refunds; into the wallet it may go.
    settings.REFUND_APPROVAL_FEN = 50_000
    assert act(desk, "take_back", card.pk, to_wallet="").context["form"].errors
    assert balance(card) == 60_000
    assert act(desk, "take_back", card.pk, to_wallet="1").status_code == 302
    assert ledger.wallet_of(driver).balance_fen == 60_000


@pytest.mark.feature("CRD-08")
def test_un_graying_settles_or_writes_off_what_holds_a_card(desk, site):
    card = money_card(site)
    assert act(desk, "ungray", card.pk, how="zero").status_code == 200  # it is not gray
    ask(site, card.physical_no)
    order = ChargingOrder.objects.get()
    flow.begin(site, order)
    flow.shift_into_past(order, timedelta(hours=1))
    refused = act(desk, "ungray", card.pk, how="zero")
    assert order.order_no in str(refused.content)  # its pile is online: stop it instead
    Pile.objects.filter(pk=site.pile.pk).update(online=False)
    assert ask(site, card.physical_no, connector=2).refusal in ("unsettled_record", "pile_stopped")
    assert act(desk, "ungray", card.pk, how="meter", energy_kwh="10").status_code == 302
    order.refresh_from_db()
    left = 10_000 - order.total_fen
    assert (order.state, order.evidence["basis"], balance(card)) == ("settled", "meter", left)
    assert order.total_fen > 1_000
    assert AuditEvent.objects.get(action="billing.ungray_card").reason == "desk"
    Pile.objects.filter(pk=site.pile.pk).update(online=True)
    assert ask(site, card.physical_no, connector=2).refusal == ""
    # Its record comes after all: the settled order keeps its bill.
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    assert balance(card) == left
    second = ChargingOrder.objects.exclude(pk=order.pk).get()
    ChargingOrder.objects.filter(pk=second.pk).update(
        state="finishing", started_at=timezone.now() - timedelta(hours=1)
    )
    assert act(desk, "ungray", card.pk, how="zero").status_code == 302
    second.refresh_from_db()
    assert (second.state, second.total_fen) == ("settled", 0)
    assert not Proposal.objects.exists()
    flow.assert_books_balance()


@pytest.mark.feature("CRD-15", "CRD-19")
@pytest.mark.promise(11)
@pytest.mark.feature("CRD-16")
def test_a_batch_is_looked_at_and_brought_in_as_one(desk, site):
    address = reverse("admin:users_card_import")
    header = ["operator", "physical_no", "logical_no", "kind", "state", "balance", "note"]
    code = site.operator.code

    def upload(rows, **more):
        file = io.BytesIO(write_sheet(header, rows))
        file.name = "cards.xlsx"
        return desk.post(address, {"file": file, **more})

    bad = upload(
        [[code, "AA01", "", "online", "stock", "", ""], [code, "AA01", "x", "plastic", "", "-1", ""]]
    )
    assert bad.status_code == 400 and not Card.objects.exists()
    good = [
        [code, "AA01", "", "online", "stock", "", ""],
        [code, "AA02", "123", "离线卡", "active", "35.5", "legacy"],
    ]
    preview = upload(good)
    assert preview.status_code == 200 and not Card.objects.exists()
    done = desk.post(address, {"name": "cards.xlsx", "content": preview.context["content"], "confirm": "1"})
    assert done.status_code == 302
    stock, legacy = Card.objects.order_by("physical_no")
    assert (stock.state, legacy.kind, legacy.state, balance(legacy)) == ("stock", "offline", "active", 3_550)
    assert act(desk, "open_card", stock.pk).status_code == 302
    assert desk.get(address + "?template").status_code == 200


@pytest.mark.feature("CRD-17")
def test_a_month_is_sold_and_covers_what_it_says(desk, site):
    card = f.CardFactory(operator=site.operator, kind="month", daily_times=1)
    today = timezone.localdate()
    until = today + timedelta(days=29)
    answer = act(
        desk, "sell_month", card.pk, amount="30", key=KEY, valid_from=today.isoformat(), valid_until=until.isoformat()
    )  # fmt: skip
    assert answer.status_code == 302
    card.refresh_from_db()
    assert card.valid_until == until
    income = ledger.account_of(Account.Kind.OPERATOR_MONTH_CARDS, operator=site.operator)
    assert income.balance_fen == 3_000
    backwards = act(
        desk, "sell_month", card.pk, amount="30", key=KEY[:-1] + "3", valid_from=until.isoformat(),
        valid_until=today.isoformat(),
    )  # fmt: skip
    assert backwards.context["form"].errors
    income.refresh_from_db()
    assert income.balance_fen == 3_000


@pytest.mark.feature("CRD-07", "CRD-10", "STA-05")
def test_offline_lists_follow_the_cards(site):
    assert card_lists.wanted_at(site.pile) == []  # its matrix lets no card start without the platform
    model = PileModel.objects.create(brand="b", name="m", current_type="ac", rated_power_kw=60)
    Pile.objects.filter(pk=site.pile.pk).update(model=model)
    site.pile.refresh_from_db()
    good = f.CardFactory(operator=site.operator, kind="offline", physical_no="D14B0A54")
    bad = f.CardFactory(operator=site.operator, kind="offline", physical_no="D14B0A55")
    f.CardFactory(operator=site.operator, kind="online")
    f.CardFactory(kind="offline")  # another operator's
    assert card_lists.sweep_lists(actor=SYSTEM) == 1
    command = DeviceCommand.objects.get(kind="sync_cards")
    assert [row["tag"] for row in command.params["cards"]] == [good.physical_no, bad.physical_no]
    assert card_lists.sweep_lists(actor=SYSTEM) == 0  # it is under way

    def took(command):
        DeviceCommand.objects.filter(pk=command.pk).update(state="accepted")
        command.refresh_from_db()
        command.result = {
            "cards": {local_lists.card_number(row["tag"]): True for row in command.params["cards"]}
        }
        local_lists.cards_answered(site.ref, command, timezone.now())

    took(command)
    assert card_lists.is_in_step(site.pile) and card_lists.sweep_lists(actor=SYSTEM) == 0
    out = io.StringIO()
    call_command("sync_card_lists", "--station", site.station.code, "--check", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"piles": [{"pile": site.pile.code, "cards": 2, "in_step": True}]}
    with pytest.raises(Refused):
        call_command("sync_card_lists", "--pile", "nowhere")
    # A frozen card leaves the pile with the next look.
    Card.objects.filter(pk=bad.pk).update(state="frozen")
    assert card_lists.sweep_lists(actor=SYSTEM) == 1
    last = DeviceCommand.objects.filter(kind="sync_cards").order_by("pk").last()
    assert [row["tag"] for row in last.params["cards"]] == [good.physical_no] and last.params["full"]
    DeviceCommand.objects.filter(pk=last.pk).update(state="rejected")
    assert card_lists.sweep_lists(actor=SYSTEM) == 0  # left alone for an hour
    DeviceCommand.objects.update(created_at=timezone.now() - timedelta(hours=2))
    Card.objects.filter(pk=good.pk).update(valid_until=timezone.localdate() - timedelta(days=1))
    assert card_lists.sweep_lists(actor=SYSTEM) == 1
    assert DeviceCommand.objects.order_by("pk").last().kind == "clear_cards"
    assert LocalList.objects.get().entries


@pytest.mark.feature("VEH-08", "TEN-25")
def test_an_enterprise_gets_its_account_stations_and_monthly_statement(client, site):
    boss = f.make_staff(superuser=True)
    client.force_login(boss)
    enterprise = f.EnterpriseFactory(operator=site.operator)
    assert act(client, "top_up", enterprise.pk, "enterprise", amount="100", key=KEY).status_code == 302
    assert act(client, "set_credit", enterprise.pk, "enterprise", credit="50").status_code == 302
    bound = act(client, "set_stations", enterprise.pk, "enterprise", stations=[site.station.pk])
    assert bound.status_code == 302
    assert EnterpriseStation.objects.get().station == site.station
    vehicle = f.VehicleFactory(enterprise=enterprise)
    order = ChargingOrder.objects.get(order_no=ask(site, vehicle.vin, method="vin").order_no)
    flow.begin(site, order)
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    address = reverse("admin:users_enterprise_statement", args=[enterprise.pk])
    page = client.get(address)
    statement = page.context["statement"]
    assert (statement.whole.orders, statement.whole.paid_fen) == (1, 1_100)
    assert [(row.name, row.paid_fen) for row in statement.by_user] == [(vehicle.plate, 1_100)]
    sheet = client.get(address + "?sheet=1")
    assert sheet["Content-Type"].startswith("application/vnd.openxmlformats")
    assert client.get(address + "?month=2026-13").status_code == 400
    assert client.get(address + "?month=2020-01").context["statement"].whole.orders == 0
    shown = client.get(reverse("admin:users_enterprise_change", args=[enterprise.pk])).content.decode()
    assert "¥89.00" in shown and site.station.name in shown
    # Another tenant's staff does not find it.
    client.force_login(f.make_staff(superuser=False, operator=f.OperatorFactory()))
    assert client.get(address).status_code in (403, 404)
    flow.assert_books_balance()
