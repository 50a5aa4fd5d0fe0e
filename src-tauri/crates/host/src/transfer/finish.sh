# Checks an archive, unpacks it beside what take.sh took, and puts all of it into its place. Arguments: destination, digest of the
# archive, its bytes, "list" when a list of digests is to be kept. Standard input: for that list, compressed, a line "sha256  path"
# for each file of the archive. Needs known.sh and begun.sh.
set -u
archive=/var/lib/slipway/.spool/$2 size=$3 keep=$4
if [ ! -f "$work/taken" ]; then
    # What was begun stays, so that it can be gone on with.
    echo "not all was taken that is here already; try again" >&2
    exit 1
fi
[ "$(stat -c %s "$archive")" = "$size" ] || fail "not all of the archive arrived; try again, it goes on from there"
sum=$(sha256sum <"$archive")
if [ "${sum%% *}" != "${archive##*/}" ]; then
    rm -f "$archive"
    fail "the archive arrived damaged; it was removed, so try again"
fi
umask 022
error=$(tar -xzf "$archive" --no-same-owner --no-same-permissions -C "$partial" 2>&1) ||
    fail "cannot unpack: $(echo "$error" | grep -m 1 'No space left' || echo "$error" | head -n 1)"
if [ "$keep" = list ]; then
    gzip -dc >"$work/sent" || fail "the list of files arrived damaged"
    cut -c 67- "$work/sent" | seen "$partial" | listed "$work/sent" >>"$work/digests" || fail "cannot write a list"
fi
if [ -e "$destination" ] || [ -L "$destination" ]; then fail "$destination exists already"; fi
# A list that is not there only costs time: it comes before the directory, and never without it.
rm -f "$destination.digests"
if [ "$keep" = list ]; then
    chmod 0600 "$work/digests" && mv -T "$work/digests" "$destination.digests" || fail "cannot keep the list"
fi
chmod 0755 "$partial" && mv -T "$partial" "$destination" || fail "cannot move $partial"
rm -rf "$archive" "$work"
