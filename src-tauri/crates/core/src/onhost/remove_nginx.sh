# Takes nginx files away: rehearse the tree without them, remove them, reload; or everything as it was.
# Arguments: directory that keeps what was there (or "-"), files below /etc/nginx.
# Standard input: their digests as sha256sum prints them.
set -u
keep=$1
shift
sha256sum -c --status - || {
    echo 'a file of nginx is no longer what the plan was made for' >&2
    exit 76
}
mkdir -p -m 0700 /run/slipway && work=$(mktemp -d /run/slipway/nginx.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
: >"$work/.index"
nginx_rehearse "$work" "$work" "$@" || {
    echo 'nginx refuses its configuration without this site; nothing was changed' >&2
    exit 20
}
mkdir "$work/old"
restore() {
    for path in "$@"; do cp -a "$work/old/$(printf %s "$path" | tr / _)" "$path"; done
    systemctl is-active -q nginx && systemctl reload nginx
    echo 'nginx did not take the configuration without this site; the old one is back' >&2
    exit 21
}
for path in "$@"; do
    cp -a "$path" "$work/old/$(printf %s "$path" | tr / _)" || exit 1
done
if [ "$keep" != - ]; then
    mkdir -p -m 0700 "$keep" && for path in "$@"; do
        cp -a "$path" "$keep/$(date +%s)$(printf %s "$path" | tr / _)" || exit 1
    done || exit 1
fi
rm -f -- "$@" || restore "$@"
systemctl is-active -q nginx || exit 0
master=$(systemctl show -p MainPID nginx | cut -d= -f2)
workers=$(grep -ls "^PPid:[[:space:]]*$master\$" /proc/[0-9]*/status | cut -d/ -f3)
systemctl reload nginx || restore "$@"
# What the old workers have accepted is still to be answered, by processes that stop next. A worker with an open
# WebSocket would stay for as long as that does.
for _ in $(seq 100); do
    left=
    for worker in $workers; do [ ! -d "/proc/$worker" ] || left=$worker; done
    [ -n "$left" ] || break
    sleep 0.1
done
exit 0
