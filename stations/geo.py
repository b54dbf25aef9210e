"""Coordinates between the three datums in use in China. Pure.

GCJ-02 is WGS-84 bent by the public formula that every open map library uses (SK-42 ellipsoid); it has no closed
inverse, so the way back is found by iteration to less than 0.1 m. BD-09 is Baidu's further turn of GCJ-02.
Outside China the three are the same.
"""

import math

_A = 6378245.0  # SK-42, metres
_EE = 0.00669342162296594323
_BD_PI = math.pi * 3000.0 / 180.0
_STEPS = 30
_CLOSE = 1e-9

Point = tuple[float, float]  # longitude, latitude in degrees


def in_china(longitude: float, latitude: float) -> bool:
    """The rectangle that the formula is made for."""
    return 72.004 <= longitude <= 137.8347 and 0.8293 <= latitude <= 55.8271


def wgs84_to_gcj02(longitude: float, latitude: float) -> Point:
    if not in_china(longitude, latitude):
        return longitude, latitude
    east, north = _bend(longitude, latitude)
    return longitude + east, latitude + north


def gcj02_to_wgs84(longitude: float, latitude: float) -> Point:
    if not in_china(longitude, latitude):
        return longitude, latitude
    x, y = longitude, latitude
    for _step in range(_STEPS):
        east, north = wgs84_to_gcj02(x, y)
        dx, dy = longitude - east, latitude - north
        x, y = x + dx, y + dy
        if abs(dx) < _CLOSE and abs(dy) < _CLOSE:
            break
    return x, y


def bd09_to_gcj02(longitude: float, latitude: float) -> Point:
    if not in_china(longitude, latitude):
        return longitude, latitude
    x, y = longitude - 0.0065, latitude - 0.006
    radius = math.hypot(x, y) - 0.00002 * math.sin(y * _BD_PI)
    angle = math.atan2(y, x) - 0.000003 * math.cos(x * _BD_PI)
    return radius * math.cos(angle), radius * math.sin(angle)


def to_gcj02(datum: str, longitude: float, latitude: float) -> Point:
    """A point measured in `gcj02`, `wgs84` or `bd09` as GCJ-02."""
    match datum:
        case "wgs84":
            return wgs84_to_gcj02(longitude, latitude)
        case "bd09":
            return bd09_to_gcj02(longitude, latitude)
    return longitude, latitude


def _bend(longitude: float, latitude: float) -> Point:
    """How far the formula moves a point, in degrees."""
    x, y = longitude - 105.0, latitude - 35.0
    waves = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + waves / 1.5
    north += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) / 1.5
    north += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) / 1.5
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + waves / 1.5
    east += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) / 1.5
    east += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) / 1.5
    phi = math.radians(latitude)
    magic = 1 - _EE * math.sin(phi) ** 2
    root = math.sqrt(magic)
    return (
        math.degrees(east / (_A / root * math.cos(phi))),
        math.degrees(north / (_A * (1 - _EE) / (magic * root))),
    )
