# Finds files that are newer than the process that has read them, and tells the state of units. Arguments: number of
# nginx's files, those files, number of the site's files, those files, number of instances whose processes read the latter;
# for each its unit and the slot of its generations, or nothing where the unit is the process; then other units. Prints
# "newer PROCESS FILE", "memory BYTES UNIT" and "unit LOAD ACTIVE FILE NAME" lines, then "end".
# Every plan waits for this, so it starts few programs: stat once, systemctl twice; /proc is read by the shell.
set -u
newline='
'
boot=0
while read -r key value _; do
    if [ "$key" = btime ]; then
        boot=$value
        break
    fi
done </proc/stat
ticks=$(getconf CLK_TCK)
started() { # process: $at is when it began at the latest, seconds since 1970
    line=''
    # The file is gone when the process is.
    if [ -r "/proc/$1/stat" ]; then IFS= read -r line <"/proc/$1/stat"; fi 2>/dev/null
    # A process may have any name, also with brackets and blanks; the last bracket ends it (proc(5)).
    set -f
    # shellcheck disable=SC2086 # numbers, split on purpose
    set -- ${line##*) }
    set +f
    since=0
    if [ "$#" -ge 20 ]; then
        shift 19
        since=$1
    fi
    # The kernel tells both parts cut to whole seconds: what reads a file right after it was written would seem to
    # have begun up to two seconds before.
    at=$((boot + since / ticks + 2))
}

count=$1
shift
nginx=''
while [ "$count" -gt 0 ]; do
    nginx="$nginx$1$newline"
    count=$((count - 1))
    shift
done
count=$1
shift
others=''
while [ "$count" -gt 0 ]; do
    others="$others$1$newline"
    count=$((count - 1))
    shift
done

# When each file changed: "SECONDS PATH" lines. Paths that are not there are left out, which is not newer.
IFS=$newline
set -f
# shellcheck disable=SC2086 # one path a line
changes=$(stat -c '%Y %n' -- $nginx $others 2>/dev/null)
set +f
unset IFS
newer() { # process, files, time: says which of the files are newer than that
    [ -n "$2" ] || return 0
    while read -r changed file; do
        # Nothing changed at a time that is no number: that line is the empty one at the end.
        if [ "${changed:-0}" -le "$3" ]; then continue; fi
        case $newline$2 in *"$newline$file$newline"*) printf 'newer %s %s\n' "$1" "$file" ;; esac
    done <<END
$changes
END
}

# A reload replaces nginx's workers, so they tell when it last read its files.
newest=0 master='' workers=''
if [ -r /run/nginx.pid ]; then read -r master </run/nginx.pid; fi
case $master in '' | *[!0-9]*) master=0 ;; esac
if [ -r "/proc/$master/task/$master/children" ]; then
    read -r workers <"/proc/$master/task/$master/children"
elif [ "$master" != 0 ]; then
    # A kernel without CONFIG_PROC_CHILDREN.
    workers=$(pgrep -P "$master" 2>/dev/null)
fi
for worker in $workers; do
    started "$worker"
    [ "$at" -le "$newest" ] || newest=$at
done
if [ "$newest" -gt 0 ]; then newer nginx "$nginx" "$newest"; fi

readers=$1
shift
count=$readers units='' slots='' patterns=''
while [ "$count" -gt 0 ]; do
    units="$units $1"
    # By position, so an instance without generations has a word, too.
    slots="$slots ${2:--}"
    if [ -n "$2" ]; then patterns="$patterns $2@*.service"; fi
    count=$((count - 1))
    shift 2
done
set -f
# shellcheck disable=SC2086 # names of units have no blanks
set -- $units "$@"
[ "$#" -gt 0 ] || {
    echo end
    exit 0
}
# What runs of each instance: "SLOT PROCESS RELOAD UNIT" lines. What drains, or is gone, runs an earlier release.
generations=''
generation_ends() {
    case $active in
    active | activating | reloading | refreshing)
        generations="$generations${id%%@*} ${process:-0} $reload $id $newline"
        ;;
    esac
    id='' process='' reload=no active=''
}
if [ -n "$patterns" ]; then
    # shellcheck disable=SC2086 # patterns of systemctl, split on purpose
    said=$(systemctl show -p Id -p MainPID -p NeedDaemonReload -p ActiveState -- $patterns 2>/dev/null)
    id='' process='' reload=no active=''
    while IFS= read -r line; do
        case $line in
        Id=*) id=${line#*=} ;;
        MainPID=*) process=${line#*=} ;;
        NeedDaemonReload=*) reload=${line#*=} ;;
        ActiveState=*) active=${line#*=} ;;
        '') generation_ends ;;
        esac
    done <<END
$said

END
fi
# What a process and its children hold that nothing else could give back, in bytes: what one more of them will need.
memory_of() { # process, unit
    stat='' key='' members=''
    if [ -r "/proc/$1/cgroup" ]; then
        while IFS=: read -r _ controllers path; do
            case $controllers in
            '')
                members=/sys/fs/cgroup$path/cgroup.procs
                [ -n "$key" ] || stat=/sys/fs/cgroup$path/memory.stat key=anon
                ;;
            *memory*) stat=/sys/fs/cgroup/memory$path/memory.stat key=rss ;;
            name=systemd) members=/sys/fs/cgroup/systemd$path/cgroup.procs ;;
            esac
        done <"/proc/$1/cgroup"
    fi 2>/dev/null
    if [ -r "$stat" ]; then
        while read -r name bytes; do
            if [ "$name" = "$key" ]; then
                printf 'memory %s %s\n' "$bytes" "$2"
                break
            fi
        done <"$stat"
    elif [ -r "$members" ]; then
        # Nobody counts for the group, so its processes are added up; what they share is in there more than once.
        anon=0
        while read -r pid; do
            while read -r name kib _; do
                if [ "$name" = RssAnon: ]; then
                    anon=$((anon + kib))
                    break
                fi
            done <"/proc/$pid/status"
        done <"$members"
        printf 'memory %s %s\n' "$((anon * 1024))" "$2"
    fi 2>/dev/null
}
# One block of properties for each unit, in the order asked for, with an empty line between two of them.
said=$(systemctl show -p MainPID -p NeedDaemonReload -p LoadState -p ActiveState -p UnitFileState -- "$@" 2>/dev/null)
process='' reload=no load='' active='' file=''
unit_ends() { # unit
    runs=$1
    if [ "$readers" -gt 0 ]; then
        slot=${slots# }
        slot=${slot%% *}
        slots=${slots# "$slot"}
        if [ "$slot" != - ]; then
            # The unit itself only starts them. It runs while one of them does.
            if [ "$active" != failed ]; then active=inactive; fi
            process=0
            while read -r of pid old name _; do
                [ "$of" = "$slot" ] || continue
                active=active process=$pid reload=$old runs=$name
            done <<END
$generations
END
        fi
    fi
    if [ -n "$load" ]; then printf 'unit %s %s %s %s\n' "$load" "${active:--}" "${file:--}" "$1"; fi
    if [ "$readers" -le 0 ]; then process=''; fi
    readers=$((readers - 1))
    case $process in
    '' | 0 | *[!0-9]*) ;;
    *)
        started "$process"
        newer "$runs" "$others" "$at"
        if [ "$reload" = yes ]; then printf 'newer systemd %s\n' "$runs"; fi
        memory_of "$process" "$1"
        ;;
    esac
    process='' reload=no load='' active='' file=''
}
while IFS= read -r line; do
    case $line in
    MainPID=*) process=${line#*=} ;;
    NeedDaemonReload=*) reload=${line#*=} ;;
    LoadState=*) load=${line#*=} ;;
    ActiveState=*) active=${line#*=} ;;
    UnitFileState=*) file=${line#*=} ;;
    '')
        if [ "$#" -gt 0 ]; then
            unit_ends "$1"
            shift
        fi
        ;;
    esac
done <<END
$said

END
echo end
