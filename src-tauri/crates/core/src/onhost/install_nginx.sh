# Installs nginx files from a configuration directory: rehearse, put, take up; or everything as it was.
# Argument: configuration directory.
set -u
new=$1
work=$(mktemp -d /run/slipway/nginx.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
nginx_rehearse "$new" "$work" || {
    echo 'nginx refuses the new configuration; nothing was changed' >&2
    exit 20
}
mkdir "$work/old"
restore() {
    while read -r mode owner group path; do
        key=$(printf %s "$path" | tr / _)
        if [ -e "$work/old/$key" ]; then cp -a "$work/old/$key" "$path"; else rm -f "$path"; fi
    done <"$new/.index"
    systemctl is-active -q nginx && systemctl reload nginx
    echo "$1; the old configuration is back" >&2
    exit 21
}
while read -r mode owner group path; do
    key=$(printf %s "$path" | tr / _)
    [ ! -e "$path" ] || cp -a "$path" "$work/old/$key" || exit 1
done <"$new/.index"
while read -r mode owner group path; do
    put "$new$path" "$path" "$mode" "$owner" "$group" || restore "$path could not be written"
done <"$new/.index"
nginx_take_up || restore 'nginx did not take the new configuration'
systemctl is-active -q nginx || restore 'nginx is not running'
rm -rf "$new"
