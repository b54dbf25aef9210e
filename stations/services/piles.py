"""Piles: registering them with their connectors and credentials."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher, get_hasher
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Connector, Pile, PileModel, Station
from stations.models.mode import Edition
from users import policy
from users.services import edits

MOST_CONNECTORS = 16
DEFAULT_POWER_KW = Decimal("60")
# A pile shows its password at every reconnect, ten thousand of them at once after an outage: a person's half
# second per check would keep them out for an hour. Pile passwords are long and made by machines.
PASSWORD_ITERATIONS = 20_000
WITHOUT_PASSWORD = (Pile.Protocol.YKC, Pile.Protocol.DNY)
EDITABLE = (
    "name",
    "model",
    "security_profile",
    "rated_power_kw",
    "edition",
    "charge_mode",
    "night_from",
    "night_until",
    "network_type",
    "installed_on",
    "warranty_until",
    "iccid",
    "sim_plan_mb",
    "sim_used_mb",
    "sim_expires_on",
    "insurer",
    "policy_no",
    "insured_until",
)
_OCPP_CODE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_YKC_CODE = re.compile(r"[0-9]{14}")
_DNY_CODE = re.compile(r"(?!09|0A)[0-9A-F]{8}")  # 09 and 0A are hosts, which have no ports


def add_pile(
    *,
    actor: Actor,
    station: Station,
    code: str,
    protocol: str,
    connectors: int = 1,
    password: str | None = None,
    name: str = "",
    rated_power_kw: Decimal | None = None,
    model: PileModel | None = None,
    archive: Mapping[str, Any] | None = None,
) -> Pile:
    """Register a pile with connectors 1..n, whose codes are the pile code and two digits.

    YKC: the code is the 14 digits of its login frame (YKC V1.6 §6.1), a password is not used.
    MQTT: the code is the second part of its topics; code and password as OCPP. A site gateway has 0 connectors.
    OCPP: the code is the last part of its URL, 1 to 32 of `A-Za-z0-9_.-`; the password (16 to 64
    characters, HTTP Basic) is stored hashed.
    DNY: the code is the physical id of the box as 8 hexadecimal digits, the kind of device first (AP3000 device
    protocol V8.6 §1.0.2); its ports are the connectors, and a password is not used.
    The rated power is that of the model when none is given, 60 kW without a model. `archive` holds any other
    field of `EDITABLE`.
    DomainError `permission_denied`, `not_found` (station outside the scope), `invalid`, `pile_code_invalid`,
    `pile_code_taken`, `pile_password_required`, `connector_count_invalid`.
    """
    policy.require(actor, "stations.add_pile")
    edits.in_scope(actor, station)
    code = check_pile_code(code, protocol)
    fewest = 0 if protocol == Pile.Protocol.MQTT else 1
    if isinstance(connectors, bool) or not fewest <= connectors <= MOST_CONNECTORS:
        raise DomainError("connector_count_invalid", {"count": connectors}, field="connectors")
    pile = Pile(
        operator=station.operator,
        station=station,
        model=model,
        code=code,
        name=name.strip(),
        protocol=protocol,
        password=_credential(protocol, password),
        rated_power_kw=_power(model) if rated_power_kw is None else rated_power_kw,
    )
    edits.apply(pile, archive or {}, editable=EDITABLE)
    _check_settings(pile)
    try:
        with transaction.atomic():
            pile.save(force_insert=True)
            Connector.objects.bulk_create(
                Connector(
                    operator_id=pile.operator_id,
                    station_id=pile.station_id,
                    pile=pile,
                    number=number,
                    code=f"{code}{number:02d}",
                )
                for number in range(1, connectors + 1)
            )
            audit.record(
                actor=actor,
                action="stations.add_pile",
                target=pile,
                after={
                    "code": code,
                    "station": station.code,
                    "protocol": protocol,
                    "connectors": connectors,
                    "rated_power_kw": str(pile.rated_power_kw),
                    "charge_mode": pile.charge_mode,
                },
            )
    except IntegrityError:
        raise DomainError("pile_code_taken", {"code": code}, field="code") from None
    return pile


def update_pile(*, actor: Actor, pile: Pile, changes: Mapping[str, Any]) -> Pile:
    """Change fields of `EDITABLE`; DomainError `permission_denied`, `not_found`, `invalid`."""
    policy.require(actor, "stations.change_pile")
    edits.in_scope(actor, pile)
    with transaction.atomic():
        pile = _locked(pile)
        before, after = edits.apply(pile, changes, editable=EDITABLE)
        _check_settings(pile)
        if before:
            if "sim_used_mb" in before:
                pile.sim_used_at = clock.now()
                pile.save(update_fields=["sim_used_at"])
            pile.save(update_fields=list(before))
            audit.record(actor=actor, action="stations.update_pile", target=pile, before=before, after=after)
    return pile


def set_password(*, actor: Actor, pile: Pile, password: str, reason: str) -> Pile:
    """Replace the password of an OCPP pile; the pile needs it at its next connection.

    DomainError `permission_denied`, `not_found`, `reason_required`, `pile_password_required`, `invalid` (YKC, DNY).
    """
    policy.require(actor, "stations.change_pile")
    edits.in_scope(actor, pile)
    reason = edits.require_reason(reason)
    hashed = _credential(pile.protocol, password)
    with transaction.atomic():
        pile = _locked(pile)
        pile.password = hashed
        pile.save(update_fields=["password"])
        audit.record(actor=actor, action="stations.set_pile_password", target=pile, reason=reason)
    return pile


def check_pile_code(code: str, protocol: str) -> str:
    """The code without surrounding blanks; DomainError `invalid` (protocol) or `pile_code_invalid`."""
    code = code.strip()
    if protocol not in Pile.Protocol.values:
        reason = _("%(accepted)s are accepted.") % {"accepted": ", ".join(Pile.Protocol.values)}
        raise DomainError("invalid", {"field": "protocol", "reason": reason}, field="protocol")
    if protocol == Pile.Protocol.YKC:
        good, accepted = _YKC_CODE.fullmatch(code), _("14 digits")
    elif protocol == Pile.Protocol.DNY:
        code = code.upper()
        good, accepted = (
            _DNY_CODE.fullmatch(code),
            _("8 hexadecimal digits, the kind of box first; hosts (09, 0A) are not registered"),
        )
    else:
        good, accepted = (
            _OCPP_CODE.fullmatch(code),
            _("1 to 32 letters, digits, “_”, “.” and “-”"),
        )
    if not good:
        raise DomainError("pile_code_invalid", {"code": code[:40], "accepted": accepted}, field="code")
    return code


def _credential(protocol: str, password: str | None) -> str:
    if protocol in WITHOUT_PASSWORD:
        if password:
            reason = _("Piles of this protocol have no password.")
            raise DomainError("invalid", {"field": "password", "reason": reason}, field="password")
        return ""
    if not password or not 16 <= len(password) <= 64:
        raise DomainError("pile_password_required", field="password")
    hasher = get_hasher()
    cost = {"iterations": PASSWORD_ITERATIONS} if isinstance(hasher, PBKDF2PasswordHasher) else {}
    return hasher.encode(password, hasher.salt(), **cost)


def _check_settings(pile: Pile) -> None:
    if (pile.night_from is None) != (pile.night_until is None) or (
        pile.night_from is not None and pile.night_from == pile.night_until
    ):
        reason = _("A cut-off needs both times, and they must differ.")
        raise DomainError("invalid", {"field": "night_until", "reason": reason}, field="night_until")
    if pile.edition == Edition.OFFLINE and pile.current_type == PileModel.CurrentType.DC:
        reason = _("only AC piles work without a network.")
        raise DomainError("invalid", {"field": "edition", "reason": reason}, field="edition")
    if not 0 < pile.rated_power_kw <= 5000:
        reason = _("a power above 0 and up to 5000 kW is accepted.")
        raise DomainError("invalid", {"field": "rated_power_kw", "reason": reason}, field="rated_power_kw")


def _power(model: PileModel | None) -> Decimal:
    return model.rated_power_kw if model is not None else DEFAULT_POWER_KW


def _locked(pile: Pile) -> Pile:
    rows = Pile.objects.unscoped("scope is checked by the caller").select_related("model")
    return rows.select_for_update(of=("self",)).get(pk=pile.pk)
