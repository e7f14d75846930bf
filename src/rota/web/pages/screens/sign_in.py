"""The screen to sign in with a token or the code of a link, and signing out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from rota.web.access import COOKIE, SESSION, Access
from rota.web.pages.layout import PageLayout, plain_page
from rota.web.pages.parts.forms import Form, lead
from rota.web.proxies import is_encrypted

_Text = Annotated[str, Query(max_length=2000)]


def add(router: APIRouter, layout: PageLayout, access: Access) -> None:
    """Add the screen and its two forms."""

    @router.get("/sign-in")
    def show_form(request: Request, to: _Text = "/", code: _Text = "") -> Response:
        # Opening the link does not use up the code: programs that preview links open it, too.
        return plain_page(layout, request, "sign-in.html", to=to, code=code, wrong=False)

    @router.post("/sign-in")
    async def sign_in(request: Request, form: Form) -> Response:
        to, secret = form.get("to", "/"), form.get("secret", "").strip()
        cookie = await run_in_threadpool(access.begin_session, secret)
        if cookie is None:
            return plain_page(
                layout,
                request,
                "sign-in.html",
                HTTPStatus.UNAUTHORIZED,
                to=to,
                code="",
                wrong=True,
            )
        response = lead(request, to)
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=SESSION,
            path=request.scope.get("root_path", "") or "/",
            secure=is_encrypted(request),
            httponly=True,
            samesite="strict",
        )
        return response

    @router.post("/sign-out")
    def sign_out(request: Request) -> Response:
        if cookie := request.cookies.get(COOKIE):
            access.end_session(cookie)
        response = lead(request, "/sign-in")
        response.delete_cookie(COOKIE, path=request.scope.get("root_path", "") or "/")
        return response
