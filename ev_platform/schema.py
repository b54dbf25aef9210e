"""What is done to the OpenAPI description after it was generated."""

from typing import Any


def drop_titles(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Remove field titles: they repeat the verbose names of models, in whatever language is active.

    What was wrapped for the sake of a title alone is unwrapped, or the wrapping would tell the language.
    """
    for schema in result.get("components", {}).get("schemas", {}).values():
        for field in schema.get("properties", {}).values():
            field.pop("title", None)
            if list(field) == ["allOf"] and len(field["allOf"]) == 1:
                field.update(field.pop("allOf")[0])
    return result
