"""Coupons in the console: who has which, and on which order it was used."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from kernel.exports import Kind
from marketing.models import Coupon
from marketing.services import coupons
from marketing.words import worth_of
from users.console.actions import operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter, date_window
from users.exports import ExportColumn, choice_words

S = Coupon.State
TONES = {S.AVAILABLE: "green", S.TAKEN: "blue", S.USED: "violet", S.EXPIRED: "grey", S.VOID: "red"}


@admin.register(Coupon)
class CouponAdmin(FactAdmin):
    big_table = True
    search_kinds = {"code": "exact", "taken_for": "exact", "driver__phone": "exact"}
    search_help_text = _("A whole coupon number, order number or mobile number")
    list_display = (
        "code",
        "campaign",
        "worth",
        "status",
        "driver",
        "claimed_at",
        "expires_at",
        "taken_for",
        "amount",
    )
    list_select_related = ("campaign", "driver")
    list_filter = (
        choice_filter("state", _("State"), S.choices),
        ("campaign", AutocompleteSelectFilter),
        date_window("claimed_at", _("Time")),
    )
    fields = (
        "code", "campaign", "worth", "status", "driver", "claimed_at", "expires_at", "taken_for", "used_at", "amount",
    )  # fmt: skip
    actions_detail = ("void",)
    export_columns = (
        ExportColumn("code", _("coupon no."), "code"),
        ExportColumn("campaign", _("campaign"), "campaign__name"),
        ExportColumn("state", _("state"), "state", convert=choice_words(S.choices)),
        ExportColumn("claimed_at", _("claimed at"), "claimed_at", Kind.MOMENT),
        ExportColumn("expires_at", _("expires at"), "expires_at", Kind.MOMENT),
        ExportColumn("order_no", _("order no."), "taken_for"),
        ExportColumn("taken_off", _("taken off (yuan)"), "used_fen", Kind.FEN),
    )

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES[obj.state])

    @admin.display(description=_("worth"))
    def worth(self, obj):
        return worth_of(obj.campaign)

    @admin.display(description=_("taken off"))
    def amount(self, obj):
        return fen(obj.used_fen) if obj.used_fen else "–"

    @operator_action(
        title=_("Take back"),
        text=_("The driver cannot use it any more."),
        permission="marketing.void_coupon",
        available=lambda obj: obj.state == S.AVAILABLE,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def void(self, request, obj, form):
        coupons.void(actor=actor_of(request), coupon=obj, reason=form.cleaned_data["reason"])
        return _("The coupon is taken back.")
