"""What alerts do on device events. Registered at start-up; each handler is a thin door to one service."""

from collections.abc import Sequence

from alerts.models import Alert
from alerts.services.alerts import close_alerts, close_pile_alerts, open_alert, open_pile_alerts
from devices import events
from devices.words import is_protection
from stations.models import Pile
from stations.models.mode import Edition


def on_pile_offline(event: events.PileOffline) -> None:
    """A pile of the offline edition has no link to lose."""
    piles = Pile.objects.unscoped("the event comes from the pile itself")
    if piles.filter(pk=event.pile.id, edition=Edition.OFFLINE).exists():
        return
    open_alert(pile=event.pile, kind=Alert.Kind.OFFLINE, at=event.at, detail=event.reason)


def on_piles_offline(found: Sequence[events.PileOffline]) -> None:
    piles = Pile.objects.unscoped("the events come from the piles themselves")
    without = piles.filter(pk__in=[event.pile.id for event in found], edition=Edition.OFFLINE)
    no_link = set(without.values_list("pk", flat=True))
    lost = [(event.pile, event.reason) for event in found if event.pile.id not in no_link]
    open_pile_alerts(found=lost, kind=Alert.Kind.OFFLINE, at=found[0].at)


def on_pile_online(event: events.PileOnline) -> None:
    close_alerts(pile=event.pile, kind=Alert.Kind.OFFLINE, at=event.at)


def on_piles_online(found: Sequence[events.PileOnline]) -> None:
    close_pile_alerts(piles=[event.pile for event in found], kind=Alert.Kind.OFFLINE, at=found[0].at)


def on_fault_raised(event: events.FaultRaised) -> None:
    open_alert(
        pile=event.pile,
        kind=Alert.Kind.FAULT,
        at=event.at,
        connector_no=event.connector_no,
        code=event.code,
        detail=event.words,
    )


def on_fault_cleared(event: events.FaultCleared) -> None:
    close_alerts(
        pile=event.pile,
        kind=Alert.Kind.FAULT,
        at=event.at,
        connector_no=event.connector_no,
        code=event.code,
    )


def on_sensor_reported(event: events.SensorReported) -> None:
    """An alarm of a sensor is open from its first reading with an alarm to the first without."""
    code = f"{event.kind}:{event.sensor}"[:64]
    if event.alarm:
        measured = "" if event.value is None else f"{event.value.normalize():f}"
        open_alert(pile=event.pile, kind=Alert.Kind.SENSOR, at=event.at, code=code, detail=measured)
    elif event.was_alarm:
        close_alerts(pile=event.pile, kind=Alert.Kind.SENSOR, at=event.at, code=code)


def on_transaction_reported(event: events.TransactionReported) -> None:
    """A session that a protection ended calls for a person, whatever the live data said before."""
    record = event.record
    if event.repeated or not is_protection(record.protocol, record.stop_reason):
        return
    open_alert(
        pile=event.pile,
        kind=Alert.Kind.PROTECTION,
        at=record.ended_at or event.at,
        connector_no=record.connector_no,
        code=record.stop_reason,
    )


def register() -> None:
    """Subscribe the handlers."""
    events.subscribe(events.PileOffline, on_pile_offline, together=on_piles_offline)
    events.subscribe(events.PileOnline, on_pile_online, together=on_piles_online)
    events.subscribe(events.FaultRaised, on_fault_raised)
    events.subscribe(events.FaultCleared, on_fault_cleared)
    events.subscribe(events.TransactionReported, on_transaction_reported)
    events.subscribe(events.SensorReported, on_sensor_reported)
