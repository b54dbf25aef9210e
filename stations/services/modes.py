"""May this pile be started this way now, and how is the session paid? Asked by every start, in this one place.

`require_method` is for starts while the pile is reachable or known to be cut off; a record of a session that
nobody saw begin passes `linked=False`.
"""

from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import ModeCell, Pile
from stations.models.mode import ChargeMode, StartWay
from stations.modes import ALLOWED, CELLS, Cell, Mode, mode_in_effect
from users import policy
from users.scope import grants_of
from users.services import edits


def require_method(*, pile: Pile, method: str, linked: bool | None = None) -> Mode:
    """How a session that is started on `pile` by `method` is paid.

    Args:
        method: `card`, `scan`, `plug` or `vin` (`stations.modes.Method`). A start by staff is a scan.
        linked: whether the platform can be asked during the session; default is whether the pile is online.

    DomainError `method_not_allowed` when the matrix has no such way.
    """
    mode = mode_now(pile=pile, linked=linked)
    if not is_allowed(cell=Cell(pile.edition, pile.current_type, mode, method)):
        raise DomainError(
            "method_not_allowed",
            {
                "code": pile.code,
                "method": str(StartWay(method).label),
                "mode": str(ChargeMode(mode).label),
            },
        )
    return mode


def mode_now(*, pile: Pile, linked: bool | None = None) -> Mode:
    """The charge mode in effect: what the pile is set to, or billed offline while its link is down."""
    return mode_in_effect(pile.edition, pile.charge_mode, linked=pile.online if linked is None else linked)


def is_allowed(*, cell: Cell) -> bool:
    """Whether the matrix allows a cell, as platform staff set it or as it began."""
    edition, current, mode, method = cell
    turned = ModeCell.objects.filter(edition=edition, current_type=current, mode=mode, method=method)
    if (allowed := turned.values_list("allowed", flat=True).first()) is not None:
        return allowed
    return cell in ALLOWED


def matrix() -> dict[Cell, bool]:
    """All 36 cells in the order of `CELLS`."""
    turned = {
        Cell(*key): allowed
        for *key, allowed in ModeCell.objects.values_list(
            "edition", "current_type", "mode", "method", "allowed"
        )
    }
    return {cell: turned.get(cell, cell in ALLOWED) for cell in CELLS}


def set_matrix(*, actor: Actor, cells: Mapping[Cell, bool], reason: str) -> int:
    """Allow or refuse cells from now on; returns how many changed. Running sessions go on.

    Needs `stations.change_modecell` and the whole platform in scope. DomainError `permission_denied`,
    `reason_required`, `invalid` for a cell that the matrix does not have.
    """
    policy.require(actor, "stations.change_modecell")
    if not grants_of(actor).everything:
        raise DomainError("permission_denied", {"permission": "stations.change_modecell"})
    reason = edits.require_reason(reason)
    if unknown := set(cells) - set(CELLS):
        reason = _("it is not a cell of the matrix.")
        raise DomainError("invalid", {"field": "/".join(sorted(unknown)[0]), "reason": reason})
    with transaction.atomic():
        # Two editors take turns; the table of cells is small and a row may not exist yet.
        list(ModeCell.objects.select_for_update().values_list("pk", flat=True))
        before = matrix()
        changed = {cell: allowed for cell, allowed in cells.items() if before[cell] != allowed}
        for cell, allowed in changed.items():
            row, _created = ModeCell.objects.update_or_create(
                edition=cell.edition,
                current_type=cell.current,
                mode=cell.mode,
                method=cell.method,
                defaults={"allowed": allowed, "changed_at": clock.now(), "changed_by": actor.name[:128]},
            )
            audit.record(
                actor=actor,
                action="stations.set_mode_cell",
                target=row,
                reason=reason,
                before={"allowed": before[cell]},
                after={"allowed": allowed},
            )
    return len(changed)
