# Compares the files of two releases. Arguments: directory of the one, of the other, most lines of each list, then paths
# whose content must not leave the host. Lists go by announced length; names with line ends in them are only counted.
set -u
export LC_ALL=C
a=$1 b=$2 most=$3
shift 3
if [ ! -d "$a/code" ] || [ ! -d "$b/code" ]; then
    echo 'the files of one of the two releases are not there' >&2
    exit 3
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
newline='
'
list() {
    cd "$1/code" || exit 1
    find . -xdev -type f ! -path "*$newline*" -printf '%i %s %P\n' | sort >"$work/$2.all" || exit 1
    find . -xdev -type l ! -path "*$newline*" ! -lname "*$newline*" -printf '%P//%l\n' | sort >"$work/$2.links" || exit 1
    find . -xdev -path "*$newline*" -printf x | wc -c >"$work/$2.odd"
}
sums() {
    cd "$1/code" || exit 1
    sed 's/^[0-9]* [0-9]* //' "$work/$2.rest" | tr '\n' '\0' | xargs -0 -r sha256sum -z -b -- | tr '\0' '\n' | sort >"$work/$2.sums" || exit 1
}
sizes() {
    cd "$1/code" || exit 1
    sed 's/^[^*]*\*//' "$work/$2.only" | sort | tr '\n' '\0' | xargs -0 -r stat -c '%s %n' -- >"$work/$2.sizes" || exit 1
}
part() {
    head -n "$most" "$work/$2" >"$work/part"
    printf '=%s %s %s\n' "$1" "$(wc -l <"$work/$2")" "$(wc -c <"$work/part")"
    cat "$work/part"
}
(list "$a" a) && (list "$b" b) || exit 1
# The same inode is the same file: a release of which only the configuration is new shares its code.
comm -23 "$work/a.all" "$work/b.all" >"$work/a.rest"
comm -13 "$work/a.all" "$work/b.all" >"$work/b.rest"
(sums "$a" a) && (sums "$b" b) || exit 1
comm -23 "$work/a.sums" "$work/b.sums" >"$work/a.only"
comm -13 "$work/a.sums" "$work/b.sums" >"$work/b.only"
(sizes "$a" a) && (sizes "$b" b) || exit 1
comm -23 "$work/a.links" "$work/b.links" >"$work/a.moved"
comm -13 "$work/a.links" "$work/b.links" >"$work/b.moved"
part old a.sizes
part new b.sizes
part old-links a.moved
part new-links b.moved
printf '=odd %s %s\n' "$(cat "$work/a.odd")" "$(cat "$work/b.odd")"
# Configuration, by the index that each release carries.
cat "$a/config/.index" "$b/config/.index" 2>/dev/null | cut -d' ' -f4- | sort -u >"$work/paths"
entry() {
    line=$(wanted=$2 awk '{ at = $1 " " $2 " " $3 } substr($0, length(at) + 2) == ENVIRON["wanted"] { print at; exit }' "$1/config/.index" 2>/dev/null)
    printf '%s' "${line:--}"
}
readable() {
    case $1 in -) return 0 ;; esac
    mode=${1%% *}
    case $mode in *[4567]) return 0 ;; *) return 1 ;; esac
}
text() {
    # What the index does not name has no mode to go by.
    if [ "$shown" = no ] || [ "$2" = - ] || [ ! -f "$1" ]; then
        printf '=text -1\n'
    else
        head -c 262144 "$1" >"$work/part"
        printf '=text %s\n' "$(wc -c <"$work/part")"
        cat "$work/part"
    fi
}
files=0
while IFS= read -r path; do
    old=$(entry "$a" "$path") new=$(entry "$b" "$path")
    if [ "$old" = "$new" ] && cmp -s "$a/config$path" "$b/config$path"; then continue; fi
    files=$((files + 1))
    [ "$files" -le 500 ] || break
    shown=yes
    readable "$old" && readable "$new" || shown=no
    for secret in "$@"; do
        if [ "$secret" = "$path" ]; then shown=no; fi
    done
    printf '=file %s %s\n' "$shown" "$path"
    printf '=entry %s\n=entry %s\n' "$old" "$new"
    text "$a/config$path" "$old"
    text "$b/config$path" "$new"
done <"$work/paths"
for release in "$a" "$b"; do
    head -c 65536 "$release/release.json" | tr -d '\n' >"$work/part"
    printf '=record %s\n' "$(wc -c <"$work/part")"
    cat "$work/part"
done
echo '=end'
