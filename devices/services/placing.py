"""The three ids that every row about a pile copies."""

from devices.events import PileRef


def place_of(pile: PileRef) -> dict[str, int]:
    """Operator, station and pile of a row, as keyword arguments."""
    return {"operator_id": pile.operator_id, "station_id": pile.station_id, "pile_id": pile.id}
