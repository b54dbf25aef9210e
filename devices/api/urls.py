"""Addresses that piles call over HTTP."""

from django.urls import path

from devices.api import uploads

urlpatterns = [
    path("device-files/<str:secret>/", uploads.receive, name="device-file"),
    path("device-files/<str:secret>/<path:name>", uploads.receive, name="device-file-named"),
]
