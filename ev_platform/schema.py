"""What is done to the OpenAPI description after it was generated."""

from typing import Any


def drop_titles(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Remove field titles: they repeat the verbose names of models, in whatever language is active."""
    for schema in result.get("components", {}).get("schemas", {}).values():
        for field in schema.get("properties", {}).values():
            field.pop("title", None)
    return result
