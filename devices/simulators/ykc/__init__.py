"""A simulated YKC pile (versions 1.5 and 1.6 over TCP)."""

from devices.simulators.ykc.client import YkcPile
from devices.simulators.ykc.timing import YkcTiming

__all__ = ["YkcPile", "YkcTiming"]
