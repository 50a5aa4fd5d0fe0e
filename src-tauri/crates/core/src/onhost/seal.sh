# Turns a built release into one that nobody but root can change. Arguments: building directory, release directory,
# site, who built it, environment directory or "-", then pairs: link inside the code, target; or path of the code that nginx serves, "".
# Needs take.sh and links.sh.
set -u
building=$1 release=$2 site=$3 builder=$4 environment=$5
shift 5
chown root:root "$building" && chmod 0700 "$building" || exit 1
# First of all the tree becomes root's: what is looked at afterwards stays as it was seen.
take "$building/code" "$builder" || exit 1
if [ -L "$building/code" ] || [ ! -d "$building/code" ]; then
    echo "the release has no code" >&2
    exit 1
fi
rm -rf -- "${building:?}/home" || exit 1
while [ "$#" -ge 2 ] && [ -n "$2" ]; do
    name=${1%/}
    case /$name/ in *//* | */./* | */../*)
        echo "$1 is no path inside the source" >&2
        exit 1
        ;;
    esac
    # The code came from outside: no directory on the way may be a link, wherever it leads.
    parent=$building/code rest=$name
    while :; do
        case $rest in */*) ;; *) break ;; esac
        parent=$parent/${rest%%/*} rest=${rest#*/}
        if [ -L "$parent" ]; then
            echo "$1 leads through a symbolic link of the source" >&2
            exit 1
        fi
        [ -d "$parent" ] || mkdir -m 0755 "$parent" || exit 1
    done
    link=$parent/$rest
    # What the source put in the way of a link is replaced only when it is empty or a link itself.
    if [ -L "$link" ]; then rm -f "$link" || exit 1; elif [ -d "$link" ]; then rmdir "$link" || {
        echo "$1 exists in the source and is not empty; it cannot become a link to the shared directory" >&2
        exit 1
    }; fi
    ln -sT "$2" "$link" || exit 1
    shift 2
done
[ "$#" -eq 0 ] || judge_links "$building/code" "${release%/*/*}/shared" "$@" || exit 1
if [ "$environment" != - ]; then ln -sfnT "../../envs/$(basename "$environment")" "$building/env" || exit 1; fi
chown "root:$site" "$building/config" && chmod 0750 "$building/config" || exit 1
find "$building/config" -mindepth 1 -type d -exec chown "root:$site" {} + -exec chmod 0750 {} + || exit 1
chmod 0755 "$building" || exit 1
if command -v restorecon >/dev/null 2>&1; then restorecon -RF "$building" 2>/dev/null; fi
sync -f "$building" 2>/dev/null
mv -T "$building" "$release"
