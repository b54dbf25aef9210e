from alerts.models.alert import Alert
from alerts.models.message import AlertMessage

__all__ = ["Alert", "AlertMessage"]
