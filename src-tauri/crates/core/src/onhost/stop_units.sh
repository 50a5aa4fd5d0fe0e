# Stops units, in one transaction so that no socket starts its service again, and takes them out of the boot.
# Arguments: units. One that does not exist is stopped already.
set -u
systemctl stop "$@" 2>/dev/null
for unit in "$@"; do
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
