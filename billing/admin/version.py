"""One tariff version, read only: what was published stays."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing.admin.tiers import day_bar, price_summary
from billing.models import TariffVersion
from kernel import clock
from users.console.admin import FactAdmin
from users.console.filters import AutocompleteSelectFilter, QuickFilter


class InForceFilter(QuickFilter):
    """Versions that are planned, or whose moment has come."""

    title = _("In force from")
    parameter_name = "planned"

    def lookups(self, request, model_admin):
        return (("1", _("Planned")), ("0", _("Begun")))

    def queryset(self, request, queryset):
        if self.value() == "1":
            return queryset.filter(effective_at__gt=clock.now())
        return queryset.filter(effective_at__lte=clock.now()) if self.value() == "0" else queryset


@admin.register(TariffVersion)
class TariffVersionAdmin(FactAdmin):
    list_display = ("tariff", "number", "effective_at", "day", "prices", "created_by")
    list_select_related = ("tariff",)
    list_filter = (InForceFilter, ("tariff", AutocompleteSelectFilter))
    search_fields = ("tariff__name",)
    ordering = ("-pk",)
    fields = (
        "tariff_page",
        "number",
        "effective_at",
        "wire_no",
        "day",
        "prices",
        "created_at",
        "created_by",
        "successor",
    )

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("tiers")

    @admin.display(description=_("tariff"))
    def tariff_page(self, obj):
        url = reverse("admin:billing_tariff_change", args=[obj.tariff_id])
        return format_html('<a href="{}">{}</a>', url, obj.tariff)

    @admin.display(description=_("The day"))
    def day(self, obj):
        return day_bar(obj.slots)

    @admin.display(description=_("yuan/kWh"))
    def prices(self, obj):
        return price_summary(obj.tiers.all())

    @admin.display(description=_("Change"))
    def successor(self, obj):
        url = reverse("admin:billing_tariff_new_version", args=[obj.tariff_id])
        words = _("A published version is not changed: make a new version from this one")
        return format_html('<a href="{}?from={}">{}</a>', url, obj.pk, words)
