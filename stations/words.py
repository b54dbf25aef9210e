"""Codes of piles in words. This floor knows no protocol: the floor of the protocols registers its look-ups."""

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


FindingText = Callable[[str], str]
_finding_look_up: FindingText = str


def register_finding_text(look_up: FindingText) -> None:
    """Set who knows the words of protocol findings."""
    global _finding_look_up
    _finding_look_up = look_up


def finding_text(finding: str) -> str:
    """Where a pile strays from its protocol, in the reader's language; an unknown finding as it came."""
    return _finding_look_up(finding)
