"""The waiting list: piles that dialled in under an unknown code, to be accepted into a station."""

from decimal import Decimal

from django import forms
from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
)

from devices.admin.places import ProtocolColumn
from devices.models import UnknownPile
from devices.services.acceptance import accept_unknown_pile
from devices.words import refusal_text
from stations.models import Station
from users.console.actions import ActionForm, operator_action
from users.console.admin import FactAdmin, actor_of, scoped_choices
from users.templatetags.console import pretty_json


class AcceptForm(ActionForm):
    station = forms.ModelChoiceField(
        label=_("station"), queryset=Station.objects.none(), widget=UnfoldAdminSelectWidget
    )
    connectors = forms.IntegerField(
        label=_("connectors"), min_value=1, max_value=16, initial=1, widget=UnfoldAdminIntegerFieldWidget
    )
    rated_power_kw = forms.DecimalField(
        label=_("rated power (kW)"),
        min_value=Decimal("0.1"),
        max_value=Decimal("5000"),
        decimal_places=1,
        initial=Decimal("60.0"),
        widget=UnfoldAdminDecimalFieldWidget,
    )
    password = forms.CharField(
        label=_("password"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("OCPP only: 16 to 64 characters, also set in the pile"),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["station"].queryset = scoped_choices(admin.site, Station, self.request)
        said = self.obj.login
        connectors = said.get("gun_count") or said.get("connector_count") or said.get("connectors")
        if isinstance(connectors, int) and 1 <= connectors <= 16:
            self.fields["connectors"].initial = connectors


@admin.register(UnknownPile)
class UnknownPileAdmin(ProtocolColumn, FactAdmin):
    platform_only = True
    list_display = (
        "code",
        "protocol_name",
        "refusal",
        "attempts",
        "remote_address",
        "first_seen_at",
        "last_seen_at",
    )
    search_fields = ("code",)
    ordering = ("-last_seen_at",)
    fields = (
        "code",
        "protocol_name",
        "refusal",
        "attempts",
        "remote_address",
        "first_seen_at",
        "last_seen_at",
        "said",
    )
    actions_detail = ("accept",)

    @admin.display(description=_("why it was refused"))
    def refusal(self, obj):
        return refusal_text(obj.reason)

    @admin.display(description=_("what its login said"))
    def said(self, obj):
        return format_html("<pre>{}</pre>", pretty_json(obj.login))

    @operator_action(
        title=_("Accept into a station"),
        text=_("The pile is registered under this code and may log in at its next attempt."),
        permission="stations.add_pile",
        form=AcceptForm,
        icon="add_task",
    )
    def accept(self, request, obj, form):
        data = form.cleaned_data
        pile = accept_unknown_pile(
            actor=actor_of(request),
            unknown=obj,
            station=data["station"],
            connectors=data["connectors"],
            rated_power_kw=data["rated_power_kw"],
            password=data["password"] or None,
        )
        return pile, _("The pile %(code)s is registered.") % {"code": pile.code}
