"""Piles are set to a parameter set and read back; what differs is said, whatever the pile answered."""

import pytest
from django.urls import reverse

from devices.models import DeviceCommand, ParameterCheck, ParameterSet
from devices.services import parameters
from devices.services.commands import complete_command
from devices.services.variables import ReportedVariable
from kernel.actor import system
from kernel.errors import DomainError
from stations.models import Pile
from tests import factories as f

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
ACTOR = system("tests")
SET, GET = DeviceCommand.Kind.CHANGE_CONFIGURATION, DeviceCommand.Kind.GET_CONFIGURATION


def of_model(protocol="ocpp16"):
    site = f.make_site(protocol=protocol)
    model = f.PileModelFactory()
    Pile.objects.filter(pk=site.pile.pk).update(model=model)
    site.pile.refresh_from_db()
    return site, model


def answer(kind, *, state="accepted", reason="", result=None, held=None):
    """The pile answers its open command; returns what it was asked."""
    command = DeviceCommand.objects.get(kind=kind, state="queued")
    variables = [ReportedVariable(path=path, value=value) for path, value in (held or {}).items()]
    facts = {"variables": variables} if held is not None else {}
    complete_command(command_id=command.pk, state=state, reason=reason, result=result, facts=facts)
    return command.params


@pytest.mark.feature("PIL-07")
def test_a_pile_is_set_and_read_back(client):
    client.force_login(f.make_staff(superuser=True))
    site, model = of_model()
    f.make_site(protocol="ocpp16", operator=site.operator)  # of another model: not asked
    wrong = {
        "operator": site.operator.pk,
        "model": model.pk,
        "name": "标准参数",
        "lines": "HeartbeatInterval 30",
    }
    page = client.post(reverse("admin:devices_parameterset_add"), wrong)
    assert "第 1 行" in page.content.decode()
    lines = "HeartbeatInterval = 30\n\nLocalPreAuthorize=TRUE\nMeterValueSampleInterval = 15\nOwnKey = x"
    page = client.post(reverse("admin:devices_parameterset_add"), {**wrong, "lines": lines})
    assert page.status_code == 302, page.context["errors"]
    given = ParameterSet.objects.get()
    push = reverse("admin:devices_parameterset_push", args=[given.pk])
    assert client.post(push, {"reason": "统一参数"}).status_code == 302
    assert answer(SET) == {"key": "HeartbeatInterval", "value": "30"}
    refused = client.post(push, {"reason": "再次"}, follow=True).content.decode()
    assert site.pile.code in refused and ParameterCheck.objects.get().state == "writing"
    answer(SET)
    answer(SET, state="rejected", reason="Rejected")
    answer(SET, state="rejected", reason="NotSupported")
    said = {"HeartbeatInterval": "30.0", "LocalPreAuthorize": "true", "MeterValueSampleInterval": "60"}
    assert answer(GET, held=said)["keys"] == sorted(given.values)
    check = ParameterCheck.objects.get()
    assert check.state == "different"
    assert [(one["verdict"], one["answer"]) for one in check.findings] == [
        ("same", ""),
        ("same", ""),
        ("different", "Rejected"),
        ("unknown", "NotSupported"),
    ]
    for address in (
        reverse("admin:stations_pile_diagnosis", args=[site.pile.pk]),
        reverse("admin:devices_parametercheck_change", args=[check.pk]),
    ):
        body = client.get(address).content.decode()
        assert "MeterValueSampleInterval" in body and "ev-red" in body and "不一致" in body

    # Later it is only compared; then the pile holds what is wanted.
    del said["MeterValueSampleInterval"]
    client.post(
        reverse("admin:devices_parameterset_change", args=[given.pk]),
        {"name": "标准参数", "lines": "HeartbeatInterval = 30"},
    )
    assert client.post(push, {"reason": "核对", "only_compare": "on"}).status_code == 302
    answer(GET, held=said)
    assert ParameterCheck.objects.get().state == "same"


def test_a_box_takes_its_limits_at_once_and_silence_fails():
    site, model = of_model("dny")
    values = {"max_time_s": "36000", "overload_w": "800"}
    given = parameters.save_set(actor=ACTOR, operator=site.operator, model=model, name="box", values=values)
    ask = {"actor": ACTOR, "pile": site.pile, "parameter_set": given, "reason": "x"}
    parameters.set_pile(**ask)
    assert answer(SET) == {"max_time_s": 36000, "overload_w": 800}
    answer(GET, result={"max_time": 36000, "overload": "900"})
    verdicts = [one["verdict"] for one in ParameterCheck.objects.get().findings]
    assert verdicts == ["same", "different"]
    parameters.set_pile(**ask)
    answer(SET, state="expired", reason="no answer in time")
    check = ParameterCheck.objects.get()
    assert (check.state, check.reason) == ("failed", "no answer in time")
    assert not DeviceCommand.objects.filter(state="queued").exists()

    stranger = f.make_site(protocol="ykc")
    mine = f.staff_actor(parameters.PERMISSION, operator=site.operator)
    for changes, code in (
        ({"pile": stranger.pile}, "parameters_other_model"),
        ({"actor": mine, "pile": stranger.pile}, "not_found"),
        ({"actor": f.staff_actor(operator=site.operator)}, "permission_denied"),
        ({"reason": " "}, "reason_required"),
    ):
        with pytest.raises(DomainError) as refusal:
            parameters.set_pile(**{**ask, **changes})
        assert refusal.value.code == code
    Pile.objects.filter(pk=stranger.pile.pk).update(model=model)
    stranger.pile.refresh_from_db()
    with pytest.raises(DomainError) as refusal:
        parameters.set_pile(**{**ask, "pile": stranger.pile})
    assert refusal.value.code == "command_unsupported"


def test_a_station_of_ocpp_201_tells_in_its_answer():
    site, model = of_model("ocpp201")
    values = {"OCPPCommCtrlr.HeartbeatInterval": "60", "TxCtrlr.StopTxOnEVSideDisconnect": "true"}
    given = parameters.save_set(actor=ACTOR, operator=site.operator, model=model, name="v2", values=values)
    parameters.set_pile(actor=ACTOR, pile=site.pile, parameter_set=given, reason="x", write=False)
    told = [
        {"attributeStatus": "Accepted", "attributeValue": "60"},
        {"attributeStatus": "UnknownVariable"},
    ]
    answer(GET, result={"getVariableResult": told})
    assert [one["verdict"] for one in ParameterCheck.objects.get().findings] == ["same", "unknown"]
