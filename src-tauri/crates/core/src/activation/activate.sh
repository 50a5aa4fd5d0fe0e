# Activates one release of one site, and goes back by itself when the release does not prove itself.
#
# Runs on the host as a transient unit, so it finishes even when the desktop or the link is gone.
# Everything it needs is in the variables and functions that Slipway writes in front of this text:
#   SITE ROOT STATE RELEASE PREVIOUS REASON H_PATH H_STATUS H_TIMEOUT H_WITHIN H_SETTLE H_HOST
#   FRONT_URL FRONT_RESOLVE GATE_PORT OVERLAP, each_added, each_previous, each_check, each_instance, each_retired, each_migrate,
#   each_before, each_after.
# Lines that begin with "@" are for Slipway, all others are what commands printed.
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 022
work=$(mktemp -d "/run/slipway/activate.XXXXXX") || exit 70
began=$(date +%s)
units_changed=no nginx_changed=no why='' failing=''
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
    printf '@endlog\n'
}

# --- health ---------------------------------------------------------------------------------------
ask() {
    if [ -z "$H_PATH" ]; then
        curl -s -o /dev/null --noproxy '*' --max-time "$H_TIMEOUT" "http://127.0.0.1:$1/"
        case $? in 0 | 52 | 56) return 0 ;; esac
        why="nothing answers on 127.0.0.1:$1"
        return 1
    fi
    code=$(curl -s -o "$work/body" --noproxy '*' --max-filesize 1048576 -w '%{http_code}' --max-time "$H_TIMEOUT" \
        -H "Host: $H_HOST" -H 'X-Forwarded-Proto: https' "http://127.0.0.1:$1$H_PATH") || {
        why="no answer from http://127.0.0.1:$1$H_PATH within $H_TIMEOUT s"
        return 1
    }
    if [ "$code" != "$H_STATUS" ]; then
        said=$(head -c 160 "$work/body" 2>/dev/null | tr -c '[:print:]' ' ')
        why="http://127.0.0.1:$1$H_PATH answered $code instead of $H_STATUS${said:+: $said}"
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
        if [ "$state" = active ] && { [ -z "$2" ] || ask "$2"; }; then return 0; fi
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
note_change() {
    case $1 in
    /etc/systemd/*) units_changed=yes ;;
    /etc/nginx/* | /etc/slipway/tls/*) nginx_changed=yes ;;
    esac
}
keep_aside() { # path, what the outgoing release put there or empty: anything else was made by hand
    [ -f "$1" ] && [ ! -L "$1" ] || return 0
    if [ -n "$2" ] && cmp -s "$2" "$1"; then return 0; fi
    mkdir -p -m 0700 "$STATE/replaced" && cp -a "$1" "$STATE/replaced/$(date +%s)$(printf %s "$1" | tr / _)"
}
install_bundle() { # release directory, other release directory or empty
    while read -r mode owner group path; do
        same "$1/config$path" "$path" "$mode" "$owner" "$group" && continue
        note_change "$path"
        printf 'install %s\n' "$path"
        keep_aside "$path" "${2:+$2/config$path}"
        put "$1/config$path" "$path" "$mode" "$owner" "$group" || {
            why="$path could not be written"
            return 1
        }
    done <"$1/config/.index"
    [ -n "$2" ] && [ -f "$2/config/.index" ] || return 0
    while read -r mode owner group path; do
        grep -qF " $path" "$1/config/.index" && cut -d' ' -f4- "$1/config/.index" | grep -qxF "$path" && continue
        [ -e "$path" ] || continue
        note_change "$path"
        printf 'remove %s\n' "$path"
        rm -f "$path"
    done <"$2/config/.index"
}
switch_to() {
    ln -sfn "releases/$1" "$ROOT/current.new" && mv -fT "$ROOT/current.new" "$ROOT/current"
}

# --- instances ------------------------------------------------------------------------------------
replace() { # unit, socket or empty, port or empty
    phase "replace:$1"
    failing=$1
    if [ -n "$2" ]; then
        systemctl enable -q "$2" 2>/dev/null
        systemctl is-active -q "$2" || systemctl start "$2" || {
            why="$2 could not be started"
            return 1
        }
    fi
    systemctl enable -q "$1" 2>/dev/null
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
    systemctl disable -q --now "$1" ${2:+"$2"} 2>/dev/null
    return 0
}
as_site() { # title, program, arguments …
    title=$1
    shift
    printf '%s\n' "$title"
    systemd-run -q --wait --pipe --collect --unit="slipway-hook-$SITE-$$" -p "User=$SITE" -p "Group=$SITE" \
        -p "WorkingDirectory=$new/code" -p "EnvironmentFile=$new/config/etc/$SITE/environment" \
        -p NoNewPrivileges=yes -p ProtectSystem=strict -p ProtectHome=yes -p PrivateTmp=yes \
        -p "ReadWritePaths=$ROOT/shared" -p "Environment=PATH=$new/env/bin:/usr/local/bin:/usr/bin:/bin HOME=$ROOT/cache" \
        -- /usr/bin/env -- "$@" </dev/null 2>&1 || {
        why="$title failed"
        return 1
    }
}

# --- the gate: the new release, alone, before it gets any traffic -----------------------------------
gate_clean() {
    systemctl stop "$SITE-gate.service" "$SITE-gate.socket" 2>/dev/null
    rm -f "/run/systemd/system/$SITE-gate.service" "/run/systemd/system/$SITE-gate.socket"
    systemctl daemon-reload
}
gate() {
    # Without a port there is none: a release that has proved itself before.
    [ -n "$GATE_PORT" ] && [ -d "$new/config/.gate" ] || return 0
    phase gate
    mkdir -p /run/systemd/system
    cp "$new"/config/.gate/* /run/systemd/system/ && systemctl daemon-reload || {
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
    ledger failed "$RELEASE" "$why"
    verdict intact "$why" 20
}
go_back() {
    reason=$why
    tail_of "$failing"
    ledger failed "$RELEASE" "$reason"
    phase back
    if [ -z "$old" ]; then
        rm -f "$ROOT/current"
        stop_new() { systemctl stop "$1" ${2:+"$2"} 2>/dev/null; }
        each_instance stop_new
        verdict restored "$reason" 21
    fi
    each_added retire
    new=$old
    units_changed=no nginx_changed=no
    install_bundle "$old" "$ROOT/releases/$RELEASE" || verdict split "$reason; going back failed: $why" 22
    [ "$units_changed" = no ] || systemctl daemon-reload
    switch_to "$PREVIOUS" || verdict split "$reason; the link to the old release could not be restored" 22
    back() { # only what was replaced, plus the one that failed
        if [ "$1" = "$failing" ] || grep -qxF "$1" "$work/replaced" 2>/dev/null || ! runs_from "$1" "$old"; then
            systemctl reset-failed "$1" 2>/dev/null
            systemctl enable -q "$1" ${2:+"$2"} 2>/dev/null
            systemctl restart "$1" && wait_healthy "$1" "$3" && runs_from "$1" "$old" || {
                printf '%s\n' "$1: $why" >>"$work/stuck"
            }
        fi
    }
    each_previous back
    if [ "$nginx_changed" = yes ]; then nginx_take_up || printf 'nginx\n' >>"$work/stuck"; fi
    if [ -s "$work/stuck" ]; then verdict split "$reason; going back failed for $(tr '\n' ' ' <"$work/stuck")" 22; fi
    ledger restored "$PREVIOUS" "$reason"
    verdict restored "$reason" 21
}

# --- the sequence -----------------------------------------------------------------------------------
: >"$work/replaced"
[ -f "$new/config/.index" ] || {
    why="release $RELEASE is not whole on this host"
    verdict intact "$why" 20
}
ledger begin "$RELEASE" "$REASON"
gate || intact
if nginx_differs "$new/config"; then
    phase nginx
    nginx_rehearse "$new/config" "$work" || {
        why='nginx refuses the new configuration'
        intact
    }
fi
phase migrate
each_migrate as_site || intact
each_before as_site || intact
phase switch
install_bundle "$new" "$old" || go_back
[ "$units_changed" = no ] || systemctl daemon-reload
switch_to "$RELEASE" || {
    why='the link to the new release could not be made'
    go_back
}
each_instance replace || go_back
# With two sets of ports, nginx asks a port that refused again only after a while: until then both sets serve.
sleep "$OVERLAP"
each_retired retire
if [ "$nginx_changed" = yes ]; then
    phase reload
    nginx_take_up || {
        why='nginx did not take the new configuration'
        go_back
    }
fi
systemctl enable -q "$SITE.target" 2>/dev/null
systemctl start "$SITE.target" 2>/dev/null
each_after as_site || go_back
phase settle
end=$(($(date +%s) + H_SETTLE))
while :; do
    each_instance still_well || go_back
    [ "$(date +%s)" -lt "$end" ] || break
    sleep 1
done
phase verify
if [ -n "$FRONT_URL" ]; then
    code=$(curl -sk -o /dev/null --noproxy '*' --max-time 10 -w '%{http_code}' --resolve "$FRONT_RESOLVE" "$FRONT_URL") || code='nothing'
    case $code in
    "$H_STATUS" | 2?? | 3?? | 401 | 403 | 404) printf 'through nginx: %s answers %s\n' "$FRONT_URL" "$code" ;;
    *)
        why="through nginx, $FRONT_URL answers $code"
        go_back
        ;;
    esac
fi
ledger good "$RELEASE" "$REASON"
verdict good "release $RELEASE is active" 0
