"""Bookings in the console: read, and cancelled for a driver with a reason."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from billing.models import Booking
from billing.services import bookings
from users.console.actions import ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter, date_window

State = Booking.State
TONES = {
    State.ASKED: "amber",
    State.ACTIVE: "blue",
    State.USED: "green",
    State.CANCELLED: "grey",
    State.EXPIRED: "red",
    State.REFUSED: "grey",
}


@admin.register(Booking)
class BookingAdmin(FactAdmin):
    big_table = True
    search_kinds = {"booking_no": "exact"}
    search_help_text = _("A whole booking number")
    list_display = (
        "booking_no", "status", "station", "connector", "driver_masked", "created_at", "expires_at", "fee",
    )  # fmt: skip
    list_select_related = ("station", "connector", "driver")
    list_filter = (
        choice_filter("state", _("State"), State.choices),
        date_window("created_at", _("Time")),
        ("station", AutocompleteSelectFilter),
        ("operator", AutocompleteSelectFilter),
    )
    fields = (
        "booking_no", "status", "station", "pile", "connector", "driver_masked", "created_at", "expires_at",
        "ended_at", "fee", "order", "reason", "waived_by", "waive_reason",
    )  # fmt: skip
    actions_detail = ("cancel", "waive")

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES.get(obj.state, "grey"))

    @admin.display(description=_("driver"))
    def driver_masked(self, obj):
        return obj.driver

    @admin.display(description=_("fee"))
    def fee(self, obj):
        return fen(obj.amount_fen)

    @operator_action(
        title=_("Cancel booking"),
        text=_("The connector is free at once, and the driver pays nothing."),
        permission="billing.cancel_booking",
        form=ReasonForm,
        available=lambda booking: booking.is_open,
        icon="event_busy",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request, obj, form):
        bookings.cancel(
            actor=actor_of(request), booking_no=obj.booking_no, reason=form.cleaned_data["reason"]
        )
        return _("The booking is cancelled.")

    @operator_action(
        title=_("Waive the fee"),
        text=_("The fee goes back to the driver's wallet and is taken from those who got it."),
        permission="billing.waive_fee",
        form=ReasonForm,
        available=lambda booking: booking.journal_id is not None and booking.waiver_id is None,
        icon="money_off",
    )
    def waive(self, request, obj, form):
        bookings.waive(actor=actor_of(request), booking_no=obj.booking_no, reason=form.cleaned_data["reason"])
        return _("%(amount)s went back.") % {"amount": fen(obj.amount_fen)}
