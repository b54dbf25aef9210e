"""Piles in the console. The apps above add what they know of a pile: commands, tariffs, orders."""

from decimal import Decimal

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from stations.admin.chips import connector_chip, connector_chips, online_chip
from stations.models import Pile, PileModel
from stations.models.mode import ChargeMode, StartWay
from stations.modes import Cell, Method
from stations.services import archive, piles
from stations.services.modes import is_allowed, mode_now
from stations.words import finding_text
from users.console.actions import ReasonForm, operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip
from users.console.filters import AutocompleteSelectFilter, choice_filter

PASSWORD = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})


class AddPileForm(forms.ModelForm):
    connectors = forms.IntegerField(
        label=_("connectors"), min_value=1, max_value=piles.MOST_CONNECTORS, initial=2,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "number"}),
    )  # fmt: skip
    first_password = forms.CharField(
        label=_("password"),
        required=False,
        widget=PASSWORD,
        help_text=_("OCPP only: 16 to 64 characters, also set in the pile"),
    )

    class Meta:
        model = Pile
        fields = ("station", "code", "name", "protocol", "rated_power_kw", "model")
        help_texts = {
            "code": _(
                "YKC: 14 digits. OCPP: the last part of its address, 1 to 32 characters. "
                "DNY: 8 hexadecimal digits"
            )
        }


class PilePasswordForm(ReasonForm):
    password = forms.CharField(label=_("New password"), widget=PASSWORD)


@admin.register(Pile)
class PileAdmin(ScopedModelAdmin):
    list_display = ("code", "name", "station", "link", "connectors_now", "protocol", "power", "last_seen_at")
    list_display_links = ("code", "name")
    list_select_related = ("station",)
    search_fields = ("code", "name")
    ordering = ("code",)
    sortable_by = ("code",)
    list_filter = (
        choice_filter("online", _("Connection"), (("1", _("Online")), ("0", _("Offline")))),
        choice_filter("protocol", _("Protocol"), Pile.Protocol.choices),
        choice_filter("model__current_type", _("Current"), PileModel.CurrentType.choices),
        choice_filter("charge_mode", _("Charge mode"), ChargeMode.choices),
        choice_filter("in_service", _("Service state"), (("1", _("In service")), ("0", _("Out of service")))),
        ("station", AutocompleteSelectFilter),
        ("operator", AutocompleteSelectFilter),
        ("model", AutocompleteSelectFilter),
    )
    autocomplete_fields = ("station", "model")
    actions_detail = ("set_password",)
    now_fields: tuple[str, ...] = (
        "code",
        "station",
        "link",
        "connectors_list",
        "last_seen_at",
        "online_changed_at",
    )
    reported_fields = (
        "printed",
        "vendor",
        "reported_model",
        "serial",
        "firmware",
        "carrier",
        "signal",
        "findings_list",
    )
    archive_fields = ("place", "qr_sheet", "sim_use", "insurance")

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("connectors")

    def get_form(self, request, obj=None, change=False, **kwargs):
        if obj is None:
            kwargs["form"] = AddPileForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request, obj=None):
        if obj is None:
            fields = (
                "station",
                "code",
                "name",
                "protocol",
                "first_password",
                "connectors",
                "rated_power_kw",
                "model",
            )
            return ((None, {"fields": fields}),)
        return (
            (_("Now"), {"fields": self.now_fields}),
            (_("Details"), {"fields": ("name", "protocol", "rated_power_kw", "model", "security_profile")}),
            (
                _("How it charges"),
                {"fields": ("edition", "current", "charge_mode", "ways", "night_from", "night_until")},
            ),
            (_("What the pile says of itself"), {"fields": self.reported_fields}),
            (_("Archive"), {"fields": ("installed_on", "warranty_until", "place", "qr_sheet")}),
            (
                _("SIM card"),
                {
                    "fields": (
                        "iccid",
                        "network_type",
                        "sim_plan_mb",
                        "sim_used_mb",
                        "sim_use",
                        "sim_expires_on",
                    )
                },
            ),
            (_("Insurance"), {"fields": ("insurer", "policy_no", "insured_until", "insurance")}),
        )

    def get_readonly_fields(self, request, obj=None):
        if obj is None:
            return ()
        return (
            *self.now_fields,
            "protocol",
            "current",
            "ways",
            *self.reported_fields,
            *self.archive_fields,
        )

    @admin.display(description=_("connection"))
    def link(self, obj):
        return online_chip(obj)

    @admin.display(description=_("connectors"))
    def connectors_now(self, obj):
        return connector_chips(obj.connectors.all())

    @admin.display(description=_("connectors"))
    def connectors_list(self, obj):
        return format_html_join(
            "",
            '<p class="ev-line"><a href="{}">{}</a> {}</p>',
            (
                (reverse("admin:stations_connector_change", args=[row.pk]), row.code, connector_chip(row))
                for row in obj.connectors.all()
            ),
        )

    @admin.display(description=_("position"))
    def place(self, obj):
        if obj.longitude is None:
            return _("That of its station")
        return f"{obj.longitude}, {obj.latitude} (GCJ-02)"

    @admin.display(description=_("QR codes"))
    def qr_sheet(self, obj):
        address = reverse("admin:stations_station_qr_sheet", args=[obj.station_id])
        return format_html(
            '<a href="{}?pile={}" target="_blank">{}</a>', address, obj.code, _("Sheet to print")
        )

    @admin.display(description=_("data used"))
    def sim_use(self, obj):
        share = archive.sim_share(obj)
        if share is None:
            return "–"
        return chip(
            f"{share} %", "red" if share >= 100 else "amber" if share >= archive.SIM_WARN_PCT else "green"
        )

    @admin.display(description=_("cover"))
    def insurance(self, obj):
        return due_chip(obj.insured_until)

    @admin.display(description=_("current"))
    def current(self, obj):
        return obj.get_current_type_display()

    @admin.display(description=_("ways to start now"))
    def ways(self, obj):
        mode = mode_now(pile=obj)
        allowed = [
            StartWay(method).label
            for method in Method
            if is_allowed(cell=Cell(obj.edition, obj.current_type, mode, method))
        ]
        words = "、".join(str(label) for label in allowed) or _("None")
        return f"{ChargeMode(mode).label}: {words}"

    @admin.display(description=_("printed number"))
    def printed(self, obj):
        return obj.printed_number or "–"

    @admin.display(description=_("rated power"))
    def power(self, obj):
        return f"{obj.rated_power_kw.normalize():f} kW"

    @admin.display(description=_("protocol findings"))
    def findings_list(self, obj):
        if not obj.findings:
            return _("None: the pile keeps to its protocol")
        return format_html_join(
            "",
            '<p class="ev-line">{} × {}</p>',
            sorted((finding_text(finding), number) for finding, number in obj.findings.items()),
        )

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        if change:
            piles.update_pile(
                actor=actor_of(request), pile=obj, changes={name: data[name] for name in form.changed_data}
            )
            return
        saved = piles.add_pile(
            actor=actor_of(request),
            **{
                **{
                    name: data[name]
                    for name in ("station", "code", "protocol", "connectors", "name", "model")
                },
                "password": data["first_password"] or None,
                "rated_power_kw": data["rated_power_kw"] or Decimal("60"),
            },
        )
        self.adopt(obj, saved)

    @operator_action(
        title=_("Set password"),
        text=_("The pile needs the new password at its next connection."),
        permission="stations.change_pile",
        form=PilePasswordForm,
        available=lambda pile: pile.protocol not in piles.WITHOUT_PASSWORD,
        icon="key",
    )
    def set_password(self, request, obj, form):
        piles.set_password(
            actor=actor_of(request),
            pile=obj,
            password=form.cleaned_data["password"],
            reason=form.cleaned_data["reason"],
        )
        return _("The password of %(name)s is changed.") % {"name": obj}


def due_chip(until):
    """How long something still runs: green, amber within the warning time, red when it is over."""
    left = archive.days_left(until)
    if left is None:
        return chip(_("Not on file"), "grey")
    if left < 0:
        return chip(_("Expired since %(days)d days") % {"days": -left}, "red")
    tone = "amber" if left <= archive.WARN_DAYS else "green"
    return chip(_("%(days)d days left") % {"days": left}, tone)


def pile_link(pile: Pile | None):
    """A link to a pile's page."""
    if pile is None:
        return "–"
    return format_html('<a href="{}">{}</a>', reverse("admin:stations_pile_change", args=[pile.pk]), pile)


def pile_by_code(term: str) -> Q:
    """The WHERE for rows of the pile with this exact code."""
    ids = Pile.objects.unscoped("only narrows a scoped list").filter(code=term).values_list("pk", flat=True)
    return Q(pile_id__in=list(ids))
