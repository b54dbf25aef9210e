"""Vehicles in the console: the list, and the check that makes a VIN start a charge."""

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from kernel.services import audit
from users.admin.forms import PhoneField, ServiceModelForm
from users.console.actions import operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip
from users.console.filters import AutocompleteSelectFilter, choice_filter
from users.models import Vehicle
from users.services import vehicles

State = Vehicle.State
TONES = {State.UNVERIFIED: "grey", State.WAITING: "amber", State.VERIFIED: "green", State.REFUSED: "red"}


class VehicleForm(ServiceModelForm):
    phone = PhoneField(required=False)

    class Meta:
        model = Vehicle
        fields = ("enterprise", "plate", "vin", "kind", "model_name")

    def clean_plate(self):
        return vehicles.normal_plate(self.cleaned_data["plate"])

    def clean_vin(self):
        return vehicles.normal_vin(self.cleaned_data["vin"])


@admin.register(Vehicle)
class VehicleAdmin(ScopedModelAdmin):
    form = VehicleForm
    big_table = True
    search_kinds = {"plate": "exact", "vin": "exact", "driver__phone": "exact"}
    search_help_text = _("A whole plate, VIN or phone number")
    list_display = (
        "number", "masked_vin", "owner", "phone", "operator", "enterprise", "kind", "status", "default",
    )  # fmt: skip
    list_display_links = ("number",)
    list_select_related = ("driver", "enterprise", "operator")
    list_filter = (
        choice_filter("state", _("Verification"), State.choices),
        choice_filter("kind", _("Kind"), Vehicle.Kind.choices),
        ("operator", AutocompleteSelectFilter),
        ("enterprise", AutocompleteSelectFilter),
    )
    autocomplete_fields = ("enterprise",)
    actions_detail = ("verify", "refuse", "show_numbers", "remove")
    shown = (
        "number", "masked_vin", "kind", "model_name", "owner", "phone", "operator", "enterprise", "status",
        "review_note", "reviewed_at", "default", "licence", "created_at",
    )  # fmt: skip

    def search_condition(self, request, term):
        return Q(plate=vehicles.normal_plate(term)) | Q(vin=vehicles.normal_vin(term)) | Q(driver__phone=term)

    def get_fieldsets(self, request, obj=None):
        fields = self.shown if obj else ("phone", "enterprise", "plate", "vin", "kind", "model_name")
        return ((None, {"fields": list(fields)}),)

    def get_form(self, request, obj=None, change=False, **kwargs):
        return super().get_form(request, obj, change=change, **{**kwargs, "fields": self.form.Meta.fields})

    def get_readonly_fields(self, request, obj=None):
        return self.shown if obj else ()

    def has_change_permission(self, request, obj=None):
        # Numbers are the owner's to change; here a vehicle is looked at, verified and removed.
        return obj is None and super().has_change_permission(request)

    @admin.display(description=_("plate"))
    def number(self, obj):
        return obj.masked_plate or "–"

    @admin.display(description=_("VIN"))
    def masked_vin(self, obj):
        return obj.masked_vin or "–"

    @admin.display(description=_("owner"))
    def owner(self, obj):
        return obj.driver or obj.enterprise

    @admin.display(description=_("phone"))
    def phone(self, obj):
        return obj.driver.masked_phone if obj.driver else obj.enterprise.contact_phone or "–"

    @admin.display(description=_("verification"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES.get(obj.state, "grey"))

    @admin.display(description=_("default"))
    def default(self, obj):
        return chip(_("Default"), "green") if obj.is_default else "–"

    @admin.display(description=_("vehicle licence"))
    def licence(self, obj):
        return chip(_("Uploaded"), "blue") if obj.licence_photo else "–"

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        saved = vehicles.add_vehicle(
            actor=actor_of(request),
            driver=data["phone"],
            enterprise=data["enterprise"],
            **{name: data[name] for name in ("plate", "vin", "kind", "model_name")},
        )
        self.adopt(obj, saved)

    @operator_action(
        title=_("Verify"),
        text=_("From now on the VIN of this vehicle starts a charge where the station allows it."),
        permission="users.verify_vehicle",
        available=lambda vehicle: vehicle.state != State.VERIFIED,
        icon="verified",
        variant=ActionVariant.PRIMARY,
    )
    def verify(self, request, obj, form):
        vehicles.review_vehicle(
            actor=actor_of(request), vehicle=obj, verified=True, reason=form.cleaned_data["reason"]
        )
        return _("The vehicle is verified.")

    @operator_action(
        title=_("Refuse verification"),
        permission="users.verify_vehicle",
        available=lambda vehicle: vehicle.state in (State.WAITING, State.VERIFIED),
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def refuse(self, request, obj, form):
        vehicles.review_vehicle(
            actor=actor_of(request), vehicle=obj, verified=False, reason=form.cleaned_data["reason"]
        )
        return _("The verification is refused.")

    @operator_action(
        title=_("Show plate and VIN"),
        text=_("The look is written to the audit trail."),
        permission="users.view_personal_data",
        icon="visibility",
    )
    def show_numbers(self, request, obj, form):
        audit.record(
            actor=actor_of(request),
            action="users.view_personal_data",
            target=obj,
            reason=form.cleaned_data["reason"],
        )
        if obj.licence_photo:
            return format_html(
                '{} {} <a href="{}">{}</a>', obj.plate, obj.vin, obj.licence_photo.url, _("vehicle licence")
            )
        return f"{obj.plate} {obj.vin}".strip()

    @operator_action(
        title=_("Remove"),
        text=_("Orders keep what they know of it."),
        permission="users.delete_vehicle",
        icon="delete",
        variant=ActionVariant.DANGER,
    )
    def remove(self, request, obj, form):
        owner = obj.enterprise or obj.driver
        vehicles.remove_vehicle(actor=actor_of(request), vehicle=obj)
        return owner, _("The vehicle is removed.")
