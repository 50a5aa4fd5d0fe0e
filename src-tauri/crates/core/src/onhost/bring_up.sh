# Starts or restarts one instance and waits until it is up. Arguments: start or restart, its unit, the slot of its generations
# or nothing, port that must answer or nothing, seconds to wait.
set -u
verb=$1 unit=$2 slot=$3 port=$4 patience=$5
generations() { # those that run or start
    systemctl list-units --all --full --plain --no-legend "$slot@*.service" 2>/dev/null | while read -r name _ state _; do
        case $state in failed | inactive | deactivating) ;; *) printf '%s\n' "$name" ;; esac
    done
}
process=$unit
if [ -n "$slot" ]; then process=$(generations | tail -n 1); fi
systemctl reset-failed "$unit" 2>/dev/null
if [ "$verb" = restart ] && [ -n "$process" ]; then
    systemctl restart "$process"
else
    systemctl start "$unit"
fi || {
    echo "$unit could not be ${verb}ed: $(systemctl show -p Result "${process:-$unit}" 2>/dev/null | cut -d= -f2-)" >&2
    exit 1
}
end=$(($(date +%s) + patience))
while :; do
    process=$unit
    if [ -n "$slot" ]; then process=$(generations | tail -n 1); fi
    state=$(systemctl show -p ActiveState "${process:-$unit}" 2>/dev/null | cut -d= -f2-)
    if [ "$state" = active ]; then
        [ -n "$port" ] || exit 0
        curl -s -o /dev/null --noproxy '*' --max-time 5 "http://127.0.0.1:$port/" && exit 0
    fi
    if [ "$state" = failed ] || [ "$(date +%s)" -ge "$end" ]; then
        echo "${process:-$unit} is $state and does not answer" >&2
        exit 1
    fi
    sleep 0.2
done
