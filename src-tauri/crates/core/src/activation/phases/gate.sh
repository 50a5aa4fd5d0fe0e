# The gate: each process of the new release runs once, alone, before its release gets any traffic.
gate_clean() { # the files that were put there, and no others
    [ -e "$work/gate" ] || return 0
    # shellcheck disable=SC2046 # names of units have no blanks
    end_gate $(sed -n 's|^/run/systemd/system/||p' "$work/gate")
    while read -r path; do rm -f "$path"; done <"$work/gate"
    rm -f "$work/gate"
    systemctl daemon-reload
}
# It has no visitors, so nothing is lost by ending at once what serves. What takes work from a queue may have taken some.
end_gate() { # units
    for gate do
        case $gate in
        *.socket) systemctl kill -s KILL "${gate%.socket}.service" 2>/dev/null ;;
        esac
    done
    systemctl stop "$@" 2>/dev/null
    systemctl reset-failed "$@" 2>/dev/null
    return 0
}
gate_files() { # each to its place below /run
    [ ! -e "$work/gate" ] || return 0
    (cd "$new/config/.gate" && find run -type f) >"$work/gate.list" && [ -s "$work/gate.list" ] || return 1
    sed 's|^|/|' "$work/gate.list" >"$work/gate"
    # One that was left over by an activation that died would be taken for this one.
    # shellcheck disable=SC2046 # names of units have no blanks
    end_gate $(sed -n 's|^/run/systemd/system/||p' "$work/gate")
    while read -r path; do
        mkdir -p "$(dirname "$path")" && put "$new/config/.gate$path" "$path" "$(stat -c %a "$new/config/.gate$path")" root root - || return 1
    done <"$work/gate"
    systemctl daemon-reload
}
gate() { # process, unit, port or empty
    gate_files || {
        gate_clean
        why='the gate could not be set up'
        return 1
    }
    failing=$2
    if [ -e "/run/systemd/system/${2%.service}.socket" ]; then
        systemctl start "${2%.service}.socket" || {
            why="nothing can listen on the gate's port $3"
            gate_clean
            return 1
        }
    fi
    if ! systemctl start "$2"; then
        why='the new release does not start'
    elif wait_well "$2" "$3" "$1"; then
        failing=''
        if [ -n "$3" ]; then
            systemctl kill -s KILL "$2" 2>/dev/null
            systemctl stop "${2%.service}.socket" "$2" 2>/dev/null
        else
            systemctl stop --no-block "$2"
        fi
        return 0
    fi
    tail_of "$failing"
    gate_clean
    failing=''
    return 1
}
