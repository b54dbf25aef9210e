"""A decimal that is exact on every database: stored as a scaled integer, a `Decimal` in Python.

SQLite keeps DecimalField as floating point, so sums and comparisons drift; this field does not.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core import exceptions
from django.db import models
from django.utils.translation import gettext_lazy as _


class FixedPointField(models.BigIntegerField):
    """`Decimal` with a fixed number of places, kept as `value × 10^places` in a BIGINT.

    `Sum`, `F()` arithmetic and comparisons work on the scaled integer; `Sum` comes back as `Decimal`.
    A value with more places than the field holds is refused, never rounded.
    """

    description = _("Fixed-point number with %(places)s places")
    default_error_messages = {
        "invalid": _("“%(value)s” is not a number with at most %(places)s decimal places."),
    }

    def __init__(self, *args: Any, places: int, **kwargs: Any):
        self.places = places
        self.scale = 10**places
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs["places"] = self.places
        return name, path, args, kwargs

    @property
    def validators(self):
        # The integer range check of BigIntegerField would run against a Decimal; `to_scaled` bounds it.
        return [*self.default_validators, *self._validators]

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or value == "":
            return None
        try:
            number = value if isinstance(value, Decimal) else Decimal(str(value))
            scaled = number * self.scale
            if not number.is_finite() or scaled != scaled.to_integral_value() or abs(scaled) >= 2**63:
                raise InvalidOperation
        except (InvalidOperation, ValueError):
            raise exceptions.ValidationError(
                self.error_messages["invalid"],
                code="invalid",
                params={"value": value, "places": self.places},
            ) from None
        return number.quantize(Decimal(1).scaleb(-self.places))

    def get_prep_value(self, value: Any) -> int | None:
        if hasattr(value, "resolve_expression"):
            return value
        number = self.to_python(value)
        return None if number is None else int(number * self.scale)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        if value is None:
            return None
        return Decimal(int(value)).scaleb(-self.places)

    def value_to_string(self, obj: Any) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else str(value)

    def formfield(self, **kwargs: Any):
        return models.Field.formfield(
            self, **{"form_class": forms.DecimalField, "decimal_places": self.places, **kwargs}
        )
