"""Payees in the console: the operator, its agents in a tree, its partners, and what each is owed."""

from django.contrib import admin
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy as _

from billing.models import Account, Payee
from billing.services.clearing import payees
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter, choice_filter

TONES = {Payee.Kind.OPERATOR: "green", Payee.Kind.AGENT: "blue", Payee.Kind.PARTNER: "violet"}


@admin.register(Payee)
class PayeeAdmin(ScopedModelAdmin):
    list_display = ("name", "code", "what", "operator", "parent", "owed", "under_way", "is_active")
    list_display_links = ("name", "code")
    list_select_related = ("operator", "parent")
    search_fields = ("code", "name")
    list_filter = (
        choice_filter("kind", _("Kind"), Payee.Kind.choices),
        ("operator", AutocompleteSelectFilter),
    )
    autocomplete_fields = ("operator", "parent")
    fields = ("operator", "kind", "code", "name", "parent", "phone", "is_active")

    def get_queryset(self, request):
        money = Account.objects.unscoped("accounts of payees in scope").filter(payee=OuterRef("pk"))

        def balance(kind):
            return Subquery(money.filter(kind=kind).values("balance_fen")[:1])

        return (
            super()
            .get_queryset(request)
            .annotate(owed_fen=balance("payable"), under_way_fen=balance("payouts_in_transit"))
        )

    def get_readonly_fields(self, request, obj=None):
        return ("operator", "kind", "code", "parent") if obj else ()

    def get_fields(self, request, obj=None):
        return self.fields if obj else self.fields[:-1]

    def formfield_for_choice_field(self, db_field, request, **kwargs):
        if db_field.name == "kind":  # the operator's own is opened by itself
            kwargs["choices"] = [one for one in Payee.Kind.choices if one[0] != Payee.Kind.OPERATOR]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    @admin.display(description=_("kind"))
    def what(self, obj):
        return chip(obj.get_kind_display(), TONES[obj.kind])

    @admin.display(description=_("owed"))
    def owed(self, obj):
        return fen(obj.owed_fen or 0)

    @admin.display(description=_("payouts under way"))
    def under_way(self, obj):
        return fen(obj.under_way_fen) if obj.under_way_fen else "–"

    def save_through_service(self, request, obj, form, change):
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            payees.update_payee(actor=actor_of(request), payee=obj, changes=changes)
        else:
            self.adopt(obj, payees.create_payee(actor=actor_of(request), **form.cleaned_data))
