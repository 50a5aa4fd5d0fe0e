# Prepares an upload. Arguments: destination, digest of the archive. Prints how many bytes of it are here.
# The spool begins with a dot because sites have their directories beside it, and no site can be called so.
set -u
destination=$1 archive=/var/lib/slipway/.spool/$2
if [ -e "$destination" ] || [ -L "$destination" ]; then
    echo "$destination exists already" >&2
    exit 1
fi
umask 022
mkdir -p /var/lib/slipway || exit 1
umask 077
mkdir -p /var/lib/slipway/.spool || exit 1
chmod 0700 /var/lib/slipway/.spool || exit 1
# What was left behind by uploads that nobody went on with.
find /var/lib/slipway/.spool -mindepth 1 -maxdepth 1 -mtime +2 -exec rm -rf {} +
if [ -f "$archive" ]; then stat -c %s "$archive"; else echo 0; fi
