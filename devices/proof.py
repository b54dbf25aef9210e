"""What a connection proves about its peer. No Django: the raw TCP server needs it as well as the services."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proof:
    """What the connection shows: encrypted or not, and the peer's certificate (PEM, empty for none)."""

    tls: bool = False
    certificate: str = ""
