"""Which messages of each protocol the platform speaks, which tests prove it, and which commands each can carry.

Everything is read from the code: message tables (layouts of a codec, actions of the `ocpp` library), handlers, the
places that send, `devices/protocols/capabilities.py`, and the tests' marks:

    @pytest.mark.message("ykc", "3B", "40")              # by frame type
    @pytest.mark.message("ocpp16", "DataTransfer out")   # «in» or «out», where a message goes both ways

A marked test fails when the message did not cross a socket in it (tests/wiretap.py). `write` renders
`docs/protocols/`; `check` names what is handled or sent without a test, marks of messages that do not exist,
commands that nothing carries, and stale documents.
"""

import ast
import csv
import importlib
import inspect
import io
import os
import pkgutil
import re
import sys
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROTOCOLS = ROOT / "devices" / "protocols"
DOCS = ROOT / "docs" / "protocols"
README_MD = DOCS / "README.md"
CAPABILITIES_MD = DOCS / "capabilities.md"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
COLUMNS = ("protocol", "message", "title", "direction", "supported", "handler", "proved by")

IN, OUT = "in", "out"
DIRECTIONS = {IN: "pile → platform", OUT: "platform → pile"}
HANDLED, SENT, LOGGED, NO = "handled", "sent", "decoded and logged only", "no"

# The `ocpp` library does not say who may send a CALL; these are the station's (OCPP 1.6 §4, its security whitepaper
# §5, OCPP 2.0.1 part 2). Every other action is the platform's.
_STATION_ACTIONS = """
    Authorize BootNotification ClearedChargingLimit DataTransfer DiagnosticsStatusNotification
    FirmwareStatusNotification Get15118EVCertificate GetCertificateStatus Heartbeat
    LogStatusNotification MeterValues NotifyChargingLimit NotifyCustomerInformation
    NotifyDisplayMessages NotifyEVChargingNeeds NotifyEVChargingSchedule NotifyEvent
    NotifyMonitoringReport NotifyReport PublishFirmwareStatusNotification ReportChargingProfiles
    ReservationStatusUpdate SecurityEventNotification SignCertificate SignedFirmwareStatusNotification
    StartTransaction StatusNotification StopTransaction TransactionEvent
"""
STATION_ACTIONS = frozenset(_STATION_ACTIONS.split())
BOTH_WAYS = frozenset({"DataTransfer"})

Key = tuple[str, str, str]  # protocol, message, IN or OUT


@dataclass(frozen=True)
class Message:
    """One message in one direction; `functions` handle it (IN) or send it (OUT)."""

    protocol: str
    code: str
    direction: str
    title: str
    functions: tuple[str, ...]
    decoded: bool

    @property
    def key(self) -> Key:
        return self.protocol, self.code, self.direction

    @property
    def supported(self) -> str:
        if self.functions:
            return HANDLED if self.direction == IN else SENT
        return LOGGED if self.decoded and self.direction == IN else NO

    def __str__(self) -> str:
        return f"{self.protocol} {self.code} {self.direction}"


class Protocol:
    """One package below `devices/protocols` that has handlers.

    Attributes:
        titles: (code, direction) -> title of every message.
        handlers: code -> name of the function that handles it; one that does nothing is none.
        senders: code -> names of the functions that send it.
        carriers: kind of command -> codes of the messages that carry it.
    """

    decodes_unhandled = True
    titles: dict[tuple[str, str], str]
    carriers: dict[str, tuple[str, ...]]
    senders: dict[str, set[str]]

    def __init__(self, name: str):
        self.name = name
        self.package = f"devices.protocols.{name}"
        table = importlib.import_module(f"{self.package}.handlers").HANDLERS
        functions = {self.code(key): getattr(entry, "function", entry) for key, entry in table.items()}
        self.handlers = {
            code: _name_of(function) for code, function in functions.items() if not _is_empty(function)
        }

    def code(self, key: Any) -> str:
        return key

    @cached_property
    def sent_in(self) -> dict[str, set[Any]]:
        """{function: keys of the messages its body sends}, found in the package and in what it shares."""
        names = [self.name, *sorted(_shared_with(self.name))]
        found: dict[str, set[Any]] = defaultdict(set)
        for path in sorted(path for name in names for path in (PROTOCOLS / name).rglob("*.py")):
            for function, node in _functions(path):
                found[function] |= set(self.sends(function, node))
        return found

    def sends(self, function: str, node: ast.AST) -> Iterator[Any]:
        raise NotImplementedError

    def messages(self) -> list[Message]:
        return [
            Message(
                self.name,
                code,
                direction,
                title,
                tuple(sorted(self.senders.get(code, ())))
                if direction == OUT
                else tuple(filter(None, [self.handlers.get(code)])),
                self.decodes_unhandled,
            )
            for (code, direction), title in sorted(self.titles.items())
        ]

    def problems(self) -> Iterator[str]:
        from devices.protocols.capabilities import supported_kinds

        for code in self.handlers:
            if (code, IN) not in self.titles:
                yield f"{self.name} handles {code}, which no pile sends"
        supported = set(supported_kinds(self.name))
        for kind in sorted(supported - set(self.carriers)):
            yield f"{self.name} is said to support {kind}, but no message carries it"
        for kind in sorted(set(self.carriers) - supported):
            yield f"{self.name} has a message for {kind}, but capabilities.py does not say so"


class FrameProtocol(Protocol):
    """A protocol of our own codec: one table of layouts, or one per direction when both share their codes."""

    codec = "codec"

    def __init__(self, name: str):
        super().__init__(name)
        tables = list(self.tables(importlib.import_module(f"{self.package}.{self.codec}")))
        self.titles = {(self.code(key), direction): layout.title for direction, key, layout in tables}
        self._outgoing = {key for direction, key, _layout in tables if direction == OUT}
        self._own_answers = self._find_own_answers()
        self.senders = defaultdict(set)
        for function, keys in self.sent_in.items():
            for key in keys:
                self.senders[self.code(key)].add(function)
        encoders = importlib.import_module(f"{self.package}.downlink").ENCODERS
        self.carriers = {
            str(kind): tuple(sorted(self.code(key) for key in self.sent_in[_name_of(function)]))
            for kind, function in encoders.items()
        }

    def code(self, key: int) -> str:
        return f"{key:02X}"

    def tables(self, codec: Any) -> Iterator[tuple[str, int, Any]]:
        """(direction, key, layout) of every message."""
        if hasattr(codec, "LAYOUTS"):
            yield from ((IN if layout.upward else OUT, key, layout) for key, layout in codec.LAYOUTS.items())
            return
        yield from ((IN, key, layout) for key, layout in codec.FROM_DEVICE.items())
        yield from ((OUT, key, layout) for key, layout in codec.TO_DEVICE.items())

    def _find_own_answers(self) -> dict[str, set[int]]:
        """{function: what it is called for}: a handler, and what that calls by name in its own module."""
        called: dict[str, set[str]] = {}
        for path in (PROTOCOLS / self.name).rglob("*.py"):
            for function, node in _functions(path):
                calls = (part.func for part in ast.walk(node) if isinstance(part, ast.Call))
                module = function.rpartition(".")[0]
                called[function] = {f"{module}.{name.id}" for name in calls if isinstance(name, ast.Name)}
        found: dict[str, set[int]] = defaultdict(set)
        for code, handler in self.handlers.items():
            reached, waiting = set(), {handler}
            while waiting:
                function = waiting.pop()
                reached.add(function)
                found[function].add(int(code, 16))
                waiting |= called.get(function, set()) - reached
        return found

    def sends(self, function: str, node: ast.AST) -> Iterator[int]:
        """`reply(frame, 0x02, …)`, `transmit(0x56, …)`, and in downlink `return 0x34, {…}`.

        A reply that names no code has the code of what it answers.
        """
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
                if part.func.attr not in ("reply", "transmit"):
                    continue
                named = {key for key in map(_whole, part.args) if key in self._outgoing}
                if not named and part.func.attr == "reply":
                    named = self._own_answers[function] & self._outgoing
                yield from named
            elif isinstance(part, ast.Return) and isinstance(part.value, ast.Tuple):
                key = _whole(part.value.elts[0])
                if ".downlink." in function and key in self._outgoing:
                    yield key


class NamedProtocol(FrameProtocol):
    """A protocol of our own contract, whose messages have names instead of numbers (MQTT)."""

    codec = "contract"
    decodes_unhandled = False

    def code(self, key: str) -> str:
        return key

    def tables(self, codec: Any) -> Iterator[tuple[str, str, Any]]:
        for direction, messages in ((IN, codec.UP), (OUT, codec.DOWN)):
            yield from ((direction, name, message) for name, message in messages.items())

    def _find_own_answers(self) -> dict[str, set[str]]:
        return {}

    def sends(self, function: str, node: ast.AST) -> Iterator[str]:
        """`transmit("ack", …)`, a pair `("ack", {…})`, and in downlink `return "start", {…}`."""
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and getattr(part.func, "attr", "") == "transmit":
                yield from self._named(part.args)
            elif isinstance(part, ast.Tuple):
                yield from self._named(part.elts[:1])

    def _named(self, nodes: list[ast.expr]) -> Iterator[str]:
        for node in nodes:
            if isinstance(node, ast.Constant) and node.value in self._outgoing:
                yield node.value
            elif isinstance(node, ast.BinOp):  # "start", {…} | …
                yield from self._named([node.left])


class OcppProtocol(Protocol):
    """A version of OCPP: its messages are the actions of the library, an answer belongs to its call."""

    decodes_unhandled = False  # the station is told NotImplemented

    def __init__(self, name: str):
        super().__init__(name)
        version = name.removeprefix("ocpp")
        actions = [action.value for action in importlib.import_module(f"ocpp.v{version}.enums").Action]
        self.titles = {(action, IN): _words(action) for action in actions if action in STATION_ACTIONS}
        self.titles |= {
            (action, OUT): _words(action)
            for action in actions
            if action not in STATION_ACTIONS or action in BOTH_WAYS
        }
        self.carriers, self.senders = {}, defaultdict(set)
        for kind, entry in importlib.import_module(f"{self.package}.commands").COMMANDS.items():
            built = dict(_actions_of(entry))
            self.carriers[str(kind)] = tuple(sorted(built))
            for action, build in built.items():
                self.senders[action].add(_name_of(build))
        for function, sent in self.sent_in.items():
            for action in sent:
                self.senders[action].add(function)

    def sends(self, function: str, node: ast.AST) -> Iterator[str]:
        """`OutgoingCall("TriggerMessage", …)`."""
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and getattr(part.func, "id", "") == "OutgoingCall":
                for argument in [*part.args, *(keyword.value for keyword in part.keywords)]:
                    if isinstance(argument, ast.Constant) and (argument.value, OUT) in self.titles:
                        yield argument.value


def _actions_of(entry: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    """(action, function that builds its payload) of an entry of `COMMANDS`.

    An entry names its action, or is a function that chooses among the modules it names.
    """
    if hasattr(entry, "action"):
        yield entry.action, entry.build
        return
    for name in entry.__code__.co_names:
        module = entry.__globals__.get(name)
        if hasattr(module, "ACTION"):
            yield module.ACTION, module.build


def protocols() -> list[Protocol]:
    """Every package with handlers; a new one appears by itself."""
    found: list[Protocol] = []
    for module in pkgutil.iter_modules([str(PROTOCOLS)]):
        if not _has_handlers(module.name):
            continue
        kind = FrameProtocol if (PROTOCOLS / module.name / "codec").is_dir() else OcppProtocol
        if (PROTOCOLS / module.name / "contract.py").exists():
            kind = NamedProtocol
        found.append(kind(module.name))
    return found


def _has_handlers(name: str) -> bool:
    return (PROTOCOLS / name / "handlers").is_dir()


def _shared_with(name: str) -> set[str]:
    """Packages without handlers that the modules of this one import: what several versions share."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (PROTOCOLS / name).rglob("*.py"))
    siblings = set(re.findall(r"^\s*(?:from|import) devices\.protocols\.(\w+)", text, re.MULTILINE))
    return {other for other in siblings if (PROTOCOLS / other).is_dir() and not _has_handlers(other)}


def _functions(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """(name from the protocol package on, body) of each function and method; inner functions are their outer one's."""
    module = ".".join(path.relative_to(PROTOCOLS).with_suffix("").parts).removesuffix(".__init__")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{module}.{node.name}" if isinstance(node, ast.ClassDef) else module
        for function in inner:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}.{function.name}", function


def _whole(node: ast.expr) -> int | None:
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def _name_of(function: Callable[..., Any]) -> str:
    function = inspect.unwrap(function)
    return f"{function.__module__}.{function.__qualname__}".removeprefix("devices.protocols.")


def _is_empty(function: Callable[..., Any]) -> bool:
    """Nothing but a docstring: the message is expected, and stays in the log."""
    body = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0].body
    return all(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in body)


def _words(action: str) -> str:
    """BootNotification -> Boot notification."""
    first, *others = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|\d+", action)
    return " ".join([first, *(word if word.isupper() else word.lower() for word in others)])


# --- the tests' marks -------------------------------------------------------


def marks(root: Path = ROOT) -> list[tuple[str, str, str]]:
    """(protocol, message as written, test) of every mark in the tests' decorators and `pytestmark`."""
    found: list[tuple[str, str, str]] = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        name = path.relative_to(root).as_posix()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            found += ((protocol, code, f"{name}{test}") for protocol, code, test in _marks_of(node, "::"))
    return found


def _marks_of(node: ast.stmt, prefix: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
    ):
        for protocol, code in _mark_calls(node.value):
            yield protocol, code, prefix.removesuffix("::")
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for decorator in node.decorator_list:
            for protocol, code in _mark_calls(decorator):
                yield protocol, code, prefix + node.name
    if isinstance(node, ast.ClassDef):
        for child in node.body:
            yield from _marks_of(child, f"{prefix}{node.name}::")


def _mark_calls(expression: ast.expr) -> Iterator[tuple[str, str]]:
    for call in ast.walk(expression):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.message":
            protocol, *codes = (str(ast.literal_eval(argument)) for argument in call.args)
            yield from ((protocol, code) for code in codes)


def proofs(known: set[Key], written: list[tuple[str, str, str]]) -> tuple[dict[Key, list[str]], list[str]]:
    """({message: tests}, what is wrong with the marks)."""
    found: dict[Key, list[str]] = defaultdict(list)
    wrong = []
    for protocol, text, test in written:
        code, _, way = text.partition(" ")
        keys = [(protocol, code, direction) for direction in ([way] if way else DIRECTIONS)]
        keys = [key for key in keys if key in known]
        if len(keys) == 1:
            found[keys[0]] += [test] if test not in found[keys[0]] else []
        elif keys:
            wrong.append(f"{test} carries {protocol} {code}, which goes both ways: say «in» or «out»")
        else:
            wrong.append(f"{test} carries {protocol} {text}, which is no message")
    return found, wrong


# --- the documents ----------------------------------------------------------


def documents(spoken: list[Protocol]) -> dict[Path, str]:
    """The text of each CSV, and the generated part of each page."""
    messages = {protocol.name: protocol.messages() for protocol in spoken}
    proved, _wrong = proofs({message.key for rows in messages.values() for message in rows}, marks())
    pages = {DOCS / f"{name}.csv": _csv(rows, proved) for name, rows in messages.items()}
    summary = [
        "| messages | in all | handled | sent | decoded and logged only | no |",
        "|---|---|---|---|---|---|",
    ]
    for name, rows in messages.items():
        counts = [sum(row.supported == word for row in rows) for word in (HANDLED, SENT, LOGGED, NO)]
        summary.append(f"| [{name}]({name}.csv) | {len(rows)} | {' | '.join(map(str, counts))} |")
    return pages | {README_MD: "\n".join(summary), CAPABILITIES_MD: _matrix(spoken)}


def _csv(rows: list[Message], proved: dict[Key, list[str]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = (row.protocol, row.code, row.title, DIRECTIONS[row.direction], row.supported)
        writer.writerow([*cells, "; ".join(row.functions), "; ".join(proved.get(row.key, ()))])
    return file.getvalue()


def _matrix(spoken: list[Protocol]) -> str:
    from django.utils import translation

    from devices.models import DeviceCommand

    lines = [f"| command | {' | '.join(protocol.name for protocol in spoken)} |"]
    lines.append("|---" * (len(spoken) + 1) + "|")
    with translation.override("en"):
        for kind in DeviceCommand.Kind:
            cells = [_carrier(protocol, kind.value) for protocol in spoken]
            lines.append(f"| {kind.label} (`{kind.value}`) | {' | '.join(cells)} |")
    return "\n".join(lines)


def _carrier(protocol: Protocol, kind: str) -> str:
    from devices.protocols.capabilities import supports

    if not supports(protocol.name, kind):
        return "–"
    codes = protocol.carriers.get(kind, ())
    if isinstance(protocol, OcppProtocol):
        return ", ".join(f"`{code}`" for code in codes)
    return ", ".join(f"`{code}` {protocol.titles[code, OUT]}" for code in codes)


def problems() -> list[str]:
    """One sentence for each thing that does not hold together; empty when all does."""
    spoken = protocols()
    found = [problem for protocol in spoken for problem in protocol.problems()]
    messages = [message for protocol in spoken for message in protocol.messages()]
    proved, wrong = proofs({message.key for message in messages}, marks())
    found += wrong
    found += [
        f"{message} is {message.supported} but no test carries it"
        for message in messages
        if message.supported in (HANDLED, SENT) and not proved.get(message.key)
    ]
    pages = documents(spoken)
    for path, text in pages.items():
        held = path.read_text(encoding="utf-8") if path.exists() else ""
        fresh = held == text if path.suffix == ".csv" else f"{BEGIN}\n{text}\n{END}" in held
        if not fresh:
            found.append(f"{path.relative_to(ROOT)} is stale: run scripts/protocols.py write")
    found += [
        f"{path.relative_to(ROOT)} is of no protocol: run scripts/protocols.py write"
        for path in sorted(DOCS.glob("*.csv"))
        if path not in pages
    ]
    return found


def write() -> None:
    pages = documents(protocols())
    for path in set(DOCS.glob("*.csv")) - set(pages):
        path.unlink()
    for path, text in pages.items():
        if path.suffix != ".csv":
            head, rest = path.read_text(encoding="utf-8").split(BEGIN)
            text = f"{head}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"
        path.write_text(text, encoding="utf-8")


def main() -> None:
    import django

    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ev_platform.settings")
    os.environ.setdefault("EV_ENV", "test")
    django.setup()
    if sys.argv[1:] == ["write"]:
        write()
    elif sys.argv[1:] == ["check"]:
        found = problems()
        print("\n".join(found) or "every message that is handled or sent has its test")
        sys.exit(bool(found))
    else:
        sys.exit("use: scripts/protocols.py write|check")


if __name__ == "__main__":
    main()
