"""A simulated OCPP 2.0.1 pile: provisioning, transactions, variables, remote control."""

from devices.simulators.ocpp201.pile import Ocpp201Pile
from devices.simulators.ocppj.timing import OcppTiming

__all__ = ["Ocpp201Pile", "OcppTiming"]
