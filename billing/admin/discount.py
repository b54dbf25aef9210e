"""Discounts in the console: who gets what off, where and when, and what they have cost so far."""

from django import forms
from django.contrib import admin
from django.db.models import Count, Sum
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from billing.fee_words import FEE_WORDS
from billing.models import Discount
from billing.pricing.components import CHARGE_FEES
from billing.pricing.tariff import slot_label
from billing.services import discounts
from kernel import clock
from kernel.errors import DomainError
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter
from users.models import Driver
from users.services.drivers import normal_phone

SLOTS = [("", "–"), *((n, slot_label(n)) for n in range(48)), (48, "24:00")]


class DiscountForm(forms.ModelForm):
    fees = forms.MultipleChoiceField(
        label=_("on which fees"),
        choices=[(kind, FEE_WORDS[kind]) for kind in CHARGE_FEES],
        initial=["electricity", "service"],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    phone = forms.CharField(
        label=_("only for driver (phone)"), required=False, max_length=20, widget=UnfoldAdminTextInputWidget
    )
    from_slot = forms.TypedChoiceField(
        label=_("from (time of day)"),
        choices=SLOTS[:-1],
        coerce=int,
        empty_value=None,
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    to_slot = forms.TypedChoiceField(
        label=_("to (time of day)"),
        choices=SLOTS,
        coerce=int,
        empty_value=None,
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.driver_id:
            self.initial["phone"] = self.instance.driver.phone

    def clean_phone(self):
        text = self.cleaned_data["phone"].strip()
        if not text:
            self.cleaned_data["driver"] = None
            return ""
        try:
            phone = normal_phone(text)
        except DomainError as error:
            raise forms.ValidationError(error.message) from None
        driver = Driver.objects.for_actor(self.actor).filter(phone=phone).first()
        if driver is None:
            raise forms.ValidationError(_("No driver in your scope has this number."))
        self.cleaned_data["driver"] = driver
        return phone


@admin.register(Discount)
class DiscountAdmin(ScopedModelAdmin):
    form = DiscountForm
    list_display = ("name", "operator", "status", "off", "where", "whom", "valid_from", "valid_to", "spent")
    list_select_related = ("operator", "station", "pile", "driver")
    search_fields = ("name",)
    list_filter = (("operator", AutocompleteSelectFilter),)
    autocomplete_fields = ("operator", "station", "pile")
    fields = (
        "name",
        "operator",
        "bearer",
        ("off_bp", "off_fen"),
        "fees",
        ("station", "pile"),
        ("phone", "group", "first_orders"),
        ("from_slot", "to_slot"),
        ("valid_from", "valid_to"),
        ("cap_fen", "budget_fen"),
        ("stack", "is_active"),
    )

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(times=Count("uses"), taken=Sum("uses__used_fen"))

    def get_form(self, request, obj=None, change=False, **kwargs):
        form_class = super().get_form(request, obj, change=change, **kwargs)
        form_class.actor = actor_of(request)
        return form_class

    def get_readonly_fields(self, request, obj=None):
        return ("operator", "bearer") if obj else ()

    @admin.display(description=_("state"))
    def status(self, obj):
        now = clock.now()
        if not obj.is_active:
            return chip(_("Off"), "grey")
        if obj.valid_from > now:
            return chip(_("Planned"), "amber")
        if obj.valid_to is not None and obj.valid_to <= now:
            return chip(_("Past"), "grey")
        return chip(_("Valid now"), "green")

    @admin.display(description=_("off"))
    def off(self, obj):
        return f"{obj.off_bp / 100:g} %" if obj.off_bp else fen(obj.off_fen)

    @admin.display(description=_("where"))
    def where(self, obj):
        return obj.pile or obj.station or "–"

    @admin.display(description=_("for whom"))
    def whom(self, obj):
        words = [str(obj.driver)] if obj.driver else []
        words += [obj.group] if obj.group else []
        if obj.first_orders:
            words.append(_("first %(count)s orders") % {"count": obj.first_orders})
        return "、".join(words) or "–"

    @admin.display(description=_("taken off"))
    def spent(self, obj):
        return _("%(amount)s in %(count)s orders") % {"amount": fen(obj.taken or 0), "count": obj.times}

    def save_through_service(self, request, obj, form, change):
        data = dict(form.cleaned_data)
        operator = obj.operator if change else data.pop("operator", None)
        data.pop("operator", None)
        data.pop("phone", None)
        saved = discounts.save_discount(
            actor=actor_of(request), operator=operator, discount_id=obj.pk if change else None, **data
        )
        if not change:
            self.adopt(obj, saved)
