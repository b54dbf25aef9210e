"""The diagnosis page of a pile: what is wrong with it, in words, and every command it takes, from one place."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from devices.models import DeviceCommand, FrameLog, PileUpload
from devices.protocols.capabilities import supported_kinds
from devices.services import command_forms
from devices.services.commands import complete_command
from kernel.models import AuditEvent
from stations.models import Connector, Pile
from tests import factories as f

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
KIND = DeviceCommand.Kind


@pytest.fixture
def boss(client):
    client.force_login(f.make_staff(superuser=True))
    return client


def page_of(client, pile):
    return client.get(reverse("admin:stations_pile_diagnosis", args=[pile.pk]))


def ask(client, pile, kind, **data):
    return client.post(
        reverse("admin:stations_pile_command", args=[pile.pk, kind]), {"reason": "试验", **data}
    )


@pytest.mark.feature("PIL-08")
@pytest.mark.feature("PIL-40")
def test_the_page_says_what_is_wrong_and_what_to_do(boss):
    site = f.make_site()
    pile = site.pile
    Connector.objects.filter(pk=site.connector.pk).update(
        state="fault", fault_code="emergency_stop,meter_link"
    )
    Pile.objects.filter(pk=pile.pk).update(
        findings={"bad_crc": 7}, iccid="89860000000000000001", firmware="V9"
    )
    f.TransactionRecordFactory(pile=pile, stop_reason="abort_no_current")
    f.FrameLogFactory(pile=pile, name="13 realtime_data", decoded={"soc": 42})
    f.FrameLogFactory(pile=pile, name="3B", error="too short", direction=FrameLog.Direction.OUT)
    command = f.DeviceCommandFactory(pile=pile, state="sent")
    complete_command(command_id=command.pk, state="rejected", reason="not_plugged", result={"code": 1})
    body = page_of(boss, pile).content.decode()
    for words in (
        "急停", "电表", "校验", "无电流", "89860000000000000001", "V9", "&quot;soc&quot;: 42", "too short",
    ):  # fmt: skip
        assert words in body, words
    assert not re.search(
        r"\b(emergency_stop|meter_link|bad_crc|not_plugged)\b", re.sub(r"<pre.*?</pre>", "", body)
    )
    shown = boss.get(reverse("admin:stations_pile_change", args=[pile.pk])).content.decode()
    assert site.tariff.name in shown and reverse("admin:stations_pile_diagnosis", args=[pile.pk]) in shown
    # Whoever may not read a list does not read it here.
    reader = f.make_staff("stations.view_pile", operator=site.operator)
    boss.force_login(reader)
    body = page_of(boss, pile).content.decode()
    assert "急停" in body and "&quot;soc&quot;" not in body and "/command/" not in body
    boss.force_login(f.make_staff("stations.view_pile", operator=f.make_site().operator))
    assert page_of(boss, pile).status_code == 404


@pytest.mark.parametrize("protocol", Pile.Protocol.values)
def test_every_command_with_a_form_has_its_page(boss, protocol):
    pile = f.make_site(protocol=protocol).pile
    body = page_of(boss, pile).content.decode()
    kinds = [kind for kind in command_forms.FORMS if kind in supported_kinds(protocol)]
    assert kinds
    for kind in kinds:
        address = reverse("admin:stations_pile_command", args=[pile.pk, kind])
        assert f'href="{address}"' in body
        assert boss.get(address).status_code == 200
    missing = reverse("admin:stations_pile_command", args=[pile.pk, KIND.START])
    assert boss.get(missing).status_code == 404


def test_a_command_is_sent_with_its_parameters_or_refused_at_its_field(boss):
    pile = f.make_site(protocol="ocpp16").pile
    sent = ask(boss, pile, KIND.CHANGE_CONFIGURATION, key="HeartbeatInterval", value="30")
    assert sent.status_code == 302
    command = DeviceCommand.objects.get(kind=KIND.CHANGE_CONFIGURATION)
    assert command.params == {"key": "HeartbeatInterval", "value": "30"}
    event = AuditEvent.objects.get(action="devices.change_configuration")
    assert (event.reason, event.after["params"]) == ("试验", command.params)
    assert "尚未" in ask(boss, pile, KIND.CHANGE_CONFIGURATION, key="X", value="1").content.decode()

    refused = ask(boss, pile, KIND.SET_POWER_LIMIT, connector_no="0", limit_kw="-1")
    assert refused.context["form"].errors.keys() == {"limit_kw"}
    refused = ask(boss, pile, KIND.UNLOCK, connector_no="9")
    assert refused.context["form"].errors.keys() == {"connector_no"}
    oldest = timezone.localtime() - timedelta(hours=1)
    sent = ask(
        boss, pile, KIND.UPLOAD_LOG, log="security",
        oldest_0=f"{oldest:%Y-%m-%d}", oldest_1=f"{oldest:%H:%M:%S}",
    )  # fmt: skip
    assert sent.status_code == 302
    upload = PileUpload.objects.get()
    assert upload.command.params["log"] == "security" and upload.command.params["oldest"]
    assert "/device-files/" in upload.command.params["url"]

    Pile.objects.filter(pk=pile.pk).update(online=False)
    pile.sessions.update(closed_at=timezone.now())
    assert "离线" in ask(boss, pile, KIND.REBOOT).content.decode()
    boss.force_login(f.make_staff("stations.view_pile", operator=pile.operator))
    assert ask(boss, pile, KIND.REBOOT).status_code == 403
    assert not DeviceCommand.objects.filter(kind=KIND.REBOOT).exists()
