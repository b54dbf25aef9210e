from stations.models.connector import Connector
from stations.models.pile import Pile, PileModel
from stations.models.station import Station, StationGroup

__all__ = ["Connector", "Pile", "PileModel", "Station", "StationGroup"]
