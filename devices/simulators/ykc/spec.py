"""What kind of pile is simulated."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PileSpec:
    """What kind of pile it is: code (14 digits), guns, power of one gun in kW, DC or AC, speed of charging."""

    code: str
    gun_count: int = 1
    rated_kw: float = 60.0
    dc: bool = True
    speed: float = 1.0
    software: str = "SIM1.0"
    proto_version: int = 0x10
    bay_locks: bool = False  # a ground lock in front of every gun
