# Stops units, in one transaction so that no socket starts its service again, and takes them out of the boot.
# Arguments: units. One that does not exist is stopped already. What an instance runs goes with it: S-P.I@*.service of
# S-P@I.service.
set -u
generations=''
for unit in "$@"; do
    case $unit in
    *@*.service)
        slot=${unit%.service}
        generations="$generations ${slot%%@*}.${slot#*@}@*.service"
        ;;
    esac
done
set -f
# shellcheck disable=SC2086 # patterns of systemctl, split on purpose
systemctl stop "$@" $generations 2>/dev/null
# shellcheck disable=SC2086
left=$([ -z "$generations" ] || systemctl list-units --all --full --plain --no-legend $generations 2>/dev/null | while read -r name _; do printf '%s\n' "$name"; done)
# shellcheck disable=SC2086 # names of units have no blanks
for unit in "$@" $left; do
    case $(systemctl is-active "$unit") in
    active | activating | deactivating | reloading)
        echo "$unit does not stop" >&2
        exit 1
        ;;
    esac
    systemctl disable -q "$unit" 2>/dev/null
    systemctl reset-failed "$unit" 2>/dev/null
done
exit 0
