# Which sockets a unit's processes hold.
sockets_of() { # port, state in hexadecimal: those with that port at this end, as /proc names them (proc_net_tcp(5))
    awk -v port=":$(printf %04X "$1")\$" -v state="$2" '$2 ~ port && $4 == state { print "socket:[" $10 "]" }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
}
holds() { # unit, sockets, one a line
    [ -n "$2" ] || return 1
    group=$(systemctl show -p ControlGroup "$1" | cut -d= -f2-)
    for top in /sys/fs/cgroup /sys/fs/cgroup/systemd; do
        [ ! -r "$top$group/cgroup.procs" ] || while read -r pid; do
            for one in "/proc/$pid/fd/"*; do readlink "$one"; done 2>/dev/null
        done <"$top$group/cgroup.procs"
    done | grep -qxF "$2"
}
