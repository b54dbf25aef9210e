"""The business day: statements, bills of channels and day close go by Beijing's calendar."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from kernel import clock

ZONE = ZoneInfo("Asia/Shanghai")


def day_of(at: datetime) -> date:
    """The business day of a moment."""
    return at.astimezone(ZONE).date()


def today() -> date:
    return day_of(clock.now())


def bounds(day: date) -> tuple[datetime, datetime]:
    """First moment of a business day, and of the next."""
    begin = datetime.combine(day, time.min, ZONE)
    return begin, datetime.combine(day + timedelta(days=1), time.min, ZONE)
