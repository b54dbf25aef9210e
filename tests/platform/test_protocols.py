"""The protocol pages say what the code does: every message, who handles it, which test drives it."""

import ast
import csv
import importlib.util
import sys
import types
from pathlib import Path

import pytest

from devices.models import DeviceCommand
from devices.protocols.capabilities import supports
from tests.wiretap import Wiretap

_spec = importlib.util.spec_from_file_location(
    "protocols_script", Path(__file__).resolve().parents[2] / "scripts" / "protocols.py"
)
protocols = importlib.util.module_from_spec(_spec)
sys.modules["protocols_script"] = protocols  # dataclasses look their module up
_spec.loader.exec_module(protocols)


@pytest.fixture(scope="module")
def spoken() -> dict[str, "protocols.Protocol"]:
    return {protocol.name: protocol for protocol in protocols.protocols()}


@pytest.mark.feature("PIL-26", "PIL-31")
def test_every_message_that_is_handled_or_sent_has_a_test_and_the_pages_are_fresh():
    assert protocols.problems() == []


def test_every_layout_and_every_action_of_the_library_has_its_row(spoken):
    from ocpp.v16.enums import Action

    from devices.protocols.ykc.codec import LAYOUTS

    def column(name: str) -> list[tuple[str, str]]:
        with (protocols.DOCS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return [(row["message"], row["direction"]) for row in csv.DictReader(file)]

    assert column("ykc") == [
        (f"{key:02X}", "pile → platform" if layout.upward else "platform → pile")
        for key, layout in LAYOUTS.items()
    ]
    rows = column("ocpp16")
    assert {action for action, _direction in rows} == {action.value for action in Action}
    assert sorted(action for action, _direction in rows) == sorted(
        [*(action.value for action in Action), "DataTransfer"]
    )


def test_what_is_sent_is_found_where_it_is_sent(spoken):
    rows = {message.key: message for protocol in spoken.values() for message in protocol.messages()}
    assert rows["ykc", "40", "out"].functions == ("ykc.handlers.records.record",)
    assert rows["ykc", "56", "out"].functions == ("ykc.downlink.sync_time", "ykc.handlers.access.login")
    assert rows["ykc", "3B", "in"].functions == ("ykc.handlers.records.record",)
    assert rows["ykc", "34", "out"].functions == ("ykc.downlink.start",)
    unused = protocols.Message("ykc", "77", protocols.IN, "", (), decoded=True)
    assert unused.supported == "decoded and logged only"
    assert rows["ocpp16", "Reset", "out"].functions == ("ocpp16.commands.reset.build",)
    assert rows["ocpp16", "TriggerMessage", "out"].supported == "sent"
    assert rows["ocpp16", "SignCertificate", "in"].supported == "handled"
    assert rows["ocpp201", "PublishFirmware", "out"].supported == "no"


def test_the_matrix_follows_the_capabilities(spoken):
    for name, protocol in spoken.items():
        assert {kind.value for kind in DeviceCommand.Kind if supports(name, kind)} == set(protocol.carriers)
        assert all(protocol.carriers.values()), name
    assert spoken["ykc"].carriers["start"] == ("34", "A4")
    assert spoken["ocpp16"].carriers["start"] == ("RemoteStartTransaction",)


def test_what_does_not_hold_together_is_named(spoken, monkeypatch, tmp_path):
    monkeypatch.setattr(protocols, "marks", lambda: [("ykc", "3B", "a"), ("ykc", "99", "b")])
    monkeypatch.setattr(protocols.Protocol, "problems", lambda self: iter([f"{self.name} itself"]))
    for path in protocols.DOCS.iterdir():
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "gone.csv").write_text("")
    for name in ("DOCS", "README_MD", "CAPABILITIES_MD"):
        monkeypatch.setattr(
            protocols, name, tmp_path / getattr(protocols, name).name if name != "DOCS" else tmp_path
        )
    monkeypatch.setattr(protocols, "ROOT", tmp_path)
    found = protocols.problems()
    assert "ykc itself" in found
    assert "b carries ykc 99, which is no message" in found
    assert "ykc 40 out is sent but no test carries it" in found
    assert "ykc 3B in is handled but no test carries it" not in found
    assert "ykc.csv is stale: run scripts/protocols.py write" in found
    assert "gone.csv is of no protocol: run scripts/protocols.py write" in found
    protocols.write()
    assert not any("scripts/protocols.py write" in problem for problem in protocols.problems())
    assert not (tmp_path / "gone.csv").exists()


def test_a_command_that_nothing_carries_and_a_handler_of_nothing_are_named(spoken, monkeypatch):
    from devices.protocols import capabilities

    def supported(name):
        return frozenset({"start", "unlock"}) if name == "ykc" else frozenset()

    monkeypatch.setattr(capabilities, "supported_kinds", supported)
    ykc = protocols.FrameProtocol("ykc")
    ykc.handlers["40"] = "ykc.handlers.nowhere"
    found = list(ykc.problems())
    assert "ykc is said to support unlock, but no message carries it" in found
    assert "ykc has a message for reboot, but capabilities.py does not say so" in found
    assert "ykc handles 40, which no pile sends" in found
    assert not any(" start" in problem for problem in found)


def test_a_command_may_choose_among_several_actions():
    from devices.protocols.ocpp16.commands import COMMANDS, clear_cache, reset

    code = compile("lambda command: clear_cache if command.params else reset", "commands", "eval")
    either = types.FunctionType(code.co_consts[0], {"clear_cache": clear_cache, "reset": reset})
    assert dict(protocols._actions_of(either)) == {"ClearCache": clear_cache.build, "Reset": reset.build}
    assert dict(protocols._actions_of(COMMANDS["reboot"])) == {"Reset": reset.build}


def test_a_reply_that_names_no_code_has_the_code_it_answers(spoken):
    ykc = spoken["ykc"]
    node = ast.parse("async def login(consumer, frame):\n    await consumer.reply(frame, {})")
    assert list(ykc.sends("ykc.handlers.access.login", node)) == []  # 01 has no layout towards the pile
    ykc_outgoing, ykc._outgoing = ykc._outgoing, {0x01}
    try:
        assert list(ykc.sends("ykc.handlers.access.login", node)) == [0x01]
        assert list(ykc.sends("ykc.consumer.YkcConsumer.reply", node)) == []
    finally:
        ykc._outgoing = ykc_outgoing


def test_marks_are_read_from_decorators_classes_and_modules(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text(
        "import pytest\n"
        "pytestmark = [pytest.mark.django_db, pytest.mark.message('ykc', '03')]\n"
        "@pytest.mark.message('ykc', '3B', '40')\n"
        "async def test_a(): ...\n"
        "class TestB:\n"
        "    @pytest.mark.message('ocpp16', 'DataTransfer in')\n"
        "    @pytest.mark.parametrize('x', [1])\n"
        "    def test_c(self, x): ...\n"
    )
    assert protocols.marks(tmp_path) == [
        ("ykc", "03", "tests/test_x.py"),
        ("ykc", "3B", "tests/test_x.py::test_a"),
        ("ykc", "40", "tests/test_x.py::test_a"),
        ("ocpp16", "DataTransfer in", "tests/test_x.py::TestB::test_c"),
    ]


def test_a_message_that_goes_both_ways_needs_its_direction():
    known = {("o", "DataTransfer", "in"), ("o", "DataTransfer", "out"), ("o", "Reset", "out")}
    found, wrong = protocols.proofs(
        known,
        [
            ("o", "DataTransfer out", "a"),
            ("o", "Reset", "b"),
            ("o", "DataTransfer", "c"),
            ("o", "Reset in", "d"),
        ],
    )
    assert found == {("o", "DataTransfer", "out"): ["a"], ("o", "Reset", "out"): ["b"]}
    assert wrong == [
        "c carries o DataTransfer, which goes both ways: say «in» or «out»",
        "d carries o Reset in, which is no message",
    ]


class _Buffers:
    def put(self, row) -> None:
        self.row = row


def test_the_wiretap_hears_good_messages_and_no_answers():
    from devices.gateway.buffers import GatewayBuffers
    from devices.models import FrameLog

    buffers = GatewayBuffers()
    buffers.frames = kept = _Buffers()
    rows = [
        FrameLog(protocol="ykc", name="3B transaction_record", direction="in", raw="68"),
        FrameLog(protocol="ykc", name="13 realtime_data", direction="in", raw="68", error="short"),
        FrameLog(protocol="ocpp16", name="Reset", direction="out", raw='[2,"1","Reset",{}]'),
        FrameLog(protocol="ocpp16", name="DataTransfer", direction="out", raw='[3,"1",{}]'),
    ]
    with Wiretap() as wiretap:
        for row in rows:
            buffers.frame(row)
            assert kept.row is row
    buffers.frame(FrameLog(protocol="ykc", name="01 login", direction="in", raw="68"))
    assert wiretap.heard == {("ykc", "3B", "in"), ("ocpp16", "Reset", "out")}
    assert wiretap.missing("ykc", "3B", "13") == ["ykc 13"]
    assert wiretap.missing("ocpp16", "Reset out", "Reset in", "DataTransfer") == [
        "ocpp16 Reset in",
        "ocpp16 DataTransfer",
    ]
