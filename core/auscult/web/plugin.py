"""auscult as a plugin of somebody else's Litestar application."""

from __future__ import annotations

from litestar.config.app import AppConfig
from litestar.plugins import InitPlugin

from auscult.monitor import Monitor
from auscult.web.app import app_config

__all__ = ["AuscultPlugin"]


class AuscultPlugin(InitPlugin):
    """Adds the routes below `path`, and runs the monitor as long as the application runs.

    `trust_host` leaves access to the application's own guards.
    """

    def __init__(self, monitor: Monitor, *, path: str = "/monitoring", trust_host: bool = False) -> None:
        self._monitor, self._path, self._trust_host = monitor, path, trust_host

    def on_app_init(self, app_config_: AppConfig) -> AppConfig:
        """See `InitPlugin.on_app_init`."""
        app_config_.on_startup.append(self._monitor.run)
        app_config_.on_shutdown.append(self._monitor.stop)
        return app_config(app_config_, self._monitor, self._path, trust_host=self._trust_host)
