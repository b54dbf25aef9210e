"""The one error that a service raises towards a person or a peer.

A `DomainError` carries a stable code and parameters; doors turn it into a sentence in the reader's language
through the message templates that each app registers beside its codes.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_MESSAGES: dict[str, tuple[str | Promise, int]] = {}


def register_messages(messages: Mapping[str, tuple[str | Promise, int]]) -> None:
    """Register `code -> (sentence with %(name)s places, HTTP status)`; a code is registered once."""
    for code, entry in messages.items():
        if _MESSAGES.get(code, entry)[1] != entry[1]:
            raise RuntimeError(f"error code {code!r} is registered twice with different statuses")
        _MESSAGES[code] = entry


def message_codes() -> frozenset[str]:
    """Every registered code, for the test that walks them."""
    return frozenset(_MESSAGES)


class DomainError(Exception):
    """A refusal by a rule.

    Args:
        code: stable machine code such as `insufficient_balance`; must be registered.
        params: values for the sentence; JSON-compatible.
        field: the input that is wrong, when one is.
    """

    def __init__(self, code: str, params: Mapping[str, Any] | None = None, *, field: str | None = None):
        self.code = code
        self.params = dict(params or {})
        self.field = field
        super().__init__(code, self.params)

    @property
    def message(self) -> str:
        """The sentence in the active language."""
        template, _status = _MESSAGES.get(self.code, (self.code, 400))
        try:
            return str(template) % self.params
        except (KeyError, TypeError, ValueError):
            return str(template)

    @property
    def status(self) -> int:
        """HTTP status of this refusal."""
        return _MESSAGES.get(self.code, ("", 400))[1]

    def __str__(self) -> str:
        return self.message


register_messages(
    {
        "not_found": (_("There is no such object, or it is outside your scope."), 404),
        "permission_denied": (_("Your role does not allow this action (%(permission)s)."), 403),
        "invalid": (_("The value of %(field)s is not accepted: %(reason)s"), 400),
        "reason_required": (_("A reason is required for this action."), 400),
        "sheet_unreadable": (_("The file cannot be read: XLSX and CSV files are accepted."), 400),
        "sheet_empty": (_("The file has no row below its header."), 400),
        "sheet_too_large": (_("The file is too large: up to %(limit)s are accepted."), 400),
        "illegal_transition": (_("%(what)s cannot go from %(state)s by %(event)s."), 409),
        "export_unknown": (_("There is no export %(code)s; known are %(known)s."), 404),
        "export_column_unknown": (_("There is no column %(column)s; accepted are %(known)s."), 400),
        "export_format_unknown": (_("The format %(format)s is not known; accepted are %(known)s."), 400),
        "export_too_many_open": (_("You have %(limit)s exports under way; wait for one to end."), 429),
        "export_ended": (_("This export has ended already."), 409),
        "export_owner_gone": (_("Whoever asked for this export has no account any more."), 403),
        "export_failed": (_("The export could not be made; it was logged."), 500),
        "idempotency_conflict": (_("The same key was used for a different request."), 409),
    }
)
