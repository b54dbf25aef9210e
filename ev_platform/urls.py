"""Every HTTP address of the platform."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from ev_platform import health
from stations.api import landing

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/"), name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    path("q/<str:code>", landing.scanned, name="scanned"),
    path("", include("devices.api.urls")),
    path("api/v1/", include("users.api.urls")),
    path("api/v1/", include("stations.api.urls")),
    path("api/v1/", include("marketing.api.urls")),
    path("api/v1/", include("billing.api.urls")),
]

handler400 = "ev_platform.problems.bad_request"
handler403 = "ev_platform.problems.permission_denied"
handler404 = "ev_platform.problems.page_not_found"
handler500 = "ev_platform.problems.server_error"
