"""The fields that people fill in, and how each kind of field is read: clear words for what it does not accept."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as now_

from kernel.errors import DomainError

Text = str | Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One parameter of a command.

    Attributes:
        name: the key in the command's `params`.
        kind: text, lines (a long text), integer, decimal, boolean, choice, moment, list (one value a line) or
            json.
        choices: (value, label) pairs of a choice.
        protocols: those that have this parameter; empty for all that carry the command.
        choices_of: protocol -> choices, where protocols differ.
    """

    name: str
    label: Text
    kind: str = "text"
    required: bool = False
    default: Any = None
    help: Text = ""
    choices: tuple[tuple[str, Text], ...] = ()
    choices_of: Mapping[str, tuple[tuple[str, Text], ...]] | None = None
    lowest: int | None = None
    highest: int | None = None
    protocols: tuple[str, ...] = ()

    def choices_for(self, protocol: str) -> tuple[tuple[str, Text], ...]:
        return (self.choices_of or {}).get(protocol, self.choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of a command; `aim` is pile, connector, or either (0 is the whole pile)."""

    fields: tuple[Field, ...] = ()
    aim: str = "pile"
    warning: Text = ""

    def fields_for(self, protocol: str) -> tuple[Field, ...]:
        return tuple(field for field in self.fields if not field.protocols or protocol in field.protocols)


def read(fields: Iterable[Field], *, protocol: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields from what was filled in; what is empty is left out, or its default.

    Raises:
        DomainError: `invalid` naming the field and what it accepts.
    """
    values = {}
    for field in fields:
        value = data.get(field.name)
        if isinstance(value, str):
            value = value.strip()
        if value is None or value == "" or value == []:
            if field.required:
                raise _invalid(field, now_("it is missing."))
            if field.default is not None:
                values[field.name] = field.default
            continue
        values[field.name] = _READERS[field.kind](field, value, protocol)
    return values


def _invalid(field: Field, reason: str) -> DomainError:
    return DomainError("invalid", {"field": str(field.label), "reason": reason}, field=field.name)


def _text(field: Field, value: Any, protocol: str) -> str:
    return str(value)


def _integer(field: Field, value: Any, protocol: str) -> int:
    try:
        number = int(str(value))
    except ValueError:
        raise _invalid(field, now_("it is not a whole number.")) from None
    _check_bounds(field, number)
    return number


def _decimal(field: Field, value: Any, protocol: str) -> str:
    try:
        number = Decimal(str(value))
        if not number.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise _invalid(field, now_("it is not a number.")) from None
    _check_bounds(field, number)
    return format(number, "f")


def _check_bounds(field: Field, number: int | Decimal) -> None:
    if field.lowest is not None and number < field.lowest:
        raise _invalid(field, now_("at least %(number)s.") % {"number": field.lowest})
    if field.highest is not None and number > field.highest:
        raise _invalid(field, now_("at most %(number)s.") % {"number": field.highest})


def _boolean(field: Field, value: Any, protocol: str) -> bool:
    return value is True or str(value).lower() in ("1", "true", "yes", "on")


def _choice(field: Field, value: Any, protocol: str) -> str:
    accepted = [code for code, _label in field.choices_for(protocol)]
    if value not in accepted:
        raise _invalid(field, now_("one of %(accepted)s.") % {"accepted": ", ".join(accepted)})
    return str(value)


def _moment(field: Field, value: Any, protocol: str) -> str:
    if not isinstance(value, datetime):
        try:
            value = datetime.fromisoformat(str(value))
        except ValueError:
            raise _invalid(field, now_("a date and time such as 2026-12-01 08:00.")) from None
    if timezone.is_naive(value):
        value = timezone.make_aware(value)
    return value.astimezone(UTC).isoformat()


def _list(field: Field, value: Any, protocol: str) -> list[str]:
    entries = value if isinstance(value, list | tuple) else str(value).splitlines()
    return [text for entry in entries if (text := str(entry).strip())]


def _json(field: Field, value: Any, protocol: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise _invalid(field, now_("it is not JSON.")) from None


_READERS = {
    "text": _text,
    "lines": _text,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "choice": _choice,
    "moment": _moment,
    "list": _list,
    "json": _json,
}
