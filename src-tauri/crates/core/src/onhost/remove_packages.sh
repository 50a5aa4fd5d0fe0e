# Removes packages that Slipway installed, and what came along only for them. Arguments: apt or dnf, then packages.
# One that something else depends on by now stays; so do configuration files, because people may have put their own there.
set -u
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
manager=$1
shift
case $manager in
apt)
    removed() { sed -n "s/^Remv \([^ ]*\) .*/\1/p"; }
    before=$(apt-get -s autoremove) && manual=$(apt-mark showmanual) || exit 1
    before=$(printf "%s\n" "$before" | removed)
    # What somebody asked for, and what nobody has needed since before: neither may go for the sake of these.
    kept_by_hand="
$manual
$before
"
    # Whether something that stays depends on a package or recommends it.
    used() { # package, newline, packages that go, newline
        users=$(apt-cache rdepends --installed --no-suggests --no-enhances --no-conflicts --no-breaks --no-replaces "$1" |
            sed "1,2d;s/^[ |]*//")
        for user in $users; do
            case $2 in *"
${user%%:*}
"*) ;; *) return 0 ;; esac
        done
        return 1
    }
    while [ "$#" -gt 0 ]; do
        all="
$(apt-get -s remove "$@" | removed | sed "s/:.*//")
"
        others=$(for name in $all; do
            found=no
            for one do [ "$one" != "$name" ] || found=yes; done
            if [ "$found" = yes ]; then continue; fi
            case $kept_by_hand in *"
$name
"*) echo "$name" && continue ;; esac
            if used "$name" "$all"; then echo "$name"; fi
        done)
        [ -n "$others" ] || break
        kept=""
        count=$#
        while [ "$count" -gt 0 ]; do
            one=$1
            shift
            count=$((count - 1))
            takes=$(apt-get -s remove "$one" | removed | sed "s/:.*//")
            stays=no
            for other in $others; do
                case "
$takes
" in *"
$other
"*) stays=yes ;; esac
            done
            if [ "$stays" = yes ]; then kept="$kept $one"; else set -- "$@" "$one"; fi
        done
        # None of them takes it alone: one of them is enough for it.
        [ -n "$kept" ] || {
            kept=" $1"
            shift
        }
        echo "stays, because something else depends on it:$kept"
    done
    [ "$#" -gt 0 ] || exit 0
    # In one transaction: after a run that was cut off, what came along only for them would be anybody's.
    new=$(apt-get -s remove --auto-remove "$@" | removed | while read -r name; do
        case "
$before
" in *"
$name
"*) ;; *) echo "$name" ;; esac
    done)
    # shellcheck disable=SC2086 # names of packages
    apt-get remove -y -q "$@" $new
    ;;
dnf)
    for one do
        shift
        if ! rpm -q "$one" >/dev/null 2>&1; then continue; fi
        set -- "$@" "$one"
    done
    while [ "$#" -gt 0 ] && ! said=$(rpm -e --test "$@" 2>&1); do
        kept=""
        # They may depend on each other: the one that somebody else needs is the one without which fewer complain.
        lines=$(printf "%s\n" "$said" | wc -l)
        count=$#
        while [ "$count" -gt 0 ]; do
            one=$1
            shift
            count=$((count - 1))
            if [ -n "$kept" ]; then
                set -- "$@" "$one"
            elif [ "$#" -eq 0 ] || rest=$(rpm -e --test "$@" 2>&1) || [ "$(printf "%s\n" "$rest" | wc -l)" -lt "$lines" ]; then
                kept=$one
            else
                set -- "$@" "$one"
            fi
        done
        count=$#
        [ -z "$kept" ] || count=0
        while [ "$count" -gt 0 ]; do
            one=$1
            shift
            count=$((count - 1))
            if [ -z "$kept" ] && ! rpm -e --test "$one" >/dev/null 2>&1; then kept=$one; else set -- "$@" "$one"; fi
        done
        [ -n "$kept" ] || { printf "%s\n" "$said" >&2; exit 1; }
        echo "stays, because something else depends on it: $kept"
    done
    [ "$#" -gt 0 ] || exit 0
    dnf remove -y "$@"
    ;;
*) exit 1 ;;
esac
