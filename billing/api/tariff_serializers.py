"""What the driver API says of prices, and of the connectors they hold at. Prices are exact text."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from billing.bill_words import component_rows
from billing.pricing import TariffSnapshot, slot_label
from billing.pricing.components import PackageFee
from billing.tier_words import tier_word
from stations.api.views import CONNECTOR_STATES


class PriceField(serializers.DecimalField):
    """Yuan per kWh at five places."""

    def __init__(self, **kwargs: Any):
        super().__init__(max_digits=9, decimal_places=5, **kwargs)


class EnergyField(serializers.DecimalField):
    """kWh at four places."""

    def __init__(self, **kwargs: Any):
        super().__init__(max_digits=13, decimal_places=4, **kwargs)


class TierSerializer(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    electricity_price = PriceField(help_text="Yuan per kWh.")
    service_price = PriceField(help_text="Yuan per kWh.")
    unit_price = PriceField(help_text="Electricity plus service, yuan per kWh.")


class PeriodSerializer(serializers.Serializer):
    start = serializers.CharField(help_text="Local time of the station, HH:MM.")
    end = serializers.CharField(help_text="HH:MM; 24:00 at the end of the day.")
    tier = serializers.CharField()


class FurtherFeeSerializer(serializers.Serializer):
    """What a tariff asks beside the energy: occupancy, time, a minimum …"""

    kind = serializers.CharField()
    name = serializers.CharField()
    text = serializers.CharField(help_text="The rule in a sentence.")


class PackageSerializer(serializers.Serializer):
    fen = serializers.IntegerField()
    seconds = serializers.IntegerField()


class TariffSerializer(serializers.Serializer):
    """A tariff of 48 half-hours, told as periods of one tier each."""

    time_zone = serializers.CharField()
    now = TierSerializer(help_text="The tier of this moment.")
    tiers = TierSerializer(many=True)
    periods = PeriodSerializer(many=True)
    further_fees = FurtherFeeSerializer(many=True, help_text="Shown before the start, whatever they are.")
    packages = PackageSerializer(
        many=True, help_text="Time bought ahead; not empty: the start needs `package_fen`."
    )
    discounts = serializers.ListField(
        child=serializers.CharField(), help_text="Names of those you would get."
    )


class ReasonSerializer(serializers.Serializer):
    code = serializers.CharField()
    detail = serializers.CharField()


class ConnectorSerializer(serializers.Serializer):
    code = serializers.CharField()
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=CONNECTOR_STATES)
    state_text = serializers.CharField(source="get_state_display")
    plugged = serializers.BooleanField(allow_null=True, help_text="Null when the pile does not tell.")
    power_kw = serializers.DecimalField(source="pile.rated_power_kw", max_digits=6, decimal_places=1)
    pile_code = serializers.CharField(source="pile.code")
    pile_name = serializers.CharField(source="pile.name")
    station_code = serializers.CharField(source="station.code")
    station_name = serializers.CharField(source="station.name")
    tariff = TariffSerializer(allow_null=True)
    can_start = serializers.BooleanField()
    why_not = ReasonSerializer(allow_null=True, help_text="Why nobody can start here now; null when one can.")


def tariff_view(snapshot: TariffSnapshot, local_now: datetime) -> dict[str, Any]:
    """A snapshot as `TariffSerializer` tells it, at a moment in the station's zone."""
    slots = snapshot.slots_on(local_now.date())
    tiers = {tier.code: _tier(tier) for tier in snapshot.tiers if tier.code in slots}
    periods: list[dict[str, str]] = []
    for index, code in enumerate(slots):
        end = "24:00" if index == len(slots) - 1 else slot_label(index + 1)
        if periods and periods[-1]["tier"] == code:
            periods[-1]["end"] = end
        else:
            periods.append({"start": slot_label(index), "end": end, "tier": code})
    slot = (local_now.hour * 60 + local_now.minute) // 30
    return {
        "time_zone": snapshot.zone,
        "now": tiers[slots[slot]],
        "tiers": list(tiers.values()),
        "periods": periods,
        "further_fees": component_rows(snapshot.components),
        "packages": [
            {"fen": fen, "seconds": seconds}
            for one in snapshot.components
            if isinstance(one, PackageFee)
            for fen, seconds in one.pairs
        ],
        "discounts": [rule.name for rule in snapshot.discounts],
    }


def _tier(tier: Any) -> dict[str, Any]:
    return {
        "code": tier.code,
        "name": tier_word(tier.code),
        "electricity_price": tier.electricity_price,
        "service_price": tier.service_price,
        "unit_price": tier.unit_price,
    }
