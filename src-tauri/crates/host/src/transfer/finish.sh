# Checks and unpacks an archive. Arguments: destination, digest of the archive, its bytes, directory of this host to take more
# files from or nothing, digest of the sorted lines of sha256sum about those, "list" when a list of digests is to be kept.
# Standard input: a list, compressed, a line for each file: mode that a copy gets or "link", blank, path in both directories;
# or "sent", digest, path. Ends with 3 when what was taken is not right; the archive is kept then. Needs known.sh.
set -u
destination=$1 archive=/var/lib/slipway/.spool/$2 size=$3 like=$4 sums=$5 keep=$6
partial=$destination.slipway-partial work=$destination.slipway-lists
fail() { # why, status
    rm -rf "$partial" "$work"
    echo "$1" >&2
    exit "${2:-1}"
}
[ "$(stat -c %s "$archive")" = "$size" ] || fail "not all of the archive arrived; try again, it goes on from there"
sum=$(sha256sum <"$archive")
if [ "${sum%% *}" != "${archive##*/}" ]; then
    rm -f "$archive"
    fail "the archive arrived damaged; it was removed, so try again"
fi
rm -rf "$partial" "$work"
umask 022
mkdir -p "${destination%/*}" || fail "cannot make the directory around $destination"
mkdir "$partial" || fail "cannot make $partial"
mkdir -m 0700 "$work" || fail "cannot make $work"
error=$(tar -xzf "$archive" --no-same-owner --no-same-permissions -C "$partial" 2>&1) ||
    fail "cannot unpack: $(echo "$error" | grep -m 1 'No space left' || echo "$error" | head -n 1)"
gzip -dc >"$work/list" || fail "the list of files arrived damaged"
: >"$work/sums"
if [ -n "$like" ]; then
    cd "$like" || fail "cannot enter $like" 3
    sed -n 's/^link //p' "$work/list" | xargs -r -d '\n' cp -lP --parents -t "$partial" -- ||
        fail "cannot link to files of $like" 3
    sed -n 's/^[67][0-9]* //p' "$work/list" >"$work/copies"
    if [ -s "$work/copies" ]; then
        # tar says which file it could not read; whether all came is judged by their content.
        tar --no-recursion --verbatim-files-from -cf - -T "$work/copies" |
            tar -xf - --no-same-owner --no-same-permissions -C "$partial"
    fi
    cd "$partial" || fail "cannot enter $partial"
    for mode in 755 644; do
        sed -n "s/^$mode //p" "$work/list" | xargs -r -d '\n' chmod "0$mode" -- ||
            fail "cannot set the mode of what was copied" 3
    done
    cd / || exit 1
    sed -n 's/^\(link\|[67][0-9]*\) //p' "$work/list" >"$work/names"
    seen "$partial" >"$work/seen" || fail "cannot read $partial"
    digests "$like.digests" "$partial" "$work/seen" "$work/names" "$work" >"$work/sums" ||
        fail "what was taken from $like cannot be read" 3
    sum=$(LC_ALL=C sort "$work/sums" | sha256sum)
    [ "${sum%% *}" = "$sums" ] || fail "what was taken from $like is not what it was" 3
fi
if [ "$keep" = list ]; then
    [ -n "$like" ] || seen "$partial" >"$work/seen" || fail "cannot read $partial"
    sed -n 's/^sent \([0-9a-f]\{64\}\) /\1  /p' "$work/list" >>"$work/sums"
    LC_ALL=C awk '
        FILENAME == ARGV[1] { digest[substr($0, 67)] = substr($0, 1, 64) }
        FILENAME == ARGV[2] {
            path = $0
            sub(/^[^ ]* [^ ]* [^ ]* [^ ]* [^ ]* /, "", path)
            if (path in digest) print $0 "\t" digest[path]
        }
    ' "$work/sums" "$work/seen" >"$work/digests" || fail "cannot write a list"
fi
if [ -e "$destination" ] || [ -L "$destination" ]; then fail "$destination exists already"; fi
# A list that is not there only costs time: it comes before the directory, and never without it.
rm -f "$destination.digests"
if [ "$keep" = list ]; then
    chmod 0600 "$work/digests" && mv -T "$work/digests" "$destination.digests" || fail "cannot keep the list"
fi
mv -T "$partial" "$destination" || fail "cannot move $partial"
rm -rf "$archive" "$work"
