"""Forms of people, cards and vehicles: rules are the services' own, so that every door says the same."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from kernel.errors import DomainError
from users.models import Driver
from users.services.drivers import normal_phone


class ServiceModelForm(forms.ModelForm):
    """A form whose constraints a service checks, with the sentence that belongs to each."""

    def validate_constraints(self) -> None:
        """Left to the service."""

    def validate_unique(self) -> None:
        """Left to the service."""


def driver_by_phone(phone: str) -> Driver:
    """The driver of a whole number, whoever registered them; forms.ValidationError in words.

    Who knows the whole number of a person may name them; a list of drivers is never offered.
    """
    try:
        number = normal_phone(phone)
    except DomainError as error:
        raise forms.ValidationError(error.message) from None
    driver = Driver.objects.unscoped("named by the whole number").filter(phone=number).first()
    if driver is None:
        raise forms.ValidationError(
            _("There is no driver with the number %(phone)s."), params={"phone": number}
        )
    return driver


class PhoneField(forms.CharField):
    """A whole phone number as its driver."""

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("label", _("phone of the driver"))
        super().__init__(max_length=20, widget=UnfoldAdminTextInputWidget, **kwargs)

    def clean(self, value: Any) -> Driver | None:
        text = super().clean(value)
        return driver_by_phone(text) if text else None
