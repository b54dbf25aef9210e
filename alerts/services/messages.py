"""Fire, heat and water at a station reach the person responsible by text message, within seconds and once.

The message is written with its alert and sent after the commit; who sends takes it for a minute first, so that no lock
is held while the provider is asked and nothing is sent twice. A sweep tries again what did not go.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import translation

from alerts.models import Alert, AlertMessage
from kernel import clock
from stations.models import Station
from users.services import sms

URGENT_SENSORS = ("smoke", "temperature", "water")
MOST_TRIES = 6
LEASE = timedelta(minutes=1)
LANGUAGE = "zh-hans"  # the template's
S = AlertMessage.State


def queue(alert: Alert) -> AlertMessage | None:
    """Write the message of a new alert, in its transaction; None where nobody is to be told."""
    if alert.kind != Alert.Kind.SENSOR or alert.code.partition(":")[0] not in URGENT_SENSORS:
        return None
    stations = Station.objects.unscoped("the station of the alert")
    phone = stations.filter(pk=alert.station_id).values_list("duty_phone", flat=True).first()
    if not phone:
        return None
    now = clock.now()
    message = AlertMessage.objects.create(
        alert=alert,
        operator_id=alert.operator_id,
        station_id=alert.station_id,
        phone=phone,
        created_at=now,
        due_at=now,
    )
    transaction.on_commit(_work_soon, robust=True)
    return message


def work_due(*, limit: int = 50) -> int:
    """Send what is due; how many left."""
    rows = AlertMessage.objects.unscoped("the sweep of every station")
    due = rows.filter(due_at__lte=clock.now()).order_by("due_at").values_list("pk", flat=True)
    return sum(_send(pk) for pk in list(due[:limit]))


def _send(pk: int) -> bool:
    now = clock.now()
    rows = AlertMessage.objects.unscoped("the message that is due").filter(pk=pk)
    if not rows.filter(due_at__lte=now).update(due_at=now + LEASE):
        return False  # somebody else has it
    message = rows.select_related("alert__pile", "station").get()
    message.attempts += 1
    try:
        with translation.override(LANGUAGE):
            what = message.alert.text
        message.provider_no = sms.sender().send_alarm(message.phone, place=message.station.name, what=what)
    except sms.SmsError as error:
        message.reason = error.reason[:128]
        over = error.final or message.attempts >= MOST_TRIES
        message.state = S.FAILED if over else S.QUEUED
        message.due_at = None if over else now + timedelta(seconds=2**message.attempts)
    else:
        message.state, message.sent_at, message.due_at, message.reason = S.SENT, clock.now(), None, ""
    message.save(update_fields=["attempts", "provider_no", "reason", "state", "due_at", "sent_at"])
    return message.state == S.SENT


def _work_soon() -> None:
    from alerts.tasks import send_messages

    send_messages.delay()
