# Finds files that are newer than the process that has read them. Arguments: number of nginx's files, those files,
# number of the site's files, those files, then units. Prints "newer PROCESS FILE" lines, then "end".
set -u
boot=$(sed -n 's/^btime //p' /proc/stat)
ticks=$(getconf CLK_TCK)
started() { # process: when it began at the latest, seconds since 1970
    since=$(sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20)
    # The kernel tells both parts cut to whole seconds: what reads a file right after it was written would seem to
    # have begun up to two seconds before.
    printf '%s' $((boot + ${since:-0} / ticks + 2))
}
changed() { stat -c %Y -- "$1" 2>/dev/null || printf 0; }
count=$1
shift
# A reload replaces nginx's workers, so they tell when it last read its files.
newest=0
master=$(cat /run/nginx.pid 2>/dev/null)
for worker in $(pgrep -P "${master:-0}" 2>/dev/null); do
    at=$(started "$worker")
    [ "$at" -le "$newest" ] || newest=$at
done
while [ "$count" -gt 0 ]; do
    if [ "$newest" -gt 0 ] && [ "$(changed "$1")" -gt "$newest" ]; then printf 'newer nginx %s\n' "$1"; fi
    count=$((count - 1))
    shift
done
count=$1
shift
files=''
while [ "$count" -gt 0 ]; do
    files="$files$1
"
    count=$((count - 1))
    shift
done
for unit in "$@"; do
    process=$(systemctl show -p MainPID "$unit" 2>/dev/null)
    process=${process#MainPID=}
    case $process in '' | 0 | *[!0-9]*) continue ;; esac
    at=$(started "$process")
    printf '%s' "$files" | while read -r file; do
        if [ "$(changed "$file")" -gt "$at" ]; then printf 'newer %s %s\n' "$unit" "$file"; fi
    done
    case $(systemctl show -p NeedDaemonReload "$unit" 2>/dev/null) in
    *=yes) printf 'newer systemd %s\n' "$unit" ;;
    esac
done
echo end
