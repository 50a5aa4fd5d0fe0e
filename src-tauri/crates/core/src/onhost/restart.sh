# Restarts one unit and waits until it is up. Arguments: unit, port that must answer or nothing, seconds to wait.
set -u
unit=$1 port=$2 patience=$3
systemctl reset-failed "$unit" 2>/dev/null
systemctl restart "$unit" || {
    echo "$unit could not be restarted: $(systemctl show -p Result "$unit" 2>/dev/null | cut -d= -f2-)" >&2
    exit 1
}
end=$(($(date +%s) + patience))
while :; do
    state=$(systemctl show -p ActiveState "$unit" 2>/dev/null | cut -d= -f2-)
    if [ "$state" = active ]; then
        [ -n "$port" ] || exit 0
        curl -s -o /dev/null --noproxy '*' --max-time 5 "http://127.0.0.1:$port/" && exit 0
    fi
    if [ "$state" = failed ] || [ "$(date +%s)" -ge "$end" ]; then
        echo "$unit is $state and does not answer" >&2
        exit 1
    fi
    sleep 0.2
done
