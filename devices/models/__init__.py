from devices.models.command import DeviceCommand
from devices.models.frame import FrameLog
from devices.models.node import GatewayNode
from devices.models.record import TransactionRecord
from devices.models.sample import MeterSample
from devices.models.session import PileSession, UnknownPile
from devices.models.transaction import DeviceTransaction

__all__ = [
    "DeviceCommand",
    "DeviceTransaction",
    "FrameLog",
    "GatewayNode",
    "MeterSample",
    "PileSession",
    "TransactionRecord",
    "UnknownPile",
]
