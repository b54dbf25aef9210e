"""Addresses of stations, under /api/v1/."""

from django.urls import path

from stations.api import views

urlpatterns = [
    path("driver/stations", views.StationListView.as_view(), name="driver-stations"),
    path("driver/stations/<str:code>", views.StationDetailView.as_view(), name="driver-station"),
]
