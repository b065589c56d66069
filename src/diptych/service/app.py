"""The application: three doors on one model, behind one guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from python_multipart.exceptions import FormParserError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from diptych import __version__
from diptych.errors import DiptychError
from diptych.service import shapes
from diptych.service.access import Guard
from diptych.service.backend import backend
from diptych.service.doors import Doors
from diptych.service.metrics import CONTENT_TYPE, Measured, Metrics
from diptych.service.page import page
from diptych.service.problems import Problem, answer, fault, on_form, on_http, on_library
from diptych.service.rest import rest
from diptych.service.serving import Serving
from diptych.service.settings import Settings, check_settings
from diptych.service.training import Training
from diptych.service.work import Work
from diptych.study import Study

ABOUT = "Passages to values by a codebook: one model, nothing stored. Errors have one shape: see ErrorResponse."


def create_app(settings: Settings, study: Study | None = None, tell: Callable[[str], None] = lambda _: None) -> FastAPI:
    """Return the application as uvicorn runs it; `state.doors` is what its routers share.

    Parameters
    ----------
    settings : Settings
    study : Study, optional
        Whose model serves; without one the bundled model does.
    tell : callable
        Called with news, for the log: never with a text or a token.

    Raises
    ------
    UsageError
        If the settings would leave a door open.
    """
    check_settings(settings)
    metrics, serving = Metrics(), Serving(study, settings.promote)
    training = Training(settings, serving, metrics, tell)
    doors = Doors(settings, serving, metrics, Work(settings.bounds, metrics), training)
    app = FastAPI(
        title="diptych",
        version=__version__,
        description=ABOUT,
        lifespan=_lifespan(training),
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_exception_handler(DiptychError, on_library)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(FormParserError, on_form)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.include_router(rest(doors))
    app.include_router(backend(doors))
    app.include_router(page(doors))
    _probes(app, doors)
    app.add_middleware(Guard, settings=settings, tell=tell)
    app.add_middleware(Measured, metrics=metrics)  # the last one is the outermost
    app.state.doors = doors
    return app


def _probes(app: FastAPI, doors: Doors) -> None:
    @app.get("/health", summary="Whether the process answers")
    async def health() -> dict[str, Any]:
        """Label Studio asks this, too."""
        return {"status": "UP", "model_class": "diptych"}

    @app.get("/ready", summary="Whether there is a model", responses={503: shapes.ERRORS[503]})
    async def ready() -> Response:
        """200 where passages can be classified, else 503."""
        served = doors.serving.served
        return JSONResponse({"status": "ready", "model": served.version})

    @app.get("/metrics", summary="Counters for Prometheus", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Requests, time, passages, the model."""
        return Response(doors.metrics.text(doors.serving.version), media_type=CONTENT_TYPE)


def _lifespan(training: Training) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(training.watch()), asyncio.create_task(training.attend())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    return lifespan


async def _on_validation(_: Request, error: Exception) -> Response:
    """Word what FastAPI found wrong with a parameter."""
    if not isinstance(error, RequestValidationError):
        return answer(fault())
    faults = error.errors()
    said = "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg'][:1].lower()}{one['msg'][1:]}" for one in faults[:5]
    )
    return answer(Problem(422, said, hint="see /openapi.json"))
