"""HTTP: how commands and questions travel. No rule of the domain lives here."""

from shared.http.app import build_app

__all__ = ["build_app"]
