"""The energy of a session from a register that may jump, reset or run backwards.

Only the rise inside one unbroken run of readings is certain. Stations exist that report 0 while they boot and
the lifetime figure afterwards, that count per session, or that start again after a reboot; so a step that the
pile's power cannot explain counts for nothing, is flagged, and a new run begins at the new value.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

POWER_MARGIN = Decimal("1.1")
ENERGY_MARGIN_KWH = Decimal("0.1")
REGISTER_STEP_KWH = Decimal("0.01")  # the coarsest resolution a register is reported in
SAMPLE_LAG = timedelta(seconds=30)  # a value may be this much older or newer than its timestamp

BACKWARDS = "register_backwards"
JUMP = "register_jump"
LATE = "out_of_order"


def most_kwh(rated_power_kw: Decimal, duration: timedelta) -> Decimal:
    """The most energy a pile can deliver in `duration`, with margins."""
    hours = Decimal(max(duration // timedelta(milliseconds=1), 0)) / 3_600_000
    return rated_power_kw * hours * POWER_MARGIN + ENERGY_MARGIN_KWH


@dataclass(slots=True)
class RegisterRun:
    """Where a session stands: its energy so far and the register value that belongs to it, both in kWh.

    Without a register at the start (None) the first reading is the start.
    """

    rated_power_kw: Decimal
    energy_kwh: Decimal
    register_kwh: Decimal | None
    at: datetime

    def observe(self, register_kwh: Decimal, at: datetime) -> tuple[Decimal | None, str]:
        """Take a reading; (energy of the session in kWh, or None when it says nothing new; why it is suspect).

        The energy never falls.
        """
        if at < self.at:
            return None, LATE
        if self.register_kwh is None:
            self.register_kwh, self.at = register_kwh, at
            return self.energy_kwh, ""
        rise = register_kwh - self.register_kwh
        if -REGISTER_STEP_KWH <= rise < 0:
            self.at = at
            return self.energy_kwh, ""
        suspect = ""
        if rise < 0:
            suspect = BACKWARDS
        elif rise > most_kwh(self.rated_power_kw, at - self.at + SAMPLE_LAG):
            suspect = JUMP
        else:
            self.energy_kwh += rise
        self.register_kwh, self.at = register_kwh, at
        return self.energy_kwh, suspect
