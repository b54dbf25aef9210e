"""Every list of the console as an export: the same rows, filters, search and columns, and the same scope.

A page may name `export_columns`: they are read from the database without building objects, for lists of millions of
rows. Other pages export what their list shows.
"""

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field, lookup_field
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import QueryDict
from django.test import RequestFactory
from django.utils.formats import localize
from django.utils.html import strip_tags

from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.exports import Column, Kind, register_family
from kernel.services.exports import register_owner_reader
from users import actors, policy
from users.console.paging import AFTER_VAR, BEFORE_VAR
from users.models import Staff

EXPORT_PERMISSION = "kernel.add_exportjob"
CHUNK = 2000


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """A column read by `lookup`; `convert` makes words of a stored code. Shown to holders of `permission` only."""

    code: str
    title: Any
    lookup: str
    kind: Kind = Kind.TEXT
    convert: Callable[[Any], Any] | None = None
    permission: str = ""


def choice_words(choices: Any) -> Callable[[Any], str]:
    """A converter from a stored choice to its words in the language of the export."""
    words = dict(choices)
    return lambda value: str(words.get(value, value))


def selection(model_admin: Any, actor: Actor, query: str) -> QuerySet:
    """The rows of a list as its address filters and searches it, inside the actor's scope.

    DomainError `export_filter_refused` for filters that the list does not know.
    """
    request = RequestFactory().get("/", QueryDict(query).dict())
    request.GET = QueryDict(query)
    request.user = actor.party
    try:
        changelist = model_admin.get_changelist_instance(request)
    except IncorrectLookupParameters:
        raise DomainError("export_filter_refused") from None
    return changelist.queryset


def column_rows(queryset: QuerySet, actor: Actor, columns: Sequence[ExportColumn]) -> Iterator[Sequence[Any]]:
    """Rows of a query by declared columns, without objects; what the actor may not see is left empty."""
    hidden = {c.code for c in columns if c.permission and not policy.allows(actor, c.permission)}
    converters = [
        (place, column.convert) for place, column in enumerate(columns) if column.convert is not None
    ]
    blanks = [place for place, column in enumerate(columns) if column.code in hidden]
    rows = queryset.select_related(None).values_list(*(column.lookup for column in columns))
    for row in rows.iterator(chunk_size=CHUNK):
        if not converters and not blanks:
            yield row
            continue
        values = list(row)
        for place, convert in converters:
            if values[place] is not None:
                values[place] = convert(values[place])
        for place in blanks:
            values[place] = None
        yield values


class ListExport:
    """The export of one ModelAdmin's list."""

    def __init__(self, model_admin: Any):
        self.model_admin = model_admin
        self.opts = model_admin.opts

    @property
    def title(self) -> Any:
        return self.opts.verbose_name_plural

    def columns(self) -> Sequence[Column]:
        own = self.model_admin.export_columns
        if own:
            return [Column(column.code, column.title, column.kind) for column in own]
        return [Column(name, self._label(name)) for name in self._shown()]

    def check(self, actor: Actor) -> None:
        policy.require(actor, EXPORT_PERMISSION)
        policy.require(actor, f"{self.opts.app_label}.view_{self.opts.model_name}")

    def clean(self, params: Mapping[str, Any]) -> dict[str, Any]:
        query = QueryDict(str(params.get("query", "")), mutable=True)
        for name in (PAGE_VAR, BEFORE_VAR, AFTER_VAR, "_changelist_filters"):
            query.pop(name, None)
        return {"query": query.urlencode()}

    def total(self, actor: Actor, params: Mapping[str, Any]) -> int:
        return selection(self.model_admin, actor, str(params.get("query", ""))).order_by().count()

    def rows(self, actor: Actor, params: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
        queryset = selection(self.model_admin, actor, str(params.get("query", "")))
        own = self.model_admin.export_columns
        return column_rows(queryset, actor, own) if own else self._shown_rows(queryset)

    def _shown(self) -> list[str]:
        return [name for name in self.model_admin.list_display if isinstance(name, str)]

    def _label(self, name: str) -> str:
        label = str(label_for_field(name, self.model_admin.model, self.model_admin))
        return label[:1].upper() + label[1:]

    def _shown_rows(self, queryset: QuerySet) -> Iterator[Sequence[Any]]:
        names = self._shown()
        for obj in queryset.iterator(chunk_size=CHUNK):
            yield [self._cell(name, obj) for name in names]

    def _cell(self, name: str, obj: Any) -> str:
        try:
            field, _attribute, value = lookup_field(name, obj, self.model_admin)
        except ObjectDoesNotExist:
            return ""
        if field is not None and getattr(field, "flatchoices", None):
            value = dict(field.flatchoices).get(value, value)
        if value is None or value == self.model_admin.get_empty_value_display():
            return ""
        return html.unescape(strip_tags(str(localize(value)))).strip()


def list_export(model_label: str) -> ListExport | None:
    """The export of the list of `app.model`, None where the console has none."""
    try:
        model = apps.get_model(model_label)
    except (LookupError, ValueError):
        return None
    model_admin = admin.site._registry.get(model)
    return ListExport(model_admin) if getattr(model_admin, "exportable", False) else None


def _read_staff(staff_id: str) -> Actor | None:
    staff = Staff.objects.unscoped("the owner of an export").filter(pk=staff_id, is_active=True).first()
    return actors.of_staff(staff) if staff is not None else None


def register() -> None:
    register_family("list", list_export)
    register_owner_reader(ActorKind.STAFF, _read_staff)
