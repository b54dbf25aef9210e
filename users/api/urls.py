"""Addresses of login and account, under /api/v1/."""

from django.urls import path

from users.api import views

urlpatterns = [
    path("driver/login/code", views.LoginCodeView.as_view(), name="driver-login-code"),
    path("driver/login/verify", views.LoginVerifyView.as_view(), name="driver-login-verify"),
    path("driver/logout", views.LogoutView.as_view(), name="driver-logout"),
    path("driver/me", views.MeView.as_view(), name="driver-me"),
]
