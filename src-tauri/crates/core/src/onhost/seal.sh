# Turns a built release into one that nobody but root can change. Arguments: building directory, release directory,
# site, environment directory or "-", then pairs: link inside the code, target.
set -u
building=$1 release=$2 site=$3 environment=$4
shift 4
chown root:root "$building" && chmod 0700 "$building" || exit 1
while [ "$#" -ge 2 ]; do
    link=$building/code/$1
    # The code came from outside: what it put in the way of a link is replaced only when it is empty or a link itself.
    if [ -L "$link" ]; then rm -f "$link"; elif [ -d "$link" ]; then rmdir "$link" || {
        echo "$1 exists in the source and is not empty; it cannot become a link to the shared directory" >&2
        exit 1
    }; fi
    parent=$(dirname "$link")
    case $(realpath -m "$parent") in "$building/code" | "$building"/code/*) ;; *)
        echo "$1 leads out of the source" >&2
        exit 1
        ;;
    esac
    mkdir -p "$parent" && ln -s "$2" "$link" || exit 1
    shift 2
done
if [ "$environment" != - ]; then ln -sfn "../../envs/$(basename "$environment")" "$building/env" || exit 1; fi
chown -Rh root:root "$building/code" && chmod -R u=rwX,go=rX,go-s "$building/code" || exit 1
chown "root:$site" "$building/config" && chmod 0750 "$building/config" || exit 1
find "$building/config" -mindepth 1 -type d -exec chown "root:$site" {} + -exec chmod 0750 {} + || exit 1
chmod 0755 "$building" || exit 1
if command -v restorecon >/dev/null 2>&1; then restorecon -RF "$building" 2>/dev/null; fi
sync -f "$building" 2>/dev/null
mv -T "$building" "$release"
