"""The base of every page of the console: what it lists, opens, offers and changes is inside the actor's scope.

A list, its filters, autocompletes, foreign-key choices, history, inlines and actions all start from
`get_queryset`, which starts from `users.scope`. An object outside the scope answers 404.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from django.contrib import admin
from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin, TabularInline

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.models import AuditEvent
from users import actors
from users.console.checks import ConsoleChecks
from users.console.exporting import ExportingMixin
from users.console.paging import CappedPaginator, ConsoleChangeList, KeysetPaginator
from users.scope import ScopePaths, grants_of, scope_filter

EXACT, PREFIX = "exact", "startswith"


def actor_of(request: HttpRequest) -> Actor:
    """The actor behind a console request."""
    return actors.of_request(request)


def replace(model: type[models.Model]) -> Callable[[type], type]:
    """Register a ModelAdmin in the place of the one that a lower app registered for the same model."""

    def decorate(admin_class: type) -> type:
        if admin.site.is_registered(model):
            admin.site.unregister(model)
        admin.site.register(model, admin_class)
        return admin_class

    return decorate


def scoped_choices(site: admin.AdminSite, model: type[models.Model], request: HttpRequest) -> QuerySet:
    """The rows of `model` that this request may point a foreign key at."""
    registered = site._registry.get(model)
    if isinstance(registered, ScopedModelAdmin):
        return registered.rows_for(actor_of(request))
    if hasattr(model, "scope_paths"):
        return model.objects.for_actor(actor_of(request))
    return model._default_manager.all()


class ScopedRelationsMixin:
    """Foreign keys and many-to-manys of a form accept rows inside the scope only."""

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        kwargs.setdefault("queryset", scoped_choices(self.admin_site, db_field.remote_field.model, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        kwargs.setdefault("queryset", scoped_choices(self.admin_site, db_field.remote_field.model, request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class ScopedTabularInline(ScopedRelationsMixin, TabularInline):
    extra = 0
    show_change_link = False


class ScopedModelAdmin(ExportingMixin, ScopedRelationsMixin, ModelAdmin):
    """Base ModelAdmin.

    Attributes:
        scope_paths: how rows hang on the scope tree, for models that do not say so themselves.
        shared_reason: why every operator may see every row (a catalogue); empty for tenant data.
        platform_only: rows that only staff of the whole platform see.
        big_table: keyset pages, capped count, exact search, one ordering.
        search_kinds: lookup -> `EXACT` or `PREFIX`; the only search of a big table.
        list_links: (words, name of an admin URL, permission) of the pages that belong to the list.
        deletable: whether rows may be deleted at all; facts and money never.
    """

    scope_paths: ScopePaths | None = None
    shared_reason = ""
    platform_only = False
    big_table = False
    search_kinds: Mapping[str, str] = {}
    deletable = False
    list_links: tuple[tuple[Any, str, str], ...] = ()

    checks_class = ConsoleChecks
    actions = None
    sortable_by: tuple[str, ...] = ()
    ordering = ("-pk",)
    show_facets = ShowFacets.NEVER
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 50
    list_fullwidth = True
    list_filter_submit = True
    list_before_template = "console/list_before.html"
    save_as = False
    empty_value_display = "–"
    object_history_template = "console/history.html"

    # --- scope ---------------------------------------------------------------
    def rows_for(self, actor: Actor) -> QuerySet:
        """Rows that the actor may see."""
        rows = self.model._default_manager.all()
        if self.shared_reason:
            return rows
        if self.platform_only:
            return rows if grants_of(actor).everything else rows.none()
        condition = scope_filter(actor, self.scope_paths or self.model.scope_paths)
        if condition is None:
            return rows
        if self._joins():  # in a subquery: a path through a many-relation must not list a row twice
            return rows.filter(pk__in=self.model._base_manager.filter(condition).values("pk"))
        return rows.filter(condition)

    def _joins(self) -> bool:
        paths = self.scope_paths or self.model.scope_paths
        return any("__" in (getattr(paths, level.name) or "") for level in fields(ScopePaths))

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return self.rows_for(actor_of(request)).order_by(*(self.get_ordering(request) or ("-pk",)))

    def _get_obj_does_not_exist_redirect(self, request, opts, object_id):
        raise Http404(_("There is no such object, or it is outside your scope."))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only declared filters: a free lookup would let a reader guess columns they cannot see."""
        if request is None:
            return False
        for item in self.get_list_filter(request):
            field, kind = (item[0], item[1]) if isinstance(item, list | tuple) else (item, item)
            name = getattr(kind, "parameter_name", None) if not isinstance(field, str) else field
            if name and (lookup == name or lookup.startswith(f"{name}__")):
                return True
        return False

    # --- what is allowed -------------------------------------------------------
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.deletable and super().has_delete_permission(request, obj)

    # --- lists -----------------------------------------------------------------
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ConsoleChangeList]:
        return ConsoleChangeList

    def get_paginator(self, request, queryset, per_page, orphans=0, allow_empty_first_page=True):
        paginator = KeysetPaginator if self.big_table else CappedPaginator
        return paginator(queryset, per_page, orphans, allow_empty_first_page)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(self.search_kinds) or tuple(super().get_search_fields(request))

    def get_search_results(self, request, queryset, search_term):
        if not self.search_kinds:
            return super().get_search_results(request, queryset, search_term)
        term = search_term.strip()
        return (queryset.filter(self.search_condition(request, term)), False) if term else (queryset, False)

    def search_condition(self, request: HttpRequest, term: str) -> Q:
        """The WHERE of a search: exact or prefix, so that an index answers it."""
        condition = Q()
        for lookup, kind in self.search_kinds.items():
            condition |= Q(**{f"{lookup}__{kind}": term})
        return condition

    # --- actions ---------------------------------------------------------------
    def _filter_unfold_actions_by_permissions(self, request, actions, object_id=None):
        obj = self.get_object(request, object_id) if object_id else None
        return [
            action
            for action in actions
            if request.user.has_perm(getattr(action.method, "operator_permission", ""))
            and (
                obj is None
                or action.method.operator_available is None
                or action.method.operator_available(obj)
            )
        ]

    # --- writing through services ------------------------------------------------
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Hand the form to the service; what the console may write, a service writes."""
        self.save_through_service(request, obj, form, change)

    def save_through_service(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        raise PermissionDenied

    def adopt(self, obj: models.Model, saved: models.Model) -> None:
        """Make the form's instance the row that the service wrote."""
        obj.pk = saved.pk
        obj._state.adding = False
        obj._state.db = saved._state.db
        obj.refresh_from_db()

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None) -> HttpResponse:
        extra_context = {"show_save_and_add_another": False, **(extra_context or {})}
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            # The transaction is rolled back; the same form is shown again with the refusal at its field.
            request._refusal = error
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any):
        form_class = super().get_form(request, obj, change=change, **kwargs)
        refusal = getattr(request, "_refusal", None)
        if refusal is None:
            return form_class

        class RefusedForm(form_class):
            def clean(self):
                cleaned = super().clean()
                self.add_error(refusal.field if refusal.field in self.fields else None, refusal.message)
                return cleaned

        return RefusedForm

    def log_addition(self, request, obj, message):
        """The audit trail has it, written by the service with before and after."""

    log_change = log_addition

    def log_deletions(self, request, queryset):
        """As `log_addition`."""

    # --- history -----------------------------------------------------------------
    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None):
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        events = AuditEvent.objects.filter(target_type=self.opts.label_lower, target_id=str(obj.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Audit trail: %(name)s") % {"name": obj},
            "events": events.order_by("-id")[:200],
            "object": obj,
            "opts": self.opts,
            "preserved_filters": self.get_preserved_filters(request),
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.object_history_template, context)


class FactAdmin(ScopedModelAdmin):
    """Facts are read: nothing is added, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
