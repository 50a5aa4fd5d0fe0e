# Prepares an upload. Argument: destination. Prints a line for each archive that came in part: its digest, a blank, bytes.
# The spool begins with a dot because sites have their directories beside it, and no site can be called so.
set -u
destination=$1 spool=/var/lib/slipway/.spool
if [ -e "$destination" ] || [ -L "$destination" ]; then
    echo "$destination exists already" >&2
    exit 1
fi
umask 022
mkdir -p /var/lib/slipway || exit 1
umask 077
mkdir -p "$spool" || exit 1
chmod 0700 "$spool" || exit 1
# What was left behind by uploads that nobody went on with goes; the rest is told.
find "$spool" -mindepth 1 -maxdepth 1 \( -mtime +2 -exec rm -rf {} + \) -o -type f -printf '%f %s\n'
