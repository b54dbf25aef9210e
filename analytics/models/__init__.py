from analytics.models.facts import ChannelFact, DriverFact, HourFact

__all__ = ["ChannelFact", "DriverFact", "HourFact"]
