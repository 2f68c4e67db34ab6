"""Which errors a route documents, for OpenAPI. Every route may also answer 401, 429, 500 and 503."""

from __future__ import annotations

from typing import Any

from web.schemas import ProblemOut

_WORDS = {
    400: "The request cannot be read.",
    401: "Nobody is signed in.",
    403: "Not allowed: CSRF token, other page, or a password to change first.",
    404: "There is no such thing, or it is not shown to you.",
    409: "It exists already, or has changed meanwhile.",
    413: "What was sent is too large.",
    415: "The media type of the body is not one of the API.",
    416: "Not one range of bytes inside the thing.",
    422: "What was given cannot be used; `errors` or `field` say where.",
    429: "Too many at once, or too many tries; `Retry-After` says when.",
    500: "Something went wrong on our side.",
    502: "The camera gives nothing.",
    503: "A service that is needed does not answer.",
    504: "A service that is needed did not answer in time.",
}
ALWAYS = (401, 422, 429, 500, 503)
CHANGES = (400, 403, 413, 415)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route."""
    return {status: {"model": ProblemOut, "description": _WORDS[status]} for status in sorted({*ALWAYS, *statuses})}
