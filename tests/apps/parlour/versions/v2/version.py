"""v2: works; a visible change that comes from a module v1 does not have."""

from greeting import greet

VERSION = "v2"
LABEL = "second edition"
GREETING = greet
