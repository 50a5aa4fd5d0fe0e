"""v3: broken on start; importing the application raises."""

VERSION = "v3"
LABEL = "broken on start"
FAIL_AT_START = "v3 is broken on purpose: the application cannot be imported"
