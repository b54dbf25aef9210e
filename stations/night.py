"""The night cut-off of a pile: from one time of the day to another, over midnight or not, it does not charge.

Boxes in corridors and cellars are switched off at night by order of the fire services; the console sets the hours
per pile. Times are local to the station.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from stations.models import Pile

Window = tuple[datetime, datetime]


def next_dark(pile: Pile, at: datetime) -> Window | None:
    """The cut-off that holds at a moment, else the next one after it; None for a pile without."""
    if pile.night_from is None or pile.night_until is None:
        return None
    zone = ZoneInfo(pile.station.time_zone)
    local = at.astimezone(zone)
    for days in (-1, 0, 1):
        day = local.date() + timedelta(days=days)
        begin = datetime.combine(day, pile.night_from, zone)
        over = pile.night_until <= pile.night_from
        end = datetime.combine(day + timedelta(days=over), pile.night_until, zone)
        if end > local:
            return begin, end
    return None


def dark_until(pile: Pile, at: datetime) -> datetime | None:
    """When the cut-off that holds at a moment ends; None when none holds."""
    window = next_dark(pile, at)
    return window[1] if window is not None and window[0] <= at else None
