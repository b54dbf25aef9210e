"""The mode matrix: every cell starts or is refused as the table says, and the table can be changed by the platform."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone, translation

from alerts.models import Alert
from billing.models import ChargingOrder
from billing.services import offline_orders, paying
from billing.services.tariffs import snapshot_of
from devices import events
from devices.services import presence
from kernel.errors import DomainError
from stations.models import ModeCell, Pile, PileModel
from stations.modes import ALLOWED, CELLS, Cell, Current, Edition, Method, Mode
from stations.services import modes
from tests import factories as f
from tests.api_client import ApiClient
from tests.billing import flow

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


@pytest.fixture
def site():
    return f.make_site()


def place(site, edition, current, mode, *, online=None):
    """The site's pile with these settings."""
    model = f.PileModelFactory(current_type=current, rated_power_kw=Decimal("60.0"))
    Pile.objects.filter(pk=site.pile.pk).update(
        model=model,
        edition=edition,
        charge_mode=mode,
        **({} if online is None else {"online": online}),
    )
    site.pile.refresh_from_db()
    return site.pile


def brought(site, method, **changes):
    """A record of the pile that nobody opened an order for."""
    started = timezone.now() - timedelta(hours=1)
    order = ChargingOrder(
        connector=site.connector,
        transaction_ref=f"{site.pile.code}01{timezone.now():%y%m%d%H%M%S}0001",
        started_at=started,
        tariff_snapshot=snapshot_of(site.version).to_json(),
    )
    start_method = {"card": "offline_card", "scan": "code", "vin": "vin", "plug": "plug"}[method]
    record = flow.reported(
        site, order, {"flat": "10"}, started_at=started, start_method=start_method, **changes
    )
    flow.send_record(site, record)
    return ChargingOrder.objects.filter(transaction_ref=order.transaction_ref).first()


def asked_at_the_pile(site, method):
    """The pile asks before it charges: by the driver's own card, or by the VIN of their verified vehicle."""
    if method == Method.CARD:
        card = f.CardFactory(operator=site.operator, driver=site.driver, pays_from="driver")
        credential = card.physical_no
    else:
        credential = f.VehicleFactory(operator=site.operator, driver=site.driver).vin
    asked = events.StartRequested(
        pile=site.ref, connector_no=1, at=timezone.now(), method=method, credential=credential.rjust(16, "0")
    )
    return events.publish(asked)[0]


@pytest.mark.feature("MTX-01")
@pytest.mark.parametrize("cell", CELLS, ids="/".join)
def test_every_cell_starts_or_is_refused_as_the_table_says(site, cell, monkeypatch):
    """Online paid: asked while it is online. The two offline modes: by the record that comes afterwards."""
    edition, current, mode, method = cell
    pile = place(site, edition, current, mode)
    monkeypatch.setattr(offline_orders, "party_of_record", lambda record: paying.party_of_driver(site.driver))
    allowed = cell in ALLOWED
    if not allowed:
        with pytest.raises(DomainError) as refusal:
            modes.require_method(pile=pile, method=method)
        assert refusal.value.code == "method_not_allowed"
    if mode == Mode.ONLINE_PAID and method == Method.SCAN:
        answer = ApiClient(site.driver).call(
            "POST", "/api/v1/driver/orders", {"connector_code": site.connector.code}
        )
        assert (answer.status_code, answer.json().get("code")) == (
            (201, None) if allowed else (409, "method_not_allowed")
        )
    elif mode == Mode.ONLINE_PAID and method in (Method.CARD, Method.VIN):
        decision = asked_at_the_pile(site, method)
        assert (decision.refusal == "", ChargingOrder.objects.exists()) == (allowed, allowed)
        if not allowed:
            assert decision.refusal in ("not_allowed_here", "no_card_support")
            return
        order = ChargingOrder.objects.get()
        flow.begin(site, order)
        flow.shift_into_past(order, timedelta(hours=1))
        flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
        order.refresh_from_db()
        assert (order.state, order.charge_mode, order.start_method) == ("settled", mode, method)
        assert order.total_fen > 0 and flow.money(site.driver)[0] == 10_000 - order.total_fen
        flow.assert_books_balance()
    elif mode == Mode.ONLINE_PAID:
        assert not allowed  # nobody is told of a plug before the pile asks, and it asks by card or VIN
    else:
        order = brought(site, method)
        assert (order is not None) == allowed
        if order is None:
            assert flow.money(site.driver) == (10_000, 0, 0)
            return
        assert order.state == "settled"
        assert order.energy_kwh == 10
        assert order.charge_mode == mode
        free = mode == Mode.OFFLINE_FREE
        assert (order.total_fen == 0) == free
        assert flow.money(site.driver)[0] == 10_000 - order.total_fen
        flow.assert_books_balance()
        call_command("check_orders")


@pytest.mark.feature("MTX-02")
def test_a_free_session_is_flagged_and_costs_nothing(site, client, monkeypatch):
    """Nobody pays, the energy stands on the order, and staff see the pile's mode and the order's."""
    place(site, Edition.NETWORK, Current.AC, Mode.OFFLINE_FREE)
    order = brought(site, "plug")
    assert (order.state, order.driver, order.total_fen, order.is_free) == ("settled", None, 0, True)
    assert order.bill["total_fen"] == 0
    client.force_login(f.make_staff(superuser=True))
    page = client.get(reverse("admin:stations_pile_change", args=[site.pile.pk])).content.decode()
    assert "离线免费" in page and "即插即充" in page
    page = client.get(reverse("admin:billing_chargingorder_change", args=[order.pk])).content.decode()
    assert "离线免费" in page


def test_a_free_pile_that_the_platform_may_start_holds_no_money(site):
    """The platform may open scanning to free piles; then nothing is held, and the running cost stays 0."""
    cell = Cell(Edition.NETWORK, Current.DC, Mode.OFFLINE_FREE, Method.SCAN)
    modes.set_matrix(actor=f.staff_actor("stations.change_modecell"), cells={cell: True}, reason="tests")
    place(site, *cell[:3])
    order = flow.charging(site)
    flow.sample(site, order, "0.1")
    assert (order.energy_kwh, order.total_fen, order.stop_at_fen) == (Decimal("0.1"), 0, None)
    assert flow.money(site.driver) == (10_000, 0, 0)
    call_command("check_orders")
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "0.15"}))
    order.refresh_from_db()
    assert (order.state, order.total_fen, order.energy_kwh) == ("settled", 0, Decimal("0.15"))
    call_command("check_orders")


@pytest.mark.feature("MTX-04")
def test_the_offline_column_holds_while_the_link_is_down(site, monkeypatch):
    monkeypatch.setattr(offline_orders, "party_of_record", lambda record: paying.party_of_driver(site.driver))
    pile = place(site, Edition.NETWORK, Current.AC, Mode.ONLINE_PAID)
    assert modes.require_method(pile=pile, method="scan") == Mode.ONLINE_PAID
    session = pile.sessions.get()
    presence.close_session(session_id=session.pk, reason="disconnected")
    pile.refresh_from_db()
    assert modes.require_method(pile=pile, method="card") == Mode.OFFLINE_BILLED
    with translation.override("zh-hans"), pytest.raises(DomainError, match="扫码"):
        modes.require_method(pile=pile, method="scan")
    order = brought(site, "card")
    assert (order.charge_mode, order.start_method, order.state) == (
        "offline_billed",
        "offline_card",
        "settled",
    )
    assert order.total_fen > 0
    flow.come_back(site)
    pile.refresh_from_db()
    assert modes.require_method(pile=pile, method="scan") == Mode.ONLINE_PAID
    # A direct-current pile takes no card while its link is down: its record waits for a person.
    place(site, Edition.NETWORK, Current.DC, Mode.ONLINE_PAID)
    assert modes.mode_now(pile=site.pile, linked=False) == Mode.OFFLINE_BILLED
    with pytest.raises(DomainError):
        modes.require_method(pile=site.pile, method="card", linked=False)


def test_a_pile_without_a_network_raises_no_offline_alert(site):
    place(site, Edition.OFFLINE, Current.AC, Mode.OFFLINE_BILLED)
    presence.close_session(session_id=site.pile.sessions.get().pk, reason="silent")
    assert not Alert.objects.exists()


def test_the_matrix_is_edited_by_the_platform_only(client, site):
    cell = Cell(Edition.NETWORK, Current.DC, Mode.ONLINE_PAID, Method.VIN)
    own = f.make_staff("stations.view_modecell", "stations.change_modecell", operator=f.OperatorFactory())
    client.force_login(own)
    address = reverse("admin:stations_modecell_changelist")
    ticked = {"/".join(one): "on" for one, allowed in modes.matrix().items() if allowed and one != cell}
    client.post(address, {**ticked, "reason": "tests"})
    assert modes.matrix()[cell] is True
    client.force_login(f.make_staff(superuser=True))
    assert "原因" in client.post(address, ticked, follow=True).content.decode()  # without a reason
    assert modes.matrix()[cell] is True
    page = client.post(address, {**ticked, "reason": "VIN 核验未开通"}, follow=True)
    assert page.status_code == 200
    assert modes.matrix()[cell] is False
    assert ModeCell.objects.get().allowed is False
    place(site, *cell[:3])
    with pytest.raises(DomainError):
        modes.require_method(pile=site.pile, method="vin")
    client.post(address, {**ticked, "/".join(cell): "on", "reason": "又开通了"})
    assert modes.matrix() == {one: one in ALLOWED for one in CELLS}


def test_only_ac_piles_work_without_a_network(site):
    from stations.services import piles

    with pytest.raises(DomainError) as refusal:
        piles.update_pile(
            actor=f.staff_actor("stations.change_pile"), pile=site.pile, changes={"edition": "offline"}
        )
    assert refusal.value.field == "edition"


def test_the_current_of_a_pile_without_a_model_is_told_from_its_power():
    assert f.PileFactory(rated_power_kw=Decimal("7.0")).current_type == "ac"
    assert f.PileFactory(rated_power_kw=Decimal("60.0")).current_type == "dc"
    assert f.PileFactory(protocol="dny").current_type == "ac"
    assert Pile(model=PileModel(current_type="ac"), rated_power_kw=Decimal(60)).current_type == "ac"
