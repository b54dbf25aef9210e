from stations.models.connector import Connector
from stations.models.favourite import FavouriteStation
from stations.models.mode import ModeCell
from stations.models.pile import Pile
from stations.models.pile_model import PileModel
from stations.models.station import Station, StationGroup

__all__ = ["Connector", "FavouriteStation", "ModeCell", "Pile", "PileModel", "Station", "StationGroup"]
