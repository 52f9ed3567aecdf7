"""Parts of the OpenAPI document: answers of each operation, and bodies that FastAPI does not validate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.http.operation_examples import describe, illustrate
from shared.http.problem_details import MEDIA_TYPE, Problem

_REF = "#/components/schemas/{model}"
_WHY = {
    400: "The body cannot be read: not JSON, repeated keys, NaN",
    401: "No valid access key",
    403: "Not allowed for this role",
    404: "It does not exist, or you may not see it",
    409: "Refused by a rule; see `code`",
    413: "The body is too large",
    415: "Wrong content type",
    422: "A field or parameter is wrong; `errors` names it",
    429: "Too many requests; see Retry-After",
    503: "Not possible now; try again later",
    507: "No storage space: nothing new is accepted; reading still works",
}
Documented = tuple[type[BaseModel], Literal["validation", "serialization"]]
_BODIES: dict[str, Documented] = {}
"""Models of bodies that are read by hand, and of lines, by name; each as it is read or as it is written."""
READING = (401, 403, 404, 422, 503)
WRITING = (400, 401, 403, 404, 409, 413, 415, 422, 503, 507)


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Documentation of these error answers."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
    return {status: {"description": _WHY[status], "content": content} for status in statuses}


def takes(model: type[BaseModel] | Sequence[type[BaseModel]], *, tag: str | None = None) -> dict[str, Any]:
    """Documentation of a JSON body. Several models: one of them, told apart by the field `tag`."""
    models = [model] if isinstance(model, type) else list(model)
    references = [{"$ref": _REF.format(model=one.__name__)} for one in models]
    schema: dict[str, Any] = references[0]
    if tag is not None:
        names = {one.model_fields[tag].annotation: one for one in models}
        mapping = {name.__args__[0]: _REF.format(model=one.__name__) for name, one in names.items() if name is not None}
        schema = {"oneOf": references, "discriminator": {"propertyName": tag, "mapping": mapping}}
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    _BODIES.update({one.__name__: (one, "validation") for one in models})
    return {"requestBody": body}


def takes_lines(model: type[BaseModel]) -> dict[str, Any]:
    """Documentation of an NDJSON body: one such object per line."""
    schema = {"type": "string", "description": f"One JSON object per line, each like {model.__name__}"}
    _BODIES[model.__name__] = model, "validation"
    return {"requestBody": {"required": True, "content": {"application/x-ndjson": {"schema": schema}}}}


def operation(operation_id: str, *statuses: int, body: type[BaseModel] | None = None) -> dict[str, Any]:
    """The arguments of a route's decorator that document it: its published id, its error answers and its JSON body."""
    documented = {"operation_id": operation_id, "responses": answers(*statuses)}
    return documented if body is None else {**documented, "openapi_extra": takes(body)}


def gives_lines(model: type[BaseModel], description: str) -> dict[int | str, dict[str, Any]]:
    """Documentation of an NDJSON answer."""
    _BODIES[model.__name__] = model, "serialization"
    schema = {"type": "string", "description": f"One JSON object per line, each like {model.__name__}"}
    return {200: {"description": description, "content": {"application/x-ndjson": {"schema": schema}}}}


def document(app: FastAPI, examples: Callable[[], Mapping[str, Any]]) -> None:
    """Put bodies that are read by hand, the problem, sentences and `examples` into the app's OpenAPI document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            models: list[Documented] = [(Problem, "validation"), *_BODIES.values()]
            _names, definitions = models_json_schema(models, ref_template=_REF)
            schema.setdefault("components", {}).setdefault("schemas", {}).update(definitions.get("$defs", {}))
            schema["components"]["securitySchemes"] = {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Access key hy_<role>_…, or the token of a session hys_…",
                }
            }
            known = examples()
            for path in schema["paths"].values():
                for operation in path.values():
                    describe(operation)
                    illustrate(operation, known)
                    if "401" in operation["responses"]:
                        operation["security"] = [{"key": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
