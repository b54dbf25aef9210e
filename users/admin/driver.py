"""Drivers in the console; phone numbers are masked, and showing one is an audited act."""

import re

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget

from kernel.services import audit
from users.console.actions import ReasonForm, operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip
from users.console.filters import choice_filter
from users.models import Driver, DriverNotice
from users.selectors import known_drivers
from users.services import drivers, edits, identities, preferences


class UnbindForm(ReasonForm):
    """Which app to take off."""

    provider = forms.ChoiceField(label=_("log-in by"), widget=UnfoldAdminSelectWidget)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        bound = {row.provider: row.get_provider_display() for row in identities.identities_of(self.obj)}
        self.fields["provider"].choices = list(bound.items())


@admin.register(Driver)
class DriverAdmin(ScopedModelAdmin):
    big_table = True
    search_kinds = {"phone": "exact"}
    search_help_text = _("A whole phone number")
    list_display = ("display_name", "masked_phone", "operator", "status", "created_at")
    list_filter = (choice_filter("is_frozen", _("Account"), (("0", _("Normal")), ("1", _("Frozen")))),)
    list_select_related = ("operator",)
    autocomplete_fields = ("operator",)
    actions_detail = ("freeze", "unfreeze", "show_phone", "unbind", "cancel")

    def rows_for(self, actor):
        return known_drivers(actor=actor)

    def has_change_permission(self, request, obj=None):
        # Drivers of others who charged here are read only.
        return super().has_change_permission(request, obj) and getattr(obj, "is_home", True)

    def _filter_unfold_actions_by_permissions(self, request, actions, object_id=None):
        obj = self.get_object(request, object_id) if object_id else None
        if obj is not None and not obj.is_home:
            return []
        return super()._filter_unfold_actions_by_permissions(request, actions, object_id)

    @admin.display(description=_("name"))
    def display_name(self, obj):
        return obj.name or obj.masked_phone

    @admin.display(description=_("phone"))
    def masked_phone(self, obj):
        return obj.masked_phone

    @admin.display(description=_("own settings"))
    def own_settings(self, obj):
        """What drivers chose for themselves: read here, changed by them."""
        if not obj.is_home:
            return "–"
        chosen = preferences.settings_of(obj)
        words = [chosen.nickname, chosen.get_language_display() if chosen.language else ""]
        words += [
            topic.label if getattr(chosen, f"tell_{topic}") else _("not: %(topic)s") % {"topic": topic.label}
            for topic in DriverNotice.Topic
        ]
        return " · ".join(str(word) for word in words if word)

    @admin.display(description=_("state"))
    def status(self, obj):
        if obj.cancelled_at is not None:
            return chip(_("Cancelled"), "grey")
        return chip(_("Frozen"), "red") if obj.is_frozen else chip(_("Normal"), "green")

    def search_condition(self, request, term):
        digits = re.sub(r"[\s-]", "", term).removeprefix("+86")
        return Q(phone=digits)

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("phone", "name", "operator")
        return ("name", "masked_phone", "log_ins", "own_settings", "operator", "status", "created_at")

    def get_readonly_fields(self, request, obj=None):
        return ("masked_phone", "log_ins", "own_settings", "operator", "status", "created_at") if obj else ()

    @admin.display(description=_("log-in by"))
    def log_ins(self, obj):
        words = [str(_("Text message"))]
        if obj.is_home:  # which apps somebody uses concerns their own operator only
            words += [
                f"{row.get_provider_display()} ({timezone.localtime(row.last_login_at):%Y-%m-%d})"
                for row in identities.identities_of(obj)
            ]
        return " · ".join(words)

    def save_through_service(self, request, obj, form, change):
        if change:
            drivers.update_driver(
                actor=actor_of(request), driver=obj, changes={"name": form.cleaned_data["name"]}
            )
        else:
            self.adopt(obj, drivers.register_driver(actor=actor_of(request), **form.cleaned_data))

    @operator_action(
        title=_("Freeze"),
        text=_("A frozen driver cannot start charging. A running session goes on."),
        permission="users.change_driver",
        available=lambda driver: not driver.is_frozen,
        icon="lock",
        variant=ActionVariant.DANGER,
    )
    def freeze(self, request, obj, form):
        drivers.set_frozen(
            actor=actor_of(request), driver=obj, frozen=True, reason=form.cleaned_data["reason"]
        )
        return _("The driver is frozen.")

    @operator_action(
        title=_("Unfreeze"),
        permission="users.change_driver",
        available=lambda driver: driver.is_frozen and driver.cancelled_at is None,
        icon="lock_open",
    )
    def unfreeze(self, request, obj, form):
        drivers.set_frozen(
            actor=actor_of(request), driver=obj, frozen=False, reason=form.cleaned_data["reason"]
        )
        return _("The driver may charge again.")

    @operator_action(
        title=_("Show phone number"),
        text=_("The look is written to the audit trail."),
        permission="users.view_personal_data",
        icon="visibility",
    )
    def show_phone(self, request, obj, form):
        edits.in_scope(actor_of(request), obj)
        audit.record(
            actor=actor_of(request),
            action="users.view_personal_data",
            target=obj,
            reason=form.cleaned_data["reason"],
        )
        return _("The phone number is %(phone)s.") % {"phone": obj.phone}

    @operator_action(
        title=_("Take off an app"),
        text=_("The driver cannot log in by it any more, and may bind it again; text messages still work."),
        permission="users.change_driver",
        form=UnbindForm,
        available=lambda driver: driver.identities.exists(),
        unavailable=_("The driver logs in by text message only."),
        icon="link_off",
    )
    def unbind(self, request, obj, form):
        identities.unbind(actor=actor_of(request), driver=obj, **form.cleaned_data)
        return _("The app is taken off.")

    @operator_action(
        title=_("Cancel account"),
        text=_("Name, phone, vehicles and cards are taken off; orders stay. This cannot be undone."),
        permission="users.cancel_driver",
        available=lambda driver: driver.cancelled_at is None,
        icon="person_off",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request, obj, form):
        drivers.cancel_driver(actor=actor_of(request), driver=obj, reason=form.cleaned_data["reason"])
        return _("The account is cancelled.")
