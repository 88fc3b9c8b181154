"""How every process of ours logs: one line an event, JSON for machines or colours for people (`ORCHESTRATOR_LOG`)."""

import logging
import os
import sys
from typing import Any

import structlog


def configure_logs(level_name: str | None = None) -> None:
    """Set structlog up once per process. `ORCHESTRATOR_LOG` is `console` or `json`; unset: console at a terminal.

    `level_name` overrides `ORCHESTRATOR_LOG_LEVEL` for commands that tell people in their own words.
    """
    wanted = os.environ.get("ORCHESTRATOR_LOG") or ("console" if sys.stderr.isatty() else "json")
    level = logging.getLevelNamesMapping()[(level_name or os.environ.get("ORCHESTRATOR_LOG_LEVEL", "INFO")).upper()]
    renderer: Any = structlog.processors.JSONRenderer()
    if wanted == "console":
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The default shows local variables, and those may hold a secret on its way to a cluster.
            exception_formatter=structlog.dev.plain_traceback,
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if wanted == "json" else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[Passed()], level=max(level, logging.WARNING), force=True)


class Passed(logging.Handler):
    """Takes what libraries log the standard way into our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        log = structlog.get_logger()
        log.log(record.levelno, "library", logger=record.name, said=record.getMessage(), exc_info=record.exc_info)
