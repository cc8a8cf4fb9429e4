"""auscult as a plugin of somebody else's Litestar application."""

from __future__ import annotations

from litestar.config.app import AppConfig
from litestar.handlers import ASGIRouteHandler
from litestar.plugins import InitPlugin
from litestar.types import ASGIApp, Receive, Scope, Send

from auscult.monitor import Monitor
from auscult.web.app import create_app

__all__ = ["AuscultPlugin"]


class AuscultPlugin(InitPlugin):
    """Mounts everything that `create_app` serves below `path`, and runs the monitor as long as the application runs.

    The application's own guards and middleware come first. `trust_host` leaves access to them alone.
    """

    def __init__(self, monitor: Monitor, *, path: str = "/monitoring", trust_host: bool = False) -> None:
        self._monitor, self._path, self._trust_host = monitor, "/" + path.strip("/"), trust_host

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """See `InitPlugin.on_app_init`."""
        app_config.on_startup.append(self._monitor.run)
        app_config.on_shutdown.append(self._monitor.stop)
        app = create_app(self._monitor, trust_host=self._trust_host)
        mount = ASGIRouteHandler(self._path, is_mount=True, copy_scope=True, name=f"auscult{self._path}")
        app_config.route_handlers.append(mount(_Mounted(app, self._path)))
        return app_config


class _Mounted:
    """Hands `app` its own part of the path, as a mount does elsewhere."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app, self._path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        root = scope.get("root_path", "") + self._path
        path = scope["path"].rstrip("/") or "/"
        await self._app({**scope, "path": root + path, "root_path": root}, receive, send)  # type: ignore[arg-type]
