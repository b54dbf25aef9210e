from devices.models.certificate import IssuedCertificate
from devices.models.command import DeviceCommand
from devices.models.frame import FrameLog
from devices.models.held import DeviceVariable, HeldItem, HeldProfile, LocalList
from devices.models.notice import PileNotice
from devices.models.record import TransactionRecord
from devices.models.reservation import Reservation
from devices.models.sample import MeterSample
from devices.models.session import PileSession, UnknownPile
from devices.models.transaction import DeviceTransaction
from devices.models.upload import PileUpload

__all__ = [
    "DeviceCommand",
    "DeviceTransaction",
    "DeviceVariable",
    "FrameLog",
    "HeldItem",
    "HeldProfile",
    "IssuedCertificate",
    "LocalList",
    "MeterSample",
    "PileNotice",
    "PileSession",
    "PileUpload",
    "Reservation",
    "TransactionRecord",
    "UnknownPile",
]
