"""Addresses of login and account, under /api/v1/."""

from django.urls import path

from users.api import identities, settings, vehicles, views

urlpatterns = [
    path("driver/login/code", views.LoginCodeView.as_view(), name="driver-login-code"),
    path("driver/login/verify", views.LoginVerifyView.as_view(), name="driver-login-verify"),
    path("driver/login/providers", identities.ProvidersView.as_view(), name="driver-login-providers"),
    path("driver/login/app", identities.AppLoginView.as_view(), name="driver-login-app"),
    path("driver/login/bind", identities.BindView.as_view(), name="driver-login-bind"),
    path("driver/identities", identities.IdentityListView.as_view(), name="driver-identities"),
    path("driver/identities/<str:provider>", identities.IdentityView.as_view(), name="driver-identity"),
    path("driver/logout", views.LogoutView.as_view(), name="driver-logout"),
    path("driver/me", views.MeView.as_view(), name="driver-me"),
    path("driver/settings", settings.SettingsView.as_view(), name="driver-settings"),
    path("driver/notices", settings.NoticeListView.as_view(), name="driver-notices"),
    path("driver/notices/read", settings.NoticeReadView.as_view(), name="driver-notices-read"),
    path("driver/me/cancel", views.CancelView.as_view(), name="driver-cancel"),
    path("driver/vehicles", vehicles.VehicleListView.as_view(), name="driver-vehicles"),
    path("driver/vehicles/<int:vehicle_id>", vehicles.VehicleView.as_view(), name="driver-vehicle"),
    path(
        "driver/vehicles/<int:vehicle_id>/default",
        vehicles.VehicleDefaultView.as_view(),
        name="driver-vehicle-default",
    ),
    path(
        "driver/vehicles/<int:vehicle_id>/verification",
        vehicles.VehicleVerificationView.as_view(),
        name="driver-vehicle-verification",
    ),
]
