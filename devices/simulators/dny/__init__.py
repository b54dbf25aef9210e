"""A simulated e-bike box (DNY over TCP): ten sockets, bikes that fill up, a modem in front."""

from devices.simulators.dny.client import DnyBox
from devices.simulators.dny.timing import DnyTiming

__all__ = ["DnyBox", "DnyTiming"]
