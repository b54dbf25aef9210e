"""Addresses that piles call over HTTP."""

from django.urls import path

from devices.api import firmware, uploads

urlpatterns = [
    path("device-files/<str:secret>/", uploads.receive, name="device-file"),
    path("device-files/<str:secret>/<path:name>", uploads.receive, name="device-file-named"),
    path("device-firmware/<str:token>/<str:name>", firmware.fetch, name="device-firmware"),
]
