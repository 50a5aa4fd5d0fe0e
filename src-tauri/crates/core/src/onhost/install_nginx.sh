# Puts waiting files of nginx in place and takes others away: rehearse, change, reload; or everything as it was.
# Argument: the directory in which they wait: files by absolute path, .index of them, .removed with paths that go.
# Where nothing waits, what nginx reads has changed already (a certificate), and it takes that up.
set -u
new=$1
mkdir -p -m 0700 "$new" && touch "$new/.index" "$new/.removed" || exit 1
work=$(mktemp -d /run/slipway/nginx.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
nginx_rehearse "$new" "$new/.index" "$work" "$new/.removed" || {
    if [ -s "$new/.index" ] || [ ! -s "$new/.removed" ]; then
        echo 'nginx refuses the new configuration; nothing was changed' >&2
    else
        echo 'nginx refuses its configuration without this site; nothing was changed' >&2
    fi
    exit 20
}
mkdir "$work/old"
changed() {
    while read -r mode owner group reader path; do printf '%s\n' "$path"; done <"$new/.index"
    cat "$new/.removed"
}
restore() {
    changed | while read -r path; do
        key=$(printf %s "$path" | tr / _)
        if [ -e "$work/old/$key" ]; then cp -a "$work/old/$key" "$path"; else rm -f "$path"; fi
    done
    systemctl is-active -q nginx && systemctl reload nginx
    echo "$1; the old configuration is back" >&2
    exit 21
}
changed >"$work/changed"
while read -r path; do
    key=$(printf %s "$path" | tr / _)
    [ ! -e "$path" ] || cp -a "$path" "$work/old/$key" || exit 1
done <"$work/changed"
while read -r mode owner group reader path; do
    put "$new$path" "$path" "$mode" "$owner" "$group" "$reader" || restore "$path could not be written"
done <"$new/.index"
while read -r path; do
    rm -f -- "$path" || restore "$path could not be removed"
done <"$new/.removed"
if systemctl is-active -q nginx; then
    master=$(systemctl show -p MainPID nginx | cut -d= -f2)
    workers=$(grep -ls "^PPid:[[:space:]]*$master\$" /proc/[0-9]*/status | cut -d/ -f3)
    systemctl reload nginx || restore 'nginx did not take the new configuration'
    systemctl is-active -q nginx || restore 'nginx is not running'
    if [ -s "$new/.removed" ]; then
        # What the old workers have accepted is still to be answered, by processes that may stop next. A worker with an
        # open WebSocket would stay for as long as that does.
        for _ in $(seq 100); do
            left=
            for worker in $workers; do [ ! -d "/proc/$worker" ] || left=$worker; done
            [ -n "$left" ] || break
            sleep 0.1
        done
    fi
fi
rm -rf "$new"
