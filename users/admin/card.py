"""Charging cards in the console: the list and the card's own life. Money is added on the billing floor."""

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from users.admin.forms import PhoneField, ServiceModelForm
from users.console.actions import ActionForm, operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip
from users.console.filters import AutocompleteSelectFilter, choice_filter
from users.models import Card, Enterprise
from users.services import cards

State = Card.State
TONES = {
    State.STOCK: "grey",
    State.ACTIVE: "green",
    State.FROZEN: "blue",
    State.LOST: "amber",
    State.RETURNED: "grey",
}
LIMITS = ("is_free", "valid_from", "valid_until", "daily_times", "daily_minutes", "daily_energy_kwh")


class CardForm(ServiceModelForm):
    opened = forms.BooleanField(
        label=_("open at once"), required=False, initial=True, help_text=_("Otherwise it goes into stock")
    )
    password = forms.CharField(
        label=_("password at the pile"),
        required=False,
        max_length=16,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Card
        fields = ("operator", "physical_no", "logical_no", "kind", *LIMITS)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "logical_no" in self.fields:
            self.fields["logical_no"].required = False
            self.fields["logical_no"].help_text = _("Empty: a number is allotted")
        if self.instance.pk:
            self.fields.pop("opened", None)
            self.fields.pop("password", None)


class BindForm(ActionForm):
    phone = PhoneField(required=False)
    enterprise = forms.ModelChoiceField(
        label=_("enterprise"),
        queryset=Enterprise.objects.none(),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    pays_from = forms.ChoiceField(
        label=_("pays from"), choices=Card.PaysFrom.choices, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rows = Enterprise.objects.for_actor(actor_of(self.request))
        self.fields["enterprise"].queryset = rows.filter(operator_id=self.obj.operator_id)


class CardPasswordForm(ActionForm):
    password = forms.CharField(
        label=_("password at the pile"),
        required=False,
        max_length=16,
        help_text=_("4 to 16 letters and digits; empty for none"),
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )


@admin.register(Card)
class CardAdmin(ScopedModelAdmin):
    form = CardForm
    big_table = True
    search_kinds = {"logical_no": "exact", "physical_no": "exact", "driver__phone": "exact"}
    search_help_text = _("A whole card number, physical number or phone number")
    list_display = ("logical_no", "physical_no", "kind", "status", "holder", "pays_from", "valid_until")
    list_display_links = ("logical_no",)
    list_select_related = ("driver", "enterprise")
    list_filter = (
        choice_filter("state", _("State"), State.choices),
        choice_filter("kind", _("Kind"), Card.Kind.choices),
        ("operator", AutocompleteSelectFilter),
        ("enterprise", AutocompleteSelectFilter),
    )
    autocomplete_fields = ("operator",)
    actions_detail = ("open_card", "bind", "unbind", "freeze", "lose", "unfreeze", "set_password")

    def search_condition(self, request, term):
        number = term.upper().lstrip("0") or "-"
        return Q(logical_no=number) | Q(physical_no=number) | Q(driver__phone=term)

    def get_fieldsets(self, request, obj=None):
        if obj is None:
            card = ["operator", "physical_no", "logical_no", "kind", "opened", "password"]
        else:
            card = [
                "operator",
                "logical_no",
                "physical_no",
                "kind",
                "status",
                "holder",
                "pays_from",
                "created_at",
            ]
        return ((None, {"fields": card}), (_("Validity and daily limits"), {"fields": list(LIMITS)}))

    def get_form(self, request, obj=None, change=False, **kwargs):
        return super().get_form(request, obj, change=change, **{**kwargs, "fields": self.form.Meta.fields})

    def get_readonly_fields(self, request, obj=None):
        if obj is None:
            return ()
        return (
            "operator",
            "logical_no",
            "physical_no",
            "kind",
            "status",
            "holder",
            "pays_from",
            "created_at",
        )

    def has_add_permission(self, request):
        return request.user.has_perm("users.issue_card")

    def has_change_permission(self, request, obj=None):
        return request.user.has_perm("users.issue_card")

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES.get(obj.state, "grey"))

    @admin.display(description=_("holder of the card"))
    def holder(self, obj):
        return " · ".join(str(row) for row in (obj.enterprise, obj.driver) if row is not None) or "–"

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        if change:
            changed = {name: data[name] for name in form.changed_data if name in LIMITS}
            cards.update_card(actor=actor_of(request), card=obj, changes=changed)
            return
        names = ("operator", "physical_no", "logical_no", "kind", "opened", "password")
        given = {name: data[name] for name in names}
        limits = {name: data[name] for name in LIMITS if data[name] not in (None, False)}
        self.adopt(obj, cards.add_card(actor=actor_of(request), **given, **limits))

    @operator_action(
        title=_("Open"),
        text=_("The card leaves the stock and may start charging."),
        permission="users.issue_card",
        form=ActionForm,
        available=lambda card: card.state == State.STOCK,
        icon="credit_card",
        variant=ActionVariant.PRIMARY,
    )
    def open_card(self, request, obj, form):
        cards.open_card(actor=actor_of(request), card=obj)
        return _("The card is open.")

    @operator_action(
        title=_("Bind"),
        text=_(
            "The card belongs to a driver, an enterprise, or a member of it, and pays from there if you say so."
        ),
        permission="users.issue_card",
        form=BindForm,
        available=lambda card: card.state == State.ACTIVE,
        icon="link",
    )
    def bind(self, request, obj, form):
        data = form.cleaned_data
        cards.bind_card(
            actor=actor_of(request),
            card=obj,
            driver=data["phone"],
            enterprise=data["enterprise"],
            pays_from=data["pays_from"],
        )
        return _("The card is bound.")

    @operator_action(
        title=_("Unbind"),
        text=_("Not possible while a session of the card runs. It pays from its own account afterwards."),
        permission="users.issue_card",
        available=lambda card: card.driver_id is not None or card.enterprise_id is not None,
        icon="link_off",
    )
    def unbind(self, request, obj, form):
        cards.unbind_card(actor=actor_of(request), card=obj, reason=form.cleaned_data["reason"])
        return _("The card is unbound.")

    @operator_action(
        title=_("Freeze"),
        text=_("The card is refused from now on; a running session goes on."),
        permission="users.freeze_card",
        available=lambda card: card.state == State.ACTIVE,
        icon="lock",
        variant=ActionVariant.DANGER,
    )
    def freeze(self, request, obj, form):
        cards.freeze_card(actor=actor_of(request), card=obj, reason=form.cleaned_data["reason"])
        return _("The card is frozen.")

    @operator_action(
        title=_("Report lost"),
        text=_("The card is refused from now on; its money stays on it."),
        permission="users.freeze_card",
        available=lambda card: card.state in (State.ACTIVE, State.FROZEN),
        icon="report",
    )
    def lose(self, request, obj, form):
        cards.freeze_card(actor=actor_of(request), card=obj, reason=form.cleaned_data["reason"], lost=True)
        return _("The card is reported lost.")

    @operator_action(
        title=_("Unfreeze"),
        permission="users.freeze_card",
        available=lambda card: card.state in (State.FROZEN, State.LOST),
        icon="lock_open",
    )
    def unfreeze(self, request, obj, form):
        cards.unfreeze_card(actor=actor_of(request), card=obj, reason=form.cleaned_data["reason"])
        return _("The card may start charging again.")

    @operator_action(
        title=_("Set password"),
        permission="users.issue_card",
        form=CardPasswordForm,
        available=lambda card: card.state != State.RETURNED,
        icon="key",
    )
    def set_password(self, request, obj, form):
        cards.set_password(actor=actor_of(request), card=obj, password=form.cleaned_data["password"])
        return _("The password is set.")
