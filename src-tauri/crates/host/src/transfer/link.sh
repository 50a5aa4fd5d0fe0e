# Begins a directory with links to all files of another of which a list of digests is kept, before it is told which of them
# stay. Arguments: destination, directory of this host. Says nothing: take.sh finds what is missing. Needs known.sh
# and begun.sh.
set -u
like=$2
if [ ! -f "$like.digests" ] || [ ! -d "${destination%/*}" ] || [ -e "$destination" ] || [ -L "$destination" ]; then exit 0; fi
rm -rf "$partial" "$work"
umask 022
link() {
    mkdir -m 0700 "$partial" "$work" && cd "$like" || return 1
    # Two programs link at once, which must not both make the same directory.
    named "$like.digests" 1 | cut -d ' ' -f 4- | tee "$work/names" | sed -n 's|/[^/]*$||p' | LC_ALL=C sort -u |
        (cd "$partial" && xargs -r -d '\n' mkdir -p --) || return 1
    # One that is not there any more does not stop the others.
    xargs -r -d '\n' -P 2 -n 1000 cp -lP --parents -t "$partial" -- <"$work/names"
    true >"$work/linked"
}
link 2>/dev/null || rm -rf "$partial" "$work"
