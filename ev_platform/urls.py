"""Every HTTP address of the platform."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    path("api/v1/", include("users.api.urls")),
    path("api/v1/", include("stations.api.urls")),
    path("api/v1/", include("billing.api.urls")),
]

handler400 = "ev_platform.problems.bad_request"
handler403 = "ev_platform.problems.permission_denied"
handler404 = "ev_platform.problems.page_not_found"
handler500 = "ev_platform.problems.server_error"
