"""Brands and models of piles in the console."""

from django import forms
from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from stations.models import Pile, PileModel
from stations.services.models import EDITABLE, save_pile_model
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.filters import choice_filter


class PileModelForm(forms.ModelForm):
    protocol = forms.ChoiceField(
        label=_("protocol"),
        required=False,
        choices=(("", "–"), *Pile.Protocol.choices),
        widget=UnfoldAdminSelectWidget,
    )
    capabilities = forms.MultipleChoiceField(
        label=_("capabilities"),
        required=False,
        choices=PileModel.Capability.choices,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = PileModel
        fields = EDITABLE

    def _get_validation_exclusions(self):
        """Every field: the service says what is accepted, where the form would name a constraint."""
        return {field.name for field in PileModel._meta.fields}


@admin.register(PileModel)
class PileModelAdmin(ScopedModelAdmin):
    shared_reason = "a catalogue of makes and models, without any operator's data"
    form = PileModelForm
    list_display = (
        "brand",
        "name",
        "current_type",
        "rated_power_kw",
        "connectors",
        "connector_standard",
        "vehicle_class",
        "can_do",
    )
    list_display_links = ("brand", "name")
    search_fields = ("brand", "name")
    ordering = ("brand", "name")
    list_filter = (
        choice_filter("current_type", _("Current"), PileModel.CurrentType.choices),
        choice_filter("vehicle_class", _("For"), PileModel.VehicleClass.choices),
    )
    fieldsets = (
        (None, {"fields": ("brand", "name", "protocol", "vehicle_class")}),
        (
            _("Electrical"),
            {
                "fields": (
                    "current_type",
                    "rated_power_kw",
                    "phases",
                    "voltage_v",
                    "current_a",
                    "register_kind",
                )
            },
        ),
        (_("Link"), {"fields": ("heartbeat_s", "missed_heartbeats")}),
        (_("Connectors"), {"fields": ("connectors", "connector_standard")}),
        (_("Capabilities"), {"fields": ("capabilities",)}),
    )

    @admin.display(description=_("capabilities"))
    def can_do(self, obj):
        labels = dict(PileModel.Capability.choices)
        return format_html_join(
            " ",
            '<span class="ev-chip ev-grey">{}</span>',
            ((labels.get(one, one),) for one in obj.capabilities),
        )

    def save_through_service(self, request, obj, form, change):
        saved = save_pile_model(
            actor=actor_of(request),
            model=obj if change else None,
            changes={name: form.cleaned_data[name] for name in EDITABLE},
        )
        if not change:
            self.adopt(obj, saved)
