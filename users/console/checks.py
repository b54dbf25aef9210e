"""Start-up checks: a page that would be slow on a big table or unsafe for a tenant does not start."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from unfold.checks import UnfoldModelAdminChecks
from unfold.contrib.filters.admin import AutocompleteSelectFilter

OWN_APPS = ("kernel", "users", "stations", "devices", "billing", "alerts", "analytics", "auth")


class ConsoleChecks(UnfoldModelAdminChecks):
    """Unfold's checks and those of `ScopedModelAdmin`."""

    def check(self, admin_obj: Any, **kwargs: Any) -> list[checks.CheckMessage]:
        return [
            *super().check(admin_obj, **kwargs),
            *self._check_scope(admin_obj),
            *self._check_actions(admin_obj),
            *(self._check_big_table(admin_obj) if admin_obj.big_table else ()),
        ]

    def _check_scope(self, obj: Any) -> list[checks.CheckMessage]:
        paths = obj.scope_paths or getattr(obj.model, "scope_paths", None)
        ways = bool(paths) + bool(obj.shared_reason) + bool(obj.platform_only)
        if ways == 1 or (paths and obj.platform_only):
            return []
        return [
            checks.Error(
                f"{type(obj).__name__} needs exactly one of scope_paths, shared_reason and platform_only.",
                obj=type(obj),
                id="console.E001",
            )
        ]

    def _check_actions(self, obj: Any) -> list[checks.CheckMessage]:
        errors = []
        if obj.actions:
            errors.append(
                checks.Error(
                    f"{type(obj).__name__}.actions: bulk actions are not confirmed; use operator_action.",
                    obj=type(obj),
                    id="console.E002",
                )
            )
        errors += [
            checks.Error(
                f"{type(obj).__name__}: the action {action.path!r} has no dialog; make it with operator_action.",
                obj=type(obj),
                id="console.E003",
            )
            for kind in ("list", "detail", "row", "submit_line")
            for action in getattr(obj, f"_get_base_actions_{kind}")()
            if not hasattr(action.method, "operator_permission")
        ]
        return errors

    def _check_big_table(self, obj: Any) -> list[checks.CheckMessage]:
        def error(number: int, text: str) -> checks.Error:
            return checks.Error(f"{type(obj).__name__}: {text}", obj=type(obj), id=f"console.E0{number}")

        errors = []
        if obj.search_fields:
            errors.append(error(11, "search_fields scan a big table; declare search_kinds."))
        if any(kind not in ("exact", "startswith") for kind in obj.search_kinds.values()):
            errors.append(error(12, "search_kinds of a big table are exact or startswith."))
        if obj.date_hierarchy:
            errors.append(error(13, "date_hierarchy reads the whole table; use date_window."))
        if tuple(obj.ordering or ()) not in (("-pk",), ("-id",)):
            errors.append(error(14, "a big table is ordered by -pk."))
        if obj.sortable_by:
            errors.append(error(15, "a big table has one ordering; sortable_by stays empty."))
        if obj.list_editable:
            errors.append(error(16, "list_editable skips the services."))
        errors += [
            error(17, f"the list filter {item!r} reads the table; use an autocomplete or presets.")
            for item in obj.list_filter
            if not self._filter_is_cheap(obj, item)
        ]
        return errors

    def _filter_is_cheap(self, obj: Any, item: Any) -> bool:
        if isinstance(item, type):
            return True
        name, kind = item if isinstance(item, list | tuple) else (item, None)
        if kind is not None and issubclass(kind, AutocompleteSelectFilter):
            return True
        try:
            field = obj.model._meta.get_field(name)
        except FieldDoesNotExist:
            return False
        return not field.is_relation and (bool(field.choices) or field.get_internal_type() == "BooleanField")


@checks.register(checks.Tags.admin)
def check_every_admin_is_scoped(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Every model of the platform in the console has a scoped ModelAdmin."""
    from users.console.admin import ScopedModelAdmin

    if not apps.ready:
        return []
    return [
        checks.Error(
            f"{model._meta.label} is registered with {type(model_admin).__name__}, which is not scoped.",
            obj=type(model_admin),
            id="console.E004",
        )
        for model, model_admin in admin.site._registry.items()
        if model._meta.app_label in OWN_APPS and not isinstance(model_admin, ScopedModelAdmin)
    ]
