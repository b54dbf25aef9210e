"""Driver tags and the whitelist in the console."""

from decimal import Decimal

from django import forms
from django.contrib import admin
from django.db.models import Count
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from kernel.errors import DomainError
from users.admin.forms import PhoneField, ServiceModelForm
from users.console.actions import operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter
from users.models import Driver, DriverTag, WhitelistEntry
from users.selectors import card_get, vehicle_get
from users.services import groups
from users.services.drivers import normal_phone


class TagForm(ServiceModelForm):
    """Who carries the tag, as whole phone numbers."""

    phones = forms.CharField(
        label=_("phones of the drivers"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text=_("Whole numbers of drivers in your scope, separated by blanks or line breaks"),
    )
    request = None

    class Meta:
        model = DriverTag
        fields = ("operator", "name", "note", "rank")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            rows = Driver.objects.for_actor(actor_of(self.request)).filter(tags=self.instance)
            self.fields["phones"].initial = "\n".join(rows.order_by("phone").values_list("phone", flat=True))

    def clean_phones(self):
        numbers, unknown = [], []
        for text in self.cleaned_data["phones"].split():
            try:
                numbers.append(normal_phone(text))
            except DomainError:
                unknown.append(text)
        found = {
            row.phone: row
            for row in Driver.objects.for_actor(actor_of(self.request)).filter(phone__in=numbers)
        }
        unknown += [number for number in numbers if number not in found]
        if unknown:
            raise forms.ValidationError(
                _("No driver in your scope has the number %(phones)s."), params={"phones": ", ".join(unknown)}
            )
        return list(found.values())


@admin.register(DriverTag)
class DriverTagAdmin(ScopedModelAdmin):
    form = TagForm
    list_display = ("name", "operator", "number_of_drivers", "rank", "note")
    list_select_related = ("operator",)
    list_filter = (("operator", AutocompleteSelectFilter),)
    search_fields = ("name",)
    ordering = ("operator", "name")
    autocomplete_fields = ("operator",)

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(carriers=Count("drivers"))

    def get_fieldsets(self, request, obj=None):
        return ((None, {"fields": ["operator", "name", "note", "rank", "phones"]}),)

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **{**kwargs, "fields": self.form.Meta.fields})
        form.request = request
        return form

    def get_readonly_fields(self, request, obj=None):
        return ("operator",) if obj else ()

    @admin.display(description=_("drivers"))
    def number_of_drivers(self, obj):
        return obj.carriers

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        tag = type(obj).objects.for_actor(actor_of(request)).get(pk=obj.pk) if change else None
        saved = groups.save_tag(
            actor=actor_of(request),
            operator=tag.operator if tag else data["operator"],
            name=data["name"],
            note=data["note"],
            rank=data["rank"],
            drivers=data["phones"],
            tag=tag,
        )
        self.adopt(obj, saved)

    def save_related(self, request, form, formsets, change):
        """The service has written who carries the tag."""


class WhitelistForm(ServiceModelForm):
    phone = PhoneField(required=False)
    limit = forms.DecimalField(
        label=_("at most (yuan)"),
        min_value=Decimal("0.01"),
        max_value=Decimal("1000000"),
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Per order when free; owed altogether when paid later"),
    )

    card = forms.CharField(
        label=_("card no."), required=False, max_length=20, widget=UnfoldAdminTextInputWidget
    )
    vehicle = forms.CharField(
        label=_("plate or VIN"), required=False, max_length=20, widget=UnfoldAdminTextInputWidget
    )
    request = None

    class Meta:
        model = WhitelistEntry
        fields = ("operator", "pays", "valid_until", "reason")

    def _found(self, name, look_up):
        number = self.cleaned_data[name].strip()
        if not number:
            return None
        try:
            return look_up(actor=actor_of(self.request), number=number)
        except DomainError as error:
            raise forms.ValidationError(error.message) from None

    def clean_card(self):
        return self._found("card", card_get)

    def clean_vehicle(self):
        return self._found("vehicle", vehicle_get)


@admin.register(WhitelistEntry)
class WhitelistEntryAdmin(ScopedModelAdmin):
    form = WhitelistForm
    list_display = ("who", "operator", "pays", "limit", "valid_until", "status", "reason")
    list_select_related = ("operator", "driver", "card", "vehicle")
    list_filter = (
        choice_filter("is_active", _("State"), (("1", _("Enabled")), ("0", _("Ended")))),
        ("operator", AutocompleteSelectFilter),
    )
    big_table = True
    search_kinds = {"driver__phone": "exact", "card__logical_no": "exact", "vehicle__plate": "exact"}
    search_help_text = _("A whole phone number, card number or plate")
    autocomplete_fields = ("operator",)
    actions_detail = ("end",)
    shown = ("who", "operator", "pays", "limit", "valid_until", "status", "reason", "created_at")

    def get_fieldsets(self, request, obj=None):
        add = ("operator", "phone", "card", "vehicle", "pays", "limit", "valid_until", "reason")
        return ((None, {"fields": list(self.shown if obj else add)}),)

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **{**kwargs, "fields": self.form.Meta.fields})
        form.request = request
        return form

    def get_readonly_fields(self, request, obj=None):
        return self.shown if obj else ()

    def has_change_permission(self, request, obj=None):
        return obj is None and super().has_change_permission(request)

    @admin.display(description=_("who"))
    def who(self, obj):
        return obj.driver or obj.card or obj.vehicle

    @admin.display(description=_("at most"))
    def limit(self, obj):
        return fen(obj.limit_fen)

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(_("Enabled"), "green") if obj.is_active else chip(_("Ended"), "grey")

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        names = ("operator", "card", "vehicle", "pays", "valid_until", "reason")
        saved = groups.list_white(
            actor=actor_of(request),
            driver=data["phone"],
            limit_fen=int(data["limit"] * 100),
            **{name: data[name] for name in names},
        )
        self.adopt(obj, saved)

    @operator_action(
        title=_("Take off the whitelist"),
        permission="users.change_whitelistentry",
        available=lambda entry: entry.is_active,
        icon="playlist_remove",
        variant=ActionVariant.DANGER,
    )
    def end(self, request, obj, form):
        groups.end_white(actor=actor_of(request), entry=obj, reason=form.cleaned_data["reason"])
        return _("The entry has ended.")
