"""Fault codes of connectors in words. This floor knows no protocol: the floor of the protocols registers its look-up."""

from collections.abc import Callable

FaultText = Callable[[str, str], str]


def _as_it_came(protocol: str, code: str) -> str:
    return code


_look_up: FaultText = _as_it_came


def register_fault_text(look_up: FaultText) -> None:
    """Set who knows the words; `look_up` takes the pile's protocol and the code."""
    global _look_up
    _look_up = look_up


def fault_text(protocol: str, code: str) -> str:
    """A fault in the reader's language; an unknown code as it came."""
    return _look_up(protocol, code)
