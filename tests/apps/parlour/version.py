"""What sets this version of Parlour apart.  Plain data: app.py acts on it.

app.py knows these names, all optional but the first two:
  GREETING        callable(user) -> text shown on the page
  FAIL_AT_START   text; app.py raises it at import
  HEALTH_FAILURE  text; /health answers 500 with it as the reason
  START_DELAY     seconds app.py sleeps at import (environment START_DELAY wins)
  CRASH_AFTER     seconds until os._exit(3) (environment CRASH_AFTER wins)
"""

VERSION = "v1"
LABEL = "first edition"
