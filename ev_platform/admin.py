"""Pages of third parties that the console does not offer.

The beat schedule is code (`ev_platform.schedule`); its tables are none of an operator's business.
"""

from django.contrib import admin
from django_celery_beat import models

for model in (
    models.ClockedSchedule,
    models.CrontabSchedule,
    models.IntervalSchedule,
    models.PeriodicTask,
    models.SolarSchedule,
):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
