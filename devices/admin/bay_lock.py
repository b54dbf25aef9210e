"""Ground locks: where each stands, and the order to move it."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from devices.admin.places import PileFactAdmin
from devices.models import BayLock, DeviceCommand
from devices.protocols.capabilities import supports
from devices.services.bay_locks import MOVE_PERMISSION, move_lock
from users.console.actions import operator_action
from users.console.admin import actor_of
from users.console.display import chip
from users.console.filters import choice_filter

LOW_BATTERY_PCT = 20
TONES = {
    BayLock.Position.RAISED: "blue",
    BayLock.Position.LOWERED: "green",
    BayLock.Position.BETWEEN: "amber",
}


def _can_move(lock):
    return lock.pile.online and supports(lock.pile.protocol, DeviceCommand.Kind.MOVE_BAY_LOCK)


@admin.register(BayLock)
class BayLockAdmin(PileFactAdmin):
    big_table = False
    search_help_text = _("A whole pile code")
    list_display = (
        "pile_page",
        "connector_no",
        "stands",
        "bay",
        "alarm_chip",
        "battery",
        "changed_at",
        "reported_at",
    )
    list_filter = (
        choice_filter("position", _("Position"), BayLock.Position.choices),
        choice_filter("alarm", _("Alarm"), [c for c in BayLock.Alarm.choices if c[0]]),
    )
    fields = list_display
    actions_detail = ("raise_lock", "lower_lock")

    @admin.display(description=_("position"))
    def stands(self, obj):
        return chip(obj.get_position_display(), TONES[obj.position])

    @admin.display(description=_("bay"))
    def bay(self, obj):
        return chip(_("Occupied"), "blue") if obj.occupied else chip(_("No vehicle"), "grey")

    @admin.display(description=_("alarm"))
    def alarm_chip(self, obj):
        return chip(obj.get_alarm_display(), "red") if obj.alarm else "–"

    @admin.display(description=_("battery"))
    def battery(self, obj):
        low = obj.battery_pct < LOW_BATTERY_PCT
        return chip(f"{obj.battery_pct} %", "amber") if low else f"{obj.battery_pct} %"

    @operator_action(
        title=_("Raise"),
        text=_("The bay is closed."),
        permission=MOVE_PERMISSION,
        available=lambda lock: _can_move(lock) and not lock.occupied,
        unavailable=_("The pile is offline, or a vehicle stands on the bay."),
        icon="arrow_upward",
        variant=ActionVariant.WARNING,
    )
    def raise_lock(self, request, obj, form):
        return self._move(request, obj, form, up=True)

    @operator_action(
        title=_("Lower"),
        text=_("The bay is open."),
        permission=MOVE_PERMISSION,
        available=_can_move,
        icon="arrow_downward",
    )
    def lower_lock(self, request, obj, form):
        return self._move(request, obj, form, up=False)

    def _move(self, request, obj, form, *, up):
        move_lock(
            actor=actor_of(request),
            pile=obj.pile,
            connector_no=obj.connector_no,
            up=up,
            reason=form.cleaned_data["reason"],
        )
        return _("The command is on its way; the lock reports when it has moved.")
