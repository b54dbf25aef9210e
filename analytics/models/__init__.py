from analytics.models.facts import ChannelFact, DriverFact, DriverVisit, HourFact, UseFact

__all__ = ["ChannelFact", "DriverFact", "DriverVisit", "HourFact", "UseFact"]
