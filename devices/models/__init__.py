from devices.models.bay_lock import BayLock
from devices.models.certificate import IssuedCertificate
from devices.models.command import DeviceCommand
from devices.models.counters import CashCounter, PileMeterDay
from devices.models.curve import StoredCurve
from devices.models.firmware import FirmwareCampaign, FirmwareFile, FirmwareTarget
from devices.models.frame import FrameLog
from devices.models.held import DeviceVariable, HeldItem, HeldProfile, LocalList
from devices.models.node import GatewayNode
from devices.models.notice import PileNotice
from devices.models.parameters import ParameterCheck, ParameterSet
from devices.models.record import TransactionRecord
from devices.models.reservation import Reservation
from devices.models.sample import MeterSample
from devices.models.sensor import Sensor, SensorReading
from devices.models.session import PileSession, UnknownPile
from devices.models.transaction import DeviceTransaction
from devices.models.upload import PileUpload
from devices.models.vehicle import ReportedVehicle, VehicleReport

__all__ = [
    "BayLock",
    "CashCounter",
    "DeviceCommand",
    "DeviceTransaction",
    "DeviceVariable",
    "FirmwareCampaign",
    "FirmwareFile",
    "FirmwareTarget",
    "FrameLog",
    "GatewayNode",
    "HeldItem",
    "HeldProfile",
    "IssuedCertificate",
    "LocalList",
    "MeterSample",
    "ParameterCheck",
    "ParameterSet",
    "PileMeterDay",
    "PileNotice",
    "PileSession",
    "PileUpload",
    "ReportedVehicle",
    "Reservation",
    "Sensor",
    "SensorReading",
    "StoredCurve",
    "TransactionRecord",
    "UnknownPile",
    "VehicleReport",
]
