"""A simulated OCPP 1.6J pile (Core profile and TriggerMessage)."""

from devices.simulators.ocpp16.pile import Ocpp16Pile
from devices.simulators.ocppj.timing import OcppTiming

__all__ = ["Ocpp16Pile", "OcppTiming"]
