# Checks and unpacks an archive. Arguments: destination, digest of the archive, directory of this host to take more files
# from or nothing, digest of what sha256sum says about those. Standard input: their list, compressed, a line for each:
# mode that a copy gets or "link", blank, path in both directories. Ends with 3 when what was taken is not right; the archive
# is kept then.
set -u
destination=$1 archive=/var/lib/slipway/.spool/$2 like=$3 sums=$4
newline="
"
partial=$destination.slipway-partial
fail() { # why, status
    rm -rf "$partial" "$partial.list" "$partial.names"
    echo "$1" >&2
    exit "${2:-1}"
}
sum=$(sha256sum < "$archive")
if [ "${sum%% *}" != "${archive##*/}" ]; then
    rm -f "$archive"
    fail "the archive arrived damaged; it was removed, so try again"
fi
rm -rf "$partial" "$partial.list" "$partial.names"
umask 022
mkdir -p "${destination%/*}" || fail "cannot make the directory around $destination"
mkdir "$partial" || fail "cannot make $partial"
tar -xzf "$archive" --no-same-owner --no-same-permissions -C "$partial" || fail "cannot unpack"
if [ -n "$like" ]; then
    gzip -dc >"$partial.list" || fail "the list of files to take arrived damaged"
    cd "$like" || fail "cannot enter $like" 3
    sed -n "s/^link //p" "$partial.list" | xargs -r -d "$newline" cp -lP --parents -t "$partial" -- ||
        fail "cannot link to files of $like" 3
    sed -n "s/^[67][0-9]* //p" "$partial.list" >"$partial.names"
    if [ -s "$partial.names" ]; then
        # tar says which file it could not read; whether all came is judged by their content.
        tar --no-recursion --verbatim-files-from -cf - -T "$partial.names" |
            tar -xf - --no-same-owner --no-same-permissions -C "$partial"
    fi
    cd "$partial" || fail "cannot enter $partial"
    for mode in 755 644; do
        sed -n "s/^$mode //p" ../"${partial##*/}.list" | xargs -r -d "$newline" chmod "0$mode" -- ||
            fail "cannot set the mode of what was copied" 3
    done
    cut -d" " -f2- ../"${partial##*/}.list" >../"${partial##*/}.names"
    sum=$(xargs -r -d "$newline" sha256sum -- <../"${partial##*/}.names" | sha256sum)
    cd / || exit 1
    rm -f "$partial.list" "$partial.names"
    [ "${sum%% *}" = "$sums" ] || fail "what was taken from $like is not what it was" 3
fi
if [ -e "$destination" ] || [ -L "$destination" ]; then fail "$destination exists already"; fi
sync -f "$partial" 2>/dev/null
mv -T "$partial" "$destination" || fail "cannot move $partial"
rm -f "$archive"
