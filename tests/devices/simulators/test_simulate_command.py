"""`manage.py simulate` as an operator types it, against small platforms that run in another thread."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from kernel.commands import Refused
from tests.devices.simulators.dny_platform import FakeDnyPlatform
from tests.devices.simulators.ocpp201_platform import FakeCsms
from tests.devices.simulators.ocpp_platform import PASSWORD, FakeCentral
from tests.devices.simulators.ykc_platform import FakePlatform

CODE = "32010600019236"


@contextmanager
def in_thread(make) -> Iterator[Any]:
    """Run an asynchronous context manager in a loop of its own."""
    ready, end = threading.Event(), threading.Event()
    held: list[Any] = []

    async def serve() -> None:
        async with make() as platform:
            held.append(platform)
            ready.set()
            while not end.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(5)
    try:
        yield held[0]
    finally:
        end.set()
        thread.join(5)


def simulate(*arguments: object) -> dict[str, Any]:
    out = StringIO()
    call_command("simulate", *(str(argument) for argument in arguments), "--json", stdout=out)
    (line,) = out.getvalue().splitlines()
    return json.loads(line)


def test_piles_of_both_protocols_log_in_and_the_result_is_one_line_of_json():
    with in_thread(FakePlatform) as ykc, in_thread(FakeCentral) as ocpp:
        result = simulate(
            "--ykc", CODE, "--ocpp", f"CP-1:{PASSWORD}",
            "--ykc-port", ykc.port, "--http-url", ocpp.url.replace("ws", "http", 1).removesuffix("/ocpp"),
            "--fault", "crc_high_first", "begin_zero", "--duration", 3,
        )  # fmt: skip
        assert (result["piles"], result["online"], result["logins"], result["drops"]) == (2, 2, 2, 0)
        assert result["errors"] == []
        assert {frame.crc_order for frame in ykc.frames} == {"high"}
        assert ocpp.of("BootNotification")
        assert ykc.of(0x13)[-1]["plugged"] == 1  # a car came


def test_a_pile_of_ocpp_201_logs_in_with_its_own_faults():
    with in_thread(FakeCsms) as csms:
        result = simulate(
            "--ocpp201", f"CP-1:{PASSWORD}", "--fault", "seq_always_0", "--charge-s", 0.2, "--speed", 50,
            "--http-url", csms.url.replace("ws", "http", 1).removesuffix("/ocpp"), "--duration", 2,
        )  # fmt: skip
        assert (result["piles"], result["online"], result["logins"], result["drops"]) == (1, 1, 1, 0)
        assert result["errors"] == []
        assert csms.statuses()[:2] == ["Available", "Occupied"]  # a car came


def test_e_bike_boxes_come_by_code_with_ten_ports_and_bikes_at_them():
    with in_thread(FakeDnyPlatform) as platform:
        result = simulate("--dny", "05ab373b", "--dny-port", platform.port, "--duration", 3)
        assert (result["piles"], result["online"], result["logins"]) == (1, 1, 1)
        assert result["errors"] == []
        assert platform.of(0x20)[0]["ports"] == 10


def test_idle_piles_hold_the_link_and_report():
    with in_thread(FakePlatform) as ykc:
        result = simulate("--idle", 20, "--ykc-port", ykc.port, "--duration", 1, "--connect-rate", 200)
        assert result["online_at_start"] == result["fewest_online"] == result["online"] == 20
        assert result["held"]["drops"] == 0
        codes = {fields["pile_code"] for fields in ykc.of(0x01)}
        assert codes == {f"{99_000_000_000_001 + index:014d}" for index in range(20)}
        assert {fields["plugged"] for fields in ykc.of(0x13)} == {0}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "no_piles"),
        (("--ykc", "123"), "pile_code_invalid"),
        (("--dny", "05AB373G"), "pile_code_invalid"),
        (("--dny", "05AB373B", "--fault", "crc_high_first"), "unknown_fault"),
        (("--ykc", CODE, "--fault", "explode"), "unknown_fault"),
        (("--ykc", CODE, "--fault", "begin_zero"), "unknown_fault"),
        (("--ocpp201", "CP-1:secret", "--fault", "offline_start"), "unknown_fault"),
    ],
)
def test_bad_input_is_refused_with_a_reason(arguments, code):
    out = StringIO()
    with pytest.raises(Refused) as refused:
        call_command("simulate", *arguments, "--json", stdout=out)
    assert refused.value.code == code
    assert json.loads(out.getvalue())["error"]["code"] == code


@pytest.mark.django_db
def test_an_empty_platform_has_no_demo_and_production_never_has_one(settings, tmp_path):
    settings.EV_DATA_DIR = tmp_path
    with pytest.raises(Refused) as refused:
        call_command("simulate", "--demo", "--json", stdout=StringIO())
    assert refused.value.code == "no_demo_data"
    settings.PRODUCTION = True
    with pytest.raises(Refused) as refused:
        call_command("simulate", "--demo", "--json", stdout=StringIO())
    assert refused.value.code == "not_in_production"


@pytest.mark.django_db
def test_missing_piles_need_a_station_that_exists():
    with pytest.raises(Refused) as refused:
        call_command("simulate", "--piles", "2", "--register-station", "NOWHERE", "--json", stdout=StringIO())
    assert refused.value.code == "station_unknown"
