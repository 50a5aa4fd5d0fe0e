# Activates one release of one site, and goes back by itself when the release does not prove itself.
#
# Runs on the host as a transient unit, so it finishes even when the desktop or the link is gone.
# Everything it needs is in the variables and functions that Slipway writes in front of this text:
#   SITE ROOT STATE RELEASE PREVIOUS REASON H_PATH H_STATUS H_TIMEOUT H_WITHIN H_SETTLE H_HOST
#   FRONT_URL FRONT_RESOLVE GATE_PORT GUARD_PATH GUARD_UNIT GUARD_TABLE GUARD_RULES SPARED OVERLAP HOOK_LIMIT, each_added, each_previous, each_check, each_instance, each_retired, each_migrate,
#   each_before, each_after.
# Lines that begin with "@" are for Slipway, all others are what commands printed.
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 022
work=$(mktemp -d "/run/slipway/activate.XXXXXX") || exit 70
began=$(date +%s)
units_changed=no nginx_changed=no why='' failing='' newline='
'
stage=before retired=no hooks=0 hook=''
new=$ROOT/releases/$RELEASE
old=${PREVIOUS:+$ROOT/releases/$PREVIOUS}

phase() { printf '@phase %s\n' "$1"; }
ledger() {
    printf '%s %s %s %s\n' "$(date +%s)" "$1" "$2" "$(printf %s "$3" | tr '\000-\037\177' ' ' | cut -c1-300)" >>"$STATE/ledger"
    sync -d "$STATE/ledger" 2>/dev/null || sync
}
verdict() {
    rm -rf "$work"
    printf '@verdict %s %s\n' "$1" "$2"
    exit "$3"
}
tail_of() {
    [ -n "$1" ] || return 0
    printf '@log %s\n' "$1"
    journalctl --sync 2>/dev/null
    # With --since, -n means the first lines, not the last (journalctl of systemd 252).
    journalctl -q --no-pager -o cat --since "@$began" -u "$1" 2>/dev/null | tail -n 40 | cut -c1-2000
    [ -z "$said" ] || printf 'its answer: %s\n' "$said"
    printf '@endlog\n'
}

# --- health ---------------------------------------------------------------------------------------
said=''
ask() {
    said=''
    if [ -z "$H_PATH" ]; then
        curl -s -o /dev/null --noproxy '*' --max-time "$H_TIMEOUT" "http://127.0.0.1:$1/"
        case $? in 0 | 52 | 56) return 0 ;; esac
        why="nothing answers on 127.0.0.1:$1"
        return 1
    fi
    # --max-filesize does not bound a body whose length is not announced: head does.
    rm -f "$work/head" "$work/asked"
    {
        curl -s -D "$work/head" --noproxy '*' --max-time "$H_TIMEOUT" \
            -H "Host: $H_HOST" -H 'X-Forwarded-Proto: https' "http://127.0.0.1:$1$H_PATH"
        echo "$?" >"$work/asked"
    } | head -c 1048577 >"$work/body"
    asked=''
    if [ -e "$work/asked" ]; then read -r asked <"$work/asked"; fi
    if [ "$(stat -c %s "$work/body")" -gt 1048576 ]; then
        why="http://127.0.0.1:$1$H_PATH answered with more than 1 MiB"
        return 1
    fi
    code=$(sed -n 's|^HTTP/[0-9.]* \([0-9][0-9][0-9]\).*|\1|p' "$work/head" 2>/dev/null | tail -n 1)
    if [ "$asked" != 0 ] || [ -z "$code" ]; then
        why="no answer from http://127.0.0.1:$1$H_PATH within $H_TIMEOUT s"
        return 1
    fi
    if [ "$code" != "$H_STATUS" ]; then
        said=$(head -c 1000 "$work/body" 2>/dev/null | tr -c '[:print:]' ' ')
        why="http://127.0.0.1:$1$H_PATH answered $code instead of $H_STATUS"
        return 1
    fi
    each_check
}
check() { # what it means, jq program
    jq -e "$2" "$work/body" >/dev/null 2>&1 && return 0
    why="the answer of $H_PATH does not have $1"
    return 1
}
show() { systemctl show -p "$2" "$1" 2>/dev/null | cut -d= -f2-; }
wait_healthy() { # unit, port or empty
    until_=$(($(date +%s) + H_WITHIN))
    restarts=$(show "$1" NRestarts)
    while :; do
        state=$(show "$1" ActiveState)
        why="$1 is $state"
        if [ "$state" = active ] && { [ -z "$2" ] || ask "$2"; }; then
            why=''
            return 0
        fi
        [ "$state" != failed ] || return 1
        now_restarts=$(show "$1" NRestarts)
        if [ "${now_restarts:-0}" -gt "$((${restarts:-0} + 2))" ]; then
            why="$1 keeps ending and being restarted"
            return 1
        fi
        [ "$(date +%s)" -lt "$until_" ] || return 1
        sleep 0.2
    done
}
runs_from() { # unit, release directory: the process itself says where it runs
    turn=0
    while :; do
        pid=$(show "$1" MainPID)
        case $pid in '' | 0 | *[!0-9]*)
            why="$1 has no main process"
            return 1
            ;;
        esac
        cwd=$(readlink "/proc/$pid/cwd") || cwd='unknown'
        case $cwd/ in "$2"/*) return 0 ;; esac
        why="$1 (process $pid) runs from $cwd instead of $2"
        # A process that was forked a moment ago has not gone to its directory yet.
        case $cwd in / | unknown) ;; *) return 1 ;; esac
        turn=$((turn + 1))
        [ "$turn" -le 25 ] || return 1
        sleep 0.2
    done
}

# --- files of the bundle --------------------------------------------------------------------------
# A release names its files in config/.index ("mode owner group path") and, line by line, who reads each of them in
# config/.readers. Version 0.1 wrote no readers: for its releases, and nowhere else, they are told by where files lie.
reader_of_old() { # path
    case $1 in
    /etc/systemd/*) reader=systemd ;;
    /etc/nginx/* | /etc/slipway/tls/*) reader=nginx ;;
    /etc/sudoers.d/*) reader=sudo ;;
    */guard.nft) reader=rules ;;
    *) reader=- ;;
    esac
}
index_of() { # release directory or empty: prints "mode owner group reader path" lines
    [ -n "$1" ] && [ -f "$1/config/.index" ] || return 0
    if [ -f "$1/config/.readers" ]; then
        while read -r mode owner group path <&3 && read -r reader <&4; do
            printf '%s %s %s %s %s\n' "$mode" "$owner" "$group" "$reader" "$path"
        done 3<"$1/config/.index" 4<"$1/config/.readers"
    else
        while read -r mode owner group path; do
            reader_of_old "$path"
            printf '%s %s %s %s %s\n' "$mode" "$owner" "$group" "$reader" "$path"
        done <"$1/config/.index"
    fi
}
only_in() { # index, other index: prints "reader path" of what only the first one has, and nothing else took over
    while read -r _ _ _ reader path; do
        case $SPARED in *"$newline$path$newline"*) continue ;; esac
        cut -d' ' -f5- "$2" | grep -qxF -e "$path" || printf '%s %s\n' "$reader" "$path"
    done <"$1"
}
note_change() { # who reads it
    case $1 in
    systemd) units_changed=yes ;;
    nginx) nginx_changed=yes ;;
    esac
}
keep_aside() { # path, what the outgoing release put there or empty: anything else was made by hand
    [ -f "$1" ] && [ ! -L "$1" ] || return 0
    if [ -n "$2" ] && cmp -s "$2" "$1"; then return 0; fi
    mkdir -p -m 0700 "$STATE/replaced" && cp -a "$1" "$STATE/replaced/$(date +%s)$(printf %s "$1" | tr / _)"
}
install_bundle() { # release directory, its index, other release directory or empty
    while read -r mode owner group reader path; do
        # Rules for both releases stand in this place until the ports of one of them are closed.
        if [ "$path" = "$GUARD_PATH" ]; then continue; fi
        same "$1/config$path" "$path" "$mode" "$owner" "$group" && continue
        note_change "$reader"
        printf 'install %s\n' "$path"
        keep_aside "$path" "${3:+$3/config$path}"
        put "$1/config$path" "$path" "$mode" "$owner" "$group" "$reader" || {
            why="$path could not be written"
            return 1
        }
    done <"$2"
}
drop_files() { # index of what stays, index of what was there: what only the latter has; "units" or "others"
    only_in "$2" "$1" >"$work/only"
    while read -r reader path; do
        case $reader in
        systemd) [ "$3" = units ] || continue ;;
        *) [ "$3" = others ] || continue ;;
        esac
        if [ ! -e "$path" ] || [ "$path" = "$GUARD_PATH" ]; then continue; fi
        note_change "$reader"
        printf 'remove %s\n' "$path"
        rm -f "$path"
    done <"$work/only"
}

# --- ports that processes open themselves ---------------------------------------------------------
# Rules for all ports of both releases are in force, also after a reboot, before the first new port is opened.
guard_both() {
    [ -n "$GUARD_PATH" ] || return 0
    printf '%s' "$GUARD_RULES" >"$work/rules"
    nft -f "$work/rules" || {
        why='the rules that keep ports from the network could not be loaded'
        return 1
    }
    put "$work/rules" "$GUARD_PATH" 644 root root rules || {
        why="$GUARD_PATH could not be written"
        return 1
    }
}
# The ports of one of them are closed: the rules of the other are in force. Without any, the unit goes with its rules.
guard_one() { # release directory, its index
    [ -n "$GUARD_PATH" ] || return 0
    rules=$(while read -r _ _ _ _ path; do [ "$path" != "$GUARD_PATH" ] || echo yes; done <"$2")
    if [ "$rules" = yes ]; then
        put "$1/config$GUARD_PATH" "$GUARD_PATH" 644 root root rules || return 1
        systemctl enable -q "$GUARD_UNIT" 2>/dev/null
        systemctl reload-or-restart "$GUARD_UNIT"
    else
        systemctl disable -q "$GUARD_UNIT" 2>/dev/null
        systemctl stop "$GUARD_UNIT" 2>/dev/null
        nft delete table inet "$GUARD_TABLE" 2>/dev/null
        rm -f "$GUARD_PATH"
    fi
}
switch_to() {
    ln -sfn "releases/$1" "$ROOT/current.new" && mv -fT "$ROOT/current.new" "$ROOT/current"
}

# --- instances ------------------------------------------------------------------------------------
at_boot() { # units
    for wanted do
        # Enabling has systemd read every unit again, also what is enabled already.
        [ "$units_changed" = no ] && systemctl is-enabled -q "$wanted" 2>/dev/null && continue
        systemctl enable -q "$wanted" 2>/dev/null
    done
}
# Two units cannot have one port: what has another name in the other release lets go of it first.
yield_port() { # unit, socket, port
    if [ -n "$3" ] && [ "$3" = "$port_wanted" ] && [ "$1" != "$port_for" ]; then retire "$1" "$2"; fi
}
replace() { # unit, socket or empty, port or empty
    phase "replace:$1"
    failing=$1
    port_wanted=$3 port_for=$1
    each_previous yield_port
    if [ -n "$2" ]; then
        at_boot "$2"
        if ! systemctl is-active -q "$2"; then
            # A process that opened this port itself lets go of it first; systemd starts no socket beside it.
            systemctl stop "$1" 2>/dev/null
            systemctl start "$2" || {
                why="$2 could not be started"
                return 1
            }
        fi
    fi
    at_boot "$1"
    systemctl reset-failed "$1" 2>/dev/null
    systemctl restart "$1" || {
        why="$1 did not start"
        return 1
    }
    wait_healthy "$1" "$3" && runs_from "$1" "$new" || return 1
    show "$1" InvocationID >"$work/began:$1"
    printf '%s\n' "$1" >>"$work/replaced"
    failing=''
}
uptime() { # sets itself to hundredths of a second, which no change of the clock moves
    read -r uptime _ </proc/uptime
    uptime=${uptime%.*}${uptime#*.}
}
still_well() { # unit, socket, port
    failing=$1
    state=$(show "$1" ActiveState)
    if [ "$state" != active ]; then
        why="$1 did not stay active: it is $state"
        return 1
    fi
    # One that ended and was started again between two looks did not prove itself either.
    if [ "$(show "$1" InvocationID)" != "$(cat "$work/began:$1")" ]; then
        why="$1 ended and was started again"
        return 1
    fi
    { [ -z "$3" ] || ask "$3"; } && runs_from "$1" "$new" || return 1
    failing=''
}
retire() { # unit, socket
    # One by one, the socket first: one that is not there must not keep the other running, nor start it again.
    for unit in ${2:+"$2"} "$1"; do
        systemctl disable -q "$unit" 2>/dev/null
        systemctl stop "$unit" 2>/dev/null
    done
    return 0
}
retire_socket() { # socket
    # One that could not be started may be enabled.
    systemctl disable -q "$1" 2>/dev/null
    systemctl stop "$1" 2>/dev/null
    return 0
}
as_site() { # title, program, arguments …
    title=$1
    shift
    printf '%s\n' "$title"
    hooks=$((hooks + 1))
    hook=slipway-hook-$SITE-$$-$hooks
    systemd-run -q --wait --pipe --collect --unit="$hook" -p "RuntimeMaxSec=$HOOK_LIMIT" -p "User=$SITE" -p "Group=$SITE" \
        -p "WorkingDirectory=$new/code" -p "EnvironmentFile=$new/config/etc/$SITE/environment" \
        -p NoNewPrivileges=yes -p ProtectSystem=strict -p ProtectHome=yes -p PrivateTmp=yes \
        -p "ReadWritePaths=$ROOT/shared" -p "Environment=PATH=$new/env/bin:/usr/local/bin:/usr/bin:/bin HOME=$ROOT/cache" \
        -- /usr/bin/env -- "$@" </dev/null 2>&1 || {
        why="$title failed"
        return 1
    }
    hook=''
}

# --- the gate: the new release, alone, before it gets any traffic -----------------------------------
gate_clean() { # the files that were put there, and no others
    [ -e "$work/gate" ] || return 0
    systemctl stop "$SITE-gate.service" "$SITE-gate.socket" 2>/dev/null
    while read -r path; do rm -f "$path"; done <"$work/gate"
    rm -f "$work/gate"
    systemctl daemon-reload
}
gate_files() { # each to its place below /run
    (cd "$new/config/.gate" && find run -type f) >"$work/gate.list" && [ -s "$work/gate.list" ] || return 1
    sed 's|^|/|' "$work/gate.list" >"$work/gate"
    while read -r path; do
        case $path in
        /run/slipway/*) mkdir -p -m 0700 /run/slipway ;;
        *) mkdir -p "$(dirname "$path")" ;;
        esac && put "$new/config/.gate$path" "$path" "$(stat -c %a "$new/config/.gate$path")" root root - || return 1
    done <"$work/gate"
    systemctl daemon-reload
}
gate() {
    # Without a port there is none: a release that has proved itself before.
    [ -n "$GATE_PORT" ] && [ -d "$new/config/.gate" ] || return 0
    phase gate
    # One that was left over by an activation that died would be taken for this one.
    systemctl stop "$SITE-gate.service" "$SITE-gate.socket" 2>/dev/null
    gate_files || {
        gate_clean
        why='the gate could not be set up'
        return 1
    }
    failing=$SITE-gate.service
    systemctl reset-failed "$SITE-gate.service" 2>/dev/null
    if [ -e "/run/systemd/system/$SITE-gate.socket" ]; then systemctl start "$SITE-gate.socket"; fi
    if ! systemctl start "$SITE-gate.service"; then
        why='the new release does not start'
    elif wait_healthy "$SITE-gate.service" "$GATE_PORT" && runs_from "$SITE-gate.service" "$new"; then
        failing=''
        gate_clean
        return 0
    fi
    tail_of "$failing"
    gate_clean
    failing=''
    return 1
}

# --- going back -------------------------------------------------------------------------------------
intact() {
    trap '' TERM HUP INT
    # No port of the new release is open any more.
    if [ -n "$old" ]; then guard_one "$old" "$work/old.index" || printf 'the rules of the previous release could not be loaded\n'; fi
    ledger failed "$RELEASE" "$why"
    verdict intact "$why" 20
}
split() {
    ledger failed "$RELEASE" "$reason"
    verdict split "$reason; $1" 22
}
go_back() {
    # From here on there is one way only, and its end is awaited.
    trap '' TERM HUP INT
    reason=$why
    ledger back "$RELEASE" "$reason"
    tail_of "$failing"
    phase back
    if [ -z "$old" ]; then
        rm -f "$ROOT/current"
        systemctl disable -q "$SITE.target" 2>/dev/null
        systemctl stop "$SITE.target" 2>/dev/null
        each_instance retire
        ledger failed "$RELEASE" "$reason"
        verdict restored "$reason" 21
    fi
    went=$new
    new=$old
    units_changed=no
    # By now the rules may be those of the new release alone, or gone.
    guard_both || split "going back failed: $why"
    install_bundle "$old" "$work/old.index" "$went" || split "going back failed: $why"
    drop_files "$work/old.index" "$work/new.index" others
    [ "$units_changed" = no ] || systemctl daemon-reload
    switch_to "$PREVIOUS" || split 'the link to the old release could not be restored'
    back() { # only what was replaced, plus the one that failed
        if [ "$1" = "$failing" ] || grep -qxF "$1" "$work/replaced" 2>/dev/null || ! runs_from "$1" "$old"; then
            systemctl reset-failed "$1" 2>/dev/null
            port_wanted=$3 port_for=$1
            each_instance yield_port
            # A socket that only the new release has would keep the port from a process that opens it itself.
            if [ -z "$2" ]; then retire_socket "${1%.service}.socket"; fi
            at_boot "$1" ${2:+"$2"}
            systemctl restart "$1" && wait_healthy "$1" "$3" && runs_from "$1" "$old" || {
                printf '%s\n' "$1: $why" >>"$work/stuck"
            }
        fi
    }
    each_previous back
    if [ "$nginx_changed" = yes ]; then nginx_take_up || printf 'nginx\n' >>"$work/stuck"; fi
    # What the new release added serves until the old set is back, and has been found by nginx.
    [ "$retired" = no ] || sleep "$OVERLAP"
    each_added retire
    guard_one "$old" "$work/old.index" || printf '%s\n' "$GUARD_UNIT" >>"$work/stuck"
    units_changed=no
    drop_files "$work/old.index" "$work/new.index" units
    [ "$units_changed" = no ] || systemctl daemon-reload
    if [ -s "$work/stuck" ]; then split "going back failed for $(tr '\n' ' ' <"$work/stuck")"; fi
    ledger failed "$RELEASE" "$reason"
    ledger restored "$PREVIOUS" "$reason"
    verdict restored "$reason" 21
}

told_to_stop() {
    trap '' TERM HUP INT
    # A program that was cut off by the same signal failed because of it.
    why='the activation was told to stop'
    failing=''
    [ -z "$hook" ] || systemctl stop "$hook.service" 2>/dev/null
    [ "$stage" = before ] || go_back
    gate_clean
    intact
}

# --- the sequence -----------------------------------------------------------------------------------
: >"$work/replaced"
[ -f "$new/config/.index" ] || {
    why="release $RELEASE is not whole on this host"
    verdict intact "$why" 20
}
[ -z "$old" ] || [ -f "$old/config/.index" ] || {
    why="release $PREVIOUS, which is live, is not whole on this host"
    verdict intact "$why" 20
}
index_of "$new" >"$work/new.index" && index_of "$old" >"$work/old.index" && {
    only_in "$work/old.index" "$work/new.index" | while read -r reader path; do
        [ "$reader" != nginx ] || [ ! -e "$path" ] || printf '%s\n' "$path"
    done
} >"$work/nginx.gone" || {
    why='the list of its files could not be read'
    verdict intact "$why" 20
}
trap told_to_stop TERM HUP INT
ledger begin "$RELEASE" "$REASON"
[ -z "$GUARD_PATH" ] || phase guard
guard_both || intact
gate || intact
if nginx_differs "$new/config" "$work/new.index" || [ -s "$work/nginx.gone" ]; then
    phase nginx
    nginx_rehearse "$new/config" "$work/new.index" "$work" "$work/nginx.gone" || {
        why='nginx refuses the new configuration'
        intact
    }
fi
phase migrate
each_migrate as_site || intact
each_before as_site || intact
phase switch
stage=after
install_bundle "$new" "$work/new.index" "$old" || go_back
drop_files "$work/new.index" "$work/old.index" others
[ "$units_changed" = no ] || systemctl daemon-reload
switch_to "$RELEASE" || {
    why='the link to the new release could not be made'
    go_back
}
each_instance replace || go_back
# With two sets of ports, nginx asks a port that refused again only after a while: until then both sets serve.
sleep "$OVERLAP"
retired=yes
each_retired retire
guard_one "$new" "$work/new.index" || {
    why='the rules that keep ports from the network could not be loaded'
    go_back
}
units_changed=no
drop_files "$work/new.index" "$work/old.index" units
[ "$units_changed" = no ] || systemctl daemon-reload
if [ "$nginx_changed" = yes ]; then
    phase reload
    nginx_take_up || {
        why='nginx did not take the new configuration'
        go_back
    }
fi
at_boot "$SITE.target"
systemctl start "$SITE.target" 2>/dev/null
each_after as_site || go_back
# Where there is no instance, there is nothing that could fall over.
if [ -n "$H_SETTLE" ]; then
    phase settle
    uptime
    end=$((uptime + H_SETTLE * 100))
    while :; do
        each_instance still_well || go_back
        uptime
        left=$((end - uptime))
        [ "$left" -gt 0 ] || break
        if [ "$left" -ge 100 ]; then sleep 1; else sleep "0.$(printf %02d "$left")"; fi
    done
fi
phase verify
# A reload is not instantaneous: until its new workers answer, nginx serves as it did before, or refuses a port that is new.
front() {
    code=$(curl -sk -o /dev/null --noproxy '*' --max-time 10 -w '%{http_code}' --resolve "$FRONT_RESOLVE" "$FRONT_URL") || code='nothing'
    # Without a path to ask for, nobody knows what the application says to "/"; that it says something is enough.
    case ${H_PATH:+path}:$code in
    *:"$H_STATUS" | *:3?? | *:401 | *:403 | :2?? | :404) return 0 ;;
    esac
    why="through nginx, $FRONT_URL answers $code"
    return 1
}
if [ -n "$FRONT_URL" ]; then
    patience=$(($(date +%s) + 10))
    until front; do
        if [ "$(date +%s)" -ge "$patience" ]; then go_back; fi
        sleep 0.2
    done
    why=''
    printf 'through nginx: %s answers %s\n' "$FRONT_URL" "$code"
fi
trap '' TERM HUP INT
ledger good "$RELEASE" "$REASON"
verdict good "release $RELEASE is active" 0
