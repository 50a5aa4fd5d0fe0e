# The gate: each process of the new release runs once, alone, before its release gets any traffic.
gating='' gating_port=''
# What serves has no visitors, so nothing is lost by ending it at once. What takes work from a queue may have taken some.
end_gate() {
    [ -n "$gating" ] || return 0
    if [ -n "$gating_port" ]; then
        systemctl kill -s KILL "$gating" 2>/dev/null
        systemctl stop "${gating%.service}.socket" "$gating" 2>/dev/null
    else
        systemctl stop --no-block "$gating" 2>/dev/null
    fi
    systemctl reset-failed "$gating" 2>/dev/null
    gating=''
}
gate_clean() { # the files that were put there, and no others
    end_gate
    [ -e "$work/gate" ] || return 0
    while read -r path; do rm -f "$path"; done <"$work/gate"
    rm -f "$work/gate"
    systemctl daemon-reload
}
gate_files() { # each to its place below /run
    [ ! -e "$work/gate" ] || return 0
    (cd "$new/config/.gate" && find run -type f) >"$work/gate.list" && [ -s "$work/gate.list" ] || return 1
    sed 's|^|/|' "$work/gate.list" >"$work/gate"
    # One that was left over by an activation that died would be taken for this one.
    # shellcheck disable=SC2046 # names of units have no blanks
    systemctl stop $(sed -n 's|^/run/systemd/system/||p' "$work/gate") 2>/dev/null
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
    gating=$2 gating_port=$3
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
        end_gate
        return 0
    fi
    tail_of "$2"
    gate_clean
    return 1
}
