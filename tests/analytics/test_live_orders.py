"""The list of running orders: who sees which, and that it moves by itself over a real WebSocket."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from analytics import live_orders, live_orders_socket
from billing.models import ChargingOrder
from tests import factories as f
from tests.billing import flow
from tests.users.tenants import make_order
from users.actors import of_staff
from users.models import Staff

SEE = "billing.view_chargingorder"


def cookie_of(staff):
    client = Client()
    client.force_login(staff)
    return client.cookies["sessionid"].value


def listen(gateway, session, query=""):
    return connect(
        f"{gateway.ws_url}/ws/console/orders/{query}",
        origin=gateway.http_url,
        additional_headers={"Cookie": f"sessionid={session}", "Accept-Language": "en"},
    )


def heard(socket, until):
    """What comes until a message satisfies `until`; that message."""
    for _n in range(20):
        message = json.loads(socket.recv(10))
        if until(message):
            return message
    raise AssertionError("never heard")


def closed_with(gateway, session):
    with listen(gateway, session) as socket, pytest.raises(ConnectionClosed) as closing:
        while True:
            socket.recv(10)
    return closing.value.rcvd.code


@pytest.mark.feature("ORD-01")
@pytest.mark.promise(9)
def test_rows_appear_move_and_leave_by_push(live_gateway, monkeypatch):
    monkeypatch.setattr(live_orders_socket, "PAUSE_S", 0.05)
    mine, theirs = f.make_site(), f.make_site()
    staff = f.make_staff(SEE, operator=mine.operator)
    session = cookie_of(staff)
    with listen(live_gateway, session) as socket:
        assert json.loads(socket.recv(10))["rows"] == []
        other = flow.charging(theirs)
        flow.sample(theirs, other, "9.0000")
        order = flow.start(mine)
        row = heard(socket, lambda m: m["rows"])["rows"]
        assert [one["order_no"] for one in row] == [order.order_no]
        assert (row[0]["method"], row[0]["user"]) == ("Code or QR", str(mine.driver))
        assert row[0]["pile"] == f"{mine.pile} · 1"
        flow.answer(order)
        flow.begin(mine, order)
        flow.shift_into_past(order, timedelta(minutes=5))
        flow.sample(mine, order, "1.2500", power="58.5", soc=43)
        row = heard(socket, lambda m: m["rows"] and m["rows"][0]["energy"] == "1.25 kWh")["rows"][0]
        assert (row["power"], row["soc"], row["state"]) == ("58.5 kW", "43%", "Charging")
        assert row["amount"] not in ("¥0.00", "–")
        flow.send_record(mine, flow.reported(mine, order, {"flat": "1.2500"}))
        order.refresh_from_db()
        assert order.state not in live_orders.RUNNING_STATES
        gone = heard(socket, lambda m: m["type"] == "page")
        assert (gone["rows"], gone["running"]) == ([], 0)

        # The login ends: so does the line, at its next reading.
        Staff.objects.filter(pk=staff.pk).update(password="changed")
        flow.start(mine, connector=mine.connectors[1], driver=f.make_driver(balance_fen=10_000))
        with pytest.raises(ConnectionClosed) as closing:
            socket.recv(10)
        assert closing.value.rcvd.code == 4401
    assert closed_with(live_gateway, session) == 4401
    assert closed_with(live_gateway, "nobody") == 4401
    assert closed_with(live_gateway, cookie_of(f.make_staff(operator=mine.operator))) == 4403


@pytest.mark.django_db
class TestPage:
    def test_a_page_reads_its_rows_alone(self, client, django_assert_num_queries, monkeypatch):
        monkeypatch.setattr(live_orders, "PAGE", 2)
        site = f.make_site(connectors=4)
        made = [
            make_order(
                site,
                site.driver,
                order_no=f"R{n}",
                connector=connector,
                state="charging",
                transaction_ref=f"r{n}",
                settled_at=None,
                start_method="card" if n else "vin",
            )
            for n, connector in enumerate(site.connectors)
        ]
        make_order(site, site.driver)  # settled
        staff = f.make_staff(SEE, operator=site.operator)
        actor = of_staff(staff)
        live_orders.page_of(actor, live_orders.Query())  # the grants are read once per request
        with django_assert_num_queries(2):
            orders, more, running = live_orders.page_of(actor, live_orders.Query())
            [live_orders.row_json(order) for order in orders]
        assert ([order.pk for order in orders], more, running) == ([made[3].pk, made[2].pk], True, 4)

        client.force_login(staff)
        first = client.get("/admin/running-orders/?method=card").content.decode()
        assert "R3" in first and "R2" in first and "R1" not in first
        assert f"?method=card&amp;before={made[2].pk}" in first
        second = client.get(f"/admin/running-orders/?method=card&before={made[2].pk}").content.decode()
        assert "R1" in second and "R0" not in second
        assert (
            "R0"
            in client.get(f"/admin/running-orders/?station={site.station.pk}&method=vin").content.decode()
        )

    def test_fail_closed(self, client):
        site = f.make_site()
        make_order(
            site, site.driver, state="charging", order_no="SECRET", settled_at=None, ended_at=timezone.now()
        )
        actor = of_staff(f.StaffFactory())  # no scope row
        assert live_orders.page_of(actor, live_orders.Query()) == ([], False, 0)
        assert live_orders.some_of(actor, live_orders.Query(), ["SECRET"]) == []
        assert (
            live_orders.parse({"station": "x" * 30, "method": "magic", "before": "-1"}) == live_orders.Query()
        )
        client.force_login(f.make_staff(operator=f.OperatorFactory()))
        assert client.get("/admin/running-orders/").status_code == 403
        client.force_login(f.make_staff(SEE, operator=f.OperatorFactory()))
        answer = client.get(f"/admin/running-orders/?station={site.station.pk}")
        assert answer.status_code == 200 and b"SECRET" not in answer.content
        assert ChargingOrder.objects.for_actor(actor).count() == 0
