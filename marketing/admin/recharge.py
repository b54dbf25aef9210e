"""Recharge offers in the console; the platform gives them and bears them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from kernel import clock
from marketing.models import RechargeOffer
from marketing.services import recharge_offers
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip, fen


@admin.register(RechargeOffer)
class RechargeOfferAdmin(ScopedModelAdmin):
    platform_only = True
    list_display = ("name", "status", "rule", "opens_at", "closes_at", "spent")
    search_fields = ("name",)
    fields = (
        "name",
        ("least_fen", "bonus_fen"),
        ("first_only", "per_driver"),
        ("opens_at", "closes_at"),
        ("budget_fen", "is_active"),
    )

    def get_fields(self, request, obj=None):
        return (*self.fields, "spent") if obj else self.fields

    def get_readonly_fields(self, request, obj=None):
        return ("spent",) if obj else ()

    @admin.display(description=_("state"))
    def status(self, obj):
        now = clock.now()
        if not obj.is_active:
            return chip(_("Off"), "grey")
        if obj.opens_at > now:
            return chip(_("Planned"), "amber")
        return chip(_("Past"), "grey") if obj.closes_at <= now else chip(_("Valid now"), "green")

    @admin.display(description=_("offer"))
    def rule(self, obj):
        return _("%(bonus)s on top of %(least)s") % {"bonus": fen(obj.bonus_fen), "least": fen(obj.least_fen)}

    @admin.display(description=_("given"))
    def spent(self, obj):
        if obj.budget_fen is None:
            return fen(obj.given_fen)
        return f"{fen(obj.given_fen)} / {fen(obj.budget_fen)}"

    def save_through_service(self, request, obj, form, change):
        saved = recharge_offers.save_offer(
            actor=actor_of(request), offer_id=obj.pk if change else None, **form.cleaned_data
        )
        if not change:
            self.adopt(obj, saved)
