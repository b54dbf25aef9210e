from devices.models.certificate import IssuedCertificate
from devices.models.command import DeviceCommand
from devices.models.counters import CashCounter, PileMeterDay
from devices.models.frame import FrameLog
from devices.models.held import DeviceVariable, HeldItem, HeldProfile, LocalList
from devices.models.notice import PileNotice
from devices.models.record import TransactionRecord
from devices.models.reservation import Reservation
from devices.models.sample import MeterSample
from devices.models.sensor import Sensor, SensorReading
from devices.models.session import PileSession, UnknownPile
from devices.models.transaction import DeviceTransaction
from devices.models.upload import PileUpload

__all__ = [
    "CashCounter",
    "DeviceCommand",
    "DeviceTransaction",
    "DeviceVariable",
    "FrameLog",
    "HeldItem",
    "HeldProfile",
    "IssuedCertificate",
    "LocalList",
    "MeterSample",
    "PileMeterDay",
    "PileNotice",
    "PileSession",
    "PileUpload",
    "Reservation",
    "Sensor",
    "SensorReading",
    "TransactionRecord",
    "UnknownPile",
]
