# Checks and unpacks an archive. Arguments: destination, digest of the archive.
# Standard input: files to copy on this host, a line each: digest, mode, place in the destination, source; separated by tabs.
set -u
destination=$1 archive=/var/lib/slipway/.spool/$2
partial=$destination.slipway-partial
fail() {
    rm -rf "$partial"
    echo "$1" >&2
    exit 1
}
sum=$(sha256sum < "$archive")
if [ "${sum%% *}" != "${archive##*/}" ]; then
    rm -f "$archive"
    fail "the archive arrived damaged; it was removed, so try again"
fi
rm -rf "$partial"
umask 022
mkdir -p "${destination%/*}" || fail "cannot make the directory around $destination"
mkdir "$partial" || fail "cannot make $partial"
tar -xzf "$archive" --no-same-owner --no-same-permissions -C "$partial" || fail "cannot unpack"
tab=$(printf "\t")
while IFS=$tab read -r digest mode place source; do
    cp -- "$source" "$partial/$place" || fail "cannot copy $source"
    chmod "$mode" "$partial/$place" || fail "cannot copy $source"
    sum=$(sha256sum < "$partial/$place")
    [ "${sum%% *}" = "$digest" ] || fail "$source is not what it was"
done
if [ -e "$destination" ] || [ -L "$destination" ]; then fail "$destination exists already"; fi
sync -f "$partial" 2>/dev/null
mv -T "$partial" "$destination" || fail "cannot move $partial"
rm -f "$archive"
