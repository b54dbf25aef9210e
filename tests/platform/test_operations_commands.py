"""The operations commands: a whole operator from nothing, JSON a script can read, refusals in one line."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands

from billing.models import ChargingOrder, TariffVersion
from kernel.commands import Refused
from kernel.models import AuditEvent
from stations.models import Connector, Pile
from tests.api_client import ApiClient, fresh_phone
from tests.factories import bring_online, make_site
from users.models import Driver, Operator

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {
    "add_operator",
    "add_station",
    "add_pile",
    "add_tariff",
    "add_driver",
    "start_charge",
    "stop_charge",
    "show_order",
    "online_piles",
}


def run(name, *args):
    """The JSON that a command prints on its one line."""
    out = io.StringIO()
    call_command(name, *args, "--json", stdout=out)
    (line,) = out.getvalue().splitlines()
    return json.loads(line)


def refused(name, *args):
    """(code in the JSON, sentence) of a refusal."""
    out = io.StringIO()
    with pytest.raises(Refused) as caught:
        call_command(name, *args, "--json", stdout=out)
    assert caught.value.returncode == 1
    (line,) = out.getvalue().splitlines()
    error = json.loads(line)["error"]
    assert error["message"] == str(caught.value)
    return error["code"], error["message"]


@pytest.fixture
def place(db):
    run("add_operator", "--code", "hf", "--name", "合肥")
    run(
        "add_station",
        "--operator",
        "hf",
        "--code",
        "HF01",
        "--name",
        "滨湖",
        "--lng",
        "117.3",
        "--lat",
        "31.7",
    )


def test_the_commands_are_there():
    assert set(get_commands()) >= COMMANDS


def test_from_nothing_to_an_order(place):
    tariff = run("add_tariff", "--operator", "hf", "--name", "flat", "--flat", "0.8+0.4", "--station", "HF01")
    assert (tariff["version"], tariff["station"]) == (1, "HF01")
    pile = run(
        "add_pile", "--station", "HF01", "--protocol", "ocpp16", "--code", "AC-1",
        "--password", "p" * 16, "--power-kw", "7", "--connectors", "2",
    )  # fmt: skip
    assert pile["connectors"] == ["AC-101", "AC-102"]
    phone = fresh_phone()
    driver = run("add_driver", "--phone", phone, "--top-up", "5000", "--token")
    assert driver["balance_fen"] == 5000
    assert ApiClient(token=driver["token"]).get("me").json()["phone"] == phone

    assert run("online_piles") == {"count": 0, "piles": []}
    assert refused("start_charge", "--connector", "AC-101", "--phone", phone)[0] == "pile_offline"
    bring_online(Pile.objects.get(code="AC-1"), state=Connector.State.IDLE)
    online = run("online_piles", "--station", "HF01")
    assert (online["count"], online["piles"][0]["connectors"][0]["state"]) == (1, "idle")

    order = run("start_charge", "--connector", "AC-101", "--phone", phone, "--limit-fen", "900")
    assert (order["state"], order["limit_fen"]) == ("starting", 900)
    stopped = run("stop_charge", "--order", order["order_no"])
    assert stopped["state"] == "stopping"
    shown = run("show_order", order["order_no"])
    assert shown["driver"] == phone
    assert [event["kind"] for event in shown["events"]][:2] == ["created", "stop_requested"]
    assert ChargingOrder.objects.get().start_method == "code"


@pytest.mark.promise(10)
def test_what_a_command_does_is_audited_under_its_name(place):
    assert set(AuditEvent.objects.values_list("actor_kind", "actor_id")) == {
        ("system", "command add_operator"),
        ("system", "command add_station"),
    }


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("add_operator --code hf --name Again", "operator_code_taken", "hf"),
        ("add_station --operator nobody --code x --name X", "operator_unknown", "nobody"),
        ("add_station --operator hf --code x --name X --lng 200 --lat 1", "invalid", "longitude"),
        ("add_pile --station HF99 --protocol ykc --code 34010400000001", "station_unknown", "HF99"),
        ("add_pile --station HF01 --protocol ykc --code 123", "pile_code_invalid", "14 digits"),
        ("add_pile --station HF01 --protocol ocpp16 --code A", "pile_password_required", "16 to 64"),
        ("add_pile --station HF01 --protocol ykc --code 34010400000001 --tariff x", "tariff_unknown", "x"),
        ("add_tariff --operator hf --name t --flat 0.8", "tariff_invalid", "ELECTRICITY+SERVICE"),
        ("add_tariff --operator hf --name t --flat 0.8+x", "tariff_invalid", "'x' is not a number"),
        ("add_tariff --operator hf --name t --flat -1+0", "tariff_invalid", "-1"),
        ("add_tariff --operator hf --name t --file /nowhere.json", "file_unreadable", "/nowhere.json"),
        ("add_driver --phone 123", "phone_invalid", "11 digits"),
        ("add_driver --phone 13900000009 --top-up 0", "amount_invalid", "0"),
        ("start_charge --connector x --phone 13900000009", "driver_unknown", "13900000009"),
        ("stop_charge --order 1", "order_unknown", "1"),
        ("show_order 1", "order_unknown", "1"),
        ("online_piles --station x", "station_unknown", "x"),
    ],
)
@pytest.mark.promise(11)
def test_a_refusal_is_one_line_and_changes_nothing(place, line, code, words):
    before = AuditEvent.objects.count()
    found, message = refused(*line.replace("--flat -1", "--flat=-1").split())
    assert found == code
    assert words in message
    assert "\n" not in message
    assert AuditEvent.objects.count() == before
    assert not Driver.objects.exists()
    assert not Pile.objects.exists()
    assert not TariffVersion.objects.exists()


def test_a_tariff_from_a_file_of_periods(place, tmp_path):
    path = tmp_path / "tariff.json"
    tiers = [
        {"code": "peak", "electricity_price": 1.05401, "service_price": "0.4"},
        {"code": "valley", "electricity_price": "0.3", "service_price": "0.4"},
    ]
    periods = [
        {"start": "00:00", "end": "08:30", "tier": "valley"},
        {"start": "08:30", "end": "24:00", "tier": "peak"},
    ]
    path.write_text(json.dumps({"tiers": tiers, "periods": periods}))
    run("add_tariff", "--operator", "hf", "--name", "day", "--file", str(path))
    version = TariffVersion.objects.get()
    assert version.slots == ["valley"] * 17 + ["peak"] * 31
    assert str(version.tiers.get(code="peak").electricity_price) == "1.05401"


@pytest.mark.parametrize(
    ("periods", "words"),
    [
        ([("00:00", "23:30")], "no period covers 23:30"),
        ([("00:00", "12:00"), ("11:30", "24:00")], "two periods cover 11:30"),
        ([("00:00", "24:30")], "24:30"),
        ([("00:15", "24:00")], "00:15"),
    ],
)
def test_periods_cover_the_day_once(place, tmp_path, periods, words):
    path = tmp_path / "tariff.json"
    tiers = [{"code": "flat", "electricity_price": "1", "service_price": "0"}]
    rows = [{"start": start, "end": end, "tier": "flat"} for start, end in periods]
    path.write_text(json.dumps({"tiers": tiers, "periods": rows}))
    assert words in refused("add_tariff", "--operator", "hf", "--name", "t", "--file", str(path))[1]


def test_a_readable_line_without_json(db):
    out = io.StringIO()
    call_command("add_operator", "--code", "x", "--name", "X", stdout=out)
    assert out.getvalue() == "Operator x (X) created.\n"


def test_an_existing_driver_is_used_when_told(db):
    phone = fresh_phone()
    first = run("add_driver", "--phone", phone, "--top-up", "100")
    assert refused("add_driver", "--phone", phone)[0] == "phone_taken"
    again = run("add_driver", "--phone", phone, "--existing", "--top-up", "100")
    assert (again["id"], again["balance_fen"]) == (first["id"], 200)


def test_a_wrong_argument_is_json_too(tmp_path):
    process = subprocess.run(
        [sys.executable, "manage.py", "add_pile", "--connectors", "x", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert process.returncode == 1
    assert json.loads(process.stdout)["error"]["code"] == "invalid_arguments"
    assert process.stderr.startswith("Refused: ")
    assert len(process.stderr.splitlines()) == 1


@pytest.mark.django_db
def test_a_pile_may_have_its_own_tariff():
    site = make_site()
    Operator.objects.filter(pk=site.operator.pk).update(code="own")
    run("add_tariff", "--operator", "own", "--name", "special", "--flat", "2+1", "--pile", site.pile.code)
    body = ApiClient(site.driver).get(f"connectors/{site.connector.code}").json()
    assert body["tariff"]["now"]["unit_price"] == "3.00000"
    # The pile still holds the old prices: nobody may start before it has confirmed the new ones.
    assert body["why_not"]["code"] == "tariff_not_on_pile"
