"""The shape of an operations command: a thin door to one service, readable by people and by scripts.

A command prints one readable line, or one line of JSON with `--json`. A refusal is one line on standard error
and exit code 1; with `--json`, standard output carries `{"error": {"code", "message"}}` as well.
"""

import json
import sys
from argparse import ArgumentTypeError
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError
from django.utils import translation

from kernel.actor import Actor, system
from kernel.errors import DomainError


class Refused(CommandError):
    """What a command says when a rule, an argument or the database refuses; printed as `Refused: …`."""

    def __init__(self, code: str, message: str):
        self.code = code
        super().__init__(message, returncode=1)


class ServiceCommand(BaseCommand):
    """Base of the operations commands. A subclass gives `add_options`, `run` and `line`."""

    requires_system_checks: list[str] = []

    def add_options(self, parser: CommandParser) -> None:
        """Declare the arguments."""

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        """Call the service and return the JSON-compatible result."""
        raise NotImplementedError

    def line(self, result: dict[str, Any]) -> str:
        """The readable form of a result."""
        return ", ".join(f"{key}={value}" for key, value in result.items())

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        refuse = parser.error

        def error(message: str) -> None:
            if self._called_from_command_line:
                if "--json" in sys.argv:
                    self._print({"error": {"code": "invalid_arguments", "message": message}})
                self.stderr.write(f"Refused: {message} (see `{parser.prog} --help`)")
                raise SystemExit(1)
            refuse(message)

        parser.error = error
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one line of JSON")
        self.add_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        as_json = options["json"]
        with translation.override("en"):
            try:
                result = self.run(system(f"command {self._name}"), options)
            except DomainError as error:
                self._refuse(as_json, error.code, error.message)
            except Refused as error:
                self._refuse(as_json, error.code, str(error))
            except (OperationalError, ProgrammingError) as error:
                text = str(error).strip().splitlines()[0]
                self._refuse(as_json, "database_not_ready", f"{text} (has `manage.py migrate` been run?)")
            if as_json:
                self._print(result)
            else:
                self.stdout.write(self.line(result))

    @property
    def _name(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    def _refuse(self, as_json: bool, code: str, message: str) -> None:
        if as_json:
            self._print({"error": {"code": code, "message": message}})
        raise Refused(code, message)

    def _print(self, value: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(value, ensure_ascii=False, default=str))


def decimal(text: str) -> Decimal:
    """Argument type of an exact number."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError(f"{text!r} is not a number") from None
    if not number.is_finite():
        raise ArgumentTypeError(f"{text!r} is not a number")
    return number
