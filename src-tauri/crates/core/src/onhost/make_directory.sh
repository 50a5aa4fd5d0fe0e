# Makes a directory or corrects its owner and mode. Arguments: path, mode, owner, group.
set -u
if [ -L "$1" ]; then
    echo "$1 is a symbolic link where a directory is expected" >&2
    exit 1
fi
[ -d "$1" ] || mkdir -m 0700 "$1" || exit 1
chown -h "$3:$4" "$1" && chmod "$2" "$1" || exit 1
if command -v restorecon >/dev/null 2>&1; then restorecon "$1" 2>/dev/null; fi
exit 0
