# Digests of files that were checked once. Part of every program that needs them.
# Beside a directory that was sent, and that only root can write to, lies a list of what its files held when they came:
# inode, bytes, time of the last change, mode, owner, path; a tab; sha256. A file that is still the same in all of these is not
# read again: nobody but root could have changed it, and who changes a file also changes its time.
seen() { # directory; reads paths: says what is there, as the list does
    (cd -- "$1" && xargs -r -d '\n' stat -c '%i %s %.10Y %a %u %n' --)
}
named() { # list, digits: says of each of its files "=" and the first digits of its digest, mode, owner, path
    LC_ALL=C awk -F '\t' -v digits="$2" 'NF == 2 && length($2) == 64 {
        split($1, word, " ")
        path = substr($1, length(word[1] word[2] word[3] word[4] word[5]) + 6)
        print "=" substr($2, 1, digits), word[4], word[5], path
    }' "$1"
}
# Says "sha256  path" for each file that is as the list says.
known() { # list, file for what it says of these, file for the paths of the others; reads what is seen
    true >"$2" && true >"$3" || return 1
    list=$1 known=$2 unknown=$3 LC_ALL=C awk '
        BEGIN {
            while ((getline line <ENVIRON["list"]) > 0)
                if (at = index(line, "\t")) digest[substr(line, 1, at - 1)] = substr(line, at + 1)
        }
        {
            path = substr($0, length($1 $2 $3 $4 $5) + 6)
            if ($0 in digest) {
                print digest[$0] "  " path
                print $0 "\t" digest[$0] >ENVIRON["known"]
            } else print path >ENVIRON["unknown"]
        }'
}
listed() { # file of lines "sha256  path"; reads what is seen: says the list
    sums=$1 LC_ALL=C awk '
        BEGIN { while ((getline line <ENVIRON["sums"]) > 0) digest[substr(line, 67)] = substr(line, 1, 64) }
        {
            path = substr($0, length($1 $2 $3 $4 $5) + 6)
            if (path in digest) print $0 "\t" digest[path]
        }'
}
