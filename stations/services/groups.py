"""Station groups: creating and renaming them. Which stations are in one is a field of the station."""

from django.db import IntegrityError, transaction

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import StationGroup
from users import policy
from users.models import Operator
from users.services import edits


def create_group(*, actor: Actor, operator: Operator, name: str) -> StationGroup:
    """Create a group; DomainError `permission_denied`, `not_found`, `invalid`, `station_group_taken`."""
    policy.require(actor, "stations.add_stationgroup")
    edits.in_scope(actor, operator)
    group = StationGroup(operator=operator, name=name.strip())
    edits.validate(group)
    try:
        with transaction.atomic():
            group.save(force_insert=True)
            audit.record(
                actor=actor, action="stations.create_group", target=group, after={"name": group.name}
            )
    except IntegrityError:
        raise DomainError("station_group_taken", {"name": group.name}, field="name") from None
    return group


def rename_group(*, actor: Actor, group: StationGroup, name: str) -> StationGroup:
    """Rename a group; DomainError `permission_denied`, `not_found`, `invalid`, `station_group_taken`."""
    policy.require(actor, "stations.change_stationgroup")
    edits.in_scope(actor, group)
    try:
        with transaction.atomic():
            rows = StationGroup.objects.unscoped("scope is checked above")
            group = rows.select_for_update(of=("self",)).get(pk=group.pk)
            before, after = edits.apply(group, {"name": name.strip()}, editable=("name",))
            if before:
                group.save(update_fields=["name"])
                audit.record(
                    actor=actor, action="stations.rename_group", target=group, before=before, after=after
                )
    except IntegrityError:
        raise DomainError("station_group_taken", {"name": name.strip()}, field="name") from None
    return group
