from users.models.card import Card
from users.models.driver import Driver, DriverToken, PhoneLogin
from users.models.enterprise import Enterprise, EnterpriseMember
from users.models.groups import DriverTag, WhitelistEntry
from users.models.identity import DriverIdentity
from users.models.notice import DriverNotice, DriverSettings
from users.models.operator import Operator
from users.models.staff import Staff, StaffScope
from users.models.vehicle import Vehicle

__all__ = [
    "Card",
    "Driver",
    "DriverIdentity",
    "DriverNotice",
    "DriverSettings",
    "DriverTag",
    "DriverToken",
    "Enterprise",
    "EnterpriseMember",
    "Operator",
    "PhoneLogin",
    "Staff",
    "StaffScope",
    "Vehicle",
    "WhitelistEntry",
]
