"""Ground locks (YKC V1.6 §6.10)."""

from devices.models import BayLock
from devices.services import bay_locks
from kernel import clock
from kernel.runtime.dbpool import in_database

_POSITIONS = {"55": BayLock.Position.RAISED, "FF": BayLock.Position.LOWERED}
_ALARMS = {"00": BayLock.Alarm.NONE, "FF": BayLock.Alarm.FORCED, "55": BayLock.Alarm.STUCK}
EMPTY_BAY = "00"


async def state(consumer, held, frame, message) -> None:
    """61: on change and every five minutes; never answered."""
    fields = message.fields
    if fields["alarm"] not in _ALARMS:
        consumer.count(held, "bay_lock_alarm_unknown")
    await in_database(
        bay_locks.lock_reported,
        pile=held.pile,
        connector_no=fields["gun_no"],
        at=clock.now(),
        position=_POSITIONS.get(fields["lock"], BayLock.Position.BETWEEN),
        occupied=fields["bay"] != EMPTY_BAY,
        battery_pct=fields["battery"],
        alarm=_ALARMS.get(fields["alarm"], BayLock.Alarm.NONE),
    )
