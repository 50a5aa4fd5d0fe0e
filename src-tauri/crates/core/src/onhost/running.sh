# Tells what each instance runs. Arguments: link to the active release, then for each instance its unit and the slot of its
# generations; without a slot, the unit is the process.
set -u
if read -r uptime _ </proc/uptime; then printf 'uptime %s\n' "$uptime"; fi
printf 'current %s\n' "$(readlink "$1" 2>/dev/null)"
shift
wanted=ActiveState,SubState,MainPID,NRestarts,MemoryCurrent,CPUUsageNSec,ActiveEnterTimestampMonotonic
tell() { # unit of the instance, unit
    state=$(systemctl show -p "$wanted" "$2" 2>/dev/null | tr '\n' ' ')
    # A generation that has ended since it was listed is no more.
    [ "$1" = "$2" ] || case " $state" in *' ActiveState=inactive '* | *' ActiveState=failed '*) return 1 ;; esac
    pid=$(printf %s "$state" | tr ' ' '\n' | sed -n 's/^MainPID=//p')
    cwd=''
    case $pid in '' | 0 | *[!0-9]*) ;; *) cwd=$(readlink "/proc/$pid/cwd" 2>/dev/null | tr -d '\n') ;; esac
    printf 'unit %s %s %scwd=%s\n' "$1" "$2" "$state" "$cwd"
}
while [ "$#" -ge 2 ]; do
    serving=no
    if [ -n "$2" ]; then
        for one in $(systemctl list-units --all --full --plain --no-legend "$2@*.service" 2>/dev/null |
            while read -r name _ state _; do printf '%s=%s\n' "$name" "$state"; done); do
            case $one in
            *=inactive | *=failed) ;;
            *=deactivating) tell "$1" "${one%=*}" ;;
            *) tell "$1" "${one%=*}" && serving=yes ;;
            esac
        done
    fi
    # Nothing of it serves: what systemd says of the instance itself.
    if [ "$serving" = no ]; then tell "$1" "$1"; fi
    shift 2
done
echo end
