"""Running costs on the piles that show them: paced, never in the way of other commands, and nothing hangs on it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.utils import timezone

from billing.models import ChargingOrder
from billing.services import shown_costs
from devices.models import DeviceCommand, DeviceVariable
from devices.services import commands
from kernel.actor import system
from stations.models import Pile
from tests import factories as f
from tests.billing import flow
from tests.users.tenants import make_order

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
JOB = system("tests")


@pytest.fixture(autouse=True)
def _fresh():
    cache.clear()
    yield
    cache.clear()


def shows(site, **values):
    for name, value in values.items():
        DeviceVariable.objects.update_or_create(
            path=f"TariffCostCtrlr.{name}[Cost]", pile=site.pile,
            defaults={
                "value": value, "reported_at": timezone.now(), "operator": site.operator, "station": site.station,
            },
        )  # fmt: skip
    return site


def charging(site, fen=1_250, **fields):
    return make_order(
        site, site.driver, state="charging", transaction_ref=f"T{fen}", total_fen=fen, electricity_fen=fen,
        service_fen=0, settled_at=None, **fields,
    )  # fmt: skip


def show():
    return shown_costs.show_due(actor=JOB)


def minute_over():
    cache.delete_many([f"cost-minute:{pk}" for pk in ChargingOrder.objects.values_list("pk", flat=True)])


def answer(state="accepted"):
    command = DeviceCommand.objects.filter(kind="show_cost").latest("pk")
    commands.complete_command(command_id=command.pk, state=state)
    return command


def test_a_cost_is_shown_once_a_minute_and_at_the_end_and_waits_for_every_other_command():
    site = shows(f.make_site(protocol="ocpp201"), Enabled="true")
    order = charging(site)
    assert (show(), show()) == (1, 0), "the minute is taken"
    command = answer()
    assert command.params == {"transaction_ref": "T1250", "cost_fen": 1_250}
    assert command.connector_no == site.connector.number and command.reference == f"cost:{order.order_no}"
    assert command.expires_at - command.created_at == timedelta(seconds=10)
    minute_over()
    assert show() == 0, "nothing new to show"
    ChargingOrder.objects.filter(pk=order.pk).update(total_fen=1_300, electricity_fen=1_300)
    waiting = f.DeviceCommandFactory(pile=site.pile, kind="stop", connector_no=1, state="sent")
    assert show() == 0, "never in the way of a stop"
    DeviceCommand.objects.filter(pk=waiting.pk).update(state="accepted")
    assert show() == 1
    answer("expired")  # lost on the way: the next one is right again
    money = flow.money(site.driver)
    ChargingOrder.objects.filter(pk=order.pk).update(
        state="settled", settled_at=timezone.now(), total_fen=1_400, electricity_fen=1_400
    )
    assert (show(), show()) == (1, 0)
    assert answer("rejected").params == {"transaction_ref": "T1250", "cost_fen": 1_400, "final": True}
    assert flow.money(site.driver) == money and not cache.get(f"cost-refused:{site.pile.pk}")


@pytest.mark.parametrize(
    ("protocol", "said", "told"),
    [
        ("ocpp201", {"Available": "true"}, 1),
        ("ocpp201", {"Available": "true", "Enabled": "false"}, 0),
        ("ocpp201", {}, 0),
        ("ocpp16", {"Enabled": "true"}, 0),
        ("ykc", {"Enabled": "true"}, 0),
    ],
)
def test_only_piles_that_say_they_show_it_are_told(protocol, said, told):
    charging(shows(f.make_site(protocol=protocol), **said))
    assert show() == told


def test_who_refuses_or_is_gone_is_left_alone():
    site, silent = (shows(f.make_site(protocol="ocpp201"), Enabled="true") for _ in range(2))
    order = charging(site)
    charging(silent, 700)
    Pile.objects.filter(pk=silent.pile.pk).update(online=False)
    assert show() == 1
    answer("rejected")
    minute_over()
    ChargingOrder.objects.filter(pk=order.pk).update(total_fen=9_999, electricity_fen=9_999)
    assert show() == 0 and cache.get(f"cost-refused:{site.pile.pk}")
    order.refresh_from_db()
    assert (order.state, order.energy_kwh) == ("charging", Decimal("10.0000"))
