# Whether a process works: what it answers on its port, what its own check says, whether it stays up.
said='' code=''
ask() { # port
    said='' code=''
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
        code=''
        why="no answer from http://127.0.0.1:$1$H_PATH within $H_TIMEOUT s"
        return 1
    fi
    if [ "$code" != "$H_STATUS" ]; then
        said=$(head -c 1000 "$work/body" 2>/dev/null | tr -c '[:print:]' ' ')
        redirect_of "$work/head"
        why="http://127.0.0.1:$1$H_PATH answered $code$redirect instead of $H_STATUS"
        return 1
    fi
    each_check
}
redirect_of() { # file with the head of an answer: sets $redirect to " (to …)" where it leads elsewhere
    redirect=$(sed -n 's/^[Ll][Oo][Cc][Aa][Tt][Ii][Oo][Nn]:[[:space:]]*//p' "$1" 2>/dev/null | tail -n 1 | tr -cd '[:print:]' | cut -c1-300)
    redirect=${redirect:+ (to $redirect)}
}
check() { # what it means, jq program
    jq -e "$2" "$work/body" >/dev/null 2>&1 && return 0
    why="the answer of $H_PATH does not have $1"
    return 1
}
# What has answered wrongly for so long, in hundredths of a second, will not change its mind: it is up, and 503, which means
# "not yet", is waited for.
STEADY=500
# A process without a port must have been up for so long before it is asked, or counts as started.
UP=100
wait_well() { # unit, port or empty, process
    uptime
    patience=$((uptime + H_WITHIN * 100)) up_since='' wrong='' wrong_since=0
    restarts=$(show "$1" NRestarts)
    while :; do
        state=$(show "$1" ActiveState)
        why="$1 is $state"
        uptime
        if [ "$state" != active ]; then
            up_since='' wrong=''
        elif [ -n "$2" ]; then
            if ask "$2" && own_check "$3"; then
                why=''
                return 0
            fi
            case $code in
            '' | 503) wrong='' ;;
            "$wrong") [ "$((uptime - wrong_since))" -lt "$STEADY" ] || return 1 ;;
            *) wrong=$code wrong_since=$uptime ;;
            esac
        else
            up_since=${up_since:-$uptime}
            why="$1 was up for less than $((UP / 100)) s"
            if [ "$((uptime - up_since))" -ge "$UP" ] && own_check "$3"; then
                why=''
                return 0
            fi
        fi
        case $state in failed | inactive) return 1 ;; esac
        now_restarts=$(show "$1" NRestarts)
        if [ "${now_restarts:-0}" -gt "$((${restarts:-0} + 2))" ]; then
            why="$1 keeps ending and being restarted"
            return 1
        fi
        uptime
        [ "$uptime" -lt "$patience" ] || return 1
        sleep 0.2
    done
}
# A process of version 0.1 says itself where it runs: its unit has the same name in every release.
runs_from() { # unit, release directory
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
