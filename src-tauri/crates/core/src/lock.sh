# The host lock. Arguments: verb, lease in seconds, then per verb: token, owner, reason, tokens of dead runs.
# File: token, owner, reason, time taken, time renewed, sessions that have worked under it; one a line.
set -u
verb=$1 lease=$2
mkdir -p -m 0700 /run/slipway || exit 1
exec 9>/run/slipway/mutex || exit 1
flock -w 10 9 || { echo 'another process is changing the lock' >&2; exit 1; }
file=/run/slipway/lock
now=$(cut -d. -f1 /proc/uptime)
token='' owner='' reason='' taken=0 renewed=0 sessions=''
if [ -s "$file" ]; then
    { read -r token; read -r owner; read -r reason; read -r taken; read -r renewed; read -r sessions; } <"$file" || true
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
    printf '%s\n%s\n%s\n%s\n%s\n%s\n' "$1" "$2" "$3" "$4" "$now" "$5" >"$file.new" && mv -f "$file.new" "$file"
}
session() { # sets sid to that of a process: what sshd began for one channel, with all that came of it
    sid='' line=''
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    # Field 6 of proc_pid_stat(5). The name before them may hold anything.
    # shellcheck disable=SC2086 # numbers, split on purpose
    set -- ${line##*) }
    sid=${4:-}
}
session $$ && own=$sid || own=unknown
left_alone() { # whether nothing is left of the sessions that have worked under the lock
    for process in /proc/[0-9]*; do
        session "${process#/proc/}" || continue
        case " $sessions " in *" $sid "*) return 1 ;; esac
    done
}
gone() { # tokens of dead runs: whether the holder is one of them, and what it began has ended
    case $sessions in '' | *[!0-9\ ]*) return 1 ;; esac
    for dead do
        [ "$dead" = "$token" ] || continue
        # Its last command may still be ending.
        for try in 1 2 3 4 5 6 7 8 9 10; do
            if left_alone; then return 0; fi
            [ "$try" = 10 ] || sleep 0.2
        done
    done
    return 1
}
case $verb in
acquire)
    mine=$3 by=$4 for=$5
    shift 5
    if [ -n "$token" ] && [ "$token" != "$mine" ] && { [ "$left" -gt 0 ] || [ "$working" = working ]; }; then
        if [ "$working" = working ] || [ "$owner" != "$by" ] || ! gone "$@"; then
            echo held
            holder
            exit 75
        fi
    fi
    store "$mine" "$by" "$for" "$now" "$own" || exit 1
    echo ours
    if [ -n "$token" ] && [ "$token" != "$mine" ]; then holder; fi
    ;;
renew)
    [ "$token" = "$3" ] || { echo "the host lock now belongs to $owner ($reason)" >&2; exit 75; }
    # Another connection of the same run is another session.
    case " $sessions " in *" $own "*) ;; *) sessions="$sessions $own" ;; esac
    store "$token" "$owner" "$reason" "$taken" "${sessions# }"
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
