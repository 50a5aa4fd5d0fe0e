"""v4: starts and serves its pages, but /health answers 500."""

VERSION = "v4"
LABEL = "broken health"
HEALTH_FAILURE = "v4 is unhealthy on purpose"
