"""Console accounts with their roles and data scope."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from users.console.actions import ReasonForm, operator_action
from users.console.admin import ScopedModelAdmin, actor_of, replace, scoped_choices
from users.models import Enterprise, Operator, Staff, StaffScope
from users.scope import grants_of
from users.services import staff as staff_services


class RoleChoices(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Group) -> str:
        return gettext(obj.name)


class StaffForm(forms.ModelForm):
    """Roles and scope beside the account's own fields; apps above add the scope kinds they know."""

    roles = RoleChoices(
        label=_("roles"), queryset=Group.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    whole_platform = forms.BooleanField(label=_("sees the whole platform"), required=False)
    scope_operators = forms.ModelMultipleChoiceField(
        label=_("sees operators"),
        queryset=Operator.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    scope_enterprises = forms.ModelMultipleChoiceField(
        label=_("sees enterprises"),
        queryset=Enterprise.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    password = forms.CharField(
        label=_("password"),
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        required=False,
    )
    request: Any = None

    class Meta:
        model = Staff
        fields = ("username", "display_name", "operator", "phone", "email", "is_active")

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["roles"].queryset = Group.objects.order_by("name")
        self.fill_scopes()
        if self.instance.pk:
            self.fields["roles"].initial = list(self.instance.groups.all())
            self.fields.pop("password", None)
        else:
            self.fields["password"].required = True

    def keys(self, kind: str) -> list[str]:
        if not self.instance.pk:
            return []
        return list(self.instance.scopes.filter(kind=kind).values_list("object_key", flat=True))

    def fill_scopes(self) -> None:
        self.fields["scope_operators"].queryset = scoped_choices(admin.site, Operator, self.request)
        self.fields["scope_operators"].initial = self.keys("operator")
        self.fields["scope_enterprises"].queryset = scoped_choices(admin.site, Enterprise, self.request)
        self.fields["scope_enterprises"].initial = self.keys("enterprise")
        self.fields["whole_platform"].initial = bool(self.keys("platform"))
        if not grants_of(actor_of(self.request)).everything:
            self.fields.pop("whole_platform")

    def scopes(self) -> list[tuple[str, str]]:
        """The (kind, key) pairs that the form asks for; kinds it does not show stay as they are."""
        data = self.cleaned_data
        scopes = [("operator", str(row.pk)) for row in data["scope_operators"]]
        scopes += [("enterprise", str(row.pk)) for row in data["scope_enterprises"]]
        if "whole_platform" in self.fields:
            scopes += [("platform", "")] if data["whole_platform"] else []
        else:
            scopes += [("platform", "") for _key in self.keys("platform")]
        return scopes + [
            (kind, key)
            for kind in StaffScope.Kind.values
            if kind not in self.shown_kinds()
            for key in self.keys(kind)
        ]

    def shown_kinds(self) -> set[str]:
        return {"platform", "operator", "enterprise"}


class PasswordForm(ReasonForm):
    password = forms.CharField(
        label=_("New password"), widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    )


@replace(Staff)
class StaffAdmin(ScopedModelAdmin):
    form = StaffForm
    list_display = ("username", "display_name", "operator", "role_names", "is_active", "last_login")
    list_select_related = ("operator",)
    search_fields = ("username", "display_name")
    ordering = ("username",)
    sortable_by = ("username",)
    autocomplete_fields = ("operator",)
    actions_detail = ("set_password",)
    scope_fields: tuple[str, ...] = ("whole_platform", "scope_operators", "scope_enterprises")

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=_("roles"))
    def role_names(self, obj):
        return "、".join(gettext(group.name) for group in obj.groups.all())

    def get_form(self, request, obj=None, change=False, **kwargs):
        form_class = super().get_form(
            request, obj, change=change, **{**kwargs, "fields": self.form.Meta.fields}
        )
        form_class.request = request
        return form_class

    def get_readonly_fields(self, request, obj=None):
        return ("username",) if obj else ()

    def get_fieldsets(self, request, obj=None):
        scope_fields = [
            name
            for name in self.scope_fields
            if name != "whole_platform" or grants_of(actor_of(request)).everything
        ]
        account = ["username", "display_name", "operator", "phone", "email", "is_active"]
        if obj is None:
            account[1:1] = ["password"]
            account.remove("is_active")
        return (
            (None, {"fields": account}),
            (_("Roles: what the account may do"), {"fields": ["roles"]}),
            (_("Data scope: on which rows"), {"fields": scope_fields}),
        )

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        actor = actor_of(request)
        if change:
            own = [name for name in form.changed_data if name in staff_services.EDITABLE]
            staff_services.update_staff(
                actor=actor,
                staff=obj,
                changes={name: data[name] for name in own},
                roles=data["roles"],
                scopes=form.scopes(),
            )
            return
        saved = staff_services.create_staff(
            actor=actor,
            roles=data["roles"],
            scopes=form.scopes(),
            **{
                name: data[name]
                for name in ("username", "password", "operator", "display_name", "phone", "email")
            },
        )
        self.adopt(obj, saved)

    def save_related(self, request, form, formsets, change):
        """The service has written roles and scopes."""

    @operator_action(
        title=_("Set password"),
        permission="users.change_staff",
        form=PasswordForm,
        icon="key",
    )
    def set_password(self, request, obj, form):
        staff_services.set_password(
            actor=actor_of(request),
            staff=obj,
            password=form.cleaned_data["password"],
            reason=form.cleaned_data["reason"],
        )
        return _("The password of %(name)s is changed.") % {"name": obj}
