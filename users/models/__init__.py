from users.models.driver import Driver, DriverToken, PhoneLogin
from users.models.operator import Operator
from users.models.staff import Staff, StaffScope

__all__ = ["Driver", "DriverToken", "Operator", "PhoneLogin", "Staff", "StaffScope"]
