"""Addresses of stations, under /api/v1/."""

from django.urls import path

from stations.api import views

urlpatterns = [
    path("driver/stations", views.StationListView.as_view(), name="driver-stations"),
    path("driver/stations/recommended", views.RecommendedView.as_view(), name="driver-recommended"),
    path("driver/favourites", views.FavouriteListView.as_view(), name="driver-favourites"),
    path("driver/favourites/<str:code>", views.FavouriteView.as_view(), name="driver-favourite"),
    path("driver/stations/<str:code>", views.StationDetailView.as_view(), name="driver-station"),
]
