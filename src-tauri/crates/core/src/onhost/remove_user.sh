# Removes a system user and its group. Argument: name.
set -u
if getent passwd "$1" >/dev/null; then userdel "$1" || exit 1; fi
if getent group "$1" >/dev/null; then groupdel "$1" || exit 1; fi
