# Digests of files that were checked once. Part of every program that needs them.
# Beside a directory that was sent, and that only root can write to, lies a list of what its files held when they came:
# inode, bytes, time of the last change, mode, owner, path; a tab; sha256. A file that is still the same in all of these is not
# read again: nobody but root could have changed it, and who changes a file also changes its time.
seen() { # directory, file of names: says what is in it, as the list does
    (cd -- "$1" && xargs -r -d '\n' stat -c '%i %s %.10Y %a %u %n' -- <"$2")
}
listed() { # file of lines "sha256  name", file of what is seen: says the list
    LC_ALL=C awk '
        FILENAME == ARGV[1] { digest[substr($0, 67)] = substr($0, 1, 64) }
        FILENAME == ARGV[2] {
            path = $0
            sub(/^[^ ]* [^ ]* [^ ]* [^ ]* [^ ]* /, "", path)
            if (path in digest) print $0 "\t" digest[path]
        }
    ' "$1" "$2"
}
# Says "sha256  name" for each of some names, from the list where it knows, else by reading the files.
digests() { # list, directory, what is seen in it, file of names, folder for temporary files
    : >"$5/known"
    if [ -f "$1" ]; then
        LC_ALL=C awk '
            FILENAME == ARGV[1] { if (at = index($0, "\t")) digest[substr($0, 1, at - 1)] = substr($0, at + 1) }
            FILENAME == ARGV[2] && $0 in digest {
                path = $0
                sub(/^[^ ]* [^ ]* [^ ]* [^ ]* [^ ]* /, "", path)
                of[path] = digest[$0]
            }
            FILENAME == ARGV[3] && $0 in of { print of[$0] "  " $0 }
        ' "$1" "$3" "$4" >"$5/known" || return 1
    fi
    cat "$5/known" || return 1
    cut -c 67- "$5/known" | LC_ALL=C sort >"$5/named"
    LC_ALL=C sort "$4" | LC_ALL=C comm -13 "$5/named" - >"$5/unknown"
    (cd -- "$2" && xargs -r -d '\n' sha256sum -- <"$5/unknown")
}
