from analytics.models.facts import ChannelFact, DriverFact, HourFact, UseFact

__all__ = ["ChannelFact", "DriverFact", "HourFact", "UseFact"]
