"""Enterprises and their members in the console."""

from decimal import Decimal

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from users.admin.forms import PhoneField, ServiceModelForm
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter
from users.models import Enterprise, EnterpriseMember
from users.services import enterprises

ENABLED = (("1", _("Enabled")), ("0", _("Disabled")))


@admin.register(Enterprise)
class EnterpriseAdmin(ScopedModelAdmin):
    form = ServiceModelForm
    list_display = ("code", "name", "operator", "contact", "contact_phone", "enabled")
    list_display_links = ("code", "name")
    list_select_related = ("operator",)
    list_filter = (
        choice_filter("is_active", _("Account"), ENABLED),
        ("operator", AutocompleteSelectFilter),
    )
    search_fields = ("code", "name")
    ordering = ("operator", "code")
    autocomplete_fields = ("operator",)
    fields = ("operator", "code", "name", "contact", "contact_phone", "max_parallel", "is_active")

    def get_fields(self, request, obj=None):
        return self.fields if obj else self.fields[:-1]

    def get_readonly_fields(self, request, obj=None):
        return ("operator", "code") if obj else ()

    @admin.display(description=_("state"))
    def enabled(self, obj):
        return chip(_("Enabled"), "green") if obj.is_active else chip(_("Disabled"), "grey")

    def save_through_service(self, request, obj, form, change):
        if change:
            enterprises.update_enterprise(
                actor=actor_of(request),
                enterprise=obj,
                changes={
                    name: form.cleaned_data[name]
                    for name in form.changed_data
                    if name in enterprises.EDITABLE
                },
            )
        else:
            names = ("operator", "code", "name", "contact", "contact_phone", "max_parallel")
            saved = enterprises.create_enterprise(
                actor=actor_of(request), **{name: form.cleaned_data[name] for name in names}
            )
            self.adopt(obj, saved)


def _limit(label):
    return forms.DecimalField(
        label=label,
        required=False,
        min_value=Decimal("0.01"),
        max_value=Decimal("1000000"),
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Empty: no limit"),
    )


class MemberForm(ServiceModelForm):
    """Limits in yuan; a member is named by the whole phone number."""

    phone = PhoneField()
    order_limit = _limit(_("per order (yuan)"))
    day_limit = _limit(_("per day (yuan)"))
    month_limit = _limit(_("per month (yuan)"))

    class Meta:
        model = EnterpriseMember
        fields = ("enterprise", "is_active")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields.pop("phone", None)
            for name in ("order_limit", "day_limit", "month_limit"):
                value = getattr(self.instance, f"{name}_fen")
                self.fields[name].initial = None if value is None else Decimal(value).scaleb(-2)


@admin.register(EnterpriseMember)
class EnterpriseMemberAdmin(ScopedModelAdmin):
    form = MemberForm
    list_display = ("driver_name", "enterprise", "per_order", "per_day", "per_month", "enabled", "created_at")
    list_select_related = ("enterprise", "driver")
    list_filter = (
        choice_filter("is_active", _("Account"), ENABLED),
        ("enterprise", AutocompleteSelectFilter),
    )
    big_table = True
    search_kinds = {"driver__phone": "exact"}
    search_help_text = _("A whole phone number")
    autocomplete_fields = ("enterprise",)

    def get_fieldsets(self, request, obj=None):
        limits = ["order_limit", "day_limit", "month_limit"]
        who = ["enterprise", "driver_name"] if obj else ["enterprise", "phone"]
        return ((None, {"fields": [*who, "is_active"]}), (_("Spending limits"), {"fields": limits}))

    def get_form(self, request, obj=None, change=False, **kwargs):
        return super().get_form(request, obj, change=change, **{**kwargs, "fields": self.form.Meta.fields})

    def get_readonly_fields(self, request, obj=None):
        return ("enterprise", "driver_name") if obj else ()

    @admin.display(description=_("driver"))
    def driver_name(self, obj):
        return f"{obj.driver} {obj.driver.masked_phone if obj.driver.name else ''}".strip()

    @admin.display(description=_("state"))
    def enabled(self, obj):
        return chip(_("Enabled"), "green") if obj.is_active else chip(_("Disabled"), "grey")

    @admin.display(description=_("per order"))
    def per_order(self, obj):
        return fen(obj.order_limit_fen)

    @admin.display(description=_("per day"))
    def per_day(self, obj):
        return fen(obj.day_limit_fen)

    @admin.display(description=_("per month"))
    def per_month(self, obj):
        return fen(obj.month_limit_fen)

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        limits = {
            f"{name}_fen": None if data[name] is None else int(data[name] * 100)
            for name in ("order_limit", "day_limit", "month_limit")
        }
        saved = enterprises.set_member(
            actor=actor_of(request),
            enterprise=obj.enterprise if change else data["enterprise"],
            driver=obj.driver if change else data["phone"],
            is_active=data["is_active"],
            **limits,
        )
        self.adopt(obj, saved)
