# The host lock. Arguments: verb, lease in seconds, then per verb: token, owner, reason.
# File: token, owner, reason, time taken, time renewed; one a line.
set -u
verb=$1 lease=$2
mkdir -p -m 0700 /run/slipway || exit 1
exec 9>/run/slipway/mutex || exit 1
flock -w 10 9 || { echo 'another process is changing the lock' >&2; exit 1; }
file=/run/slipway/lock
now=$(cut -d. -f1 /proc/uptime)
token='' owner='' reason='' taken=0 renewed=0
if [ -s "$file" ]; then
    { read -r token; read -r owner; read -r reason; read -r taken; read -r renewed; } <"$file" || true
    case $taken$renewed in *[!0-9]* | '') taken=0 renewed=0 ;; esac
fi
working=idle
if systemctl list-units --plain --no-legend --state=active,activating 'slipway-run-*.service' 2>/dev/null | grep -q .; then
    working=working
fi
left=$((renewed + lease - now))
[ "$left" -gt 0 ] || left=0
holder() { printf '%s\n%s\n%s\n%s\n%s\n' "$owner" "$reason" "$((now - taken))" "$left" "$working"; }
store() {
    printf '%s\n%s\n%s\n%s\n%s\n' "$1" "$2" "$3" "$4" "$now" >"$file.new" && mv -f "$file.new" "$file"
}
case $verb in
acquire)
    if [ -n "$token" ] && [ "$token" != "$3" ] && { [ "$left" -gt 0 ] || [ "$working" = working ]; }; then
        echo held
        holder
        exit 75
    fi
    store "$3" "$4" "$5" "$now" || exit 1
    echo ours
    if [ -n "$token" ] && [ "$token" != "$3" ]; then holder; fi
    ;;
renew)
    [ "$token" = "$3" ] || { echo "the host lock now belongs to $owner ($reason)" >&2; exit 75; }
    store "$token" "$owner" "$reason" "$taken"
    ;;
release)
    [ "$token" = "$3" ] || exit 0
    rm -f "$file"
    ;;
break)
    if [ "$working" = working ]; then
        echo held
        holder
        exit 75
    fi
    echo ours
    if [ -n "$token" ]; then holder; fi
    rm -f "$file"
    ;;
esac
