# Tells what each unit runs. Arguments: link to the active release, then units.
set -u
if read -r uptime _ </proc/uptime; then printf 'uptime %s\n' "$uptime"; fi
printf 'current %s\n' "$(readlink "$1" 2>/dev/null)"
shift
for unit in "$@"; do
    state=$(systemctl show -p ActiveState,SubState,MainPID,NRestarts,MemoryCurrent,CPUUsageNSec,ActiveEnterTimestampMonotonic "$unit" 2>/dev/null | tr '\n' ' ')
    pid=$(printf %s "$state" | tr ' ' '\n' | sed -n 's/^MainPID=//p')
    cwd=''
    case $pid in '' | 0 | *[!0-9]*) ;; *) cwd=$(readlink "/proc/$pid/cwd" 2>/dev/null | tr -d '\n') ;; esac
    printf 'unit %s %scwd=%s\n' "$unit" "$state" "$cwd"
done
echo end
