"""Reservations that piles hold."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from devices.admin.places import PileFactAdmin, date_window
from devices.models import Reservation
from users.console.display import chip
from users.console.filters import choice_filter

State = Reservation.State
TONES = {State.ASKED: "amber", State.ACTIVE: "blue", State.USED: "green", State.REFUSED: "red"}


@admin.register(Reservation)
class ReservationAdmin(PileFactAdmin):
    list_display = ("created_at", "pile_page", "connector_no", "status", "id_tag", "expires_at", "ended_at")
    list_filter = (
        date_window("created_at", _("Time")),
        choice_filter("state", _("State"), State.choices),
    )
    fields = (*list_display, "parent_tag", "reference", "answer", "transaction_ref")

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES.get(obj.state, "grey"))
